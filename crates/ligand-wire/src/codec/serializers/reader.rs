//! A cursor over the bytes of one document in any format that is read token by token.

use super::{
    cbor,
    fault::Fault,
    json_text, msgpack,
    token::{Blob, Left, Number, Text, Token},
};
use crate::{
    key::{MAX_DEPTH, write_number},
    payload::Format,
};

/// A cursor over one document.
///
/// Nothing that a document says about itself is trusted: lengths are checked against the bytes that are there,
/// and nesting ends at [`MAX_DEPTH`].
#[derive(Debug)]
pub(crate) struct Reader<'de, 'b> {
    format: Format,
    bytes: Input<'de, 'b>,
    at: usize,
    depth: usize,
}

/// See [`Token`] for the lifetimes.
#[derive(Clone, Copy, Debug)]
enum Input<'de, 'b> {
    Lasting(&'de [u8]),
    Brief(&'b [u8]),
}

impl Input<'_, '_> {
    fn all(&self) -> &[u8] {
        match self {
            Self::Lasting(bytes) => bytes,
            Self::Brief(bytes) => bytes,
        }
    }
}

impl<'de, 'b> Reader<'de, 'b> {
    /// Over received bytes: texts may borrow from them.
    pub(crate) const fn new(format: Format, bytes: &'de [u8]) -> Self {
        Self { format, bytes: Input::Lasting(bytes), at: 0, depth: 0 }
    }

    /// Over text that came out of another document.
    pub(crate) fn nested<'n>(&self, text: &'n str) -> Result<Reader<'de, 'n>, Fault> {
        let depth = self.deeper()?;
        Ok(Reader { format: self.format, bytes: Input::Brief(text.as_bytes()), at: 0, depth })
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// Back to a position from [`position`](Self::position).
    pub(crate) const fn rewind(&mut self, position: usize) {
        self.at = position;
    }

    /// Nothing may follow the document.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        if self.is_json() {
            json_text::skip_space(self);
        }
        match self.rest().len() {
            0 => Ok(()),
            left => Err(Fault::new(format!("{left} bytes after the end"))),
        }
    }

    /// The next value or the beginning of one.
    pub(crate) fn token(&mut self) -> Result<Token<'de, 'b>, Fault> {
        match self.format {
            Format::Cbor => cbor::token(self),
            Format::MsgPack | Format::Notepack => msgpack::token(self),
            Format::Json | Format::JsonExt => json_text::token(self),
        }
    }

    /// Whether another item of an array or object follows.
    pub(crate) fn more(&mut self, left: &mut Left) -> Result<bool, Fault> {
        match left {
            Left::Count(0) => Ok(false),
            Left::Count(count) => {
                *count -= 1;
                Ok(true)
            }
            Left::Break => {
                let ends = self.peek() == Some(cbor::BREAK);
                self.at += usize::from(ends);
                Ok(!ends)
            }
            Left::Close { bracket, first } => {
                json_text::more(self, *bracket, std::mem::replace(first, false))
            }
        }
    }

    /// The key of the next entry whose value is something. JavaScript drops entries that are undefined, so
    /// defaults of fields apply.
    pub(crate) fn next_key(&mut self, left: &mut Left) -> Result<Option<Text<'de, 'b>>, Fault> {
        while self.more(left)? {
            let key = self.key()?;
            let undefined = match self.format {
                Format::Cbor => cbor::UNDEFINED,
                Format::MsgPack | Format::Notepack => msgpack::UNDEFINED,
                Format::Json | Format::JsonExt => return Ok(Some(key)),
            };
            if !self.rest().starts_with(undefined) {
                return Ok(Some(key));
            }
            self.at += undefined.len();
        }
        Ok(None)
    }

    /// A key as text, whatever it was written as.
    fn key(&mut self) -> Result<Text<'de, 'b>, Fault> {
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

    /// Goes past the next value when it is null or undefined, or tells that it is something.
    pub(crate) fn nothing(&mut self) -> bool {
        let forms: &[&[u8]] = match self.format {
            Format::Cbor => cbor::NOTHING,
            Format::MsgPack | Format::Notepack => msgpack::NOTHING,
            Format::Json | Format::JsonExt => {
                json_text::skip_space(self);
                json_text::NOTHING
            }
        };
        let form = forms.iter().find(|form| self.rest().starts_with(form));
        self.at += form.map_or(0, |form| form.len());
        form.is_some()
    }

    /// Goes past the next value.
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
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

    /// Goes past the next value and returns the bytes it was written as.
    pub(crate) fn raw(&mut self) -> Result<std::ops::Range<usize>, Fault> {
        if self.is_json() {
            json_text::skip_space(self);
        }
        let start = self.at;
        self.skip()?;
        Ok(start..self.at)
    }

    /// Bytes of the document, by position.
    pub(crate) fn slice(&self, range: std::ops::Range<usize>) -> &[u8] {
        &self.bytes.all()[range]
    }

    /// Runs `inside` one level deeper.
    pub(crate) fn within<T>(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.enter()?;
        let result = inside(self);
        self.leave();
        result
    }

    pub(crate) fn enter(&mut self) -> Result<(), Fault> {
        self.depth = self.deeper()?;
        Ok(())
    }

    pub(crate) const fn leave(&mut self) {
        self.depth -= 1;
    }

    /// How many items follow, when that is known and believable. For pre-allocation.
    pub(crate) fn bound(&self, left: &Left) -> Option<usize> {
        match left {
            Left::Count(count) => {
                let most = self.rest().len().min(4096);
                Some(usize::try_from(*count).unwrap_or(most).min(most))
            }
            Left::Break | Left::Close { .. } => None,
        }
    }

    fn deeper(&self) -> Result<usize, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault::new(format!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(self.depth + 1)
    }

    const fn is_json(&self) -> bool {
        matches!(self.format, Format::Json | Format::JsonExt)
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes.all()[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.all().get(self.at).copied()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let byte = self.peek().ok_or_else(ends_early)?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = *self.rest().first_chunk().ok_or_else(ends_early)?;
        self.at += N;
        Ok(bytes)
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.at = (self.at + count).min(self.bytes.all().len());
    }

    pub(super) fn take(&mut self, count: u64) -> Result<Blob<'de, 'b>, Fault> {
        let count = usize::try_from(count).ok().filter(|count| *count <= self.rest().len());
        let end = self.at + count.ok_or_else(ends_early)?;
        let range = std::mem::replace(&mut self.at, end)..end;
        Ok(match self.bytes {
            Input::Lasting(bytes) => Blob::Lasting(&bytes[range]),
            Input::Brief(bytes) => Blob::Brief(&bytes[range]),
        })
    }
}

#[cold]
fn ends_early() -> Fault {
    Fault::new("the bytes end in the middle of a value")
}
