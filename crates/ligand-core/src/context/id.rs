//! Ids of contexts, requests and spans.

use std::{fmt, sync::Arc};

/// The id of a context or request: 128 random bits written as a UUID, or the text another party chose.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    /// High and low half; a `u128` would force aligned allocations on every context.
    Random(u64, u64),
    Text(Arc<str>),
}

impl Id {
    /// A new random id (UUID version 4). Not a secret: it is made without a cryptographic generator.
    pub fn random() -> Self {
        let (high, low) = (fastrand::u64(..), fastrand::u64(..));
        Self(Repr::Random((high & !0xf000) | 0x4000, (low & !(0x3 << 62)) | (0x2 << 62)))
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self(Repr::Text(text.into()))
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self(Repr::Text(text.into()))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Random(high, low) => write!(
                f,
                "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                high >> 32,
                (high >> 16) & 0xffff,
                high & 0xffff,
                low >> 48,
                low & 0xffff_ffff_ffff
            ),
            Repr::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_are_uuids_of_version_4() {
        let (a, b) = (Id::random(), Id::random());
        assert_ne!(a, b);
        let text = a.to_string();
        let parts: Vec<_> = text.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&text[14..15], "4");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
    }
}
