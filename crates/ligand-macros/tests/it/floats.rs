//! A finite number never becomes an infinite `f32`, also where serde reads a field out of what it has buffered.

use std::collections::BTreeMap;

use ligand::{Payload, prelude::*};
use serde_json::json;

#[payload]
struct Size {
    width: f32,
    #[check(default = Some(1.0))]
    height: Option<f32>,
    sides: Option<Vec<f32>>,
}

#[payload]
struct Flat {
    id: u32,
    #[serde(flatten)]
    size: Size,
    #[serde(flatten)]
    more: BTreeMap<String, f32>,
}

#[payload]
#[serde(untagged)]
enum Either {
    Weight { weight: f32 },
    Pair(f32, f32),
    Number(f32),
}

#[payload]
#[serde(tag = "kind")]
enum Tagged {
    Size(Size),
    Weight { weight: Patch<f32> },
}

#[test]
fn a_number_too_large_for_an_f32_is_refused_inside_of_buffers() {
    let flat = |value| Payload::from(value).take::<Flat>().is_ok();
    let either = |value| Payload::from(value).take::<Either>().is_ok();
    let tagged = |value| Payload::from(value).take::<Tagged>().is_ok();
    assert!(flat(json!({ "id": 1, "width": 1e38, "sides": [1e38], "a": 1 })));
    assert!(!flat(json!({ "id": 1, "width": 1e39 })));
    assert!(!flat(json!({ "id": 1, "width": 1, "height": -1e39 })));
    assert!(!flat(json!({ "id": 1, "width": 1, "sides": [1, 1e300] })));
    assert!(!flat(json!({ "id": 1, "width": 1, "any": 1e39 })));
    assert!(either(json!({ "weight": 1 })) && either(json!([1, 2.5])) && either(json!(1e38)));
    assert!(!either(json!({ "weight": 1e39 })) && !either(json!([1, 1e39])) && !either(json!(1e39)));
    assert!(tagged(json!({ "kind": "size", "width": 5 })) && tagged(json!({ "kind": "weight" })));
    assert!(!tagged(json!({ "kind": "size", "width": 1e39 })));
    assert!(!tagged(json!({ "kind": "weight", "weight": 1e39 })));
    let size = Payload::from(json!({ "width": 5 })).take::<Size>().unwrap();
    assert_eq!(size, Size { width: 5.0, height: Some(1.0), sides: None });
}

#[payload]
struct Reading(Option<f32>, u32);

#[payload]
enum Sample {
    Pair(u32, Option<f32>),
}

#[test]
fn a_field_without_a_name_is_always_there() {
    let reading = |value| Payload::from(value).take::<Reading>();
    assert_eq!(reading(json!([1.5, 2])).unwrap(), Reading(Some(1.5), 2));
    assert_eq!(reading(json!([null, 2])).unwrap(), Reading(None, 2));
    assert!(reading(json!([2])).is_err() && reading(json!([1e39, 2])).is_err());
    let sample = |value| Payload::from(value).take::<Sample>();
    assert_eq!(sample(json!({ "pair": [5, null] })).unwrap(), Sample::Pair(5, None));
    assert!(sample(json!({ "pair": [5] })).is_err());
}
