//! Lists, sets, maps and pointers as fields: rules reach what is inside, and errors say where it is.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque},
    num::NonZeroI32,
    sync::Arc,
};

use ligand::{prelude::*, schema::JsonSchema, validate::Validate};
use serde::de::DeserializeOwned;
use serde_json::json;

#[payload]
struct Line {
    #[check(trim, length(1..=3))]
    sku: String,
    #[check(custom = |count: &u32| count.is_multiple_of(2), message = "{field} is odd.")]
    count: Option<u32>,
}

#[payload]
struct Lists {
    queue: Option<VecDeque<Line>>,
    linked: Option<LinkedList<Line>>,
    boxed: Option<Box<[Line]>>,
    shared: Option<Arc<[Line]>>,
    one: Option<Arc<Line>>,
    borrowed: Option<Cow<'static, [Line]>>,
    pair: Option<[Line; 2]>,
    by_name: Option<HashMap<String, Line>>,
    by_number: Option<BTreeMap<u8, Line>>,
}

#[payload]
struct Rules {
    #[check(items(..=2), length(1..=3))]
    tags: Option<BTreeSet<String>>,
    #[check(range(1..=5))]
    marks: Option<HashSet<u8>>,
    #[check(items(1..=2), unique_items, trim, length(..=3))]
    queue: Option<VecDeque<String>>,
    #[check(length(1..=3))]
    shared: Option<Arc<str>>,
    #[check(non_empty, length(..=3))]
    borrowed: Option<Cow<'static, str>>,
    #[check(range(1..=5))]
    numbers: Option<Arc<[u8]>>,
}

/// Whether the reader and the schema agree, and where they see a fault.
fn fault<T: Validate + JsonSchema + DeserializeOwned>(json: &Value) -> Option<String> {
    let errors = T::schema().check(json);
    let value: T = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(value.is_valid(), errors.is_empty(), "{json}: {errors:?}");
    errors.into_iter().next().and_then(|error| error.field)
}

#[test]
fn rules_reach_into_every_list_set_map_and_pointer() {
    let (good, bad) = (json!({ "sku": "abc" }), json!({ "sku": "abcd" }));
    for (field, around, place) in [
        ("queue", json!([good, bad]), "queue[1].sku"),
        ("linked", json!([bad]), "linked[0].sku"),
        ("boxed", json!([bad]), "boxed[0].sku"),
        ("shared", json!([bad]), "shared[0].sku"),
        ("one", bad.clone(), "one.sku"),
        ("borrowed", json!([bad]), "borrowed[0].sku"),
        ("pair", json!([good, bad]), "pair[1].sku"),
        ("byName", json!({ "a": good, "b": bad }), "byName.b.sku"),
        ("byNumber", json!({ "7": bad }), "byNumber.7.sku"),
    ] {
        assert_eq!(fault::<Lists>(&json!({ field: around })).as_deref(), Some(place));
    }
    let trimmed: Lists = serde_json::from_value(json!({ "queue": [{ "sku": " a " }] })).unwrap();
    let mut trimmed = trimmed;
    trimmed.sanitize();
    assert_eq!(trimmed.queue.unwrap()[0].sku, "a");
}

#[test]
fn rules_of_a_field_are_about_what_it_holds() {
    for (json, place) in [
        (
            json!({ "tags": ["a", "b"], "marks": [1, 5], "queue": ["a"], "shared": "a", "borrowed": "a" }),
            None,
        ),
        (json!({ "tags": ["a", "b", "c"] }), Some("tags")),
        (json!({ "tags": ["abcd"] }), Some("tags[0]")),
        (json!({ "marks": [6] }), Some("marks[0]")),
        (json!({ "queue": ["a", "a"] }), Some("queue")),
        (json!({ "queue": ["abcd"] }), Some("queue[0]")),
        (json!({ "queue": [] }), Some("queue")),
        (json!({ "shared": "abcd" }), Some("shared")),
        (json!({ "borrowed": "" }), Some("borrowed")),
        (json!({ "numbers": [1, 9] }), Some("numbers[1]")),
    ] {
        assert_eq!(fault::<Rules>(&json).as_deref(), place, "{json}");
    }
}

#[payload]
struct Unreadable {
    share: Option<NonZeroI32>,
    peer: Option<std::net::SocketAddr>,
    by_day: Option<BTreeMap<chrono::NaiveDate, u8>>,
    opens: Option<Vec<chrono::NaiveDateTime>>,
}

/// A map whose keys have a type that the derives bound by nothing.
#[payload]
struct Generic<K: Ord + std::hash::Hash, V> {
    by_key: BTreeMap<K, V>,
}

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[action]
    async fn check(&self, params: Lists) -> bool {
        params.queue.is_none()
    }

    #[action]
    async fn read(&self, params: Unreadable) -> bool {
        params.share.is_some()
    }

    #[action]
    async fn generic(&self, params: Generic<String, Line>) -> usize {
        params.by_key.len()
    }
}

async fn said(action: &'static str, params: Value) -> (String, String) {
    let broker = ServiceBroker::builder().service(Orders).start().await.unwrap();
    let error = broker.call_named(action, params).await.unwrap_err();
    broker.stop().await;
    assert_eq!((error.code(), error.kind()), (422, "VALIDATION_ERROR"), "{error:#}");
    let first = &error.data().unwrap()[0];
    (first["field"].as_str().unwrap().to_owned(), first["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn checks_of_ones_own_name_the_entry_of_a_map() {
    let odd = json!({ "sku": "a", "count": 1 });
    let (field, text) = said("orders.check", json!({ "byNumber": { "7": odd } })).await;
    assert_eq!((field.as_str(), text.as_str()), ("byNumber.7.count", "byNumber.7.count is odd."));
    let (field, _) = said("orders.check", json!({ "queue": [odd] })).await;
    assert_eq!(field, "queue[0].count");
    let (field, _) = said("orders.generic", json!({ "byKey": { "a": odd } })).await;
    assert_eq!(field, "byKey.a.count");
}

#[tokio::test]
async fn what_no_schema_refuses_is_refused_with_its_place() {
    for (params, place) in [
        (json!({ "share": 0 }), "share"),
        (json!({ "peer": "somewhere" }), "peer"),
        (json!({ "byDay": { "2026-01-31": 1, "soon": 2 } }), "byDay.soon"),
        (json!({ "opens": ["2026-01-31T12:00:00", "2026-01-31T12:00"] }), "opens[1]"),
    ] {
        let (field, text) = said("orders.read", params).await;
        assert_eq!(field, place);
        assert!(text.starts_with(&format!("The '{place}' field is not valid: ")), "{text}");
    }
}
