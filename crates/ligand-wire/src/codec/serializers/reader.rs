//! A cursor over the bytes of one document in any format that is read token by token.

mod keys;
mod skip;

use super::{
    cbor,
    fault::Fault,
    head::{Kind, Marks},
    json_text, msgpack,
    token::{Blob, Left, Number, Token},
};
use crate::{key::MAX_DEPTH, payload::Format};

/// A cursor over one document.
///
/// Nothing that a document says about itself is trusted: lengths are checked against the bytes that are there,
/// and nesting ends at [`MAX_DEPTH`]. See [`Token`] for the lifetimes.
#[derive(Debug)]
pub(crate) struct Reader<'de, 'b> {
    format: Format,
    marks: Marks,
    bytes: &'b [u8],
    /// The same bytes when they live as long as the received ones: texts may borrow from them.
    lasting: Option<&'de [u8]>,
    /// What was not read yet.
    rest: &'b [u8],
    depth: usize,
}

impl<'de: 'b, 'b> Reader<'de, 'b> {
    /// Over received bytes.
    pub(crate) const fn new(format: Format, bytes: &'de [u8]) -> Self {
        let marks = match format {
            Format::Cbor => cbor::MARKS,
            Format::MsgPack | Format::Notepack => msgpack::MARKS,
            Format::Json | Format::JsonExt => json_text::MARKS,
        };
        Self { format, marks, bytes, lasting: Some(bytes), rest: bytes, depth: 0 }
    }
}

impl<'de, 'b> Reader<'de, 'b> {
    /// Over text that came out of another document.
    pub(crate) fn nested<'n>(&self, text: &'n str) -> Result<Reader<'de, 'n>, Fault> {
        let depth = self.deeper()?;
        let bytes = text.as_bytes();
        Ok(Reader { format: self.format, marks: self.marks, bytes, lasting: None, rest: bytes, depth })
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    #[inline]
    pub(crate) const fn position(&self) -> usize {
        self.bytes.len() - self.rest.len()
    }

    /// Back to a position from [`position`](Self::position).
    pub(crate) fn rewind(&mut self, position: usize) {
        self.rest = self.bytes.get(position..).unwrap_or_default();
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

    /// Goes past the head of the next value, in a binary format, when it is a common one.
    #[inline(never)]
    pub(super) fn head(&mut self) -> (Kind, u64) {
        match self.format {
            Format::Cbor => cbor::head(self),
            Format::MsgPack | Format::Notepack => msgpack::head(self),
            Format::Json | Format::JsonExt => (Kind::Rare, 0),
        }
    }

    /// Goes past the head of the next value when it has one of the kinds.
    #[inline]
    pub(super) fn head_of(&mut self, wanted: impl FnOnce(Kind) -> bool) -> Option<(Kind, u64)> {
        let start = self.rest;
        let head = self.head();
        if wanted(head.0) {
            return Some(head);
        }
        self.rest = start;
        None
    }

    /// The head of one byte and the number of `N` bytes behind it.
    #[inline]
    pub(super) fn number<const N: usize>(&mut self, kind: Kind) -> (Kind, u64) {
        let number = self.rest.get(1..).and_then(<[u8]>::split_first_chunk::<N>);
        let Some((number, rest)) = number else { return (Kind::Rare, 0) };
        self.rest = rest;
        (kind, number.iter().fold(0, |number, digit| number << 8 | u64::from(*digit)))
    }

    /// The head of a float of 32 bits.
    #[allow(clippy::cast_possible_truncation, reason = "it has 32 bits")]
    pub(super) fn single(&mut self) -> (Kind, u64) {
        match self.number::<4>(Kind::Float) {
            (Kind::Float, bits) => (Kind::Float, f64::from(f32::from_bits(bits as u32)).to_bits()),
            rare => rare,
        }
    }

    /// The next value or the beginning of one.
    pub(crate) fn token(&mut self) -> Result<Token<'de, 'b>, Fault> {
        match (self.head(), self.format) {
            ((Kind::Rare, _), Format::Cbor) => cbor::token(self),
            ((Kind::Rare, _), Format::MsgPack | Format::Notepack) => msgpack::token(self),
            ((Kind::Rare, _), Format::Json | Format::JsonExt) => json_text::token(self),
            ((kind, value), _) => self.headed(kind, value),
        }
    }

    /// The token that began with this head.
    pub(super) fn headed(&mut self, kind: Kind, value: u64) -> Result<Token<'de, 'b>, Fault> {
        Ok(match kind {
            Kind::Null => Token::Null,
            Kind::Undefined => Token::Undefined,
            Kind::Bool => Token::Bool(value == 1),
            Kind::Unsigned => Token::Number(Number::Unsigned(value)),
            Kind::Negative => Token::Number(Number::Negative(value.cast_signed())),
            Kind::Float => Token::Number(Number::Float(f64::from_bits(value))),
            Kind::Text => Token::Text(self.take(value)?.into_text()?),
            Kind::Bytes => Token::Bytes(self.take(value)?),
            Kind::Array => Token::Array(Left::Count(value)),
            Kind::Map => Token::Map(Left::Count(value)),
            Kind::Rare => return Err(ends_early()),
        })
    }

    /// The next value when it is a text in one piece of the received bytes; else the reader stays where it is.
    #[inline(never)]
    pub(super) fn plain_text(&mut self) -> Option<&'de str> {
        let all = self.lasting?;
        let (start, length) = match self.short_text() {
            Some((length, rest)) => (self.bytes.len() - rest.len(), length),
            None => {
                let start = self.rest;
                let head = self.head();
                let begin = self.position();
                self.rest = start;
                let (Kind::Text, length) = head else { return None };
                (begin, usize::try_from(length).ok()?)
            }
        };
        let end = start.checked_add(length)?;
        let text = str::from_utf8(all.get(start..end)?).ok()?;
        self.rest = self.bytes.get(end..)?;
        Some(text)
    }

    /// When a short text is next: its length, and what stands behind its head.
    #[inline]
    fn short_text(&self) -> Option<(usize, &'b [u8])> {
        let (head, rest) = self.rest.split_first()?;
        let length = head.wrapping_sub(self.marks.text);
        (length < self.marks.short).then_some((usize::from(length), rest))
    }

    /// Whether another item of an array or object follows.
    #[inline]
    pub(crate) fn more(&mut self, left: &mut Left) -> Result<bool, Fault> {
        match left {
            Left::Count(0) => Ok(false),
            Left::Count(count) => {
                *count -= 1;
                Ok(true)
            }
            Left::Break | Left::Close { .. } => self.more_uncounted(left),
        }
    }

    fn more_uncounted(&mut self, left: &mut Left) -> Result<bool, Fault> {
        match left {
            Left::Count(count) => Ok(*count > 0),
            Left::Break => {
                let ends = self.peek() == Some(cbor::BREAK);
                self.advance(usize::from(ends));
                Ok(!ends)
            }
            Left::Close { bracket, first } => {
                json_text::more(self, *bracket, std::mem::replace(first, false))
            }
        }
    }

    /// Goes past the next value and returns the bytes it was written as.
    pub(crate) fn raw(&mut self) -> Result<std::ops::Range<usize>, Fault> {
        if self.is_json() {
            json_text::skip_space(self);
        }
        let start = self.position();
        self.skip()?;
        Ok(start..self.position())
    }

    /// Bytes of the document, by position.
    pub(crate) fn slice(&self, range: std::ops::Range<usize>) -> &'b [u8] {
        &self.bytes[range]
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
    #[inline]
    pub(crate) const fn rest(&self) -> &'b [u8] {
        self.rest
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let (byte, rest) = self.rest.split_first().ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(*byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    pub(super) fn take(&mut self, count: u64) -> Result<Blob<'de, 'b>, Fault> {
        let start = self.position();
        let parts = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let (bytes, rest) = parts.ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(match self.lasting {
            Some(all) => Blob::Lasting(&all[start..start + bytes.len()]),
            None => Blob::Brief(bytes),
        })
    }
}

#[cold]
pub(super) fn ends_early() -> Fault {
    Fault::new("the bytes end in the middle of a value")
}
