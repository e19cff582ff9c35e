use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{json, value::RawValue};

use super::*;

fn text<T: Serialize + ?Sized>(value: &T) -> String {
    let mut out = String::new();
    write_value(value, &mut out).unwrap();
    out
}

fn json_text(json: &str) -> String {
    let mut out = String::new();
    write_json(json.as_bytes(), &mut out).unwrap();
    out
}

fn at<T: Serialize + ?Sized>(value: &T, path: &str) -> (String, Found) {
    let mut out = String::new();
    let found = Text::plain(&mut out).path(value, path).unwrap();
    (out, found)
}

#[derive(Serialize)]
struct Post {
    id: u64,
    name: &'static str,
    f: f64,
    t: bool,
    n: Option<u8>,
}

#[test]
fn structs_keep_their_declaration_order() {
    let post = Post { id: 5, name: "a b", f: 1.50, t: true, n: None };
    assert_eq!(text(&post), r#"id|5|name|"a b"|f|1.5|t|true|n|null"#);
}

#[test]
fn nesting_leaves_no_brackets_but_arrays_do() {
    let json = r#"{"a":{"b":{"c":[1,"x",{"d":null}]}},"z":[]}"#;
    let plain = |json: &str| {
        let mut out = String::new();
        Text::plain(&mut out).json(json.as_bytes(), "").unwrap();
        out
    };
    assert_eq!(plain(json), r#"a|b|c|[1|"x"|d|null]|z|[]"#);
    assert_eq!(
        at(&serde_json::from_str::<serde_json::Value>(json).unwrap(), "").0,
        r#"a|b|c|[1|"x"|d|null]|z|[]"#
    );
    // `z` could belong to `b` as well; behind everything else nesting tells what it is.
    assert_eq!(json_text(json), json);
    let json = r#"{"z":[],"a":{"b":{"c":[1,"x",{"d":null}]}}}"#;
    assert_eq!(json_text(json), r#"z|[]|a|b|c|[1|"x"|d|null]"#);
    assert_eq!(text(&serde_json::from_str::<serde_json::Value>(json).unwrap()), json_text(json));
    assert_eq!(text(&json!({})), "");
    assert_eq!(json_text("{}"), "");
    assert_eq!(text(&json!(null)), "null");
    assert_eq!(json_text("[[],[[]],{}]"), "[[]|[[]]|]");
    assert_eq!(json_text("[{}]"), "{[{}]}");
}

#[test]
fn array_index_keys_come_first() {
    assert_eq!(json_text(r#"{"b":1,"2":"two","1":"one"}"#), r#"1|"one"|2|"two"|b|1"#);
    assert_eq!(json_text(r#"{"b":1,"1":"one","c":2,"10":3}"#), r#"1|"one"|10|3|b|1|c|2"#);
    let nested = r#"{"b":1,"x":{"2":{"9":0,"8":1},"y":[]},"1":"one","c":2,"10":3}"#;
    let mut out = String::new();
    Text::plain(&mut out).json(nested.as_bytes(), "").unwrap();
    assert_eq!(out, r#"1|"one"|10|3|b|1|x|2|8|1|9|0|y|[]|c|2"#);
    assert_eq!(json_text(nested), r#"{"1":"one","10":3,"b":1,"x":{"2":{"8":1,"9":0},"y":[]},"c":2}"#);
    // Not canonical, or too large: ordinary names.
    assert_eq!(json_text(r#"{"b":1,"01":1,"4294967295":2,"-1":3}"#), "b|1|01|1|4294967295|2|-1|3");
    assert_eq!(json_text(r#"{"4294967295":2,"4294967294":1}"#), "4294967294|1|4294967295|2");
    // A BTreeMap of texts has "10" before "9".
    assert_eq!(text(&BTreeMap::from([("10", 1), ("9", 2), ("a", 3)])), "9|2|10|1|a|3");
    assert_eq!(text(&BTreeMap::from([(-1, 'x'), (3, 'y')])), r#"3|"y"|-1|"x""#);
}

#[test]
fn numbers_print_as_in_javascript() {
    for (number, expected) in [
        (0.0, "0"),
        (-0.0, "0"),
        (1.5, "1.5"),
        (-1.5, "-1.5"),
        (100.0, "100"),
        (123456789.125, "123456789.125"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.25e21, "1.25e+21"),
        (1e-6, "0.000001"),
        (1.5e-6, "0.0000015"),
        (1e-7, "1e-7"),
        (-1.25e-7, "-1.25e-7"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        // The integer of the same text is another number.
        (9_007_199_254_740_992.0, "{9.007199254740992e15}"),
        (-12_345_678_901_234_567_168.0, "{-1.2345678901234567e19}"),
        (0.1 + 0.2, "0.30000000000000004"),
        // Exactly between two texts: the even digit wins.
        (1_824_592_762_991_912.3, "1824592762991912.2"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        assert_eq!(text(&number), expected);
    }
    assert_eq!(text(&0.1_f32), "0.1");
    assert_eq!(
        json_text("[1.50, 1e21, 1E-7, -0, -0.0, 18446744073709551615]"),
        "[1.5|1e+21|1e-7|0|0|18446744073709551615]"
    );
    // Read exactly, not one bit off.
    assert_eq!(
        json_text("[3905725386779.8037,4.4546649526883474e-26]"),
        "[3905725386779.8037|4.4546649526883474e-26]"
    );
    assert_eq!(text(&i64::MIN), "-9223372036854775808");
}

#[derive(Serialize)]
enum Shape {
    Unit,
    New(u8),
    Pair(u8, &'static str),
    Named { a: u8 },
}

#[test]
fn enums_have_the_text_of_their_json() {
    let shapes = [Shape::Unit, Shape::New(1), Shape::Pair(1, "x"), Shape::Named { a: 1 }];
    assert_eq!(text(&shapes[..2]), r#"["Unit"|New|1]"#);
    assert_eq!(text(&shapes[2]), r#"Pair|[1|"x"]"#);
    assert_eq!(text(&shapes[3]), "Named|a|1");
    assert_eq!(text(&shapes), r#"{["Unit",{"New":1},{"Pair":[1,"x"]},{"Named":{"a":1}}]}"#);
    for shapes in [&shapes[..2], &shapes] {
        assert_eq!(json_text(&serde_json::to_string(shapes).unwrap()), text(shapes));
    }
    assert_eq!(at(&shapes[2], "Pair.1"), (r#""x""#.into(), Found::Scalar));
    assert_eq!(at(&shapes[2], "Pair"), ("undefined".into(), Found::Missing));
    assert_eq!(at(&shapes[3], "Named.a"), ("1".into(), Found::Scalar));
    assert_eq!(at(&shapes[1], "New"), ("1".into(), Found::Scalar));
}

#[test]
fn paths_lead_to_one_leaf() {
    let value = json!({ "id": 5, "user": { "id": "u1", "tags": ["a", { "x": 1 }] }, "n": null });
    let encoded = value.to_string();
    for (path, expected, found) in [
        ("id", "5", Found::Scalar),
        ("user.id", r#""u1""#, Found::Scalar),
        ("user.tags", r#"["a"|x|1]"#, Found::Nested),
        ("user.tags.1.x", "1", Found::Scalar),
        ("user.tags.9", "undefined", Found::Missing),
        ("n", "null", Found::Scalar),
        ("n.x", "undefined", Found::Missing),
        ("id.x", "undefined", Found::Missing),
        ("nope", "undefined", Found::Missing),
    ] {
        assert_eq!(at(&value, path), (expected.to_owned(), found), "{path}");
        let mut out = String::new();
        assert_eq!(Text::plain(&mut out).json(encoded.as_bytes(), path).unwrap(), found, "{path}");
        assert_eq!(out, expected, "{path}");
    }
    assert_eq!(at(&value["user"], ""), (r#"id|"u1"|tags|["a"|x|1]"#.into(), Found::Nested));
    let post = Post { id: 5, name: "x", f: 1.0, t: true, n: Some(1) };
    assert_eq!(at(&post, "name"), (r#""x""#.into(), Found::Scalar));
    assert_eq!(at(&post, "missing"), ("undefined".into(), Found::Missing));
}

#[test]
fn the_last_of_equal_keys_counts() {
    let mut out = String::new();
    Text::plain(&mut out).json(br#"{"id":1,"id":2}"#, "id").unwrap();
    assert_eq!(out, "2");
}

#[test]
fn raw_json_is_read_through() {
    let raw = RawValue::from_string(r#"{"a":[1,2],"b":{"c":"x"}}"#.into()).unwrap();
    assert_eq!(text(&raw), r#"a|[1|2]|b|c|"x""#);
    assert_eq!(at(&raw, "b.c"), (r#""x""#.into(), Found::Scalar));
    assert_eq!(at(&json!({ "a": 1 }), "a.b"), ("undefined".into(), Found::Missing));
}

#[test]
fn a_failure_leaves_the_text_as_it_was() {
    let mut out = String::from("posts.find:");
    assert!(write_json(b"{\"a\":[1,", &mut out).is_err());
    assert!(write_json(b"1 2", &mut out).is_err());
    assert!(write_json(&[b"[".repeat(200), b"]".repeat(200)].concat(), &mut out).is_err());
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    assert!(write_value(&deep, &mut out).unwrap_err().to_string().contains("levels deep"));
    assert_eq!(out, "posts.find:");
}

#[test]
fn long_texts_are_hashed() {
    let key = text(&json!({ "a": "x".repeat(80) }));
    assert_eq!(limit(key.clone(), Some(60)), "a|\"xxxxxxxxxxxxxigYZ6sLsJzdAPA/oHF4ibrfsAP1aIN/E81TlyKH75jM=");
    assert_eq!(limit(key.clone(), Some(44)), "igYZ6sLsJzdAPA/oHF4ibrfsAP1aIN/E81TlyKH75jM=");
    assert_eq!(limit(key.clone(), Some(43)), key);
    assert_eq!(limit(key.clone(), None), key);
    assert_eq!(limit(key.clone(), Some(84)), key);
    // 50 UTF-16 units in 75 bytes: short enough.
    assert_eq!(limit("é".repeat(25) + &"a".repeat(25), Some(50)).chars().count(), 50);
    // A pair of surrogates is cut in half.
    assert!(limit("😀".repeat(60), Some(45)).starts_with('\u{FFFD}'));
    assert!(limit("😀".repeat(60), Some(46)).starts_with("😀"));
}
