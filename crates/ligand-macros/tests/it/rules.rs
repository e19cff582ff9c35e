//! `#[check(..)]` rules: what generated code accepts, and that the schema reports what it refuses.

use std::collections::HashMap;

use ligand::{__private::wire::validate::accept, payload, validate::Validate};
use serde_json::{Value, json};

/// Decodes, sanitizes and checks; when refused, the `type field` of each error the schema finds.
fn receive<T>(json: Value) -> Result<T, Vec<String>>
where
    T: decode::Decode + Validate + ligand::__private::schemars::JsonSchema,
{
    let report = |json: &Value| {
        let errors = T::schema().check(json);
        errors.iter().map(|e| format!("{} {}", e.kind, e.field.as_deref().unwrap_or("-"))).collect::<Vec<_>>()
    };
    let mut decoded = T::decode(json.clone());
    if decoded.as_mut().is_ok_and(accept) {
        assert_eq!(report(&json), [""; 0], "accepted, but the schema objects");
        return Ok(decoded.unwrap());
    }
    let errors = report(&json);
    assert!(!errors.is_empty(), "refused, but the schema sees nothing wrong in {json}");
    Err(errors)
}

mod decode {
    pub(super) trait Decode: Sized {
        fn decode(json: serde_json::Value) -> serde_json::Result<Self>;
    }

    impl<T: ligand::__private::serde::de::DeserializeOwned> Decode for T {
        fn decode(json: serde_json::Value) -> serde_json::Result<Self> {
            serde_json::from_value(json)
        }
    }
}

#[payload]
struct User {
    #[check(trim, length(1..=5))]
    name: String,
    #[check(trim, lowercase, email)]
    email: Option<String>,
    #[check(url)]
    site: Option<String>,
    #[check(uuid)]
    id: Option<String>,
    #[check(pattern = "^[A-Z]+$")]
    code: Option<String>,
    #[check(one_of("red", "green"))]
    color: Option<String>,
    #[check(range(1..=100))]
    level: Option<u8>,
    #[check(range(min = -0.5, max = 0.5))]
    ratio: Option<f64>,
    #[check(positive)]
    price: Option<f32>,
    #[check(items(1..=3), unique_items, length(..=4), uppercase)]
    tags: Option<Vec<String>>,
    #[check(non_empty)]
    notes: Option<Vec<u8>>,
    #[check(non_empty)]
    title: Option<String>,
    #[check(range(max = -1))]
    below: Option<i64>,
}

fn refused(changes: Value) -> Vec<String> {
    let mut user = json!({ "name": "Ada" });
    user.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    receive::<User>(user).map(|_| ()).unwrap_err()
}

#[test]
fn sanitizers_run_before_the_rules() {
    let user: User = receive(json!({ "name": "  Ada    ", "email": " ADA@X.ORG ", "tags": ["ab"] })).unwrap();
    assert_eq!((user.name.as_str(), user.email.as_deref()), ("Ada", Some("ada@x.org")));
    assert_eq!(user.tags, Some(vec!["AB".into()]));
    assert_eq!(refused(json!({ "name": "   " })), ["stringMin name"]);
}

#[test]
fn each_rule_refuses() {
    for (changes, expected) in [
        (json!({ "name": "abcdef" }), "stringMax name"),
        (json!({ "name": "😀😀😀" }), "stringMax name"),
        (json!({ "email": "ada" }), "email email"),
        (json!({ "site": "javascript:alert(1)" }), "url site"),
        (json!({ "id": "1" }), "uuid id"),
        (json!({ "code": "aB" }), "stringPattern code"),
        (json!({ "color": "blue" }), "enumValue color"),
        (json!({ "level": 0 }), "numberMin level"),
        (json!({ "level": 101 }), "numberMax level"),
        (json!({ "level": 1000 }), "numberMax level"),
        (json!({ "ratio": -0.6 }), "numberMin ratio"),
        (json!({ "price": 0 }), "numberPositive price"),
        (json!({ "tags": [] }), "arrayMin tags"),
        (json!({ "tags": ["a", "b", "c", "d"] }), "arrayMax tags"),
        (json!({ "tags": ["a", "a"] }), "arrayUnique tags"),
        (json!({ "tags": ["a", "abcde"] }), "stringMax tags[1]"),
        (json!({ "notes": [] }), "arrayEmpty notes"),
        (json!({ "title": "" }), "stringEmpty title"),
        (json!({ "below": 0 }), "numberMax below"),
    ] {
        assert_eq!(refused(changes), [expected]);
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    assert_eq!(
        refused(json!({ "name": "", "email": "x", "level": 0, "tags": 5 })),
        ["stringMin name", "email email", "numberMin level", "array tags"]
    );
}

#[test]
fn absent_is_not_wrong() {
    receive::<User>(json!({ "name": "Ada" })).unwrap();
    receive::<User>(json!({ "name": "Ada", "email": null, "tags": null, "color": null, "level": null }))
        .unwrap();
}

#[payload]
struct Order {
    #[check(items(1..))]
    lines: Vec<Line>,
    by_id: HashMap<String, Line>,
    payment: Payment,
    parent: Option<Box<Order>>,
    foreign: std::ops::Range<u8>,
}

#[payload]
struct Line {
    #[check(trim, non_empty)]
    sku: String,
    #[check(range(1..=10))]
    count: u32,
}

#[payload]
#[serde(tag = "type")]
enum Payment {
    Card {
        #[check(length(min = 16, max = 16))]
        number: String,
    },
    Points(Points),
    Cash,
}

#[payload]
struct Points {
    #[check(positive)]
    points: i32,
}

#[payload]
struct Name(#[check(trim, length(1..=3))] String);

fn order(lines: Value, payment: Value) -> Value {
    json!({ "lines": lines, "byId": {}, "payment": payment, "parent": null, "foreign": { "start": 1, "end": 2 } })
}

#[test]
fn payloads_inside_payloads_are_checked() {
    let good = json!([{ "sku": " x ", "count": 1 }]);
    let decoded: Order = receive(order(good.clone(), json!({ "type": "cash" }))).unwrap();
    assert_eq!(decoded.lines[0].sku, "x");

    let errors = |lines, payment| receive::<Order>(order(lines, payment)).unwrap_err();
    assert_eq!(
        errors(json!([{ "sku": " ", "count": 11 }]), json!({ "type": "cash" })),
        ["stringEmpty lines[0].sku", "numberMax lines[0].count"]
    );
    assert_eq!(
        errors(good.clone(), json!({ "type": "card", "number": "1" })),
        ["stringLength payment.number"]
    );
    assert_eq!(
        errors(good.clone(), json!({ "type": "points", "points": 0 })),
        ["numberPositive payment.points"]
    );
    assert_eq!(errors(good.clone(), json!({ "type": "gold" })), ["enumValue payment.type"]);

    let mut nested = order(good.clone(), json!({ "type": "cash" }));
    nested["parent"] = order(json!([]), json!({ "type": "cash" }));
    assert_eq!(receive::<Order>(nested).unwrap_err(), ["arrayMin parent.lines"]);
    let mut mapped = order(good, json!({ "type": "cash" }));
    mapped["byId"] = json!({ "a": { "sku": "x", "count": 0 } });
    assert_eq!(receive::<Order>(mapped).unwrap_err(), ["numberMin byId.a.count"]);
}

#[test]
fn a_newtype_has_rules_too() {
    assert_eq!(receive::<Name>(json!(" ab ")).unwrap(), Name("ab".into()));
    assert_eq!(receive::<Name>(json!("abcd")).unwrap_err(), ["stringMax -"]);
}

#[payload]
struct Page<T> {
    rows: Vec<T>,
    #[check(range(min = 1))]
    page: u32,
}

#[test]
fn generic_payloads_check_what_they_hold() {
    assert!(receive::<Page<Line>>(json!({ "rows": [{ "sku": "x", "count": 1 }], "page": 1 })).is_ok());
    assert!(receive::<Page<Line>>(json!({ "rows": [{ "sku": "", "count": 1 }], "page": 1 })).is_err());
    assert!(receive::<Page<u8>>(json!({ "rows": [], "page": 0 })).is_err());
}

#[test]
fn a_payload_may_be_recursive() {
    const { assert!(Order::CHECKS && Order::SANITIZES) };
}
