//! No two different values share the text of a cache key.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write,
};

use fastrand::Rng;
use ligand_wire::{
    Binary, Date, Payload,
    key::{self, Found, Text},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

const ROUNDS: usize = 30_000;

/// Names and texts that are parts of each other, and of the notation.
const WORDS: &[&str] = &[
    "a",
    "b",
    "c",
    "a|b",
    "|",
    "",
    "\"",
    "x\"|b|\"y",
    "a\"",
    "\"a",
    "[",
    "]",
    "[a",
    "a]",
    "1",
    "5",
    "-1",
    "1.5",
    "null",
    "undefined",
    "true",
    "{",
    "}",
    "{}",
    "a|1",
    "1|a",
    "a:1",
    ",",
    "ä",
];

fn word(rng: &mut Rng) -> String {
    rng.choice(WORDS).copied().unwrap_or_default().to_owned()
}

/// Mostly plain names, so that plain texts meet each other too.
fn name(rng: &mut Rng) -> String {
    if rng.u8(..4) > 0 { rng.choice(["a", "b", "c"]).unwrap_or_default().to_owned() } else { word(rng) }
}

fn value(rng: &mut Rng, depth: usize) -> Value {
    match rng.u8(..if depth == 0 { 8 } else { 14 }) {
        0 => Value::Null,
        1 => rng.bool().into(),
        2 | 3 => rng.choice([0, 1, 5, -1]).into(),
        4 => rng.choice([1.5, 0.1, 9_007_199_254_740_992.0, 1e300]).into(),
        5 => rng.choice([9_007_199_254_740_992_u64, 9_007_199_254_740_993, u64::MAX]).into(),
        6 => name(rng).into(),
        7 => word(rng).into(),
        8..=10 => (0..rng.usize(..4)).map(|_| value(rng, depth - 1)).collect(),
        _ => {
            let entries = (0..rng.usize(..4)).map(|_| (name(rng), value(rng, depth - 1)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

fn text<T: Serialize + ?Sized>(value: &T) -> String {
    let mut out = String::new();
    key::write_value(value, &mut out).unwrap();
    out
}

/// What Moleculer writes.
fn reference(value: &Value, out: &mut String) {
    let join = |out: &mut String, first: bool| {
        if !first {
            out.push('|');
        }
    };
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                join(out, index == 0);
                reference(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let index = |name: &&String| name.parse::<u32>().ok().filter(|index| index.to_string() == **name);
            let mut names: Vec<_> = fields.keys().collect();
            names.sort_by_key(|name| index(name).map_or(u64::MAX, u64::from));
            for (at, name) in names.into_iter().enumerate() {
                join(out, at == 0);
                write!(out, "{name}|").unwrap();
                reference(&fields[name], out);
            }
        }
        Value::String(text) => write!(out, "\"{text}\"").unwrap(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.abs() < 1e21 => write!(out, "{float}").unwrap(),
            Some(float) => out.push_str(&format!("{float:e}").replace('e', "e+")),
            None => write!(out, "{number}").unwrap(),
        },
        scalar => write!(out, "{scalar}").unwrap(),
    }
}

#[test]
fn different_values_have_different_texts() {
    let mut rng = Rng::with_seed(11);
    let mut texts: HashMap<String, Value> = HashMap::new();
    let (mut met, mut plain) = (0, 0);
    for _ in 0..ROUNDS {
        let value = value(&mut rng, 3);
        let key = text(&value);
        let mut json = String::new();
        key::write_json(value.to_string().as_bytes(), &mut json).unwrap();
        assert_eq!(json, key, "{value} as JSON");
        if !key.ends_with('}') {
            let mut expected = String::new();
            reference(&value, &mut expected);
            assert_eq!(key, expected, "{value} where only one value has the text");
            plain += usize::from(value.is_object() && key.contains('|'));
        }
        match texts.get(&key) {
            Some(other) => {
                met += 1;
                assert_eq!(other, &value, "both have the key {key}");
            }
            None => drop(texts.insert(key, value)),
        }
    }
    assert!(met > 1000 && plain > 1000, "{met} met again, {plain} plain objects: the test shows little");
}

#[test]
fn different_lists_of_values_have_different_texts() {
    let mut rng = Rng::with_seed(12);
    for max in [None, Some(44), Some(60)] {
        let mut texts: HashMap<(usize, String), Vec<Option<Value>>> = HashMap::new();
        for _ in 0..ROUNDS / 2 {
            let parts: Vec<Option<Value>> = (0..rng.usize(1..4))
                .map(|_| match rng.u8(..8) {
                    0 => None,
                    1 => Some(json!({ "a": "x".repeat(rng.usize(..80)), "b": word(&mut rng) })),
                    2 => Some(json!(["x".repeat(rng.usize(10..40)), word(&mut rng), word(&mut rng)])),
                    _ => Some(value(&mut rng, 2)),
                })
                .collect();
            let mut out = String::new();
            key::write_parts(&mut out, parts.len(), max, |index, text| match &parts[index] {
                Some(value) => text.value(value),
                None => Ok(text.missing()),
            })
            .unwrap();
            assert!(max.is_none_or(|max| out.encode_utf16().count() <= max), "{out}");
            let known = texts.entry((parts.len(), out)).or_insert_with(|| parts.clone());
            assert_eq!(*known, parts);
        }
    }
}

#[test]
fn values_that_met_in_one_text_are_apart() {
    let deep = |json: &str| serde_json::from_str::<Value>(json).unwrap();
    let groups: &[&[&str]] = &[
        &[r#"{"filter":{"a":1},"limit":5}"#, r#"{"filter":{"a":1,"limit":5}}"#],
        &[r#"{"q":"x","user":"ada"}"#, r#"{"q":"x\"|user|\"ada"}"#],
        &["5", "\"5\"", "[5]", "[\"5\"]"],
        &["null", "\"null\"", "\"undefined\"", "{}", "[]", "[null]", "[[]]", "[{}]", "\"\"", "{\"\":{}}"],
        &[r#"["a","b"]"#, r#"["a\"|\"b"]"#, r#"["a|b"]"#, r#"[["a","b"]]"#],
        &[r#"{"a":1,"b":2}"#, r#"{"a|1|b":2}"#, r#"{"a":{"1":{"b":2}}}"#, r#"{"a":{"1|b":2}}"#],
        &[r#"[{"a":1,"b":2}]"#, r#"[{"a":1},{"b":2}]"#],
        &[r#"{"a":{}}"#, r#"{"a":""}"#, r#"{"a":[]}"#, r#"{"a":null}"#, r#"{"a":{"":{}}}"#, "{}"],
        &[r#"{"":1}"#, r#"{"|1":{}}"#, r#"{"":{"1":{}}}"#],
        &["9007199254740993", "9007199254740992", "9007199254740992.0"],
        &["12345678901234567000", "1.2345678901234567e19"],
    ];
    for group in groups {
        let texts: HashSet<_> = group.iter().map(|json| text(&deep(json))).collect();
        assert_eq!(texts.len(), group.len(), "{group:?}: {texts:?}");
    }
    // The harmless one of them keeps Moleculer's text.
    assert_eq!(text(&json!({ "q": "x", "user": "ada" })), r#"q|"x"|user|"ada""#);
    assert_eq!(text(&json!({ "q": "x\"|user|\"ada" })), r#"{"q":"x\"|user|\"ada"}"#);
    assert_eq!(text(&json!({ "limit": 5, "filter": { "a": 1 } })), "limit|5|filter|a|1");
    assert_eq!(text(&json!(["x\""])), r#"{["x\""]}"#);
}

#[test]
fn what_has_no_order_has_one_text() {
    let (mut texts, mut sets, mut flat) = (HashSet::new(), HashSet::new(), HashSet::new());
    #[derive(Serialize)]
    struct Flat {
        page: u8,
        #[serde(flatten)]
        rest: HashMap<String, u8>,
    }
    for _ in 0..50 {
        let map: HashMap<String, u8> = (0..12).map(|n| (format!("k{n}"), n)).collect();
        sets.insert(text(&map.keys().collect::<HashSet<_>>()));
        texts.insert(text(&map));
        flat.insert(text(&Flat { page: 1, rest: map }));
    }
    assert_eq!((texts.len(), sets.len(), flat.len()), (1, 1, 1));
    assert_eq!(text(&HashMap::from([(10, "x"), (9, "y")])), r#"9|"y"|10|"x""#);
    // Brought into order, an object inside can come to stand before something.
    let nested = HashMap::from([("a", json!({ "x": 1 })), ("b", json!(1))]);
    assert_eq!(text(&nested), r#"{"a":{"x":1},"b":1}"#);
}

#[test]
fn dates_and_bytes_are_what_they_are() {
    let date = Date::from_millis(1_769_860_800_000);
    assert_eq!(text(&json!({ "at": "2026-01-31T12:00:00.000Z" })), text(&BTreeMap::from([("at", date)])));
    assert_eq!(text(&date), r#""2026-01-31T12:00:00.000Z""#);
    assert_ne!(text(&date), text(&1_769_860_800_000_i64));
    let bytes = Binary::from(vec![12, 1]);
    assert_eq!(text(&bytes), r#"{b"DAE="}"#);
    let mut out = String::new();
    let payload = Payload::typed(bytes);
    key::write_parts(&mut out, 1, None, |_, text| payload.write_key(None, text)).unwrap();
    assert_eq!(out, r#"{b"DAE="}"#);
    assert_ne!(text(&json!({ "0": 12, "1": 1 })), out);
}

#[test]
fn a_text_that_is_no_key_stays_plain() {
    let mut out = String::new();
    let found = Text::plain(&mut out).value(&json!({ "a": { "b": "\"" }, "c": 1 })).unwrap();
    assert_eq!((out.as_str(), found), (r#"a|b|"""|c|1"#, Found::Nested));
}
