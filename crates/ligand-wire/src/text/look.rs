//! Looks at a JSON text and builds nothing: where it cannot be read, which `serde_json` tells by line and column only.

use std::{borrow::Cow, collections::HashSet, fmt, fmt::Write as _};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// What is wrong with a text, and where.
#[derive(Debug)]
pub struct Unreadable {
    /// `lines[2].price`, shortened; empty for the text as a whole.
    pub place: String,
    /// What the reader says.
    pub error: serde_json::Error,
}

/// Whether every value of a text can be read: its form is right, and every number is one that can be held. With `once`
/// no object may have two fields of one name either.
///
/// ```
/// let wrong = ligand_wire::text::look(r#"{"lines":[{"price":1e400}]}"#, false).unwrap_err();
/// assert_eq!(wrong.place, "lines[0].price");
/// ```
///
/// # Errors
/// The first problem.
pub fn look(text: &str, once: bool) -> Result<(), Unreadable> {
    let mut place = Place::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Look { place: &mut place, once }.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| Unreadable { place: place.text(), error })
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
}

struct Look<'p, 'de> {
    place: &'p mut Place<'de>,
    once: bool,
}

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
        let Self { place, once } = self;
        for index in 0.. {
            place.0.push(Step::Item(index));
            let more = items.next_element_seed(Look { place, once })?.is_some();
            place.0.pop();
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self { place, once } = self;
        let mut names = Names::default();
        while let Some(Name(name)) = fields.next_key()? {
            place.0.push(Step::Field(name.clone()));
            if once && !names.add(name) {
                return Err(A::Error::custom("a field of this name comes twice"));
            }
            fields.next_value_seed(Look { place, once })?;
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
