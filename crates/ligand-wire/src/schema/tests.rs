#![allow(clippy::needless_pass_by_value)]

mod parity;

use std::collections::{BTreeMap, HashMap, HashSet};

use schemars::JsonSchema;
use serde_json::json;

use super::*;

/// `type field` of each error.
fn kinds(schema: &Schema, value: Value) -> Vec<String> {
    schema.check(&value).iter().map(|e| format!("{} {}", e.kind, e.field.as_deref().unwrap_or("-"))).collect()
}

#[track_caller]
fn assert_kinds<T: JsonSchema>(value: Value, expected: &[&str]) {
    assert_eq!(kinds(&Schema::of::<T>(), value), expected);
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Numbers {
    byte: u8,
    signed: i32,
    long: u64,
    float: f64,
    maybe: Option<u16>,
}

#[test]
fn integers_have_the_bounds_of_their_type() {
    let good = json!({ "byte": 255, "signed": -5, "long": u64::MAX, "float": 1, "maybe": null });
    assert_kinds::<Numbers>(good, &[]);
    assert_kinds::<Numbers>(
        json!({ "byte": 300, "signed": 3_000_000_000_u64, "long": -1, "float": "x", "maybe": 1.5 }),
        &["numberMax byte", "numberMax signed", "numberMin long", "number float", "numberInteger maybe"],
    );
    assert_kinds::<Numbers>(
        json!({ "byte": 1.0, "signed": "1", "long": 1e30, "float": null }),
        &["number signed", "numberMax long", "required float"],
    );
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Weight {
    weight: f32,
}

#[test]
fn floats_have_the_bounds_of_their_type() {
    for good in [json!(f32::MAX), json!(3.402_823_5e38), json!(f32::MIN), json!(u64::MAX), json!(1e-300)] {
        assert_kinds::<Weight>(json!({ "weight": good }), &[]);
    }
    assert_kinds::<Weight>(json!({ "weight": 1e300 }), &["numberMax weight"]);
    assert_kinds::<Weight>(json!({ "weight": -1e300 }), &["numberMin weight"]);
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Loose {
    #[schemars(transform = Annotate::new().range(Some(0.into()), Some(1000.into())))]
    byte: u8,
}

#[test]
fn a_loose_range_does_not_widen_the_type() {
    assert_kinds::<Loose>(json!({ "byte": 300 }), &["numberMax byte"]);
}

#[test]
fn an_error_has_the_shape_moleculer_sends() {
    let errors =
        Schema::of::<Numbers>().check(&json!({ "byte": 300, "signed": 1, "long": 1, "float": null }));
    assert_eq!(
        serde_json::to_value(&errors).unwrap(),
        json!([
            { "type": "numberMax", "message": "The 'byte' field must be less than or equal to 255.", "field": "byte",
              "expected": 255, "actual": 300 },
            { "type": "required", "message": "The 'float' field is required.", "field": "float", "actual": null },
        ])
    );
    let errors = Schema::of::<Numbers>().check(&json!("x"));
    assert_eq!(
        serde_json::to_value(&errors).unwrap(),
        json!([{ "type": "object", "message": "The request must be an object.", "actual": "x" }])
    );
}

#[test]
fn nothing_at_the_root_means_no_parameters() {
    assert_kinds::<Numbers>(
        Value::Null,
        &["required byte", "required signed", "required long", "required float"],
    );
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct User {
    #[schemars(transform = Annotate::new().length(Some(1), Some(5)).flag("trim"))]
    name: String,
    #[schemars(transform = Annotate::new().format("email").flag("lowercase"))]
    email: Option<String>,
    #[schemars(transform = Annotate::new().length(Some(8), None).secret())]
    password: String,
    #[schemars(transform = Annotate::new().items(Some(1), Some(2)).unique_items().pattern("^[a-z]+$"))]
    tags: Vec<String>,
    #[schemars(transform = Annotate::new().range(Some(1.into()), Some(10.into())).positive())]
    level: Option<i64>,
    #[schemars(transform = Annotate::new().one_of("red").one_of("green"))]
    color: Option<String>,
    #[schemars(transform = Annotate::new().format("uri").flag("url"))]
    site: String,
    #[schemars(transform = Annotate::new().non_empty())]
    notes: Vec<String>,
    #[schemars(transform = Annotate::new().non_empty())]
    title: String,
}

fn user(changes: Value) -> Value {
    let mut user = json!({
        "name": " Ada ", "email": "ada@x.org", "password": "12345678", "tags": ["a"], "site": "https://x",
        "notes": ["x"], "title": "t",
    });
    user.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    user
}

#[test]
fn rules_of_fields() {
    let schema = Schema::of::<User>();
    assert_eq!(kinds(&schema, user(json!({}))), [""; 0]);
    assert_eq!(kinds(&schema, user(json!({ "color": null, "email": null, "level": null }))), [""; 0]);
    assert_eq!(
        kinds(
            &schema,
            user(
                json!({ "name": "      ", "email": "x", "password": "short", "tags": ["a", "B", "a"], "level": 0,
                "color": "blue", "site": "ftp://x", "notes": [], "title": "" })
            )
        ),
        [
            "stringMin name",
            "email email",
            "stringMin password",
            "arrayMax tags",
            "arrayUnique tags",
            "stringPattern tags[1]",
            "numberMin level",
            "numberPositive level",
            "enumValue color",
            "url site",
            "arrayEmpty notes",
            "stringEmpty title"
        ]
    );
    assert_eq!(
        kinds(&schema, user(json!({ "name": "😀😀😀", "email": "", "site": "", "tags": "a" }))),
        ["stringMax name", "emailEmpty email", "array tags", "urlEmpty site"]
    );
    let errors = schema.check(&user(json!({ "color": "blue", "name": "abcdef" })));
    assert_eq!(errors[1].message, "The 'color' field must be one of 'red', 'green'.");
    assert_eq!(errors[0].message, "The 'name' field must have at most 5 characters.");
    assert_eq!(
        (errors[0].expected.as_deref(), errors[0].actual.as_deref()),
        (Some(&json!(5)), Some(&json!(6)))
    );
}

#[test]
fn secrets_are_never_quoted() {
    let schema = Schema::of::<User>();
    for bad in [json!({ "password": "hunter2" }), json!({ "password": ["hunter2"] })] {
        let errors = schema.check(&user(bad));
        assert_eq!(errors.len(), 1);
        assert!(!serde_json::to_string(&errors).unwrap().contains("hunter2"));
        assert_eq!(errors[0].actual, None);
    }
    let errors = schema.check(&json!([user(json!({ "password": "hunter2" }))]));
    assert!(!serde_json::to_string(&errors).unwrap().contains("hunter2"));
}

#[test]
fn quotes_are_short() {
    let schema = Schema::of::<Numbers>();
    let errors = schema
        .check(&json!({ "byte": "x".repeat(10_000), "signed": vec![1; 1000], "long": [1], "float": 1 }));
    assert_eq!(errors[0].actual.as_ref().unwrap().as_str().unwrap().chars().count(), MAX_ACTUAL);
    assert_eq!(errors[1].actual, None);
    assert_eq!(errors[2].actual.as_deref(), Some(&json!([1])));
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Order {
    items: Vec<Item>,
    address: Address,
    note: Option<Address>,
    by_sku: HashMap<String, Item>,
    by_id: BTreeMap<u32, u8>,
    pair: (u8, String),
    three: [u8; 3],
    set: HashSet<String>,
    initial: char,
    any: Value,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Item {
    price: f64,
}

#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code)]
struct Address {
    zip_code: String,
}

fn order() -> Value {
    json!({
        "items": [{ "price": 1 }], "address": { "zip-code": "1" }, "note": null, "by_sku": { "a": { "price": 1 } },
        "by_id": { "7": 1 }, "pair": [1, "x"], "three": [1, 2, 3], "set": ["a", "b"], "initial": "😀", "any": null,
    })
}

#[test]
fn nested_fields_have_paths() {
    assert_kinds::<Order>(order(), &[]);
    let bad = json!({
        "items": [{ "price": 1 }, { "price": "x" }, null, 3], "address": {}, "note": { "zip-code": 1 },
        "by_sku": { "a b": { "price": true } }, "by_id": { "7": 300, "x": 1 }, "pair": [1], "three": [1, 2, 3, 4],
        "set": ["a", "a"], "initial": "ab", "any": [], "more": 1, "other": 2,
    });
    assert_kinds::<Order>(
        bad.clone(),
        &[
            "number items[1].price",
            "required items[2]",
            "object items[3]",
            "required address['zip-code']",
            "string note['zip-code']",
            "number by_sku.a b.price",
            "numberMax by_id.7",
            "objectStrict by_id",
            "tupleLength pair",
            "arrayLength three",
            "arrayUnique set",
            "stringLength initial",
            "objectStrict -",
        ],
    );
    let errors = Schema::of::<Order>().check(&bad);
    let strict = errors.last().unwrap();
    assert_eq!(strict.message, "The request must not have 'more', 'other': no such field is known.");
    assert_eq!(strict.actual.as_deref(), Some(&json!("more, other")));
}

#[test]
fn allowed_keys_are_listed_as_declared() {
    let fields = json!({ "size": {}, "color": {}, "age": {} });
    let schema = json!({ "type": "object", "properties": fields, "additionalProperties": false });
    let errors = Schema::from_json(schema).unwrap().check(&json!({ "weight": 1 }));
    assert_eq!(errors[0].expected.as_deref(), Some(&json!("size, color, age")));
}

#[derive(JsonSchema)]
#[allow(dead_code)]
enum External {
    Off,
    Count(u8),
    Size { width: u8 },
}

#[derive(JsonSchema)]
#[serde(tag = "type")]
#[allow(dead_code)]
enum Internal {
    Card { number: String },
    Cash(Item),
    Nothing,
}

#[derive(JsonSchema)]
#[serde(tag = "t", content = "c")]
#[allow(dead_code)]
enum Adjacent {
    A(u8),
    B { x: u8 },
    C,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Untagged {
    Id(u32),
    Name(String),
    Card { number: String },
    Cash { price: f64 },
}

#[derive(JsonSchema)]
#[allow(dead_code)]
enum Color {
    Red,
    /// A comment makes this an alternative of its own.
    Green,
}

#[test]
fn enums_report_the_variant_that_was_meant() {
    for good in [json!("Off"), json!({ "Count": 1 }), json!({ "Size": { "width": 1 } })] {
        assert_kinds::<External>(good, &[]);
    }
    assert_kinds::<External>(json!({ "Count": 300 }), &["numberMax Count"]);
    assert_kinds::<External>(json!({ "Size": {} }), &["required Size.width"]);
    assert_kinds::<External>(json!("On"), &["enumValue -"]);
    assert_kinds::<External>(json!(1), &["enumValue -"]);
    let errors = Schema::of::<External>().check(&json!({ "On": 1 }));
    assert_eq!(errors[0].expected.as_deref(), Some(&json!("Off, Count, Size")));

    assert_kinds::<Internal>(json!({ "type": "Cash", "price": 1 }), &[]);
    assert_kinds::<Internal>(json!({ "type": "Nothing" }), &[]);
    assert_kinds::<Internal>(json!({ "type": "Cash" }), &["required price"]);
    assert_kinds::<Internal>(json!({ "type": "Card", "number": 1 }), &["string number"]);
    assert_kinds::<Internal>(json!({ "type": "Gold" }), &["enumValue type"]);
    assert_kinds::<Internal>(json!({}), &["required type"]);

    assert_kinds::<Adjacent>(json!({ "t": "A", "c": 300 }), &["numberMax c"]);
    assert_kinds::<Adjacent>(json!({ "t": "B", "c": {} }), &["required c.x"]);
    assert_kinds::<Adjacent>(json!({ "t": "C" }), &[]);

    for good in [json!(1), json!("x"), json!({ "number": "1" }), json!({ "price": 1 })] {
        assert_kinds::<Untagged>(good, &[]);
    }
    assert_kinds::<Untagged>(json!({ "cost": 1 }), &["required number", "required price"]);
    assert_kinds::<Untagged>(json!(-1), &["numberMin -"]);
    assert_kinds::<Untagged>(json!(true), &["number -", "string -", "object -"]);

    assert_kinds::<Color>(json!("Green"), &[]);
    assert_kinds::<Color>(json!("Blue"), &["enumValue -"]);
    assert_kinds::<Option<Color>>(json!(null), &[]);
    assert_kinds::<Color>(json!(null), &["required -"]);
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    item: Item,
    #[serde(flatten)]
    how: Internal,
    #[serde(flatten)]
    rest: HashMap<String, u8>,
}

#[test]
fn flattened_parts_belong_to_the_object() {
    let good = json!({ "id": 1, "price": 1.5, "type": "Card", "number": "x", "more": 3 });
    assert_kinds::<Flat>(good, &[]);
    assert_kinds::<Flat>(
        json!({ "id": 1, "type": "Card", "number": 1, "more": 300 }),
        &["required price", "numberMax more", "string number"],
    );
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Tree {
    name: String,
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Ambiguous {
    A { next: Box<Ambiguous>, a: u8 },
    B { next: Box<Ambiguous>, b: u8 },
    C { next: Box<Ambiguous>, c: u8 },
    End { end: u8 },
}

#[test]
fn recursion_is_bounded() {
    assert_kinds::<Tree>(
        json!({ "name": "a", "children": [{ "name": "b", "children": [{ "children": [] }] }] }),
        &["required children[0].children[0].name"],
    );
    let schema = Schema::of::<Tree>();
    let mut deep = json!({ "name": "leaf", "children": [] });
    for _ in 0..50_000 {
        deep = Value::Object(serde_json::Map::from_iter([("children".to_owned(), Value::Array(vec![deep]))]));
    }
    assert_eq!(schema.check(&deep)[0].kind, "depth");
    schema.convert(&mut deep);
    // Dropping it would be recursive.
    std::mem::forget(deep);

    // As deep as allowed: the walk fits a small stack.
    let mut deep = json!({ "name": 1, "children": [] });
    for _ in 0..MAX_DEPTH / 2 - 1 {
        deep = json!({ "name": "x", "children": [deep] });
    }
    let errors = std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(move || Schema::of::<Tree>().check(&deep))
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(errors.len(), 1);

    let mut ambiguous = json!({});
    for _ in 0..49 {
        ambiguous = json!({ "next": ambiguous });
    }
    let errors = Schema::of::<Ambiguous>().check(&ambiguous);
    assert!(!errors.is_empty() && errors.len() <= MAX_ERRORS);
    let looping =
        Schema::from_json(json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/a" } } })).unwrap();
    assert_eq!(looping.check(&json!(1)), []);
    looping.fastest();
}

#[test]
fn the_number_of_errors_is_bounded() {
    let errors = Schema::of::<Vec<u8>>().check(&json!(vec!["x"; 10_000]));
    assert_eq!(errors.len(), MAX_ERRORS);
    assert_eq!(errors[99].field.as_deref(), Some("[99]"));
}

#[test]
fn schemas_from_elsewhere() {
    assert!(Schema::from_json(json!({ "pattern": "(" })).unwrap_err().contains("the pattern `(`"));
    assert!(Schema::from_json(json!(1)).is_err());
    let schema = Schema::from_json(json!({
        "type": "object",
        "properties": {
            "when": { "type": "string", "format": "date-time" },
            "host": { "type": "string", "format": "ipv4" },
            "id": { "type": "string", "format": "uuid" },
            "link": { "type": "string", "format": "uri" },
            "kind": { "const": "a" },
            "score": { "type": "number", "exclusiveMaximum": 1 },
            "code": { "type": "string", "minLength": 3, "maxLength": 3 },
            "none": false
        },
        "minProperties": 20
    }))
    .unwrap();
    let bad = json!({ "when": "today", "host": "x", "id": "x", "link": "x", "kind": "b", "score": 1, "code": "ab", "none": 1 });
    assert_eq!(
        kinds(&schema, bad),
        [
            "date when",
            "ip host",
            "uuid id",
            "url link",
            "equalValue kind",
            "numberLess score",
            "stringLength code",
            "forbidden none",
            "objectMinProps -"
        ]
    );
    assert_eq!(kinds(&Schema::from_json(json!(true)).unwrap(), json!([1])), [""; 0]);
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Query {
    page: u32,
    ratio: Option<f64>,
    active: bool,
    ids: Vec<u64>,
    tags: Option<Vec<String>>,
    name: String,
    range: Option<Range>,
    either: Untagged,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Range {
    from: i64,
    to: i64,
}

#[test]
fn texts_become_what_the_schema_expects() {
    let schema = Schema::of::<Query>();
    let mut query = json!({
        "page": "2", "ratio": "1.5e3", "active": "on", "ids": "7", "tags": "a", "name": "42",
        "range": { "from": "-1", "to": "x" }, "either": { "price": "1" }, "unknown": "1",
    });
    schema.convert(&mut query);
    assert_eq!(
        query,
        json!({
            "page": 2, "ratio": 1500, "active": true, "ids": [7], "tags": ["a"], "name": "42",
            "range": { "from": -1, "to": "x" }, "either": { "price": 1 }, "unknown": "1",
        })
    );
    assert_eq!(kinds(&schema, query), ["number range.to"]);

    let mut query =
        json!({ "page": "", "active": "yes", "ids": ["1", "x"], "ratio": "inf", "tags": ["a", "b"] });
    let before = query.clone();
    schema.convert(&mut query);
    assert_eq!(query["ids"], json!([1, "x"]));
    let mut whole = json!({ "page": "1e2", "ids": ["2.0", "2.5"] });
    schema.convert(&mut whole);
    assert_eq!(whole, json!({ "page": 100, "ids": [2, 2.5] }));
    query["ids"] = before["ids"].clone();
    assert_eq!(query, before);

    for (text, expected) in
        [("0", json!(false)), ("off", json!(false)), ("1", json!(true)), ("true", json!(true))]
    {
        let mut query = json!({ "active": text });
        schema.convert(&mut query);
        assert_eq!(query["active"], expected);
    }
}

#[test]
fn fastest_validator_notation() {
    assert_eq!(
        Schema::of::<User>().fastest(),
        json!({
            "name": { "type": "string", "min": 1, "max": 5, "trim": true },
            "email": { "type": "email", "lowercase": true, "nullable": true, "optional": true },
            "password": { "type": "string", "min": 8 },
            "tags": { "type": "array", "convert": true, "min": 1, "max": 2, "unique": true,
                "items": { "type": "string", "pattern": "^[a-z]+$" } },
            "level": { "type": "number", "convert": true, "integer": true, "min": 1, "max": 10, "positive": true,
                "nullable": true, "optional": true },
            "color": { "type": "enum", "values": ["red", "green"], "nullable": true, "optional": true },
            "site": { "type": "url" },
            "notes": { "type": "array", "convert": true, "items": { "type": "string" }, "empty": false },
            "title": { "type": "string", "empty": false },
        })
    );
    let order = Schema::of::<Order>().fastest();
    assert_eq!(order["$$strict"], true);
    assert_eq!(
        order["items"]["items"],
        json!({ "type": "object", "props": { "price": { "type": "number", "convert": true } } })
    );
    assert_eq!(order["by_sku"]["type"], "record");
    assert_eq!(order["pair"]["items"][1], json!({ "type": "string" }));
    assert_eq!(order["any"], json!({ "type": "any", "nullable": true }));
    assert_eq!(order["note"]["nullable"], true);

    assert_eq!(
        Schema::of::<Color>().fastest(),
        json!({ "$$root": true, "type": "enum", "values": ["Red", "Green"] })
    );
    assert_eq!(Schema::of::<u8>().fastest()["$$root"], true);
    assert_eq!(Schema::of::<Internal>().fastest()["type"], "multi");
    let tree = Schema::of::<Tree>().fastest();
    assert_eq!(tree["children"]["type"], "array");
}

#[test]
fn what_is_announced_converts_as_the_schema_itself() {
    let number = json!({ "type": "integer" });
    let schema = Schema::from_json(json!({
        "type": "object",
        "required": ["n"],
        "properties": {
            "n": number,
            "maybe": { "type": ["number", "null"] },
            "on": { "type": "boolean" },
            "text": { "type": "string" },
            "either": { "anyOf": [number, { "type": "string" }] },
            "mixed": { "anyOf": [number, { "type": "boolean" }, { "type": "null" }] },
            "list": { "type": "array", "items": number },
            "some": { "anyOf": [{ "type": "array", "items": number }, { "type": "object" }] },
            "pair": { "type": "array", "prefixItems": [number, { "type": "string" }] },
            "deep": { "type": "object", "properties": { "n": number } },
            "map": { "type": "object", "additionalProperties": number },
        },
    }));
    let schema = schema.unwrap();
    let told = schema.fastest();
    let convert = |at: &str| told[at].get("convert").is_some();
    assert!(["n", "maybe", "on", "list"].into_iter().all(convert), "{told}");
    assert!(!["text", "either", "mixed", "some", "pair", "deep"].into_iter().any(convert), "{told}");
    let rules = |at: &str| {
        told[at]["rules"].as_array().unwrap().iter().map(|rule| rule["convert"] == true).collect::<Vec<_>>()
    };
    assert_eq!(
        (rules("either"), rules("mixed"), rules("some")),
        (vec![false; 2], vec![true; 2], vec![false; 2])
    );
    let read = Schema::announced(&told).unwrap();
    for texts in [
        json!({ "n": "1", "maybe": "1.5", "on": "true", "text": "1", "either": "1", "mixed": "on", "list": "1" }),
        json!({ "n": "x", "maybe": "", "on": "maybe", "mixed": "7", "list": ["1", "x"], "pair": ["1", "2"] }),
        json!({ "some": ["1"], "deep": { "n": "1", "m": "1" }, "map": { "a": "1" }, "more": "1" }),
    ] {
        let (mut own, mut other) = (texts.clone(), texts);
        schema.convert(&mut own);
        read.convert(&mut other);
        assert_eq!(own, other);
    }
}

#[test]
fn a_number_that_no_integer_type_holds_is_named() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Wide {
        signed: i64,
        unsigned: u64,
    }
    let schema = Schema::of::<Wide>();
    for (field, text) in [
        ("unsigned", r#"{"signed":0,"unsigned":18446744073709551616}"#),
        ("unsigned", r#"{"signed":0,"unsigned":1e300}"#),
        ("unsigned", r#"{"signed":0,"unsigned":-1}"#),
        ("signed", r#"{"signed":9223372036854775808,"unsigned":0}"#),
        ("signed", r#"{"signed":-1e19,"unsigned":0}"#),
        ("signed", r#"{"signed":1.5,"unsigned":0}"#),
    ] {
        let errors = schema.check(&serde_json::from_str(text).unwrap());
        assert_eq!(
            errors.iter().map(|error| error.field.as_deref().unwrap_or_default()).collect::<Vec<_>>(),
            [field],
            "{text}"
        );
    }
    let most = r#"{"signed":-9223372036854775808,"unsigned":18446744073709551615}"#;
    assert!(schema.check(&serde_json::from_str(most).unwrap()).is_empty());
}

#[test]
fn top_level_properties() {
    let schema = Schema::of::<Numbers>();
    let byte = schema.properties().find(|p| p.name == "byte").unwrap();
    assert!(byte.required && byte.types.integer() && !byte.types.string() && !byte.types.null());
    let maybe = schema.properties().find(|p| p.name == "maybe").unwrap();
    assert!(!maybe.required && maybe.types.null());
    assert_eq!(Schema::of::<u8>().properties().count(), 0);
}

#[test]
fn rules_of_the_whole_object_are_published() {
    let schema = |json: Value| Schema::from_json(json).unwrap();
    let some = schema(
        json!({ "type": "object", "properties": { "a": true }, "minProperties": 1, "maxProperties": 3 }),
    );
    let published = json!({
        "$$root": true, "type": "object", "minProps": 1, "maxProps": 3,
        "props": { "a": { "type": "any", "nullable": true, "optional": true } },
    });
    assert_eq!(some.fastest(), published);
}

#[test]
fn two_rules_of_one_text_are_both_reported() {
    let json =
        json!({ "type": "string", "pattern": "^[a-z]+$", "x-ligand": { "nonEmpty": true }, "minLength": 2 });
    let errors = Schema::from_json(json).unwrap().check(&json!(""));
    let kinds: Vec<_> = errors.iter().map(|error| &*error.kind).collect();
    assert_eq!(kinds, ["stringEmpty", "stringMin", "stringPattern"]);
}
