//! A list never becomes a `#[payload]`, wherever the payload stands and whatever reads it.

use ligand::{Payload, payload};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[payload]
#[derive(PartialEq)]
struct Point {
    x: i32,
    #[check(default)]
    y: i32,
}

#[payload]
#[derive(PartialEq)]
enum Shape {
    Dot(Point),
    Line { from: Point, to: Point },
    Size(i32, i32),
}

#[payload]
#[derive(PartialEq)]
#[serde(tag = "kind")]
enum Tagged {
    Dot { at: Point },
    Of(Point),
    Empty,
}

#[payload]
#[derive(PartialEq)]
#[serde(tag = "kind", content = "of")]
enum Adjacent {
    Dot { at: Point },
    Of(Point),
}

#[payload]
#[derive(PartialEq)]
#[serde(untagged)]
enum Untagged {
    Dot(Point),
    Line { from: Point, to: Point },
    Nothing,
    Pair(i32, i32),
}

#[payload]
#[derive(PartialEq)]
struct Flat {
    #[serde(flatten)]
    point: Point,
    #[serde(flatten)]
    near: Near,
}

#[payload]
#[derive(PartialEq)]
struct Near {
    near: Vec<Point>,
}

#[payload(event = "point.moved", unknown = "reject")]
#[derive(PartialEq)]
struct Moved {
    to: Point,
}

#[payload]
#[derive(PartialEq)]
struct Generic<T> {
    of: T,
}

/// Read as a parameter, and by serde alone, as meta or a row of a table is.
fn refuses<T: ligand::__private::wire::Data + DeserializeOwned + std::fmt::Debug>(value: &Value) {
    Payload::from(value.clone()).take::<T>().expect_err(&value.to_string());
    Payload::json(value.to_string()).take::<T>().expect_err(&value.to_string());
    serde_json::from_value::<T>(value.clone()).expect_err(&value.to_string());
    serde_json::from_str::<T>(&value.to_string()).expect_err(&value.to_string());
}

fn reads<T: ligand::__private::wire::Data + PartialEq + std::fmt::Debug>(value: &Value, expected: &T) {
    assert_eq!(&Payload::from(value.clone()).take::<T>().unwrap(), expected);
    assert_eq!(&Payload::json(value.to_string()).take::<T>().unwrap(), expected);
    assert_eq!(&serde_json::from_value::<T>(value.clone()).unwrap(), expected);
}

#[test]
fn lists_are_refused_at_every_depth() {
    let (list, object) = (json!([1, 2]), json!({ "x": 1, "y": 2 }));
    refuses::<Point>(&list);
    refuses::<Point>(&json!([1]));
    refuses::<Vec<Point>>(&json!([list]));
    refuses::<Shape>(&json!({ "dot": list }));
    refuses::<Shape>(&json!({ "line": [object, object] }));
    refuses::<Shape>(&json!({ "line": { "from": object, "to": list } }));
    refuses::<Tagged>(&json!(["dot", object]));
    refuses::<Tagged>(&json!(["empty"]));
    refuses::<Tagged>(&json!({ "kind": "dot", "at": list }));
    refuses::<Adjacent>(&json!(["dot", { "at": object }]));
    refuses::<Adjacent>(&json!({ "kind": "dot", "of": { "at": list } }));
    refuses::<Adjacent>(&json!({ "of": { "at": list }, "kind": "dot" }));
    refuses::<Adjacent>(&json!({ "of": list, "kind": "of" }));
    refuses::<Adjacent>(&json!({ "of": [object], "kind": "dot" }));
    refuses::<Untagged>(&json!([1, 2, 3]));
    refuses::<Untagged>(&json!([object, object]));
    refuses::<Untagged>(&json!({ "from": object, "to": list }));
    refuses::<Flat>(&json!({ "x": 1, "near": [list] }));
    refuses::<Moved>(&json!([object]));
    refuses::<Moved>(&json!({ "to": list }));
    refuses::<Generic<Point>>(&json!({ "of": list }));
    refuses::<Generic<i32>>(&json!([1]));
}

#[test]
fn objects_and_tuples_are_read_as_before() {
    let (list, object) = (json!([1, 2]), json!({ "x": 1, "y": 2 }));
    let point = || Point { x: 1, y: 2 };
    reads(&json!({ "x": 1 }), &Point { x: 1, y: 0 });
    reads(&json!({ "size": list }), &Shape::Size(1, 2));
    reads(&json!({ "line": { "from": object, "to": object } }), &Shape::Line { from: point(), to: point() });
    reads(&json!({ "kind": "empty" }), &Tagged::Empty);
    reads(&json!({ "kind": "of", "x": 1, "y": 2 }), &Tagged::Of(point()));
    reads(&json!({ "kind": "dot", "at": object }), &Tagged::Dot { at: point() });
    reads(&json!({ "of": object, "kind": "of" }), &Adjacent::Of(point()));
    reads(&json!({ "kind": "dot", "of": { "at": object } }), &Adjacent::Dot { at: point() });
    reads(&list, &Untagged::Pair(1, 2));
    reads(&json!(null), &Untagged::Nothing);
    reads(&json!({ "from": object, "to": object }), &Untagged::Line { from: point(), to: point() });
    reads(
        &json!({ "x": 1, "y": 2, "near": [object] }),
        &Flat { point: point(), near: Near { near: vec![point()] } },
    );
    reads(&json!({ "of": object }), &Generic { of: point() });
}

#[test]
fn a_check_says_that_an_object_was_expected() {
    let error = Payload::json("[1,2]").take::<Point>().unwrap_err();
    assert!(error.message().contains("expected an object for struct Point"), "{error}");
    let errors = <Moved as ligand::validate::Validate>::schema().check(&json!({ "to": [1, 2] }));
    assert_eq!(
        (&*errors[0].kind, errors[0].message.as_ref()),
        ("object", "The 'to' field must be an object.")
    );
}
