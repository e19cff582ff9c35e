//! Ways to spoil what is well-formed.

use serde_json::{Map, Value, json};

const SPICE: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"null",
    b"-",
    b"1e999",
    b"99999999999999999999",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\\ud800",
    b"\0",
    b" ",
    b"0",
    b"\xc1",
    b"\xd9",
    b"\xf9\x7e\0",
    b"a.*.**",
    b"?",
    b"://",
    b"@",
    b"%00",
];

/// Flips, cuts, doubles and inserts bytes.
pub fn bytes(mut bytes: Vec<u8>, rng: &mut fastrand::Rng) -> Vec<u8> {
    for _ in 0..rng.usize(1..5) {
        if bytes.is_empty() {
            bytes.push(rng.u8(..));
        }
        let at = rng.usize(..bytes.len());
        let end = (at + rng.usize(..40)).min(bytes.len());
        match rng.u8(..8) {
            0 | 1 => bytes[at] ^= 1 << rng.u8(..8),
            2 => bytes.truncate(at),
            3 => {
                let part = bytes[at..end].to_vec();
                let to = rng.usize(..=bytes.len());
                bytes.splice(to..to, part);
            }
            4 => drop(bytes.drain(at..end)),
            5 => bytes[at] = rng.u8(..),
            _ => {
                let spice = SPICE[rng.usize(..SPICE.len())];
                let to = if rng.bool() { at } else { (at + spice.len()).min(bytes.len()) };
                bytes.splice(at..to, spice.iter().copied());
            }
        }
    }
    bytes
}

/// Removes fields, changes their types, puts in giant numbers, deep nests and long texts.
pub fn value(value: &mut Value, rng: &mut fastrand::Rng) {
    match value {
        Value::Object(map) if !map.is_empty() && rng.u8(..5) > 0 => {
            let key = map.keys().nth(rng.usize(..map.len())).cloned().unwrap_or_default();
            match rng.u8(..6) {
                0 => drop(map.remove(&key)),
                1 => drop(map.insert(strange_text(rng), json!(null))),
                _ => map.get_mut(&key).into_iter().for_each(|inner| self::value(inner, rng)),
            }
        }
        Value::Array(items) if !items.is_empty() && rng.u8(..4) > 0 => {
            let at = rng.usize(..items.len());
            self::value(&mut items[at], rng);
        }
        other => *other = strange(rng),
    }
}

fn strange_text(rng: &mut fastrand::Rng) -> String {
    match rng.u8(..6) {
        0 => String::new(),
        1 => "__proto__".into(),
        2 => "\u{0}\u{202e}\n".into(),
        3 => "x".repeat(rng.usize(..5000)),
        4 => "**.*.**?*.**".into(),
        _ => format!("{}", rng.i64(..)),
    }
}

fn strange(rng: &mut fastrand::Rng) -> Value {
    match rng.u8(..12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1e308),
        5 => json!(0.000_001),
        6 => json!(i64::MIN),
        7 => Value::Array(vec![Value::Null; rng.usize(..200)]),
        8 => Value::Object(Map::new()),
        9 => nest(rng.usize(..400)),
        _ => strange_text(rng).into(),
    }
}

/// Lists in lists, so deep.
pub fn nest(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}
