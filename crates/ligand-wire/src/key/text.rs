//! The text while it is written: in which notation, and whether it could be read in another way.
//!
//! Moleculer's notation has no brackets around nested objects and escapes nothing. What is written in it is unique
//! as long as these rules hold; whatever breaks one makes the text ambiguous:
//!
//! 1. A string holds no `"`. A key is not empty, holds none of `|"[]`, and looks like a number or a word such as
//!    `null` only in the outermost object.
//! 2. Once an object has begun inside of another one, no further entry of either follows: nothing would tell to
//!    which it belongs. What stands in a list may begin anew, but two objects in a row would run together.
//! 3. Bytes look like an object, large floats like integers, `[{}]` like `[]`.

use std::fmt::{Display, Write};

use base64::Engine as _;
use serde::{Serialize, ser::Error as _};

use super::{Found, KeyError, json, number, or_undefined, path::PathSerializer, serializer::ValueSerializer};

/// One key, or the part of it that was asked for, while it is written. See [`write_parts`](super::write_parts).
#[derive(Debug)]
pub struct Text<'a> {
    pub(super) out: &'a mut String,
    /// Everything is delimited and escaped: the notation is JSON's.
    exact: bool,
    ambiguous: bool,
    /// An object has begun that would take any further entry for its own.
    swallows: bool,
    /// The value that was written last is an object with entries.
    object: bool,
    /// Where the value of this part stands.
    place: Place,
    /// The value is a received document: its objects have an order, though no length.
    received: bool,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is all there is.
    Alone,
    /// In a list, right after an object or not.
    Item { after_object: bool },
    /// After the key of an object.
    Entry,
}

/// An object that was opened.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    place: Place,
    swallowed: bool,
}

impl Frame {
    pub(super) const fn place(self) -> Place {
        self.place
    }
}

impl<'a> Text<'a> {
    /// In Moleculer's notation, ambiguous or not: for texts that are no keys of a cache.
    pub fn plain(out: &'a mut String) -> Self {
        let place = Place::Alone;
        Self { out, exact: false, ambiguous: false, swallows: false, object: false, place, received: false }
    }

    /// In the notation that every value has for itself.
    pub(super) fn exact(out: &'a mut String) -> Self {
        Self { exact: true, ..Self::plain(out) }
    }

    /// Appends the text of `value`.
    ///
    /// # Errors
    /// When the value's own `Serialize` fails or it is nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<Found, KeyError> {
        value.serialize(ValueSerializer::new(self))
    }

    /// Appends the text of what `value` holds at a dotted `path` (`user.id`, `items.0.sku`), or `undefined`. Only
    /// the way to the leaf is walked. An empty path is the whole value.
    ///
    /// # Errors
    /// As [`Text::value`].
    pub fn path<T: Serialize + ?Sized>(&mut self, value: &T, path: &str) -> Result<Found, KeyError> {
        if path.is_empty() {
            return self.value(value);
        }
        let found = value.serialize(PathSerializer::new(path, self))?;
        Ok(or_undefined(found, self))
    }

    /// As [`Text::path`] for a value still encoded as JSON. When a key appears twice in an object the last one
    /// counts, as it does for whoever parses the text.
    ///
    /// # Errors
    /// When `bytes` is not one JSON document or is nested too deeply.
    pub fn json(&mut self, bytes: &[u8], path: &str) -> Result<Found, KeyError> {
        let found = json::write(bytes, path, self)?;
        Ok(or_undefined(found, self))
    }

    /// As [`Text::path`] for a received document that serialises itself.
    #[cfg(feature = "serializers")]
    pub(crate) fn document<T: Serialize>(&mut self, document: &T, path: &str) -> Result<Found, KeyError> {
        self.received = true;
        let found = self.path(document, path);
        self.received = false;
        found
    }

    /// Appends what stands for something that is not there.
    pub fn missing(&mut self) -> Found {
        self.out.push_str("undefined");
        Found::Missing
    }

    /// The next of `count` values of the key follows.
    pub(super) fn part(&mut self, index: usize, count: usize) {
        if index > 0 {
            self.out.push('|');
        }
        self.place = match count {
            1 => Place::Alone,
            _ => Place::Item { after_object: index > 0 && self.object },
        };
        (self.swallows, self.object) = (false, false);
    }

    pub(super) const fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    pub(super) const fn is_object(&self) -> bool {
        self.object
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    pub(super) const fn is_received(&self) -> bool {
        self.received
    }

    /// What stands between entries and items.
    pub(super) const fn separator(&self) -> char {
        if self.exact { ',' } else { '|' }
    }

    /// A scalar that needs no quotes.
    pub(super) fn bare(&mut self, value: impl Display) -> Result<Found, KeyError> {
        write!(self.out, "{value}").map_err(KeyError::custom)?;
        Ok(Found::Scalar)
    }

    /// An integer that 64 bits do not hold: JavaScript has the same text for a float.
    pub(super) fn big(&mut self, value: impl Display) -> Result<Found, KeyError> {
        self.ambiguous = true;
        self.bare(value)?;
        if self.exact {
            self.out.push('n');
        }
        Ok(Found::Scalar)
    }

    pub(super) fn f64(&mut self, value: f64) -> Result<Found, KeyError> {
        if self.is_like_an_integer(value) {
            return self.bare(format_args!("{value:e}"));
        }
        number::write_f64(value, self.out);
        Ok(Found::Scalar)
    }

    pub(super) fn f32(&mut self, value: f32) -> Result<Found, KeyError> {
        if self.is_like_an_integer(f64::from(value)) {
            return self.bare(format_args!("{value:e}"));
        }
        number::write_f32(value, self.out);
        Ok(Found::Scalar)
    }

    /// Between the last integer that floats count exactly and the last one of 64 bits JavaScript's text of a float is
    /// the text of another integer. Returns whether it has to be told apart here.
    fn is_like_an_integer(&mut self, value: f64) -> bool {
        const FIRST: f64 = (1_u64 << 53) as f64;
        const LAST: f64 = (1_u128 << 64) as f64;
        let alike = (FIRST..=LAST).contains(&value.abs());
        self.ambiguous |= alike;
        alike && self.exact
    }

    pub(super) fn string(&mut self, value: &str) -> Result<Found, KeyError> {
        if self.exact {
            return self.quoted(value);
        }
        // All bytes at once: most texts are short and have none.
        self.ambiguous |= value.bytes().fold(false, |found, byte| found | (byte == b'"'));
        self.out.reserve(value.len() + 2);
        self.out.push('"');
        self.out.push_str(value);
        self.out.push('"');
        Ok(Found::Scalar)
    }

    fn quoted(&mut self, value: &str) -> Result<Found, KeyError> {
        self.out.push_str(&serde_json::to_string(value)?);
        Ok(Found::Scalar)
    }

    /// A Node.js `Buffer` is an object whose keys are the positions.
    pub(super) fn bytes(&mut self, value: &[u8]) -> Result<Found, KeyError> {
        self.ambiguous = true;
        if self.exact {
            self.out.push_str("b\"");
            base64::engine::general_purpose::STANDARD.encode_string(value, self.out);
            self.out.push('"');
            return Ok(Found::Nested);
        }
        for (i, byte) in value.iter().enumerate() {
            let separator = if i == 0 { "" } else { "|" };
            self.bare(format_args!("{separator}{i}|{byte}"))?;
        }
        Ok(Found::Nested)
    }

    /// The beginning of an object.
    pub(super) fn open(&mut self, place: Place) -> Frame {
        let frame = Frame { place, swallowed: self.swallows };
        match place {
            Place::Alone => self.swallows = false,
            // A second entry would be a second object.
            Place::Item { .. } => self.swallows = true,
            Place::Entry => {}
        }
        if self.exact {
            self.out.push('{');
        }
        frame
    }

    /// For what turns out to be an object or not: nothing is written yet.
    pub(super) const fn open_nothing(&self, place: Place) -> Frame {
        Frame { place, swallowed: self.swallows }
    }

    /// An entry of that object follows.
    pub(super) fn entry(&mut self, frame: Frame, first: bool) {
        match frame.place {
            _ if !first => self.ambiguous |= self.swallows,
            Place::Alone => {}
            Place::Item { after_object } => self.ambiguous |= after_object,
            Place::Entry => self.swallows = true,
        }
    }

    /// The key of the entry was written, at `at`.
    pub(super) fn key_written(&mut self, frame: Frame, at: usize) -> Result<(), KeyError> {
        if self.exact {
            let key = self.out.split_off(at);
            self.quoted(&key)?;
            self.out.push(':');
            return Ok(());
        }
        let key = &self.out[at..];
        let unfit = key.is_empty()
            || key.bytes().any(|byte| matches!(byte, b'|' | b'"' | b'[' | b']'))
            || (frame.place != Place::Alone && is_like_a_scalar(key));
        self.ambiguous |= unfit;
        self.out.push('|');
        Ok(())
    }

    /// The end of the object. `moved`: its entries are in another order than they came.
    pub(super) fn close(&mut self, frame: Frame, any: bool, moved: bool) -> Found {
        if self.exact {
            self.out.push('}');
        }
        // An object inside may stand before other entries now.
        self.ambiguous |= moved && self.swallows;
        if frame.place != Place::Entry {
            self.swallows = frame.swallowed;
        }
        self.object = any;
        Found::Nested
    }

    /// The beginning of a list. Returns what [`Text::close_list`] wants to know.
    pub(super) fn open_list(&mut self) -> bool {
        self.out.push('[');
        self.swallows
    }

    /// An item of a list follows.
    pub(super) fn item(&mut self, first: bool) -> Place {
        let after_object = !first && self.object;
        if !first {
            self.out.push(self.separator());
        }
        (self.swallows, self.object) = (false, false);
        Place::Item { after_object }
    }

    /// The end of a list that began at `start` and has `count` items. `moved`: in another order than they came.
    pub(super) fn close_list(&mut self, swallowed: bool, start: usize, count: usize, moved: bool) -> Found {
        self.ambiguous |= !self.exact && count == 1 && self.out.len() == start + 1;
        self.ambiguous |= moved;
        self.out.push(']');
        (self.swallows, self.object) = (swallowed, false);
        Found::Nested
    }
}

/// Whether a key looks like a number or another scalar: after a key it would be taken for the value.
fn is_like_a_scalar(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.'))
        || matches!(key, "true" | "false" | "null" | "undefined" | "NaN" | "Infinity")
}
