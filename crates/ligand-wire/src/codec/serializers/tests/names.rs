//! A key that is expected is recognised without being read as a text. What comes out is the same.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor, forward_to_deserialize_any};
use serde_json::{Map, Value, json};

use super::{FORMATS, bytes, hostile::mutate, unhex};
use crate::{codec::serializers::read, payload::Format};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Order {
    id: u64,
    #[serde(alias = "title")]
    name: Option<String>,
    tags: Vec<String>,
    a_name_that_is_longer_than_any_short_text_of_a_format: i32,
    größe: f64,
    open: bool,
}

/// The same, read by someone who does not tell which keys there may be.
#[derive(Debug, PartialEq)]
struct Unnamed(Order);

impl Serialize for Unnamed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Unnamed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Order::deserialize(Nameless(deserializer)).map(Self)
    }
}

struct Nameless<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Nameless<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, &[], visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn compare(format: Format, document: &[u8]) -> bool {
    let (named, unnamed) = (read::<Order>(format, document), read::<Unnamed>(format, document));
    match (&named, &unnamed) {
        (Ok(named), Ok(Unnamed(unnamed))) => assert_eq!(format!("{named:?}"), format!("{unnamed:?}")),
        (Err(named), Err(unnamed)) => assert_eq!(named.message(), unnamed.message()),
        _ => panic!("{format} {document:?}: {named:?} and {unnamed:?}"),
    }
    named.is_ok()
}

/// Fields in any order, left out, given twice, of other types, and others between them.
fn document(random: &mut fastrand::Rng) -> Value {
    let mut fields = vec![
        ("id", json!(random.u32(..))),
        ("name", json!("Ada")),
        ("title", json!("Ada")),
        ("tags", json!(["math", "engine"])),
        ("a_name_that_is_longer_than_any_short_text_of_a_format", json!(-7)),
        ("größe", json!(1.5)),
        ("open", json!(true)),
        ("unknown", json!({ "id": [1, { "name": null }] })),
        ("nam", json!("")),
        ("namen", json!(0)),
    ];
    if random.bool() {
        random.shuffle(&mut fields);
    }
    fields.retain(|_| random.u8(..4) > 0);
    if random.u8(..4) == 0
        && let Some((_, value)) = fields.first_mut()
    {
        *value = random.choice([json!(null), json!("1"), json!(1.0), json!([]), json!({})]).unwrap();
    }
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}

#[test]
fn a_struct_is_read_alike_whether_its_keys_are_expected_or_not() {
    for format in FORMATS {
        let mut random = fastrand::Rng::with_seed(5);
        let mut read = 0;
        for _ in 0..30_000 {
            let mut document = bytes(&document(&mut random), format);
            if random.bool() {
                mutate(&mut document, &mut random);
            }
            read += u32::from(compare(format, &document));
        }
        assert!((5_000..30_000).contains(&read), "{format}: {read}");
    }
}

#[test]
fn an_expected_key_without_a_value_is_no_field() {
    // {"id": undefined, "open": true}, and the key at the very end.
    for (format, document) in [
        (Format::MsgPack, "82a26964d40000a46f70656ec3"),
        (Format::Notepack, "82a26964d40000a46f70656ec3"),
        (Format::Cbor, "a2626964f7646f70656ef5"),
    ] {
        let order = read::<Order>(format, &unhex(document)).unwrap();
        assert_eq!(order, Order { open: true, ..Order::default() }, "{format}");
        for end in 0..document.len() / 2 {
            assert!(!compare(format, &unhex(&document[..end * 2])), "{format} {end}");
        }
    }
    // An extension that only begins like undefined.
    let error = read::<Order>(Format::MsgPack, &unhex("81a26964d40001")).unwrap_err();
    assert!(error.message().contains("invalid type: map"), "{error:?}");
}
