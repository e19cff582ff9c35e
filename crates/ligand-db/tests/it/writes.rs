//! What is written, and what is refused: the same in every store, value by value, whatever way it comes in.

use std::collections::BTreeMap;

use ligand_core::{Data, ServiceBroker};
use ligand_db::{Changes, Db, Entity, Field, Filter, Memory, Sqlite};
use ligand_wire::{schema::JsonSchema, validate::Validate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    actions::{broker, call},
    files::Scratch,
};

/// One type in a required, a unique and an indexed column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Held<T> {
    #[serde(default)]
    id: String,
    value: T,
    only: Option<T>,
    found: Option<T>,
}

impl<T> Validate for Held<T> {}

impl<T: Data + JsonSchema> Entity for Held<T> {
    type Visible = Self;
    const TABLE: &'static str = "held";
    const FIELDS: &'static [Field] = &[Field::new("only").unique(), Field::new("found").index()];
}

/// The same without indexes, for what has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Loose<T> {
    #[serde(default)]
    id: String,
    value: T,
    only: Option<T>,
}

impl<T> Validate for Loose<T> {}

impl<T: Data + JsonSchema> Entity for Loose<T> {
    type Visible = Self;
    const TABLE: &'static str = "loose";
}

/// An answer or an error, without what differs from run to run.
fn outcome(answer: ligand_core::Result<Value>) -> Value {
    fn clean(mut value: Value) -> Value {
        match &mut value {
            Value::Object(fields) => drop(fields.shift_remove("id")),
            Value::Array(items) => items.iter_mut().for_each(|item| *item = clean(item.take())),
            _ => {}
        }
        value
    }
    match answer {
        Ok(value) => clean(value),
        Err(error) => json!({ "code": error.code(), "kind": error.kind(), "data": error.data() }),
    }
}

/// Every way in, with every value; what came out, and what is there afterwards.
async fn written<E: Entity>(db: Db<E>, values: &[Value], unique: bool) -> Vec<Value> {
    let broker: ServiceBroker = broker("held", &db).await;
    let mut out = Vec::new();
    let mut note = |what: String, answer| out.push(json!([what, outcome(answer)]));
    for (index, value) in values.iter().enumerate() {
        let shown: String = value.to_string().chars().take(60).collect();
        db.clear().await.unwrap();
        let first = call(&broker, "held.create", json!({ "value": value })).await;
        note(format!("create {shown}"), first.clone());
        note(
            format!("insert {shown}"),
            call(
                &broker,
                "held.insert",
                json!({ "entities": [{ "value": value }, { "value": value, "only": value }] }),
            )
            .await,
        );
        note(
            format!("unique {shown}"),
            call(&broker, "held.create", json!({ "value": value, "only": value })).await,
        );
        let Some(id) = first.ok().and_then(|made| made["id"].as_str().map(str::to_owned)) else { continue };
        // Of another value of the type, and back.
        let other = &values[(index + 1) % values.len()];
        for (action, fields) in [
            ("held.update", json!({ "id": id, "value": other, "only": null })),
            ("held.replace", json!({ "id": id, "value": value, "found": other })),
            ("held.update", json!({ "id": id, "value": null })),
            ("held.replace", json!({ "id": id, "found": value })),
            ("held.update", json!({ "id": id, "only": value })),
        ] {
            let fields = if unique { fields } else { without_found(fields) };
            note(format!("{action} {shown}"), call(&broker, action, fields).await);
        }
        let set = Changes::new().set("value", other).set("only", value);
        let set = db.update_where(&id, Filter::field("value").ne(Value::Null), set).await;
        note(format!("set {shown}"), set.map(|entity| serde_json::to_value(entity.map(E::visible)).unwrap()));
        note(format!("left {shown}"), call(&broker, "held.find", json!({ "sort": "id" })).await);
    }
    broker.stop().await;
    out
}

fn without_found(mut fields: Value) -> Value {
    fields.as_object_mut().unwrap().shift_remove("found");
    fields
}

/// All stores write and refuse the same. Answers what the first did with each value, by `create`.
async fn agree<E: Entity>(values: &[Value], unique: bool) -> Vec<bool> {
    let memory = written(Db::<E>::with(Memory::new()), values, unique).await;
    let file = Scratch::new();
    for sqlite in [Sqlite::open("sqlite::memory:").unwrap(), file.again()] {
        let other = written(Db::<E>::sqlite(&sqlite), values, unique).await;
        for (memory, other) in memory.iter().zip(&other) {
            assert_eq!(memory, other, "{}", std::any::type_name::<E>());
        }
        assert_eq!(memory.len(), other.len());
    }
    let created = memory.iter().filter(|line| line[0].as_str().unwrap().starts_with("create"));
    created.map(|line| line[1].get("code").is_none()).collect()
}

async fn check<E: Entity>(right: Value, wrong: Value, unique: bool) {
    let (Value::Array(right), Value::Array(wrong)) = (right, wrong) else { panic!("lists") };
    let expected: Vec<bool> = right.iter().map(|_| true).chain(wrong.iter().map(|_| false)).collect();
    let all: Vec<Value> = right.into_iter().chain(wrong).collect();
    assert_eq!(agree::<E>(&all, unique).await, expected, "{}: {all:?}", std::any::type_name::<E>());
}

async fn single<T: Data + JsonSchema>(right: Value, wrong: Value) {
    check::<Held<T>>(right, wrong, true).await;
}

async fn whole<T: Data + JsonSchema>(right: Value, wrong: Value) {
    check::<Loose<T>>(right, wrong, false).await;
}

fn nested(levels: usize) -> Value {
    (0..levels)
        .fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
}

#[tokio::test]
async fn texts_and_numbers_are_written_and_refused_alike() {
    let long = "long ".repeat(100_000);
    let texts = json!([
        "",
        " ",
        "a",
        "A",
        "a\u{0}b",
        "\u{0}",
        "\u{1F600}\u{200D}\u{1F525}",
        "e\u{301}",
        "\u{e9}",
        "null",
        "'\"\\",
        long
    ]);
    single::<String>(texts, json!([null, 5, true, [], {}])).await;
    single::<char>(json!(["a", "\u{0}", "\u{1F600}"]), json!(["", "ab", 5])).await;
    single::<u8>(json!([0, 255]), json!([-1, 256, 0.5, "x", null])).await;
    single::<i64>(json!([i64::MIN, -1, 0, i64::MAX]), json!([u64::MAX, 1e300, "x"])).await;
    single::<u64>(json!([0, i64::MAX, 9_223_372_036_854_775_808_u64, u64::MAX]), json!([-1, 1e300])).await;
    single::<f64>(json!([-0.0, 5e-324, f64::MAX, f64::MIN, 0.1, 3, u64::MAX]), json!(["1", null])).await;
    single::<f32>(json!([0.1, f32::MAX, -1]), json!(["x"])).await;
    single::<bool>(json!([true, false]), json!([1, "true", null])).await;
}

#[tokio::test]
async fn types_of_others_are_written_and_refused_alike() {
    single::<rust_decimal::Decimal>(
        json!(["1.0", "1.00", "-0", "79228162514264337593543950335", 5, "0.0000000000000000000000000001"]),
        json!(["x", "", "79228162514264337593543950336", null]),
    )
    .await;
    single::<ligand_wire::Date>(
        json!(["2026-01-31T12:00:00Z", "2026-01-31T13:00:00.000+01:00", 0]),
        json!(["2026-02-30T00:00:00Z", "x"]),
    )
    .await;
    single::<chrono::DateTime<chrono::FixedOffset>>(
        json!(["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00"]),
        json!(["2026-01-31", 5]),
    )
    .await;
    single::<jiff::civil::Date>(json!(["2026-01-31", "-000001-01-01"]), json!(["2026-02-30", ""])).await;
    single::<uuid::Uuid>(
        json!(["0198A0C4-0000-7000-8000-00000000000A", "0198a0c4000070008000000000000000"]),
        json!(["", "x", 5]),
    )
    .await;
    single::<std::net::IpAddr>(json!(["::1", "0:0::1", "10.0.0.1"]), json!(["10.0.0.256", ""])).await;
}

#[tokio::test]
async fn lists_and_objects_are_written_and_refused_alike() {
    let floats = json!([
        [],
        [0.1, 0.30000000000000004, 123_456_789.123_456_79, 5e-324, f64::MAX, 2.225_073_858_507_201e-308]
    ]);
    whole::<Vec<f64>>(floats, json!([[null], "x", { "0": 1 }])).await;
    whole::<Vec<String>>(json!([["a\u{0}", "", "\u{1F600}"], []]), json!([[1], "a"])).await;
    whole::<BTreeMap<String, i64>>(
        json!([{}, { "": 1, "a.b": 2, "\"": 3, "\u{0}": 4, "$gt": 5 }]),
        json!([{ "a": "x" }, []]),
    )
    .await;
    let odd =
        json!({ "": [null, { "a\"b'": { "\u{0}": [] } }], "n": [u64::MAX, i64::MIN, 1.5, -0.0, 1e300] });
    whole::<Value>(json!([odd, [], "x", 5, false, nested(64)]), json!([nested(66), nested(150)])).await;
}
