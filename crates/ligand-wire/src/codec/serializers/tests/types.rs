//! Rust types.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use super::{FORMATS, bytes, from_hex, hex};
use crate::{
    Binary, Date, Payload,
    codec::serializers::read,
    key::{self, Found, Text},
    payload::Format,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Everything {
    small: i8,
    id: u64,
    far: i64,
    huge: i128,
    ratio: f64,
    short: f32,
    whole: f64,
    letter: char,
    name: String,
    none: Option<u8>,
    some: Option<String>,
    unit: (),
    pair: (u8, String),
    list: Vec<Option<bool>>,
    keys: BTreeMap<u32, Shape>,
    flags: HashMap<bool, u8>,
    #[serde(flatten)]
    rest: Flat,
    tagged: Tagged,
    untagged: Untagged,
    date: Date,
    binary: Binary,
    map: BTreeMap<Shape, i32>,
    millis: std::time::Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Shape {
    Point,
    #[serde(rename = "circle")]
    Circle(u64),
    Line(i32, i32),
    Box {
        width: u8,
        depth: Option<u8>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    flat_count: u64,
    flat_date: Date,
    flat_bytes: Binary,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Big { value: u64, at: Date },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
    Text(String),
}

pub(super) fn everything() -> Everything {
    Everything {
        small: -128,
        id: u64::MAX,
        far: i64::MIN + 1,
        huge: -170_000_000_000,
        ratio: 0.1,
        short: 0.25,
        whole: 5_000_000_000.0,
        letter: '🐢',
        name: "[[DT]]0".into(),
        none: None,
        some: Some("x".repeat(300)),
        unit: (),
        pair: (1, "two".into()),
        list: vec![Some(true), None],
        keys: BTreeMap::from([
            (1, Shape::Point),
            (70_000, Shape::Circle(1 << 40)),
            (3, Shape::Line(-1, 2)),
            (4, Shape::Box { width: 1, depth: None }),
        ]),
        flags: HashMap::from([(true, 1)]),
        rest: Flat {
            flat_count: 1_732_147_200_000,
            flat_date: Date::from_millis(-1500),
            flat_bytes: Binary::from(vec![1, 2]),
        },
        tagged: Tagged::Big { value: 1 << 52, at: Date::from_millis(1) },
        untagged: Untagged::Number(4_294_967_296),
        date: Date::from_millis(1_732_147_200_123),
        binary: Binary::from(vec![0, 255]),
        map: BTreeMap::from([(Shape::Point, 1)]),
        millis: std::time::Duration::from_millis(1500),
    }
}

#[test]
fn every_type_comes_back() {
    for format in FORMATS {
        let written = bytes(&everything(), format);
        let back = read::<Everything>(format, &written).unwrap_or_else(|error| panic!("{format}: {error:?}"));
        assert_eq!(back, everything(), "{format}");
        // The payload of a handler goes the same way.
        let payload = Payload::encoded(format, written.clone());
        assert_eq!(payload.clone().take::<Everything>().unwrap(), everything());
        let mut out = Vec::new();
        Payload::typed(everything()).encode(format, &mut out).unwrap();
        assert_eq!(out, written);
        // From JSON, too: its dates are texts.
        let json = Payload::json(serde_json::to_vec(&everything()).unwrap());
        out.clear();
        json.encode(format, &mut out).unwrap();
        assert_eq!(read::<Everything>(format, &out).unwrap(), everything(), "{format}");
    }
    assert_eq!(serde_json::from_value::<Everything>(json!(everything())).unwrap(), everything());
}

#[test]
fn numbers_are_taken_in_every_notation() {
    // cbor-x: 1 as integer, `Date.now()` as float64, 1.5 as float16 and float32, a BigInt, a bignum.
    assert_eq!(from_hex::<f64>(Format::Cbor, "01"), 1.0);
    assert_eq!(from_hex::<u64>(Format::Cbor, "fb427934c04c07b000"), 1_732_147_200_123);
    assert_eq!(from_hex::<i8>(Format::Cbor, "fbc000000000000000"), -2);
    assert_eq!(from_hex::<f64>(Format::Cbor, "f93e00"), 1.5);
    assert_eq!(from_hex::<f64>(Format::Cbor, "f98001"), -(2_f64.powi(-24)));
    assert_eq!(from_hex::<f64>(Format::Cbor, "fa3fc00000"), 1.5);
    assert_eq!(from_hex::<u64>(Format::Cbor, "1bffffffffffffffff"), u64::MAX);
    assert_eq!(from_hex::<i64>(Format::Cbor, "3b7fffffffffffffff"), i64::MIN);
    assert_eq!(from_hex::<i128>(Format::Cbor, "3bffffffffffffffff"), -(1_i128 << 64));
    assert_eq!(from_hex::<u64>(Format::Cbor, "c24101"), 1);
    assert_eq!(from_hex::<i128>(Format::Cbor, "c349010000000000000000"), -1 - (1_i128 << 64));
    assert_eq!(from_hex::<f64>(Format::Cbor, "c249010000000000000000"), 2_f64.powi(64));
    assert_eq!(from_hex::<u32>(Format::MsgPack, "cb4059000000000000"), 100);
    assert_eq!(from_hex::<i128>(Format::JsonExt, &hex(br#""[[BI]]-5""#)), -5);
    assert_eq!(from_hex::<u64>(Format::JsonExt, &hex(b"1e2")), 100);
    for (format, text) in
        [(Format::Cbor, "fb3ff8000000000000"), (Format::Cbor, "20"), (Format::MsgPack, "ca3fc00000")]
    {
        assert!(read::<u64>(format, &super::unhex(text)).is_err(), "{text}");
    }
    // What a float holds is a float: JavaScript cannot calculate with the other form.
    assert_eq!(hex(&bytes(&(1_u64 << 60), Format::Cbor)), "fb43b0000000000000");
    assert_eq!(hex(&bytes(&((1_u64 << 60) + 1), Format::Cbor)), "1b1000000000000001");
    assert_eq!(hex(&bytes(&i64::MIN, Format::MsgPack)), "cbc3e0000000000000");
    assert_eq!(hex(&bytes(&(1_i128 << 64), Format::Cbor)), "fb43f0000000000000");
    assert_eq!(hex(&bytes(&((1_i128 << 64) + 1), Format::Cbor)), "c249010000000000000001");
    assert_eq!(bytes(&((1_i128 << 64) + 1), Format::JsonExt), br#""[[BI]]18446744073709551617""#);
    assert!(super::write(&((1_i128 << 64) + 1), Format::MsgPack, &mut Vec::new()).is_err());
    assert_eq!(bytes(&[0.1_f32, 5.0, f32::INFINITY], Format::JsonExt), b"[0.1,5,null]");
    assert_eq!(bytes(&[f64::NAN, -0.0, 5.0, 1e21], Format::JsonExt), b"[null,-0,5,1e+21]");
}

#[derive(Debug, PartialEq, Deserialize)]
struct Lenient {
    #[serde(default)]
    count: u32,
    label: Option<String>,
}

#[test]
fn undefined_fields_are_missing_fields() {
    let expected = Lenient { count: 0, label: None };
    // {count: undefined, label: undefined}
    assert_eq!(from_hex::<Lenient>(Format::Cbor, "b9000265636f756e74f7656c6162656cf7"), expected);
    assert_eq!(from_hex::<Lenient>(Format::Notepack, "82a5636f756e74d40000a56c6162656cd40000"), expected);
    assert_eq!(from_hex::<Vec<Option<u8>>>(Format::Notepack, "9301d4000002"), [Some(1), None, Some(2)]);
    assert_eq!(from_hex::<Vec<Option<u8>>>(Format::Cbor, "8301f702"), [Some(1), None, Some(2)]);
    // The date that is none.
    assert_eq!(from_hex::<Option<Date>>(Format::Cbor, "c1fb7ff8000000000000"), None);
}

#[test]
fn tags_lengths_and_keys_of_every_kind() {
    // Unknown lengths: [_ "a" "b", (_ h'01' h'02')], {_ "a": 1}
    assert_eq!(
        from_hex::<Value>(Format::Cbor, "9f7f61616162ff5f41014102ffff"),
        json!(["ab", { "type": "Buffer", "data": [1, 2] }])
    );
    assert_eq!(from_hex::<Value>(Format::Cbor, "bf616101ff"), json!({ "a": 1 }));
    // Set, Uint8Array, self-described CBOR, a tag nobody knows, regular expression.
    assert_eq!(from_hex::<Value>(Format::Cbor, "d90102820102"), json!([1, 2]));
    assert_eq!(from_hex::<Vec<u8>>(Format::Cbor, "d84043010203"), [1, 2, 3]);
    assert_eq!(from_hex::<Value>(Format::Cbor, "d9d9f7d907d001"), json!(1));
    assert_eq!(from_hex::<Value>(Format::Cbor, "d81b836652656745787061616131"), json!(["RegExp", "a", "1"]));
}

#[test]
fn keys_are_texts() {
    assert_eq!(
        from_hex::<Value>(Format::Cbor, "a4016161206162f56163626162f6"),
        json!({ "1": "a", "-1": "b", "true": "c", "ab": null })
    );
    assert_eq!(from_hex::<HashMap<u8, u8>>(Format::MsgPack, "820102a13304"), HashMap::from([(1, 2), (3, 4)]));
}

#[test]
fn tagged_texts() {
    let text = |json: &str| read::<Value>(Format::JsonExt, json.as_bytes()).unwrap();
    assert_eq!(text(r#""[[RE]]gi|^a|b""#), json!("/^a|b/gi"));
    assert_eq!(text(r#""[[ES]][[DT]]1""#), json!("[[DT]]1"));
    assert_eq!(text(r#""[[XX]]y""#), json!("[[XX]]y"));
    assert_eq!(text(r#""[[DT]]soon""#), json!("[[DT]]soon"));
    assert_eq!(
        text(r#""[[BI]]1234567890123456789012345678901234567890""#),
        json!("1234567890123456789012345678901234567890")
    );
    assert_eq!(text(r#"{"[[DT]]1":"[["}"#), json!({ "[[DT]]1": "[[" }));
    let map = r#""[[MP]]{\"a\":1,\"b\":\"[[DT]]1000\",\"c\":\"[[ST]][1,\\\"[[BF]]eA==\\\"]\"}""#;
    #[derive(Debug, PartialEq, Deserialize)]
    struct Map {
        a: u8,
        b: u64,
        c: (u8, Vec<u8>),
    }
    let expected = Map { a: 1, b: 1000, c: (1, b"x".to_vec()) };
    assert_eq!(read::<Map>(Format::JsonExt, map.as_bytes()).unwrap(), expected);
    let mut cbor = Vec::new();
    Payload::encoded(Format::JsonExt, map).encode(Format::Cbor, &mut cbor).unwrap();
    assert_eq!(read::<Map>(Format::Cbor, &cbor).unwrap(), expected);
    assert_eq!(
        bytes(&json!(["[[", "[x", { "[[DT]]": 1 }]), Format::JsonExt),
        br#"["[[ES]][[","[x",{"[[DT]]":1}]"#
    );
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Echo {
    before: u8,
    params: Payload,
    after: Vec<Payload>,
}

#[test]
fn payloads_inside_keep_their_bytes() {
    // {"at": tag 1, "key": bytes} with heads longer than necessary.
    let native = super::unhex("b90002626174c11a000003e8636b65794100");
    for format in [Format::Cbor, Format::JsonExt, Format::Json] {
        let mut params = Vec::new();
        Payload::encoded(Format::Cbor, native.clone()).encode(format, &mut params).unwrap();
        let echo = Echo {
            before: 1,
            params: Payload::encoded(format, params.clone()),
            after: vec![
                Payload::typed(Date::from_millis(5)),
                Payload::binary(vec![1]),
                Payload::UNDEFINED,
                Payload::from(json!([1])),
                Payload::json(r#"{"x": "[[" }"#),
                Payload::NULL,
            ],
        };
        let mut out = Vec::new();
        Payload::typed(echo).encode(format, &mut out).unwrap();
        assert!(out.windows(params.len()).any(|window| window == params), "{format}");
        let back = Payload::encoded(format, out.clone()).take::<Echo>().unwrap();
        assert_eq!(back.params.format(), Some(format));
        let mut again = Vec::new();
        back.params.encode(format, &mut again).unwrap();
        assert_eq!(again, params);
        assert_eq!(back.after[0].clone().take::<Date>().unwrap().millis(), 5);
        assert_eq!(*back.after[1].clone().take::<Binary>().unwrap(), [1]);
        assert!(back.after[2].is_null() && back.after[5].is_null());
        assert_eq!(back.after[2].is_undefined(), format == Format::Cbor);
        assert_eq!(back.after[4].get("x"), Some(json!("[[")));
        let mut repeated = Vec::new();
        Payload::typed(back).encode(format, &mut repeated).unwrap();
        if format != Format::Cbor {
            assert_eq!(repeated, out, "{format}");
        }
    }
}

#[test]
fn raw_json_inside_is_json() {
    #[derive(Serialize, Deserialize)]
    struct Holder {
        raw: Box<RawValue>,
    }
    let holder = Holder { raw: RawValue::from_string(r#"{"a":[1,"[["]}"#.into()).unwrap() };
    for format in FORMATS {
        let written = bytes(&holder, format);
        assert_eq!(
            read::<Value>(format, &written).unwrap(),
            json!({ "raw": { "a": [1, "[["] } }),
            "{format}"
        );
        assert_eq!(read::<Holder>(format, &written).unwrap().raw.get(), holder.raw.get(), "{format}");
    }
}

#[test]
fn lists_whose_length_nobody_knows() {
    struct Lazy(usize);
    impl Serialize for Lazy {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::{SerializeMap, SerializeSeq};
            let mut map = serializer.serialize_map(None)?;
            for at in 0..self.0 {
                struct Items(usize);
                impl Serialize for Items {
                    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                        // A wrong length is no reason to write nonsense.
                        let mut items = serializer.serialize_seq(Some(3))?;
                        for at in 0..self.0 {
                            items.serialize_element(&at)?;
                        }
                        items.end()
                    }
                }
                map.serialize_entry(&at, &Items(at % 20))?;
            }
            map.end()
        }
    }
    for count in [0, 15, 16, 23, 24, 300, 70_000] {
        for format in FORMATS {
            let back: HashMap<usize, Vec<usize>> = read(format, &bytes(&Lazy(count), format)).unwrap();
            assert_eq!(back.len(), count, "{format}");
            assert!(back.iter().all(|(at, items)| items.len() == at % 20));
        }
    }
}

#[test]
fn keys_of_caches_are_those_of_json() {
    let value = json!({ "user": { "id": 7, "tags": ["a", null] }, "list": [{ "x": 1.5 }, 2], "7": true });
    let json = Payload::json(value.to_string());
    for format in FORMATS {
        let payload = Payload::encoded(format, bytes(&value, format));
        for path in
            [None, Some("user.id"), Some("user"), Some("list.0.x"), Some("list.1"), Some("nope"), Some("7")]
        {
            let (mut ours, mut theirs) = (String::new(), String::new());
            key::write_parts(&mut ours, 1, None, |_, text| payload.write_key(path, text)).unwrap();
            key::write_parts(&mut theirs, 1, None, |_, text| json.write_key(path, text)).unwrap();
            assert_eq!(ours, theirs, "{format} {path:?}");
        }
        assert_eq!(payload.get("list.0.x"), Some(json!(1.5)));
    }
    let mut out = String::new();
    let mut text = Text::plain(&mut out);
    assert_eq!(Payload::encoded(Format::Cbor, &[0xf6][..]).write_key(None, &mut text), Ok(Found::Scalar));
    assert!(Payload::encoded(Format::Cbor, &[0x82, 1][..]).write_key(None, &mut text).is_err());
}

#[test]
fn nothing_is_null_unit_or_an_empty_object() {
    for (format, text) in [
        (Format::Cbor, "f6"),
        (Format::Cbor, "f7"),
        (Format::MsgPack, "c0"),
        (Format::Notepack, "d40000"),
        (Format::JsonExt, "6e756c6c"),
        (Format::Cbor, ""),
    ] {
        let nothing = Payload::encoded(format, super::unhex(text));
        assert!(text.is_empty() || nothing.is_null(), "{format} {text}");
        nothing.clone().take::<()>().unwrap();
        assert_eq!(nothing.clone().take::<Option<u8>>().unwrap(), None);
        let json = nothing.clone().into_typed::<Value>().unwrap().to_value().unwrap();
        assert!(json.is_null());
        assert_eq!(nothing.take::<Echo>().unwrap_err().kind(), "PAYLOAD_DECODE_ERROR");
    }
    assert!(Payload::encoded(Format::Cbor, &[0xf7][..]).is_undefined());
    Payload::encoded(Format::Cbor, super::unhex("a0")).take::<()>().unwrap();
    for (format, undefined) in [
        (Format::Cbor, "f7"),
        (Format::MsgPack, "c0"),
        (Format::JsonExt, "6e756c6c"),
        (Format::Json, "6e756c6c"),
    ] {
        let mut out = Vec::new();
        Payload::UNDEFINED.encode(format, &mut out).unwrap();
        assert_eq!(hex(&out), undefined);
    }
}

#[test]
fn texts_borrow_from_the_bytes() {
    #[derive(Deserialize)]
    struct Borrowed<'a> {
        name: &'a str,
        #[serde(borrow)]
        data: &'a [u8],
    }
    let mut reader = super::super::Reader::new(Format::Cbor, b"\xa2\x64name\x62hi\x64data\x41\x07");
    let borrowed = Borrowed::deserialize(&mut reader).unwrap();
    assert_eq!((borrowed.name, borrowed.data), ("hi", &[7][..]));
}

#[test]
fn errors_name_the_place() {
    let error = read::<Lenient>(Format::Cbor, &super::unhex("a165636f756e746178")).unwrap_err();
    assert_eq!((error.code(), error.kind()), (422, "PAYLOAD_DECODE_ERROR"));
    assert!(error.message().ends_with("at byte 9"), "{error:?}");
    assert!(!error.message().contains("ligand_wire"), "{error:?}");
}
