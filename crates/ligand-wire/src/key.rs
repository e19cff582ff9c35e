//! The text of a value inside a cache key, in the form Moleculer 0.15 writes it.
//!
//! The text is a serialisation format of its own, so a typed value or encoded JSON is written straight into the
//! key, without an intermediate tree:
//!
//! | value | text |
//! |---|---|
//! | array | `[` items joined with `\|` `]` |
//! | object | for each key `key\|value`, all joined with `\|`; nesting leaves no brackets |
//! | string | `"` text `"`, unescaped |
//! | number | as JavaScript prints it: `1.5`, `1e+21`, `0` for −0 |
//! | null, missing | `null`, `undefined` |
//!
//! ```
//! use ligand_wire::key;
//!
//! let mut text = String::from("posts.find:");
//! key::write_value(&serde_json::json!({ "id": 5, "tags": ["a", "b"] }), &mut text).unwrap();
//! assert_eq!(text, r#"posts.find:id|5|tags|["a"|"b"]"#);
//! ```
//!
//! Object keys that are array indexes (`0`, `17`) come first and ascending, as in JavaScript; the others keep the
//! order of the JSON text, of the map's iteration, or of the struct's declaration. A Rust struct and the object a
//! Node.js client sends may therefore differ in key order: name the `keys` of the cache explicitly when such nodes
//! share one Redis cache.
//!
//! # Not here
//!
//! Which paths make up a key, and the action name before it: that is the cache's own business.

mod json;
mod key_text;
mod number;
mod order;
mod path;
mod serializer;

use std::fmt;

#[cfg(feature = "serializers")]
pub(crate) use self::{key_text::KeyText, number::write_f64 as write_number, serializer::RAW_VALUE};
use base64::Engine as _;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Nesting beyond which a value is refused instead of risking the stack.
pub const MAX_DEPTH: usize = 128;

/// What [`write_path`] found at the path. Several keys joined in one text shorten nested values one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing there: `undefined` was written.
    Missing,
    /// A string, number, boolean or null.
    Scalar,
    /// An array or object.
    Nested,
}

/// Why a value has no key text. The call must then go uncached: a partial key could answer another call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError(String);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no cache key can be made of this value: {}", self.0)
    }
}

impl std::error::Error for KeyError {}

impl KeyError {
    /// What is wrong, without what was to be made of it.
    #[cfg(feature = "serializers")]
    pub(crate) fn reason(self) -> String {
        self.0
    }
}

impl serde::ser::Error for KeyError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl From<serde_json::Error> for KeyError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// Appends the text of `value` to `out`.
///
/// # Errors
/// When the value's own `Serialize` fails or it is nested deeper than [`MAX_DEPTH`]. `out` is then as before.
pub fn write_value<T: Serialize + ?Sized>(value: &T, out: &mut String) -> Result<(), KeyError> {
    write_value_found(value, out).map(drop)
}

fn write_value_found<T: Serialize + ?Sized>(value: &T, out: &mut String) -> Result<Found, KeyError> {
    let start = out.len();
    value.serialize(serializer::ValueSerializer::new(out)).inspect_err(|_| out.truncate(start))
}

/// Appends the text of what `value` holds at a dotted `path` (`user.id`, `items.0.sku`), or `undefined`.
///
/// Only the way to the leaf is walked. An empty path is the whole value.
///
/// # Errors
/// As [`write_value`].
pub fn write_path<T: Serialize + ?Sized>(value: &T, path: &str, out: &mut String) -> Result<Found, KeyError> {
    if path.is_empty() {
        return write_value_found(value, out);
    }
    let start = out.len();
    let found = value.serialize(path::PathSerializer::new(path, out)).inspect_err(|_| out.truncate(start))?;
    Ok(or_undefined(found, out))
}

/// Like [`write_value`] for a value still encoded as JSON.
///
/// # Errors
/// When `bytes` is not one JSON document or is nested too deeply. `out` is then as before.
pub fn write_json(bytes: &[u8], out: &mut String) -> Result<(), KeyError> {
    json::write(bytes, "", out).map(drop)
}

/// Like [`write_path`] for a value still encoded as JSON.
///
/// When a key appears twice in an object the last one counts, as it does for whoever parses the text.
///
/// # Errors
/// As [`write_json`].
pub fn write_json_path(bytes: &[u8], path: &str, out: &mut String) -> Result<Found, KeyError> {
    let found = json::write(bytes, path, out)?;
    Ok(or_undefined(found, out))
}

fn or_undefined(found: Found, out: &mut String) -> Found {
    if found == Found::Missing {
        out.push_str("undefined");
    }
    found
}

/// Length of the base64 text of a SHA-256 hash.
const HASH_LENGTH: usize = 44;

/// Bounds the text to `max` UTF-16 units: the first `max - 44` of them, then the SHA-256 of the whole in base64.
///
/// Unchanged when `max` is absent or below 44, or when the text is short enough.
pub fn limit(text: String, max: Option<usize>) -> String {
    let Some(max) = max.filter(|max| *max >= HASH_LENGTH) else { return text };
    // A UTF-8 text never has more UTF-16 units than bytes.
    if text.len() <= max || crate::rules::length(&text) <= max {
        return text;
    }
    let hash = Sha256::digest(text.as_bytes());
    let mut out = String::with_capacity(text.len().min(max * 3));
    let mut left = max - HASH_LENGTH;
    for c in text.chars() {
        if left < c.len_utf16() {
            // JavaScript cuts a surrogate pair in half; the half becomes U+FFFD as soon as it is encoded.
            if left == 1 {
                out.push('\u{FFFD}');
            }
            break;
        }
        left -= c.len_utf16();
        out.push(c);
    }
    base64::engine::general_purpose::STANDARD.encode_string(hash, &mut out);
    out
}

#[cfg(test)]
mod tests;
