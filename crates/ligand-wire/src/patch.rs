//! A field of an update: left alone, cleared, or set.

use std::{any::type_name, borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
    ser,
};

/// What an update says about one field: nothing, that it becomes null, or its new value.
///
/// `Option` cannot tell the first two apart, because a field that is not there reads as `None`. As a field of a
/// `#[payload]` it may be left out, and [`Absent`](Self::Absent) is not written.
///
/// In a type that is no `#[payload]` the field needs
/// `#[serde(default, skip_serializing_if = "Patch::is_absent")]`: an absent value that is written all the same would read
/// as null, so it is refused.
///
/// ```
/// use ligand_wire::Patch;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Update {
///     #[serde(default, skip_serializing_if = "Patch::is_absent")]
///     title: Patch<String>,
///     #[serde(default, skip_serializing_if = "Patch::is_absent")]
///     note: Patch<String>,
/// }
///
/// let update: Update = serde_json::from_str(r#"{ "note": null }"#).unwrap();
/// assert_eq!((update.title, update.note), (Patch::Absent, Patch::Null));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Patch<T> {
    /// The field was not sent: it stays as it is.
    #[default]
    Absent,
    /// The field becomes null.
    Null,
    /// The field becomes this.
    Value(T),
}

impl<T> Patch<T> {
    /// Whether the field was not sent.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether the field becomes null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The new value, if there is one.
    ///
    /// ```
    /// # use ligand_wire::Patch;
    /// assert_eq!(Patch::Value(5).value(), Some(5));
    /// assert_eq!(Patch::<u8>::Null.value(), None);
    /// ```
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The new value by reference, if there is one.
    pub const fn as_value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// What is to be written: `None` when the field was not sent, else its new content, which may be null.
    ///
    /// ```
    /// # use ligand_wire::Patch;
    /// assert_eq!(Patch::<u8>::Absent.change(), None);
    /// assert_eq!(Patch::<u8>::Null.change(), Some(None));
    /// assert_eq!(Patch::Value(1).change(), Some(Some(1)));
    /// ```
    pub fn change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }

    /// The same with another value.
    ///
    /// ```
    /// # use ligand_wire::Patch;
    /// assert_eq!(Patch::Value("5").map(str::len), Patch::Value(1));
    /// assert_eq!(Patch::<&str>::Null.map(str::len), Patch::Null);
    /// ```
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(make(value)),
        }
    }

    /// The same by reference.
    pub const fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(value),
        }
    }

    /// Changes `field` as the update says; tells whether it said anything.
    ///
    /// ```
    /// # use ligand_wire::Patch;
    /// let mut note = Some("old".to_owned());
    /// assert!(!Patch::Absent.apply(&mut note));
    /// assert!(Patch::Null.apply(&mut note));
    /// assert_eq!(note, None);
    /// ```
    pub fn apply(self, field: &mut Option<T>) -> bool {
        match self.change() {
            Some(content) => {
                *field = content;
                true
            }
            None => false,
        }
    }
}

impl<T> From<T> for Patch<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<T> From<Option<T>> for Patch<T> {
    /// `None` is null: it was said.
    fn from(content: Option<T>) -> Self {
        content.map_or(Self::Null, Self::Value)
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent => Err(ser::Error::custom(
                "an absent Patch cannot be written: put #[payload] on its struct, or \
                 #[serde(default, skip_serializing_if = \"Patch::is_absent\")] on the field",
            )),
            Self::Null => serializer.serialize_none(),
            Self::Value(value) => serializer.serialize_some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Content<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Content<T> {
            type Value = Patch<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }

            fn visit_none<E: Error>(self) -> Result<Patch<T>, E> {
                Ok(Patch::Null)
            }

            fn visit_unit<E: Error>(self) -> Result<Patch<T>, E> {
                Ok(Patch::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Patch<T>, D::Error> {
                T::deserialize(deserializer).map(Patch::Value)
            }
        }

        // Serde reads a field that is not there through a reader of its own, which says "none" as for null.
        if type_name::<D>().contains("::missing_field::MissingFieldDeserializer<") {
            return Ok(Self::Absent);
        }
        deserializer.deserialize_option(Content(std::marker::PhantomData))
    }
}

/// That of an `Option`: the value or null, and not required.
impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Option::<T>::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }

    fn _schemars_private_non_optional_json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::_schemars_private_non_optional_json_schema(generator)
    }

    fn _schemars_private_is_option() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Payload, payload::Format, schema};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    struct Update {
        #[serde(skip_serializing_if = "Patch::is_absent")]
        title: Patch<String>,
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        pages: Patch<u8>,
    }

    #[test]
    fn absent_null_and_value_are_three_things_in_every_format() {
        for (json, title, pages) in [
            (json!({}), Patch::Absent, Patch::Absent),
            (json!({ "title": null, "pages": null }), Patch::Null, Patch::Null),
            (json!({ "title": "x", "pages": 1 }), Patch::Value("x".to_owned()), Patch::Value(1)),
        ] {
            let update = Update { title, pages };
            assert_eq!(serde_json::from_value::<Update>(json.clone()).unwrap(), update, "{json}");
            assert_eq!(serde_json::to_value(&update).unwrap(), json);
            for format in Format::ALL.into_iter().filter(|format| format.is_available()) {
                let mut bytes = Vec::new();
                Payload::typed(update.clone()).encode(format, &mut bytes).unwrap();
                assert_eq!(Payload::encoded(format, bytes).take::<Update>().unwrap(), update, "{format}");
            }
        }
        let wrong = serde_json::from_value::<Update>(json!({ "pages": 300 })).unwrap_err();
        assert!(wrong.to_string().contains("300"), "{wrong}");
    }

    #[test]
    fn what_is_absent_is_not_written_as_null() {
        let error = serde_json::to_string(&Patch::<u8>::Absent).unwrap_err();
        assert!(error.to_string().contains("skip_serializing_if"), "{error}");
    }

    #[test]
    fn the_schema_is_that_of_an_option() {
        let schema = schema::Schema::of::<Update>();
        assert_eq!(schema.json()["properties"]["title"]["type"], json!(["string", "null"]));
        assert_eq!(schema.json().get("required"), None);
        assert_eq!(
            schema.fastest()["title"],
            json!({ "type": "string", "nullable": true, "optional": true })
        );
        assert_eq!(schema.check(&json!({ "title": null })), []);
        assert_eq!(schema.check(&json!({ "title": 1 }))[0].kind, "string");
    }
}
