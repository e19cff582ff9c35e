//! Ids of contexts, requests and spans.

use std::{fmt, ops::Range, sync::Arc};

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

    pub(crate) const fn from_halves(high: u64, low: u64) -> Self {
        Self(Repr::Random(high, low))
    }

    /// Both halves of a random id.
    pub(crate) fn as_halves(&self) -> Option<(u64, u64)> {
        match self.0 {
            Repr::Random(high, low) => Some((high, low)),
            Repr::Text(_) => None,
        }
    }

    /// Both halves of the text of a random id.
    pub(crate) fn halves(text: &str) -> Option<(u64, u64)> {
        let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
        let mut halves = [0u64; 2];
        // Bits above the lowest four are set by what is no digit.
        let mut seen = 0;
        for (half, ranges) in halves.iter_mut().zip(DIGITS) {
            for at in ranges.into_iter().flatten() {
                let digit = DIGIT[usize::from(bytes[at])];
                seen |= digit;
                *half = *half << 4 | u64::from(digit & 0xf);
            }
        }
        let dashes = DASHES.iter().all(|at| bytes[*at] == b'-');
        (seen <= 0xf && dashes).then_some((halves[0], halves[1]))
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

impl Id {
    /// Reads what another party wrote; what looks like a UUID costs no allocation.
    pub(crate) fn parse(text: &str) -> Self {
        match Self::halves(text) {
            Some((high, low)) => Self(Repr::Random(high, low)),
            None => Self::from(text),
        }
    }

    /// The text; `room` holds it when it is not kept already.
    pub(crate) fn text<'a>(&'a self, room: &'a mut [u8; 36]) -> &'a str {
        let (high, low) = match &self.0 {
            Repr::Text(text) => return text,
            Repr::Random(high, low) => (*high, *low),
        };
        for (mut half, ranges) in [high, low].into_iter().zip(DIGITS) {
            for at in ranges.into_iter().flatten() {
                room[at] = HEX[(half >> 60) as usize];
                half <<= 4;
            }
        }
        DASHES.into_iter().for_each(|at| room[at] = b'-');
        std::str::from_utf8(room).unwrap_or_default()
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Where the digits of both halves are.
const DIGITS: [[Range<usize>; 3]; 2] = [[0..8, 9..13, 14..18], [19..23, 24..36, 36..36]];

const DASHES: [usize; 4] = [8, 13, 18, 23];

/// Values of digits; `0xff` for all other bytes.
const DIGIT: [u8; 256] = {
    let mut values = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        values[HEX[value as usize] as usize] = value;
        value += 1;
    }
    values
};

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; 36]))
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
    fn a_text_gives_its_halves_back() {
        let id = Id::random();
        assert_eq!(Id::halves(&id.to_string()), id.as_halves());
        for bad in ["", "x", "g0000000-0000-0000-0000-000000000000", "-00000000000-0000-0000-000000000000"] {
            assert_eq!(Id::halves(bad), None, "{bad}");
        }
    }

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
