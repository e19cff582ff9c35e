//! Keys of objects.

use super::{
    super::{
        fault::Fault,
        head::Kind,
        json_text,
        token::{Left, Number, Text, Token},
    },
    Reader,
};
use crate::{codec::names::Names, key::write_number};

impl<'de, 'b> Reader<'de, 'b> {
    /// The key of the next entry whose value is something. JavaScript drops entries that are undefined, so
    /// defaults of fields apply.
    #[inline]
    pub(crate) fn next_key(
        &mut self,
        left: &mut Left,
        names: &mut Names,
    ) -> Result<Option<Text<'de, 'b>>, Fault> {
        match self.expected_key(left, names) {
            Some(name) => Ok(Some(Text::Lasting(name))),
            None => self.any_key(left, names),
        }
    }

    /// The next key when it is the expected one and its value is something. A name is a text already: there is
    /// nothing to be checked.
    #[inline]
    pub(in super::super) fn expected_key(
        &mut self,
        left: &mut Left,
        names: &mut Names,
    ) -> Option<&'static str> {
        // Only binary formats count.
        let Left::Count(count @ 1..) = left else { return None };
        let name = names.expected()?;
        let (length, rest) = self.short_text()?;
        if length != name.len() {
            return None;
        }
        let (key, rest) = rest.split_at_checked(length)?;
        if *rest.first()? == self.marks.undefined || key != name.as_bytes() {
            return None;
        }
        *count -= 1;
        self.rest = rest;
        names.advance();
        Some(name)
    }

    #[inline(never)]
    fn any_key(&mut self, left: &mut Left, names: &mut Names) -> Result<Option<Text<'de, 'b>>, Fault> {
        while self.more(left)? {
            let key = match self.name(names) {
                Some(name) => Text::Lasting(name),
                None => self.key()?,
            };
            if self.head_of(|kind| kind == Kind::Undefined).is_none() {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// The next key when it is one of the names; else the reader stays where it is.
    fn name(&mut self, names: &mut Names) -> Option<&'static str> {
        let start = self.rest;
        let (_, length) = self.head_of(|kind| kind == Kind::Text)?;
        let key = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let name = key.and_then(|(key, rest)| Some((names.find(key)?, rest)));
        self.rest = name.map_or(start, |(_, rest)| rest);
        name.map(|(name, _)| name)
    }

    /// A key as text, whatever it was written as.
    pub(super) fn key(&mut self) -> Result<Text<'de, 'b>, Fault> {
        if self.is_json() {
            return json_text::key(self);
        }
        Ok(match self.token()? {
            Token::Text(text) => text,
            Token::Number(number) => {
                let mut text = String::new();
                match number.plain() {
                    Number::Unsigned(value) => text = value.to_string(),
                    Number::Negative(value) => text = value.to_string(),
                    number => write_number(number.as_f64(), &mut text),
                }
                Text::Owned(text)
            }
            Token::Bool(value) => Text::Owned(value.to_string()),
            Token::Null => Text::Owned("null".into()),
            other => return Err(Fault::new(format!("an object key cannot be {}", other.name()))),
        })
    }
}
