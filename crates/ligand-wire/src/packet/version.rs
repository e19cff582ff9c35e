//! The version of the protocol.

use std::fmt;

/// What a packet says in its field `ver`.
///
/// ```
/// use ligand_wire::packet::ProtocolVersion;
/// assert_eq!(ProtocolVersion::parse("5"), Some(ProtocolVersion::V5));
/// assert_eq!(ProtocolVersion::parse("3"), None);
/// assert!(ProtocolVersion::V4 < ProtocolVersion::V5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProtocolVersion {
    /// Moleculer 0.14.
    V4,
    /// Moleculer 0.15.
    V5,
}

impl ProtocolVersion {
    /// The version with this text; `None` for all others.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "4" => Some(Self::V4),
            "5" => Some(Self::V5),
            _ => None,
        }
    }

    /// As packets say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "4",
            Self::V5 => "5",
        }
    }

    /// Whether packets have headers beside the meta.
    pub const fn has_headers(self) -> bool {
        matches!(self, Self::V5)
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
