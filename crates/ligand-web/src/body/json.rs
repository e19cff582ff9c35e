//! Looks at a JSON body before anybody decodes it, and builds nothing: it is one object or list, no deeper than allowed,
//! every number is one that can be held, and no object has two fields of one name. Which of the two would count depends
//! on who reads: a guard and a handler must not see different values.

use std::{borrow::Cow, collections::HashSet, fmt, fmt::Write as _};

use ligand_core::{Error, Result};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::json;

use super::{not_json, not_utf8};

/// Whether a body is an object or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    List,
}

pub(super) fn check(bytes: &[u8], most: usize) -> Result<Shape> {
    let text = std::str::from_utf8(bytes).map_err(|_| not_utf8())?;
    let shape = match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => Shape::Object,
        Some(b'[') => Shape::List,
        first => {
            return Err(not_json(format!("The body must be a JSON object or array; it is {}", kind(first))));
        }
    };
    if is_deeper(bytes, most) {
        return Err(not_json(format!("The body is nested deeper than {most} levels")));
    }
    let mut place = Place::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Look(&mut place).deserialize(&mut reader).and_then(|()| reader.end());
    read.map(|()| shape).map_err(|error| place.error(&error))
}

fn kind(first: Option<&u8>) -> &'static str {
    match first {
        Some(b'"') => "a text",
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "something else",
    }
}

fn is_deeper(bytes: &[u8], most: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    for &byte in bytes {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Where the reader is: its steps stay when it fails.
#[derive(Default)]
struct Place<'a>(Vec<Step<'a>>);

enum Step<'a> {
    Field(Cow<'a, str>),
    Item(usize),
}

impl Place<'_> {
    /// `user.tags[2]`, cut where it is no help any more.
    fn text(&self) -> String {
        const LONGEST: usize = 200;
        let mut text = String::new();
        for step in &self.0 {
            match step {
                Step::Item(index) => {
                    let _ = write!(text, "[{index}]");
                }
                Step::Field(name) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.extend(name.chars().take(LONGEST));
                }
            }
            if text.len() > LONGEST {
                text = text.chars().take(LONGEST).collect::<String>() + "…";
                break;
            }
        }
        text
    }

    fn error(&self, error: &serde_json::Error) -> Error {
        let place = self.text();
        if place.is_empty() {
            return not_json(format!("The body is not valid JSON: {error}"));
        }
        not_json(format!("The body is not valid JSON in '{place}': {error}"))
            .with_data(json!({ "field": place }))
    }
}

struct Look<'p, 'de>(&'p mut Place<'de>);

impl<'de> DeserializeSeed<'de> for Look<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self(place) = self;
        for index in 0.. {
            place.0.push(Step::Item(index));
            let more = items.next_element_seed(Look(place))?.is_some();
            place.0.pop();
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self(place) = self;
        let mut names = Names::default();
        while let Some(Name(name)) = fields.next_key()? {
            place.0.push(Step::Field(name.clone()));
            if !names.add(name) {
                return Err(A::Error::custom("a field of this name comes twice"));
            }
            fields.next_value_seed(Look(place))?;
            place.0.pop();
        }
        Ok(())
    }
}

/// A name as it stands in the text, unless it has escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;

        impl<'de> Visitor<'de> for Borrow {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// The names of one object: few are compared one by one, many are hashed.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    /// False when the name was there already.
    fn add(&mut self, name: Cow<'de, str>) -> bool {
        const FEW: usize = 16;
        if self.many.is_empty() {
            if self.few.contains(&name) {
                return false;
            }
            self.few.push(name);
            if self.few.len() > FEW {
                self.many = self.few.drain(..).collect();
            }
            return true;
        }
        self.many.insert(name)
    }
}
