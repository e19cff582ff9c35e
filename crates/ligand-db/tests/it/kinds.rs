//! Every type of field × every operator × edge values, with one table for both stores: what is equal, what is less,
//! what comes first, what is found in lists and inside objects, and that a value is read back as it was.

use std::collections::BTreeMap;

use ligand_db::{Db, Entity, Filter, ListParams, Memory, Query, Sqlite};
use ligand_wire::validate::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Colour {
    /// With a text of its own, so that the schema is a list of alternatives.
    Blue,
    Green,
    Red,
}

/// A type around another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Price(rust_decimal::Decimal);

macro_rules! fields {
    ($($(#[$meta:meta])* $name:ident: $type:ty,)*) => {
        /// One field of each type.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default)]
        struct Fields {
            $($(#[$meta])* $name: Option<$type>,)*
        }
    };
}

macro_rules! lists {
    ($($name:ident: $type:ty,)*) => {
        /// One list of each type.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default)]
        struct Lists {
            $($name: Vec<$type>,)*
        }
    };
}

fields! {
    i8: i8, i16: i16, i32: i32, i64: i64, u8: u8, u16: u16, u32: u32, u64: u64, usize: usize,
    f32: f32, f64: f64, number: serde_json::Number,
    decimal: rust_decimal::Decimal, price: Price,
    bool: bool, text: String, char: char, colour: Colour, uuid: uuid::Uuid, ip: std::net::IpAddr,
    date: ligand_wire::Date,
    chrono_utc: chrono::DateTime<chrono::Utc>,
    chrono_zoned: chrono::DateTime<chrono::FixedOffset>,
    chrono_day: chrono::NaiveDate, chrono_local: chrono::NaiveDateTime, chrono_time: chrono::NaiveTime,
    jiff_instant: jiff::Timestamp, jiff_zoned: jiff::Zoned, jiff_day: jiff::civil::Date,
    jiff_local: jiff::civil::DateTime, jiff_time: jiff::civil::Time,
    #[serde(with = "ligand_db::time::Text::<Option<time::OffsetDateTime>>")]
    time_instant: time::OffsetDateTime,
    #[serde(with = "ligand_db::time::Text::<Option<time::Date>>")]
    time_day: time::Date,
    #[serde(with = "ligand_db::time::Text::<Option<time::PrimitiveDateTime>>")]
    time_local: time::PrimitiveDateTime,
    #[serde(with = "ligand_db::time::Text::<Option<time::Time>>")]
    time_clock: time::Time,
}

lists! {
    i8: i8, u64: u64, f64: f64, decimal: rust_decimal::Decimal, bool: bool, text: String, colour: Colour,
    uuid: uuid::Uuid, ip: std::net::IpAddr, date: ligand_wire::Date,
    chrono_zoned: chrono::DateTime<chrono::FixedOffset>, chrono_day: chrono::NaiveDate,
    chrono_local: chrono::NaiveDateTime, jiff_time: jiff::civil::Time,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Thing {
    #[serde(default)]
    id: String,
    #[serde(flatten)]
    fields: Fields,
    #[serde(default)]
    deep: Option<Deep>,
    #[serde(default)]
    lists: Lists,
    /// Named as a column of SQLite's own tables of list items.
    #[serde(default)]
    value: Vec<rust_decimal::Decimal>,
    #[serde(default)]
    key: Option<Vec<Option<String>>>,
    #[serde(default)]
    free: Value,
    #[serde(default)]
    lasts: Option<jiff::SignedDuration>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Deep {
    #[serde(default)]
    er: Option<Fields>,
}

impl Validate for Thing {}

impl Entity for Thing {
    type Visible = Self;

    const TABLE: &'static str = "things";
}

/// Values in their order; those in one group are equal.
fn table() -> BTreeMap<&'static str, Vec<Vec<Value>>> {
    fn groups(json: Value) -> Vec<Vec<Value>> {
        let group = |group| match group {
            Value::Array(values) => values,
            value => vec![value],
        };
        let Value::Array(groups) = json else { return Vec::new() };
        groups.into_iter().map(group).collect()
    }
    let instants = json!([
        "1901-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        ["1970-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00", "1969-12-31T19:00:00-05:00"],
        "2026-01-31T12:00:00.1Z",
        "2026-01-31T12:00:00.100000001Z",
        ["2026-01-31T14:00:00+01:00", "2026-01-31T13:00:00Z", "2026-01-31T12:59:00-00:01"],
        "9999-12-30T23:59:59Z",
    ]);
    let days = json!(["0000-01-01", "1969-12-31", "1970-01-01", "2026-01-31", "2026-10-02", "9999-12-31"]);
    let locals = json!([
        "0000-01-01T00:00:00",
        "1969-12-31T23:59:59.999999999",
        "1970-01-01T00:00:00",
        "2026-01-31T12:00:00.09",
        "2026-01-31T12:00:00.1",
        "9999-12-31T23:59:59"
    ]);
    let times = json!(["00:00:00", "00:00:00.000000001", "09:59:59.09", "09:59:59.1", "23:59:59.999"]);
    let decimals = json!([
        "-79228162514264337593543950335",
        "-10",
        "-9.99",
        "-0.0000000000000000000000000001",
        ["0", "0.00"],
        "0.0000000000000000000000000001",
        ["1.1", "1.10", "1.100"],
        "9",
        ["10", "10.0"],
        "79228162514264337593543950335",
    ]);
    let texts = json!(["", "\u{0}", "10", "9", "A", "Zoë", "\\\"'", "a", "a\u{0}b", "b", "ä", "\u{1F600}"]);
    let mut texts = groups(texts);
    texts.sort_by(|a, b| a[0].as_str().cmp(&b[0].as_str()));
    BTreeMap::from([
        ("i8", groups(json!([i8::MIN, -1, 0, 9, 10, i8::MAX]))),
        ("i16", groups(json!([i16::MIN, 0, i16::MAX]))),
        ("i32", groups(json!([i32::MIN, -1, 0, i32::MAX]))),
        (
            "i64",
            groups(json!([i64::MIN, -9_007_199_254_740_993_i64, -1, 0, 9_007_199_254_740_993_i64, i64::MAX])),
        ),
        ("u8", groups(json!([0, 9, 10, u8::MAX]))),
        ("u16", groups(json!([0, u16::MAX]))),
        ("u32", groups(json!([0, u32::MAX]))),
        (
            "u64",
            groups(json!([
                0,
                10,
                i64::MAX,
                9_223_372_036_854_775_808_u64,
                10_000_000_000_000_000_000_u64,
                u64::MAX
            ])),
        ),
        ("usize", groups(json!([0, u64::MAX]))),
        (
            "f32",
            groups(json!([
                f32::MIN,
                -0.5,
                0.0,
                f64::from(f32::MIN_POSITIVE),
                f64::from(0.1_f32),
                f64::from(0.3_f32),
                f32::MAX
            ])),
        ),
        (
            "f64",
            groups(json!([f64::MIN, -1e-300, 0.0, 5e-324, 0.1, 0.30000000000000004, 1.7976931348623157e308])),
        ),
        ("number", groups(json!([-1.5, 0, 0.25, 9_007_199_254_740_993_i64, u64::MAX, 1e300]))),
        ("decimal", groups(decimals.clone())),
        ("price", groups(decimals)),
        ("bool", groups(json!([false, true]))),
        ("text", texts),
        ("char", groups(json!(["A", "a", "ä"]))),
        ("colour", groups(json!(["blue", "green", "red"]))),
        (
            "uuid",
            groups(json!([
                "00000000-0000-0000-0000-000000000001",
                "0198a0c4-0000-7000-8000-00000000000a",
                "ffffffff-ffff-ffff-ffff-ffffffffffff"
            ])),
        ),
        ("ip", groups(json!(["9.0.0.1", "10.0.0.9", "10.0.0.10", "::1", "2001:db8::9", "2001:db8::a"]))),
        (
            "date",
            groups(json!([
                "-000001-01-01T00:00:00.000Z",
                "1969-12-31T23:59:59.999Z",
                "1970-01-01T00:00:00.000Z",
                "2026-01-31T12:00:00.100Z",
                "+010000-01-01T00:00:00.000Z"
            ])),
        ),
        (
            "chrono_utc",
            groups(json!([
                "-0001-06-01T00:00:00Z",
                "1969-12-31T23:59:59.999Z",
                "2026-01-31T12:00:00Z",
                "2026-01-31T12:00:00.000000001Z",
                "+12345-01-01T00:00:00Z"
            ])),
        ),
        ("chrono_zoned", groups(instants.clone())),
        ("chrono_day", groups(days.clone())),
        ("chrono_local", groups(locals.clone())),
        ("chrono_time", groups(times.clone())),
        (
            "jiff_instant",
            groups(json!([
                "-009999-06-01T00:00:00Z",
                "1969-12-31T23:59:59.9Z",
                "1970-01-01T00:00:00Z",
                "2026-01-31T12:00:00.000000001Z"
            ])),
        ),
        (
            "jiff_zoned",
            groups(json!([
                "1969-12-31T23:59:59+00:00[UTC]",
                [
                    "2026-01-31T07:00:00-05:00[America/New_York]",
                    "2026-01-31T13:00:00+01:00[Europe/Zurich]",
                    "2026-01-31T12:00:00+00:00[UTC]"
                ],
                "2026-01-31T07:00:00.5-05:00[America/New_York]",
            ])),
        ),
        ("jiff_day", groups(days.clone())),
        ("jiff_local", groups(locals.clone())),
        ("jiff_time", groups(times.clone())),
        ("time_instant", groups(instants)),
        ("time_day", groups(days)),
        ("time_local", groups(locals)),
        ("time_clock", groups(times)),
    ])
}

/// A thing whose one field is set, at the top or inside an object; and one without it.
fn thing(path: &str, id: &str, value: &Value) -> Thing {
    let mut json = value.clone();
    for name in path.rsplit('.') {
        json = json!({ name: json });
    }
    json["id"] = id.into();
    serde_json::from_value(json).unwrap_or_else(|error| panic!("{path} {value}: {error}"))
}

fn ids(things: &[Thing]) -> Vec<String> {
    things.iter().map(|thing| thing.id.clone()).collect()
}

/// Numbers and texts as a URL would bring them.
async fn listed(db: &Db<Thing>, path: &str, query: Value, sort: &str) -> Vec<String> {
    let params = ListParams {
        query: Some(json!({ path: query })),
        sort: Some(sort.into()),
        page_size: Some(100),
        ..ListParams::default()
    };
    ids(&db.list(params).await.unwrap().rows)
}

/// One field in one store: equality, order, ranges, lists of values, sorting and paging.
async fn one_field(db: &Db<Thing>, path: &str, groups: &[Vec<Value>]) {
    db.clear().await.unwrap();
    // Ids do not follow the order of values.
    let mut rows: Vec<(String, usize, Value)> = Vec::new();
    for (rank, group) in groups.iter().enumerate() {
        for value in group {
            rows.push((format!("{:02}", (rows.len() * 7 + 3) % 31), rank, value.clone()));
        }
    }
    for (id, _, value) in &rows {
        let made = thing(path, id, value);
        let kept = db.insert(made.clone()).await.unwrap_or_else(|error| panic!("{path} {value}: {error:?}"));
        let read = db.require(id).await.unwrap();
        assert_eq!((&kept, &read), (&made, &made), "{path} {value}");
        // Also where types call different things equal: the zone, zeros at the end.
        assert_eq!(
            serde_json::to_value(&read).unwrap(),
            serde_json::to_value(&made).unwrap(),
            "{path} {value}"
        );
    }
    db.insert(Thing { id: "none".into(), ..Thing::default() }).await.unwrap();
    rows.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0)));

    let found = |filter: Filter| async move {
        let sorted = db.find(Query::from(filter.clone()).sort(path)).await;
        ids(&sorted.unwrap_or_else(|error| panic!("{filter:?}: {error:?}")))
    };
    let expected = |meets: &dyn Fn(usize) -> bool, none: bool| {
        let mut all: Vec<String> = none.then(|| "none".to_owned()).into_iter().collect();
        all.extend(rows.iter().filter(|(_, rank, _)| meets(*rank)).map(|(id, ..)| id.clone()));
        all
    };
    let ordered = path.rsplit('.').next() != Some("bool");
    for (_, rank, value) in &rows {
        let rank = *rank;
        let field = || Filter::field(path);
        let context = format!("{path} {value}");
        let (same, other) = (expected(&|own| own == rank, false), expected(&|own| own != rank, true));
        assert_eq!(found(field().eq(value)).await, same, "eq {context}");
        assert_eq!(db.count(field().eq(value)).await.unwrap(), same.len() as u64);
        assert_eq!(found(field().ne(value)).await, other, "ne {context}");
        assert_eq!(found(field().is_in([value])).await, same, "is_in {context}");
        assert_eq!(found(field().not_in([value])).await, other, "not_in {context}");
        let null_or = expected(&|own| own == rank, true);
        assert_eq!(found(field().is_in([value, &Value::Null])).await, null_or, "is_in null {context}");
        let neither = expected(&|own| own != rank, false);
        assert_eq!(found(field().not_in([value, &Value::Null])).await, neither, "not_in null {context}");
        assert_eq!(listed(db, path, json!({ "$in": [value] }), path).await, same, "$in {context}");
        // As a URL has it.
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(listed(db, path, json!(text), path).await, same, "text {context}");
        if ordered {
            for (filter, operator, meets) in [
                (field().gt(value), "$gt", &(|own| own > rank) as &dyn Fn(usize) -> bool),
                (field().gte(value), "$gte", &|own| own >= rank),
                (field().lt(value), "$lt", &|own| own < rank),
                (field().lte(value), "$lte", &|own| own <= rank),
            ] {
                let expected = expected(meets, false);
                assert_eq!(found(filter).await, expected, "{operator} {context}");
                assert_eq!(
                    listed(db, path, json!({ operator: text }), path).await,
                    expected,
                    "{operator} {context}"
                );
            }
        } else {
            let error = db.find(field().gt(value)).await.unwrap_err();
            assert_eq!(error.kind(), "CONDITION_ERROR");
        }
    }
    let all = expected(&|_| true, true);
    assert_eq!(found(Filter::all()).await, all, "sort {path}");
    assert_eq!(found(Filter::field(path).exists(false)).await, ["none"]);
    assert_eq!(found(Filter::field(path).eq(Value::Null)).await, ["none"]);
    assert_eq!(found(Filter::field(path).exists(true)).await, all[1..]);
    // Descending, equal ones still come in the order of their ids.
    let mut down = rows.clone();
    down.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut down: Vec<_> = down.into_iter().map(|(id, ..)| id).collect();
    down.push("none".into());
    let sort = format!("-{path}");
    assert_eq!(ids(&db.find(Query::new().sort(&sort)).await.unwrap()), down, "{sort}");
    let mut paged = Vec::new();
    for page in 0..down.len().div_ceil(2) {
        let query = Query::new().sort(&sort).limit(2).offset(page as u64 * 2);
        paged.extend(ids(&db.find(query).await.unwrap()));
    }
    assert_eq!(paged, down, "pages of {sort}");
}

/// Lists of one type: items, whole lists, none.
async fn one_list(db: &Db<Thing>, path: &str, groups: &[Vec<Value>]) {
    db.clear().await.unwrap();
    let first = &groups[0];
    let last = &groups[groups.len() - 1][0];
    let twin = first.last().unwrap();
    for (id, value) in
        [("a", json!([first[0]])), ("b", json!([last, twin, twin])), ("c", json!([last])), ("d", json!([]))]
    {
        let made = thing(path, id, &value);
        db.insert(made.clone()).await.unwrap();
        assert_eq!(db.require(id).await.unwrap(), made, "{path} {value}");
    }
    let check = |filter: Filter, query: Option<Value>, expected: &'static [&'static str]| async move {
        assert_eq!(ids(&db.find(filter.clone()).await.unwrap()), expected, "{filter:?}");
        if let Some(query) = query {
            assert_eq!(listed(db, path, query.clone(), "id").await, expected, "{path} {query}");
        }
    };
    let field = || Filter::field(path);
    for value in first {
        check(field().has(value), None, &["a", "b"]).await;
        check(field().eq(value), Some(value.clone()), &["a", "b"]).await;
        check(field().ne(value), Some(json!({ "$ne": value })), &["c", "d"]).await;
        check(field().is_in([value]), Some(json!({ "$in": [value] })), &["a", "b"]).await;
        check(field().not_in([value]), Some(json!({ "$nin": [value] })), &["c", "d"]).await;
        check(field().is_in([value, last]), Some(json!({ "$in": [value, last] })), &["a", "b", "c"]).await;
        // Lists as a whole: order and number count.
        check(field().eq([value]), Some(json!([value])), &["a"]).await;
        check(field().eq([last, value, value]), Some(json!({ "$eq": [last, value, value] })), &["b"]).await;
        check(field().is_in([json!([value]), last.clone()]), None, &["a", "b", "c"]).await;
        check(field().ne([value]), None, &["b", "c", "d"]).await;
    }
    check(field().eq(json!([])), Some(json!([])), &["d"]).await;
    check(field().is_in::<&Value>([]), Some(json!({ "$in": [] })), &[]).await;
    check(field().exists(true), None, &["a", "b", "c", "d"]).await;
    check(field().has(Value::Null), None, &[]).await;
    for wrong in [field().gt(last), field().lte(json!([last]))] {
        assert_eq!(db.find(wrong).await.unwrap_err().kind(), "CONDITION_ERROR");
    }
    assert_eq!(db.find(Query::new().sort(path)).await.unwrap_err().kind(), "CONDITION_ERROR");
}

async fn everything(db: Db<Thing>) {
    let table = table();
    for (name, groups) in &table {
        one_field(&db, name, groups).await;
        one_field(&db, &format!("deep.er.{name}"), groups).await;
    }
    let lists = serde_json::to_value(Lists::default()).unwrap();
    for name in lists.as_object().unwrap().keys() {
        one_list(&db, &format!("lists.{name}"), &table[&**name]).await;
    }
    one_list(&db, "value", &table["decimal"]).await;
    one_list(&db, "key", &table["text"]).await;
}

#[tokio::test]
async fn every_type_means_the_same_in_memory() {
    everything(Db::with(Memory::new())).await;
}

#[tokio::test]
async fn every_type_means_the_same_in_sqlite() {
    everything(Db::sqlite(&Sqlite::open("sqlite::memory:").unwrap())).await;
}
