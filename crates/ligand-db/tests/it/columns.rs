//! Typed columns beyond comparing: unique values, sums, what is refused and when, files of earlier versions.

use ligand_core::{ServiceBroker, ServiceDef, service::Mixin};
use ligand_db::{Changes, Db, Entity, Field, Filter, Memory, Migration, Query, Sqlite};
use ligand_wire::{Date, validate::Validate};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    actions::{broker, call},
    contract::Adapters,
    files::Scratch,
};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Address {
    city: String,
    #[serde(default)]
    #[schemars(extend("x-ligand" = { "secret": true }))]
    code: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Item {
    #[serde(default)]
    id: String,
    price: Decimal,
    #[serde(default)]
    age: u8,
    #[serde(default)]
    weight: f64,
    #[serde(default)]
    born: Date,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    address: Address,
    #[serde(default = "some")]
    note: Option<String>,
    #[serde(default)]
    at: Option<chrono::DateTime<chrono::FixedOffset>>,
    #[serde(default)]
    large: Option<u64>,
    #[serde(default)]
    code: Option<uuid::Uuid>,
    #[serde(default)]
    made: Date,
    #[serde(default)]
    changed: Option<jiff::Timestamp>,
}

fn some() -> Option<String> {
    Some("some".into())
}

impl Validate for Item {}

impl Entity for Item {
    type Visible = Self;

    const TABLE: &'static str = "items";
    const FIELDS: &'static [Field] = &[
        Field::new("price").unique(),
        Field::new("at").unique(),
        Field::new("large").unique(),
        Field::new("code").unique(),
        Field::new("born").index(),
        Field::new("made").created_at(),
        Field::new("changed").updated_at(),
    ];
}

fn item(fields: Value) -> Item {
    let mut all = json!({ "price": "1" });
    if let Value::Object(fields) = fields {
        all.as_object_mut().unwrap().extend(fields);
    }
    serde_json::from_value(all).unwrap()
}

async fn unique(db: Db<Item>) {
    for (price, field, values) in [
        ("1", "price", ["1.0", "1.00"]),
        ("2", "at", ["2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00Z"]),
        ("3", "code", ["0198a0c4-0000-7000-8000-00000000000a", "0198A0C4-0000-7000-8000-00000000000A"]),
    ] {
        db.insert(item(json!({ "price": price, field: values[0] }))).await.unwrap();
        let twice = item(json!({ "price": format!("{price}.5"), field: values[1] }));
        let error = db.insert(twice).await.unwrap_err();
        assert_eq!((error.kind(), error.data()), ("DUPLICATE_KEY", Some(&json!({ "field": field }))));
        let other = db.insert(item(json!({ "price": format!("{price}.7") }))).await.unwrap();
        let changes = Changes::new().set(field, values[1]);
        assert_eq!(
            db.update_where(&other.id, Filter::all(), changes).await.unwrap_err().kind(),
            "DUPLICATE_KEY"
        );
    }
    db.insert(item(json!({ "price": "8", "large": u64::MAX }))).await.unwrap();
    db.insert(item(json!({ "price": "9", "large": u64::MAX - 1 }))).await.unwrap();
    let error = db.insert(item(json!({ "price": "10", "large": u64::MAX }))).await.unwrap_err();
    assert_eq!(error.data(), Some(&json!({ "field": "large" })));
}

async fn sums(db: Db<Item>) {
    let id = db.insert(item(json!({ "price": "0.10", "large": i64::MAX }))).await.unwrap().id;
    let add = |field: &'static str, by: Value| {
        let (db, id) = (db.clone(), id.clone());
        async move { db.increment(&id, field, by).await }
    };
    assert_eq!(add("price", json!("0.20")).await.unwrap().price.to_string(), "0.30");
    assert_eq!(add("price", json!(1)).await.unwrap().price.to_string(), "1.30");
    let less = db.increment(&id, "price", Decimal::new(-130, 2)).await.unwrap();
    assert_eq!(less.price.to_string(), "0.00");
    assert_eq!(add("large", json!(1)).await.unwrap().large, Some(9_223_372_036_854_775_808));
    assert_eq!(add("large", json!(-2)).await.unwrap().large, Some(9_223_372_036_854_775_806));
    for (field, by) in
        [("large", json!(u64::MAX)), ("large", json!(i64::MIN)), ("age", json!(256)), ("age", json!(-1))]
    {
        assert_eq!(add(field, by).await.unwrap_err().code(), 422, "{field}");
    }
    assert_eq!(db.require(&id).await.unwrap().large, Some(9_223_372_036_854_775_806));
    // Values are set in any form that the type reads.
    let changes =
        Changes::new().set("born", 0).set("price", 2.5).set("weight", 3).set("note", None::<String>);
    let set = db.update_where(&id, Filter::all(), changes).await.unwrap().unwrap();
    assert_eq!((set.born, set.price.to_string(), set.weight), (Date::from_millis(0), "2.5".into(), 3.0));
    assert_eq!(db.require(&id).await.unwrap(), set);
    let found = db.find_one(Filter::field("born").eq("1970-01-01T01:00:00+01:00")).await.unwrap();
    assert_eq!(found, Some(set));
    for wrong in
        [json!({ "born": "soon" }), json!({ "price": "much" }), json!({ "tags": "x" }), json!({ "age": 300 })]
    {
        let error = db.update_where(&id, Filter::all(), Changes::of(&wrong).unwrap()).await.unwrap_err();
        let field = wrong.as_object().unwrap().keys().next().unwrap();
        assert_eq!((error.code(), &error.data().unwrap()[0]["field"]), (422, &json!(field)), "{error:?}");
    }
}

async fn values(db: Db<Item>) {
    // Nothing is a value of its own, also where the default is something.
    let none = db.insert(Item { note: None, ..item(json!({})) }).await.unwrap();
    assert_eq!(db.require(&none.id).await.unwrap(), none);
    assert_eq!(db.count(Filter::field("note").eq("some")).await.unwrap(), 0);
    // Time stamps are of the field's type.
    assert!(none.made.millis() > 1_700_000_000_000 && none.changed.is_some());
    assert_eq!(db.count(Filter::field("made").lte(Date::now())).await.unwrap(), 1);
    assert_eq!(db.count(Filter::field("made").gt(Date::now())).await.unwrap(), 0);
    // Zero has no sign.
    let zero = db.insert(Item { weight: -0.0, ..item(json!({ "price": "2" })) }).await.unwrap();
    assert_eq!(zero.weight.to_bits(), 0);
    assert_eq!(db.require(&zero.id).await.unwrap().weight.to_bits(), 0);
    for weight in [f64::NAN, f64::INFINITY] {
        let error = db.insert(Item { weight, ..item(json!({ "price": "3" })) }).await.unwrap_err();
        assert_eq!((error.code(), &error.data().unwrap()[0]["field"]), (422, &json!("weight")), "{error:?}");
    }
    // Empty lists, and items that are there twice.
    let tagged = item(json!({ "price": "4", "tags": ["a", "a", "B'\"\\", ""] }));
    let tagged = db.insert(tagged).await.unwrap();
    for (tag, expected) in [("a", 1), ("", 1), ("B'\"\\", 1), ("b", 0), ("A", 0)] {
        for filter in [Filter::field("tags").has(tag), Filter::field("tags").contains(tag)] {
            assert_eq!(db.count(filter).await.unwrap(), expected, "{tag}");
        }
    }
    let both = Filter::field("tags").has("a").and(Filter::field("tags").ne("b"));
    assert_eq!(
        db.update_where(&tagged.id, both, Changes::new().set("age", 1)).await.unwrap().unwrap().age,
        1
    );
    assert_eq!(db.remove_where(Filter::field("tags").eq("a")).await.unwrap(), 1);
}

async fn refused(db: Db<Item>) {
    let broker = broker("items", &db).await;
    let basel = json!({ "price": "5", "address": { "city": "Basel", "code": "x" } });
    call(&broker, "items.create", basel).await.unwrap();
    for (query, names) in [
        (json!({ "price": { "$gt": "much" } }), ["query.price.$gt", "decimal numbers", "$in"]),
        (json!({ "price": true }), ["query.price", "decimal numbers", "$gte"]),
        (json!({ "age": 300 }), ["query.age", "from 0 to 255", "$gt"]),
        (json!({ "age": { "$lt": -1 } }), ["query.age.$lt", "from 0 to 255", "$gt"]),
        (json!({ "age": 1.5 }), ["query.age", "whole numbers", "$gt"]),
        (json!({ "age": "many" }), ["query.age", "whole numbers", "$gt"]),
        (json!({ "weight": "inf" }), ["query.weight", "numbers", "$gt"]),
        (json!({ "born": { "$gte": "soon" } }), ["query.born.$gte", "moments", "$lt"]),
        (json!({ "born": "2026-01-31T12:00:00" }), ["query.born", "moments", "$lt"]),
        (json!({ "at": { "$in": ["2026-01-31T12:00:00Z", 5] } }), ["query.at.$in", "moments", "$lt"]),
        (json!({ "code": "x" }), ["query.code", "uuids", "$eq"]),
        (json!({ "tags": { "$gt": "a" } }), ["query.tags.$gt", "no order", "$in"]),
        (json!({ "tags": 5 }), ["query.tags", "texts", "$in"]),
        (json!({ "address": { "city": "Basel" } }), ["query.address", "fields city", "$exists"]),
        (json!({ "address.town": "Basel" }), ["query.address.town", "no field 'town'", "city"]),
        (json!({ "tags.0": "a" }), ["query.tags.0", "lists", "'0'"]),
        (json!({ "price": { "$contains": "1" } }), ["query.price.$contains", "operators are", "$in"]),
    ] {
        let error = call(&broker, "items.find", json!({ "query": query })).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (422, "VALIDATION_ERROR"), "{query} {error:?}");
        let text = error.data().unwrap()[0]["message"].as_str().unwrap();
        assert!(names.iter().all(|name| text.contains(name)), "{query} {text}");
    }
    for sort in ["tags", "-address", "address.town", "price.x"] {
        let error = call(&broker, "items.list", json!({ "sort": sort })).await.unwrap_err();
        assert_eq!((error.code(), &error.data().unwrap()[0]["field"]), (422, &json!("sort")), "{sort}");
        assert!(format!("{error:?}").contains(sort.trim_start_matches('-')), "{error:?}");
    }
    // What must not be told cannot be asked for either, and looks like what is not there.
    let secret = call(&broker, "items.count", json!({ "query": { "address.code": "x" } })).await.unwrap_err();
    let nothing =
        call(&broker, "items.count", json!({ "query": { "address.nope": "x" } })).await.unwrap_err();
    assert_eq!(format!("{secret:?}").replace("code", "nope"), format!("{nothing:?}").replace("code", "nope"));
    assert_eq!(db.count(Filter::field("address.code").eq("x")).await.unwrap(), 1);
    let city = json!({ "query": { "address.city": "Basel" }, "sort": "-address.city,price" });
    assert_eq!(call(&broker, "items.find", city).await.unwrap().as_array().unwrap().len(), 1);
    for values in [
        json!({ "price": "much" }),
        json!({ "price": "6", "age": 300 }),
        json!({ "price": "6", "age": "5" }),
        json!({ "price": "6", "at": "2026-02-30T00:00:00Z" }),
        json!({ "price": "6", "born": "soon" }),
        json!({ "price": "6", "code": "x" }),
        json!({ "price": "6", "large": -1 }),
    ] {
        let error = call(&broker, "items.create", values.clone()).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (422, "VALIDATION_ERROR"), "{values} {error:?}");
    }
    for (wrong, operator) in [
        (Filter::field("price").gt("much"), "gt"),
        (Filter::field("price").contains("1"), "contains"),
        (Filter::field("price").has(1), "has"),
        (Filter::field("born").lt(true), "lt"),
        (Filter::field("tags").has(5), "has"),
        (Filter::field("tags").has(["a"]), "has"),
        (Filter::field("address").eq(json!({ "city": "Basel" })), "eq"),
        (Filter::field("address.city.x").exists(true), "exists"),
        (Filter::field("age").is_in([json!(1), json!("x")]), "is_in"),
    ] {
        let error = db.find(wrong.clone()).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (422, "CONDITION_ERROR"), "{wrong:?}");
        assert_eq!(error.data().unwrap()["operator"], operator, "{error:?}");
        for error in [
            db.count(wrong.clone()).await.unwrap_err(),
            db.remove_where(wrong.clone()).await.unwrap_err(),
            db.update_where("x", wrong, Changes::new().set("age", 1)).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), "CONDITION_ERROR");
        }
    }
    // In code a number may be beyond the type: what holds for no value is still true or false.
    assert_eq!(db.count(Filter::field("age").lt(300)).await.unwrap(), 1);
    assert_eq!(db.count(Filter::field("age").eq(300)).await.unwrap(), 0);
    assert_eq!(db.count(Filter::field("age").gt(-0.5)).await.unwrap(), 1);
    broker.stop().await;
}

macro_rules! both {
    ($($test:ident => $check:ident;)*) => {
        mod memory {
            use super::{Adapters as _, Memory};
            $(#[tokio::test]
            async fn $test() {
                super::$check(Memory::new().db()).await;
            })*
        }
        mod sqlite {
            use super::{Adapters as _, Scratch};
            $(#[tokio::test]
            async fn $test() {
                let file = Scratch::new();
                super::$check(file.db()).await;
            })*
        }
    };
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Loose {
    #[serde(default)]
    id: String,
    free: Value,
    #[serde(default)]
    lasts: Option<jiff::SignedDuration>,
    #[serde(default)]
    parts: Vec<Address>,
}

impl Validate for Loose {}

impl Entity for Loose {
    type Visible = Self;

    const TABLE: &'static str = "loose";
}

async fn whole(db: Db<Loose>) {
    let values = [
        json!({ "a": 1, "b": [1.5, null, "x"] }),
        json!({ "b": [1.5, null, "x"], "a": 1.0 }),
        json!("a"),
        json!("\"a\""),
        json!(1),
        json!(null),
        json!([]),
    ];
    for (id, free) in values.iter().enumerate() {
        let made = Loose { id: id.to_string(), free: free.clone(), lasts: None, parts: Vec::new() };
        assert_eq!(db.insert(made.clone()).await.unwrap(), made);
        assert_eq!(db.require(&made.id).await.unwrap(), made);
    }
    for (id, free) in values.iter().enumerate() {
        let found: Vec<_> =
            db.find(Filter::field("free").eq(free)).await.unwrap().into_iter().map(|own| own.id).collect();
        let same = if id < 2 { vec!["0".to_owned(), "1".to_owned()] } else { vec![id.to_string()] };
        assert_eq!(found, same, "{free}");
        assert_eq!(db.count(Filter::field("free").is_in([free])).await.unwrap(), same.len() as u64, "{free}");
        assert_eq!(db.count(Filter::field("free").ne(free)).await.unwrap(), 7 - same.len() as u64, "{free}");
    }
    let lasts = jiff::SignedDuration::from_secs(90);
    db.update("3", Changes::new().set("lasts", lasts)).await.unwrap();
    assert_eq!(db.count(Filter::field("lasts").eq(lasts)).await.unwrap(), 1);
    // What has no order is not put into one.
    for sort in ["lasts", "free", "parts", "parts.city"] {
        assert_eq!(db.find(Query::new().sort(sort)).await.unwrap_err().kind(), "CONDITION_ERROR", "{sort}");
    }
    for wrong in [
        Filter::field("lasts").gt(lasts),
        Filter::field("free").lt(1),
        Filter::field("parts").has(json!({ "city": "Basel" })),
        Filter::field("parts.city").eq("Basel"),
    ] {
        assert_eq!(db.count(wrong.clone()).await.unwrap_err().kind(), "CONDITION_ERROR", "{wrong:?}");
    }
}

both! {
    one_value_in_two_notations_is_one_key => unique;
    sums_are_exact_and_in_range => sums;
    values_are_kept_as_they_are => values;
    what_a_field_cannot_be_asked_is_refused => refused;
    what_has_no_order_is_compared_as_a_whole => whole;
    texts_by_hand_are_what_their_type_is => written_by_hand;
}

macro_rules! refused_at_start {
    ($($type:ty, $name:literal => $fields:expr, $words:literal;)*) => {$({
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
        struct Wrong {
            #[serde(default)]
            id: String,
            field: $type,
        }
        impl Validate for Wrong {}
        impl Entity for Wrong {
            type Visible = Self;

            const TABLE: &'static str = "wrong";
            const FIELDS: &'static [Field] = $fields;
        }
        let service = ServiceDef::new("wrong").mixin(Db::<Wrong>::memory().define("wrong"));
        let error = ServiceBroker::builder().service(service).start().await.unwrap_err();
        assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR", $name);
        assert!(error.message().contains("'field'") && error.message().contains($words), "{error:?}");
    })*};
}

#[tokio::test]
async fn fields_without_a_column_fail_the_start() {
    refused_at_start! {
        i128, "i128" => &[], "no column holds every i128";
        Vec<u128>, "list of u128" => &[], "no column holds every u128";
        Vec<String>, "unique list" => &[Field::new("field").unique()], "cannot be unique";
        Vec<Decimal>, "index of a list" => &[Field::new("field").index()], "cannot have an index";
        Address, "index of an object" => &[Field::new("field").index()], "city";
        u32, "short time stamp" => &[Field::new("field").created_at()], "time stamp";
        Decimal, "decimal time stamp" => &[Field::new("field").updated_at()], "time stamp";
    }
}

/// The columns of [`Item`] as they were made when decimals and dates were kept as JSON documents.
const EARLIER: &str = r#"
    CREATE TABLE items ("id" TEXT PRIMARY KEY NOT NULL, price TEXT, age INTEGER, born TEXT, tags TEXT) WITHOUT ROWID;
    CREATE INDEX items_born_index ON items (born);
    CREATE UNIQUE INDEX items_price_unique ON items (price);
    INSERT INTO items VALUES ('a', '"10.50"', 1, '"2026-01-31T12:00:00.000Z"', '["x"]');
    INSERT INTO items VALUES ('b', '9', 2, '0', '[]');
    INSERT INTO items VALUES ('c', '"-1"', 3, '"1969-12-31T23:59:59.999Z"', NULL);
"#;

#[tokio::test]
async fn columns_of_an_earlier_form_are_read_and_sorted() {
    let file = Scratch::new();
    let db = Db::<Item>::sqlite(&file.again().migrations([Migration::new("1", EARLIER)]));
    let ids = |sort: &'static str| {
        let db = db.clone();
        async move {
            let found = db.find(Query::new().sort(sort)).await.unwrap();
            found.into_iter().map(|item| item.id).collect::<String>()
        }
    };
    assert_eq!(ids("price").await, "cba");
    assert_eq!(ids("born").await, "cba");
    assert_eq!(db.count(Filter::field("price").gte(9)).await.unwrap(), 2);
    assert_eq!(db.count(Filter::field("born").eq("1970-01-01T00:00:00Z")).await.unwrap(), 1);
    assert_eq!(db.count(Filter::field("born").is_in(["2026-01-31T13:00:00+01:00"])).await.unwrap(), 1);
    let first = db.require("a").await.unwrap();
    assert_eq!(
        (first.price.to_string(), first.born.to_string()),
        ("10.50".into(), "2026-01-31T12:00:00.000Z".into())
    );
    assert_eq!(db.require("b").await.unwrap().born, Date::from_millis(0));
    let error = db.insert(item(json!({ "price": "9.0" }))).await.unwrap_err();
    assert_eq!(error.data(), Some(&json!({ "field": "price" })));
    db.update("a", Changes::new().set("price", "8")).await.unwrap();
    assert_eq!(ids("price").await, "cab");
    // What was added is in the same order, and a second start changes nothing.
    let again = Db::<Item>::sqlite(&file.again().migrations([Migration::new("1", EARLIER)]));
    assert_eq!(again.count(Filter::field("price").lt(9)).await.unwrap(), 2);
}

#[tokio::test]
async fn a_column_of_another_type_fails_the_start() {
    for (column, declared) in
        [("price", "REAL"), ("age", "TEXT"), ("weight", "TEXT"), ("large", "REAL"), ("born", "INTEGER")]
    {
        let file = Scratch::new();
        let sql = format!("CREATE TABLE items (\"id\" TEXT PRIMARY KEY, {column} {declared})");
        let db = Db::<Item>::sqlite(&file.again().migrations([Migration::new("1", sql)]));
        let service = ServiceDef::new("items").mixin(db.define("items"));
        let error = ServiceBroker::builder().service(service).start().await.unwrap_err();
        assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR", "{error:?}");
        assert!(error.message().contains(&format!("'{column}'")), "{error:?}");
        assert!(error.message().contains("ALTER TABLE"), "{error:?}");
        // A file that is only read is looked at too.
        let read = Db::<Item>::sqlite(&Sqlite::open(&format!("{}?mode=ro", file.url())).unwrap());
        assert_eq!(read.count(Filter::all()).await.unwrap_err().kind(), "SERVICE_SCHEMA_ERROR");
    }
}

/// As programs write it that do not use the features: texts by hand.
mod by_hand {
    use ligand::prelude::*;
    use rust_decimal::Decimal;

    #[entity(table = "accounts")]
    #[derive(Clone, Debug, PartialEq)]
    pub(super) struct Account {
        pub(super) id: String,
        #[schemars(with = "String")]
        pub(super) balance: Decimal,
        #[serde(with = "rfc3339")]
        #[schemars(with = "String")]
        pub(super) opened: chrono::DateTime<chrono::FixedOffset>,
    }

    mod rfc3339 {
        use chrono::{DateTime, FixedOffset};
        use ligand::__private::serde::{Deserialize, Deserializer, Serializer, de::Error as _};

        pub(super) fn serialize<S: Serializer>(
            at: &DateTime<FixedOffset>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(&at.to_rfc3339())
        }

        pub(super) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<DateTime<FixedOffset>, D::Error> {
            let text = String::deserialize(deserializer)?;
            DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)
        }
    }
}

async fn written_by_hand(db: Db<by_hand::Account>) {
    for (id, balance, opened) in [
        ("a", "10", "2026-01-31T12:00:00.5Z"),
        ("b", "9", "2026-01-31T12:30:00+01:00"),
        ("c", "9.00", "2026-01-31T12:00:00Z"),
    ] {
        let fields = json!({ "id": id, "balance": balance, "opened": opened });
        db.insert(serde_json::from_value(fields).unwrap()).await.unwrap();
    }
    let ids = |sort: &'static str| {
        let db = db.clone();
        async move {
            db.find(Query::new().sort(sort)).await.unwrap().into_iter().map(|own| own.id).collect::<String>()
        }
    };
    assert_eq!(ids("balance").await, "bca");
    assert_eq!(ids("opened").await, "bca");
    assert_eq!(db.count(Filter::field("balance").eq(Decimal::from(9))).await.unwrap(), 2);
    assert_eq!(db.count(Filter::field("balance").gt("9.5")).await.unwrap(), 1);
}
