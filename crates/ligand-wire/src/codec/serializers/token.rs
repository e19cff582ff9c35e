//! What the readers of all formats turn bytes into.

use super::fault::{Fault, not_text};

/// One value, or the beginning of one that holds others.
///
/// `'de` is how long the received bytes live, `'b` how long the bytes being read do: they differ for texts that
/// were unpacked from another text.
#[derive(Debug)]
pub(crate) enum Token<'de, 'b> {
    Null,
    Undefined,
    Bool(bool),
    Number(Number),
    /// Milliseconds since 1970.
    Date(i64),
    Text(Text<'de, 'b>),
    Bytes(Blob<'de, 'b>),
    Array(Left),
    Map(Left),
    /// JSONExt: the text of a map or set inside a string.
    Nested(String),
}

impl Token<'_, '_> {
    /// For messages.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Undefined => "undefined",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Date(_) => "a date",
            Self::Text(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "an array",
            Self::Map(_) | Self::Nested(_) => "an object",
        }
    }
}

/// A text: part of the received bytes, part of bytes that live shorter, or put together.
#[derive(Debug)]
pub(crate) enum Text<'de, 'b> {
    Lasting(&'de str),
    Brief(&'b str),
    Owned(String),
}

impl Text<'_, '_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Lasting(text) => text,
            Self::Brief(text) => text,
            Self::Owned(text) => text,
        }
    }

    /// Without the first `count` bytes.
    pub(crate) fn skip(self, count: usize) -> Self {
        match self {
            Self::Lasting(text) => Self::Lasting(&text[count..]),
            Self::Brief(text) => Self::Brief(&text[count..]),
            Self::Owned(mut text) => {
                text.drain(..count);
                Self::Owned(text)
            }
        }
    }
}

/// Bytes, with the lifetimes of [`Text`].
#[derive(Debug)]
pub(crate) enum Blob<'de, 'b> {
    Lasting(&'de [u8]),
    Brief(&'b [u8]),
    Owned(Vec<u8>),
}

impl<'de, 'b> Blob<'de, 'b> {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Lasting(bytes) => bytes,
            Self::Brief(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }

    pub(crate) fn into_text(self) -> Result<Text<'de, 'b>, Fault> {
        match self {
            Self::Lasting(bytes) => std::str::from_utf8(bytes).map(Text::Lasting).map_err(|_| not_text()),
            Self::Brief(bytes) => std::str::from_utf8(bytes).map(Text::Brief).map_err(|_| not_text()),
            Self::Owned(bytes) => String::from_utf8(bytes).map(Text::Owned).map_err(|_| not_text()),
        }
    }
}

/// How to find out whether another item follows.
#[derive(Debug)]
pub(crate) enum Left {
    /// This many.
    Count(u64),
    /// Until the break byte (CBOR).
    Break,
    /// Until the closing bracket (JSON).
    Close { bracket: u8, first: bool },
}

/// A number as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Unsigned(u64),
    /// Less than zero.
    Negative(i64),
    /// Beyond 64 bits.
    Big(i128),
    Float(f64),
}

/// The largest integer below which JavaScript's numbers have no gaps.
pub(crate) const SAFE: u64 = (1 << 53) - 1;

impl Number {
    /// The smallest form that holds it.
    pub(crate) fn from_i128(value: i128) -> Self {
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => Self::Unsigned(value),
            (_, Ok(value)) => Self::Negative(value),
            _ => Self::Big(value),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a float is what was asked for")]
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Unsigned(value) => value as f64,
            Self::Negative(value) => value as f64,
            Self::Big(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// A whole number as an integer, when that loses nothing.
    pub(crate) fn whole(self) -> Self {
        match self {
            Self::Float(value) => exact_integer(value).map_or(self, Self::from_i128),
            _ => self,
        }
    }

    /// As JSON would have it: whole numbers that JavaScript counts exactly are integers, all else beyond
    /// 64 bits is a float.
    pub(crate) fn plain(self) -> Self {
        match self {
            Self::Float(value) if value.abs() <= SAFE as f64 => self.whole(),
            Self::Big(value) => Self::Float(value as f64),
            _ => self,
        }
    }
}

/// The integer equal to `value`. Minus zero has none.
pub(crate) fn exact_integer(value: f64) -> Option<i128> {
    const LIMIT: f64 = (1_u128 << 126) as f64;
    let whole = value.abs() < LIMIT && value.fract() == 0.0 && !(value == 0.0 && value.is_sign_negative());
    #[allow(clippy::cast_possible_truncation, reason = "whole and within the limit")]
    whole.then_some(value as i128)
}
