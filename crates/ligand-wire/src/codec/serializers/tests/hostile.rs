//! Bytes that nobody writes by honest means.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{FORMATS, bytes, unhex};
use crate::{Binary, Date, Payload, codec::serializers::read, key::Text, payload::Format};

#[test]
fn nesting_ends() {
    let bombs = [
        (Format::Cbor, vec![0x81; 1_000_000]),
        (Format::Cbor, vec![0x9f; 1_000_000]),
        (Format::Cbor, b"\xa1\x61a".repeat(300_000)),
        (Format::MsgPack, vec![0x91; 1_000_000]),
        (Format::Notepack, b"\x81\xa1a".repeat(300_000)),
        (Format::JsonExt, vec![b'['; 1_000_000]),
        (Format::JsonExt, br#"{"a":"#.repeat(200_000)),
    ];
    for (format, bomb) in bombs {
        let error = read::<Value>(format, &bomb).unwrap_err();
        assert!(error.message().contains("128 levels"), "{format}: {error:?}");
        let payload = Payload::encoded(format, bomb);
        assert!(payload.to_value().is_err());
        assert!(payload.write_json(&mut Vec::new()).is_err());
        assert!(payload.write_key(None, &mut Text::plain(&mut String::new())).is_err());
        for to in FORMATS.into_iter().filter(|to| *to != format) {
            assert!(payload.encode(to, &mut Vec::new()).is_err());
        }
    }
    // Tags cost a byte each and nest nothing.
    let tags = [vec![0xc1; 1_000_000], vec![0x01]].concat();
    assert_eq!(read::<Date>(Format::Cbor, &tags).unwrap().millis(), 1000);
    // Texts inside texts.
    let mut text = String::from("[]");
    for _ in 0..12 {
        text = serde_json::to_string(&format!("[[ST]][{text}]")).unwrap();
    }
    read::<Value>(Format::JsonExt, text.as_bytes()).unwrap();
}

#[test]
fn lengths_are_not_believed() {
    for text in [
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "5bffffffffffffffff",
        "7bffffffffffffffff",
        "9b7fffffffffffffff01",
        "5f5bffffffffffffffff",
    ] {
        assert!(read::<Value>(Format::Cbor, &unhex(text)).is_err(), "{text}");
        assert!(read::<Vec<Binary>>(Format::Cbor, &unhex(text)).is_err(), "{text}");
        assert!(Payload::encoded(Format::Cbor, unhex(text)).to_value().is_err());
    }
    for text in ["ddffffffff", "dfffffffff", "c6ffffffff", "dbffffffff", "c9ffffffff01"] {
        assert!(read::<Value>(Format::MsgPack, &unhex(text)).is_err(), "{text}");
        assert!(read::<Vec<u64>>(Format::MsgPack, &unhex(text)).is_err(), "{text}");
    }
}

#[test]
fn documents_must_be_whole() {
    for (format, text) in [
        (Format::Cbor, "0101"),
        (Format::Cbor, "ff"),
        (Format::Cbor, "81ff"),
        (Format::Cbor, "a101"),
        (Format::Cbor, "1c"),
        (Format::Cbor, "f8"),
        (Format::Cbor, "e0"),
        (Format::Cbor, "61ff"),
        (Format::Cbor, "5f6161ff"),
        (Format::Cbor, "7f7f6161ffff"),
        (Format::Cbor, "df00"),
        (Format::Cbor, "1f"),
        (Format::Cbor, "c1"),
        (Format::Cbor, "a1418001"),
        (Format::MsgPack, "c1"),
        (Format::MsgPack, "0101"),
        (Format::MsgPack, "a2ff"),
        (Format::MsgPack, "81"),
        (Format::MsgPack, "d4"),
        (Format::MsgPack, "819001"),
    ] {
        assert!(read::<Value>(format, &unhex(text)).is_err(), "{format} {text}");
    }
    for text in [
        "",
        " ",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "1e999",
        "tru",
        "nul",
        "\"\n\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\u12\"",
        "\"a",
        "[",
        "1 1",
        "'a'",
        "\"[[BF]]!\"",
        "\"[[MP]]{\"",
        "\"[[MP]]{} 1\"",
        "\u{feff}1",
    ] {
        assert!(read::<Value>(Format::JsonExt, text.as_bytes()).is_err(), "{text}");
    }
    for text in [
        "-0",
        "-0.5e-3",
        "[ ]",
        " { \"a\" : [ 1 , 2 ] } ",
        "\"\\ud83d\\udc22\\/\\b\\f\"",
        "1E+2",
        "18446744073709551616",
        "-9223372036854775808",
    ] {
        let ours: Value = read(Format::JsonExt, text.as_bytes()).unwrap();
        assert_eq!(
            ours.to_string().replace("100.0", "100"),
            serde_json::from_str::<Value>(text).unwrap().to_string().replace("100.0", "100"),
            "{text}"
        );
    }
}

/// Changes, cuts and repeats parts of honest bytes.
pub(super) fn mutate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    for _ in 0..random.usize(1..4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.usize(..bytes.len());
        match random.u8(..5) {
            0 => bytes[at] = random.u8(..),
            1 => bytes[at] ^= 1 << random.u8(..8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.choice([0xff, 0x9b, 0xdf, 0x7f, b'"', b'[', 0xc1, 0xd6]).unwrap()),
            _ => {
                let end = (at + random.usize(..16)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

#[test]
fn mutations_never_panic() {
    let table: Vec<Value> =
        serde_json::from_str(include_str!("../../../../tests/golden/values.json")).unwrap();
    let mut slowest = Duration::ZERO;
    for (library, format) in [
        ("jsonext", Format::JsonExt),
        ("msgpack", Format::MsgPack),
        ("notepack2", Format::Notepack),
        ("cbor", Format::Cbor),
    ] {
        let mut random = fastrand::Rng::with_seed(42);
        let mut seeds: Vec<Vec<u8>> =
            table.iter().filter_map(|entry| entry[library].as_str()).map(unhex).collect();
        seeds.retain(|seed| seed.len() < 400);
        seeds.push(bytes(&super::types::everything(), format));
        let mut read_well = 0;
        for _ in 0..200_000 {
            let mut bytes = random.choice(&seeds).unwrap().clone();
            mutate(&mut bytes, &mut random);
            let start = Instant::now();
            let payload = Payload::encoded(format, bytes);
            let value = payload.to_value();
            read_well += u32::from(value.is_ok());
            // Both ways of reading agree on what is one document.
            let taken = payload.clone().take::<Value>();
            assert_eq!(taken.is_ok(), value.is_ok(), "{format} {payload:?}");
            let _ = payload.clone().take::<super::types::Everything>();
            let _ = payload.take::<Vec<Option<Date>>>();
            slowest = slowest.max(start.elapsed());
        }
        assert!(read_well > 20_000, "{format}: {read_well}");
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}
