//! The text of values inside a cache key, in the form Moleculer 0.15 writes it.
//!
//! The text is a serialisation format of its own, so a typed value or encoded JSON is written straight into the
//! key, without an intermediate tree:
//!
//! | value | text |
//! |---|---|
//! | array | `[` items joined with `\|` `]` |
//! | object | for each key `key\|value`, all joined with `\|`; nesting leaves no brackets |
//! | string, date | `"` text `"`, unescaped |
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
//! # Two values, one text
//!
//! That form has one text for `{"a":{"b":1},"c":2}` and `{"a":{"b":1,"c":2}}`, and one for the text `x"|c|"y` in a
//! field and two fields. Whoever writes it would answer one caller with what belongs to another. So a value whose text
//! could be read in another way ([`Text`] has the rules) is written in the notation of JSON instead. Such a text ends
//! with `}`, which no text in Moleculer's form does: nothing is shared by mistake, here or with nodes of Moleculer.
//!
//! ```
//! # use ligand_wire::key;
//! let mut text = String::from("posts.find:");
//! key::write_value(&serde_json::json!({ "filter": { "a": 1 }, "limit": 5 }), &mut text).unwrap();
//! assert_eq!(text, r#"posts.find:{"filter":{"a":1},"limit":5}"#);
//! ```
//!
//! # Order
//!
//! Object keys that are array indexes (`0`, `17`) come first and ascending, as in JavaScript; the others keep the
//! order of the JSON text, of the map's iteration, or of the struct's declaration. What has no order of its own (hash
//! maps and sets, structs with flattened parts) is sorted. A Rust struct and the object a Node.js client sends may
//! therefore differ in key order: name the `keys` of the cache explicitly when such nodes share one cache.
//!
//! # Not here
//!
//! Which paths make up a key, and the action name before it: that is the cache's own business.

mod json;
mod key_text;
pub(crate) mod number;
mod order;
mod path;
mod serializer;
mod text;

use std::fmt;

pub use self::text::Text;

#[cfg(feature = "serializers")]
pub(crate) use self::{key_text::KeyText, number::write_f64 as write_number, serializer::RAW_VALUE};
use base64::Engine as _;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Nesting beyond which a value is refused instead of risking the stack.
pub const MAX_DEPTH: usize = 128;

/// What was found at a path. Several keys joined in one text shorten nested values one by one.
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

/// Appends the text of `count` values, which `part` writes by their numbers, joined with `|`.
///
/// With `max`, long texts are cut and hashed as [`limit`] does it: first each list and object when there are several
/// values, then the whole. `part` runs a second time when the values need the exact notation.
///
/// # Errors
/// Those of `part`. `out` is then as before.
pub fn write_parts(
    out: &mut String,
    count: usize,
    max: Option<usize>,
    part: impl Fn(usize, &mut Text<'_>) -> Result<Found, KeyError>,
) -> Result<(), KeyError> {
    let start = out.len();
    let mut text = Text::plain(out);
    for index in 0..count {
        text.part(index, count);
        let at = text.out.len();
        match part(index, &mut text) {
            Ok(Found::Nested) if count > 1 => shorten(text.out, at, max),
            Ok(_) => {}
            Err(error) => {
                out.truncate(start);
                return Err(error);
            }
        }
    }
    if text.is_ambiguous() {
        out.truncate(start);
        write_exact(out, count, part).inspect_err(|_| out.truncate(start))?;
    }
    shorten(out, start, max);
    Ok(())
}

/// The notation of JSON, in one more pair of braces unless it is a single object.
fn write_exact(
    out: &mut String,
    count: usize,
    part: impl Fn(usize, &mut Text<'_>) -> Result<Found, KeyError>,
) -> Result<(), KeyError> {
    let start = out.len();
    let mut text = Text::exact(out);
    for index in 0..count {
        text.part(index, count);
        part(index, &mut text)?;
    }
    if count != 1 || !out[start..].starts_with('{') {
        out.insert(start, '{');
        out.push('}');
    }
    Ok(())
}

/// Appends the text of `value` to `out`.
///
/// ```
/// let mut key = String::from("users.get:");
/// ligand_wire::key::write_value(&5, &mut key)?;
/// assert_eq!(key, "users.get:5");
/// # Ok::<_, ligand_wire::key::KeyError>(())
/// ```
///
/// # Errors
/// When the value's own `Serialize` fails or it is nested deeper than [`MAX_DEPTH`]. `out` is then as before.
pub fn write_value<T: Serialize + ?Sized>(value: &T, out: &mut String) -> Result<(), KeyError> {
    write_parts(out, 1, None, |_, text| text.value(value))
}

/// Like [`write_value`] for a value still encoded as JSON.
///
/// # Errors
/// When `bytes` is not one JSON document or is nested too deeply. `out` is then as before.
pub fn write_json(bytes: &[u8], out: &mut String) -> Result<(), KeyError> {
    write_parts(out, 1, None, |_, text| text.json(bytes, ""))
}

fn or_undefined(found: Found, text: &mut Text<'_>) -> Found {
    match found {
        Found::Missing => text.missing(),
        found => found,
    }
}

/// Length of the base64 text of a SHA-256 hash.
const HASH_LENGTH: usize = 44;

/// Bounds the text to `max` UTF-16 units: the first `max - 44` of them, then the SHA-256 of the whole in base64.
///
/// Unchanged when `max` is absent or below 44, or when the text is short enough.
///
/// ```
/// use ligand_wire::key::limit;
/// assert_eq!(limit("short".into(), Some(50)), "short");
/// assert_eq!(limit("long".repeat(100), Some(50)).len(), 50);
/// ```
pub fn limit(mut text: String, max: Option<usize>) -> String {
    shorten(&mut text, 0, max);
    text
}

/// Bounds what begins at `start` as [`limit`] does it.
fn shorten(out: &mut String, start: usize, max: Option<usize>) {
    let text = &out[start..];
    let Some(max) = max.filter(|max| *max >= HASH_LENGTH) else { return };
    // A UTF-8 text never has more UTF-16 units than bytes.
    if text.len() <= max || crate::rules::length(text) <= max {
        return;
    }
    let hash = Sha256::digest(text.as_bytes());
    let (mut left, mut kept, mut halved) = (max - HASH_LENGTH, 0, false);
    for c in text.chars() {
        if left < c.len_utf16() {
            // JavaScript cuts a surrogate pair in half; the half becomes U+FFFD as soon as it is encoded.
            halved = left == 1;
            break;
        }
        left -= c.len_utf16();
        kept += c.len_utf8();
    }
    out.truncate(start + kept);
    if halved {
        out.push('\u{FFFD}');
    }
    base64::engine::general_purpose::STANDARD.encode_string(hash, out);
}

#[cfg(test)]
mod tests;
