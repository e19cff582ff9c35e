//! Our bytes. Node.js was shown that it reads them as meant (`tests/golden/read.cjs`); they change only with it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{FORMATS, bytes, hex};
use crate::{Binary, Date, Payload};

#[derive(Serialize)]
struct Native {
    at: Date,
    data: Binary,
    ratio: f32,
    maybe: Option<bool>,
    shape: Shape,
    inner: Payload,
}

#[derive(Serialize)]
enum Shape {
    Circle { radius: u8 },
}

/// Name and bytes in every format.
fn rows() -> Vec<Value> {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: &dyn erased::Written| {
        let forms: serde_json::Map<_, _> = FORMATS
            .iter()
            .map(|format| (format.as_str().to_lowercase(), json!(hex(&value.bytes(*format)))))
            .collect();
        rows.push(json!({ "name": name, "bytes": forms }));
    };
    for value in [
        0_i64,
        23,
        24,
        127,
        128,
        255,
        256,
        65_535,
        65_536,
        4_294_967_295,
        4_294_967_296,
        9_007_199_254_740_991,
        -1,
        -24,
        -25,
        -32,
        -33,
        -128,
        -129,
        -32_768,
        -32_769,
        -2_147_483_648,
        -2_147_483_649,
        -4_294_967_296,
        -4_294_967_297,
        -9_007_199_254_740_991,
        1_732_147_200_123,
        1 << 60,
    ] {
        row(&format!("i {value}"), &value);
    }
    for value in [0.5, 0.1, -2.25, 5.0, 1e21, 1e300, 5e-324, 1_732_147_200_123.0] {
        row(&format!("f {value:?}"), &value);
    }
    for millis in
        [0_i64, 1000, 1_732_147_200_123, -1500, -62_198_755_200_000, 4_294_967_296_000, 253_402_300_799_999]
    {
        row(&format!("date {millis}"), &Date::from_millis(millis));
    }
    for length in [0_usize, 1, 31, 32, 255, 256] {
        row(&format!("text {length}"), &"x".repeat(length));
        row(&format!("bytes {length}"), &Binary::from(vec![b'x'; length]));
    }
    for length in [0_usize, 15, 16, 23, 24, 256] {
        row(&format!("list {length}"), &vec![1; length]);
        row(&format!("map {length}"), &(0..length).map(|at| (at.to_string(), 1)).collect::<BTreeMap<_, _>>());
    }
    row("json", &json!({ "a": [null, true, false, "ż\u{0}\"", "[[DT]]1", {}], "1": 2 }));
    row(
        "native",
        &Native {
            at: Date::from_millis(1500),
            data: Binary::from(vec![1, 2]),
            ratio: 0.25,
            maybe: None,
            shape: Shape::Circle { radius: 1 },
            inner: Payload::typed(Date::from_millis(2000)),
        },
    );
    rows
}

mod erased {
    use serde::Serialize;

    use crate::payload::Format;

    pub(super) trait Written {
        fn bytes(&self, format: Format) -> Vec<u8>;
    }

    impl<T: Serialize> Written for T {
        fn bytes(&self, format: Format) -> Vec<u8> {
            super::bytes(self, format)
        }
    }
}

#[test]
fn bytes_are_those_that_node_was_shown() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/written.json");
    let rows: Vec<_> = rows().iter().map(Value::to_string).collect();
    let text = format!("[\n{}\n]\n", rows.join(",\n"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return std::fs::write(path, text).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    for (ours, expected) in text.lines().zip(expected.lines()) {
        assert_eq!(ours, expected);
    }
    assert_eq!(text.len(), expected.len());
}
