//! The serializers of the protocol.

use std::{fmt, str::FromStr};

use crate::{Error, Result};

/// The text or binary form of packets and payloads.
///
/// All but [`Json`](Self::Json) need the cargo feature `serializers`; without it they are refused with a
/// `BROKER_OPTIONS_ERROR` when something shall be encoded or decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Format {
    /// UTF-8 JSON.
    #[default]
    Json,
    /// JSON in which strings such as `[[DT]]0` stand for dates, bytes, big integers, maps and sets.
    JsonExt,
    /// MessagePack as the library `msgpack5` writes it.
    MsgPack,
    /// MessagePack as the library `notepack.io` writes it. What one reads the other reads too.
    Notepack,
    /// CBOR as the library `cbor-x` writes it.
    Cbor,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Json, Self::JsonExt, Self::MsgPack, Self::Notepack, Self::Cbor];

    /// The name in the option `serializer`: `JSON`, `JSONExt`, `MsgPack`, `Notepack`, `CBOR`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::JsonExt => "JSONExt",
            Self::MsgPack => "MsgPack",
            Self::Notepack => "Notepack",
            Self::Cbor => "CBOR",
        }
    }

    /// Whether it is compiled in.
    ///
    /// ```
    /// use ligand_wire::payload::Format;
    /// // JSON is always there, the others with the feature `serializers`.
    /// assert!(Format::Json.is_available());
    /// ```
    pub const fn is_available(self) -> bool {
        matches!(self, Self::Json) || cfg!(feature = "serializers")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = Error;

    /// Reads a name; upper and lower case are the same.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.as_str().eq_ignore_ascii_case(name)).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Error::broker_options(format!("Invalid serializer type '{name}'. The serializers are {names}."))
        })
    }
}
