//! Going past values without making anything of them.

use super::{
    super::{
        cbor,
        fault::{Fault, not_text},
        head::Kind,
        json_text,
        token::Token,
    },
    Reader, ends_early,
};
use crate::payload::Format;

/// No form of null or undefined but [`Marks::null`] begins with a byte below.
const NOTHING_FROM: u8 = 0xc1;

impl Reader<'_, '_> {
    /// Goes past the next value when it is null or undefined, or tells that it is something.
    #[inline]
    pub(crate) fn nothing(&mut self) -> bool {
        if self.is_json() {
            return self.other_nothing(json_text::NOTHING);
        }
        match self.rest.split_first() {
            Some((head, rest)) if *head == self.marks.null => {
                self.rest = rest;
                true
            }
            Some((head, _)) => *head >= NOTHING_FROM && self.other_nothing(cbor::NO_DATE),
            None => false,
        }
    }

    #[inline(never)]
    fn other_nothing(&mut self, form: &[u8]) -> bool {
        if self.is_json() {
            json_text::skip_space(self);
        } else if self.head_of(|kind| kind == Kind::Undefined).is_some() {
            return true;
        } else if self.format != Format::Cbor {
            return false;
        }
        match self.rest.strip_prefix(form) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Goes past the next value.
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        if let Some(skipped) = self.skip_short_text() {
            return skipped;
        }
        match self.head() {
            (
                Kind::Null | Kind::Undefined | Kind::Bool | Kind::Unsigned | Kind::Negative | Kind::Float,
                _,
            ) => Ok(()),
            (Kind::Text, length) => self.skip_text(length),
            (Kind::Bytes, length) => self.take(length).map(drop),
            (Kind::Array, count) => self.within(|reader| (0..count).try_for_each(|_| reader.skip())),
            (Kind::Map, count) => self.within(|reader| {
                (0..count).try_for_each(|_| {
                    reader.skip_key()?;
                    reader.skip()
                })
            }),
            (Kind::Rare, _) => self.skip_token(),
        }
    }

    fn skip_text(&mut self, length: u64) -> Result<(), Fault> {
        let parts = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (text, rest) = parts.ok_or_else(ends_early)?;
        self.rest = rest;
        check_text(text)
    }

    #[inline]
    fn skip_short_text(&mut self) -> Option<Result<(), Fault>> {
        let (length, rest) = self.short_text()?;
        let (text, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(check_text(text))
    }

    #[inline]
    fn skip_key(&mut self) -> Result<(), Fault> {
        if let Some(skipped) = self.skip_short_text() {
            return skipped;
        }
        match self.head_of(|kind| kind == Kind::Text) {
            Some((_, length)) => self.skip_text(length),
            None => self.key().map(drop),
        }
    }

    /// As [`skip`](Self::skip), for what has no common head.
    fn skip_token(&mut self) -> Result<(), Fault> {
        if self.is_json() && json_text::skip_text(self)? {
            return Ok(());
        }
        match self.token()? {
            Token::Array(mut left) => self.within(|reader| {
                while reader.more(&mut left)? {
                    reader.skip()?;
                }
                Ok(())
            }),
            Token::Map(mut left) => self.within(|reader| {
                while reader.more(&mut left)? {
                    reader.key()?;
                    reader.skip()?;
                }
                Ok(())
            }),
            _ => Ok(()),
        }
    }
}

/// Nearly all texts are short and have no byte beyond ASCII: that is seen at once.
#[inline]
fn check_text(text: &[u8]) -> Result<(), Fault> {
    let is_ascii = match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(first), Some(last)) if text.len() <= 8 => {
            (u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last)) & 0x8080_8080 == 0
        }
        _ => text.is_ascii(),
    };
    if is_ascii || str::from_utf8(text).is_ok() { Ok(()) } else { Err(not_text()) }
}
