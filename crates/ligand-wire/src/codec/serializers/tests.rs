//! What each format makes of values, and what types make of bytes.

mod hostile;
mod names;
mod nodes;
mod types;
mod written;

use serde::{Serialize, de::DeserializeOwned};

use super::{read, write};
use crate::payload::Format;

/// The formats of this module.
const FORMATS: [Format; 4] = [Format::JsonExt, Format::MsgPack, Format::Notepack, Format::Cbor];

fn bytes<T: Serialize + ?Sized>(value: &T, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, format, &mut out).unwrap();
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn from_hex<T: DeserializeOwned>(format: Format, text: &str) -> T {
    read(format, &unhex(text)).unwrap_or_else(|error| panic!("{format} {text}: {error:?}"))
}
