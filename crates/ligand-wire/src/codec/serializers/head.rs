//! How a value begins, in the common forms of the binary formats.
//!
//! Nearly every value of a document is one of these: a head with the number itself, or with the length of what
//! follows. A head is handed over in two registers, where a [`Token`](super::token::Token) goes through memory, so
//! those who know what they want look at the head first. What is rare is left to the tokens.

/// What begins, and what the number of its head is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Undefined,
    /// 0 or 1.
    Bool,
    Unsigned,
    /// The bits of an `i64` below zero.
    Negative,
    /// The bits of an `f64`.
    Float,
    /// How many bytes follow.
    Text,
    /// How many bytes follow.
    Bytes,
    /// How many items follow.
    Array,
    /// How many entries follow.
    Map,
    /// Tags, extensions, pieces of unknown length, a document that is cut off: nothing was read.
    Rare,
}

/// The bytes by which a format can be recognised without looking at the whole head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    /// The head of an empty text. Those of short texts add their length.
    pub(super) text: u8,
    /// Texts of fewer bytes have a head of one byte.
    pub(super) short: u8,
    pub(super) null: u8,
    /// What undefined begins with.
    pub(super) undefined: u8,
}

impl Kind {
    /// The head of an integer.
    #[inline]
    pub(super) const fn signed(value: i64) -> (Self, u64) {
        (if value < 0 { Self::Negative } else { Self::Unsigned }, value.cast_unsigned())
    }
}
