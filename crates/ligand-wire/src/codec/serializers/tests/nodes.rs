//! Bytes that the libraries of Node.js wrote (`tests/golden/values.cjs`).

use serde_json::Value;

use super::{FORMATS, bytes, from_hex, hex};
use crate::{Binary, Date, Payload, payload::Format};

fn table() -> Vec<Value> {
    serde_json::from_str(include_str!("../../../../tests/golden/values.json")).unwrap()
}

/// The bytes of an entry in a format, of every library.
fn written(entry: &Value) -> impl Iterator<Item = (&'static str, Format, &str)> {
    let libraries = [
        ("jsonext", Format::JsonExt),
        ("msgpack", Format::MsgPack),
        ("notepack", Format::Notepack),
        ("notepack2", Format::Notepack),
        ("cbor", Format::Cbor),
    ];
    libraries.into_iter().filter_map(|(library, format)| Some((library, format, entry[library].as_str()?)))
}

#[test]
fn untyped_readers_get_what_json_would_give() {
    for entry in table() {
        for (library, format, text) in written(&entry) {
            let value: Value = from_hex(format, text);
            assert_eq!(value, entry["json"], "{library} {}", entry["name"]);
            let payload = Payload::encoded(format, super::unhex(text));
            let mut json = Vec::new();
            payload.write_json(&mut json).unwrap();
            let json: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(json, entry["json"], "{library} {}", entry["name"]);
            assert_eq!(payload.to_value().unwrap(), entry["json"], "{library} {}", entry["name"]);
        }
    }
}

#[test]
fn dates_and_bytes_are_those_of_the_libraries() {
    let mut dates = 0;
    for entry in table() {
        for (library, format, text) in written(&entry) {
            if let Some(millis) = entry["millis"].as_i64() {
                let date: Date = from_hex(format, text);
                assert_eq!(date.millis(), millis, "{library} {}", entry["name"]);
                assert_eq!(from_hex::<i64>(format, text), millis);
                assert_eq!(from_hex::<String>(format, text), date.to_string());
                if library != "notepack2" {
                    assert_eq!(hex(&bytes(&date, format)), text, "{library} {}", entry["name"]);
                }
                dates += 1;
            }
            if entry["name"].as_str().unwrap().starts_with("buffer") {
                let data: Vec<u8> = serde_json::from_value(entry["json"]["data"].clone()).unwrap();
                assert_eq!(*from_hex::<Binary>(format, text), data);
                assert_eq!(from_hex::<Vec<u8>>(format, text), data);
                assert_eq!(hex(&bytes(&Binary::from(data), format)), text, "{library} {}", entry["name"]);
            }
        }
    }
    assert!(dates > 25);
}

/// Where the shortest form that MessagePack has is not what a library writes, or a map's head is longer.
fn is_written_differently(library: &str, name: &str, text: &str) -> bool {
    match library {
        "cbor" => text.starts_with("b9") || text.contains("b900"),
        "msgpack" => name == "-2^31",
        "notepack2" => true,
        _ => false,
    }
}

#[test]
fn json_values_are_written_as_the_libraries_write_them() {
    let mut same = 0;
    for entry in table() {
        // Their dates and buffers are other values than those of JSON.
        let name = entry["name"].as_str().unwrap();
        if ["date", "buffer", "nested"].iter().any(|kind| name.starts_with(kind)) {
            continue;
        }
        for (library, format, text) in written(&entry) {
            let ours = bytes(&entry["json"], format);
            assert_eq!(super::read::<Value>(format, &ours).unwrap(), entry["json"], "{library} {name}");
            if !is_written_differently(library, name, text) {
                assert_eq!(hex(&ours), text, "{library} {name}");
                same += 1;
            }
        }
    }
    assert!(same > 150, "{same} values were the same, byte for byte");
}

#[test]
fn a_native_value_goes_from_format_to_format_unharmed() {
    let nested = table().into_iter().find(|entry| entry["name"] == "nested").unwrap();
    for (_, from, text) in written(&nested) {
        let payload = Payload::encoded(from, super::unhex(text));
        for to in FORMATS {
            let mut out = Vec::new();
            payload.encode(to, &mut out).unwrap();
            let there = Payload::encoded(to, out);
            let mut back = Vec::new();
            there.encode(Format::JsonExt, &mut back).unwrap();
            assert_eq!(hex(&back), nested["jsonext"].as_str().unwrap(), "{from} {to}");
        }
    }
}
