//! Types of other crates as fields of payloads: read, written, described, checked.

use std::collections::BTreeMap;

use ligand::{Patch, prelude::*, validate::Validate};
use serde_json::json;

#[payload]
struct Loan {
    id: uuid::Uuid,
    #[check(range(0.1..=1000.5))]
    fee: rust_decimal::Decimal,
    #[check(positive)]
    fine: Option<rust_decimal::Decimal>,
    lent: chrono::DateTime<chrono::Utc>,
    due: chrono::NaiveDate,
    opens: Option<chrono::NaiveTime>,
    local: Option<chrono::NaiveDateTime>,
    returned: Patch<jiff::Timestamp>,
    day: Option<jiff::civil::Date>,
    lasts: Option<jiff::SignedDuration>,
    others: Option<Vec<uuid::Uuid>>,
}

mod with_time {
    use time::{Date, OffsetDateTime, Time, UtcDateTime};

    use super::*;

    #[payload]
    pub(super) struct Visit {
        pub(super) at: OffsetDateTime,
        pub(super) until: Option<UtcDateTime>,
        pub(super) moved: Patch<OffsetDateTime>,
        pub(super) day: Date,
        pub(super) opens: Option<Time>,
        pub(super) holidays: Vec<Date>,
        pub(super) by_name: BTreeMap<String, time::PrimitiveDateTime>,
    }

    #[payload]
    pub(super) struct Own {
        pub(super) day: ligand::Date,
    }

    pub(super) mod others {
        use ligand::{Date, payload};

        #[payload]
        pub(in super::super) struct NotOfTime {
            pub(in super::super) at: Date,
            pub(in super::super) then: Option<Date>,
        }
    }
}

use with_time::Visit;

fn loan() -> Value {
    json!({
        "id": "10ba038e-48da-487b-96e8-8d3b99b6d18a", "fee": "12.50", "fine": null,
        "lent": "2026-01-31T12:00:00Z", "due": "2026-02-28", "opens": "09:30:00",
        "local": "2026-01-31T12:00:00", "returned": "2026-02-01T00:00:00Z", "day": "2026-02-01",
        "lasts": "PT2H", "others": ["10ba038e-48da-487b-96e8-8d3b99b6d18a"],
    })
}

fn complaints<T: Validate + ligand::schema::JsonSchema>(json: &Value) -> Vec<String> {
    T::schema().check(json).into_iter().map(|error| error.message).collect()
}

#[test]
fn foreign_types_are_read_and_written_as_texts() {
    let read: Loan = serde_json::from_value(loan()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), loan());
    assert_eq!(complaints::<Loan>(&loan()), [""; 0]);
    assert!(read.is_valid());
    let mut number = loan();
    number["fee"] = json!(12.5);
    let read: Loan = serde_json::from_value(number.clone()).unwrap();
    assert_eq!(read.fee.to_string(), "12.5");
    assert_eq!(complaints::<Loan>(&number), [""; 0]);
}

#[test]
fn foreign_types_are_described_to_others() {
    let schema = Loan::schema();
    let property = |name: &str| schema.json()["properties"][name].clone();
    assert_eq!(property("id")["format"], "uuid");
    assert_eq!(property("lent")["format"], "date-time");
    assert_eq!(property("due")["format"], "date");
    assert_eq!(property("fee")["format"], "decimal");
    assert_eq!(property("fee")["minimum"], 0.1);
    assert_eq!(property("returned"), json!({ "type": ["string", "null"], "format": "date-time" }));
    assert_eq!(schema.json()["required"], json!(["id", "fee", "lent", "due"]));
    let params = schema.fastest();
    assert_eq!(params["id"], json!({ "type": "uuid" }));
    assert_eq!(params["lent"], json!({ "type": "date", "convert": true }));
    assert_eq!(params["due"], json!({ "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$" }));
    assert_eq!(params["fee"]["type"], "multi");
    assert_eq!(params["fee"]["rules"][0], json!({ "type": "number", "min": 0.1, "max": 1000.5 }));
    assert_eq!(params["returned"]["nullable"], true);
}

#[test]
fn errors_about_foreign_types_say_what_is_wanted() {
    for (field, value, message) in [
        ("id", json!("7"), "The 'id' field must be a valid UUID."),
        ("others", json!(["x"]), "The 'others[0]' field must be a valid UUID."),
        ("fee", json!("a lot"), "The 'fee' field must be a number."),
        ("fee", json!(true), "The 'fee' field must be a number."),
        ("fee", json!("0.09"), "The 'fee' field must be greater than or equal to 0.1."),
        ("fee", json!(1001), "The 'fee' field must be less than or equal to 1000.5."),
        ("fine", json!("0.00"), "The 'fine' field must be a positive number."),
        ("lent", json!("soon"), "The 'lent' field must be a date and time such as 2026-01-31T12:00:00Z."),
        (
            "lent",
            json!("2026-01-31"),
            "The 'lent' field must be a date and time such as 2026-01-31T12:00:00Z.",
        ),
        ("lent", json!(5), "The 'lent' field must be a date and time such as 2026-01-31T12:00:00Z."),
        ("due", json!("2026-02-30"), "The 'due' field must be a date such as 2026-01-31."),
        ("opens", json!("9"), "The 'opens' field must be a time such as 12:30:00."),
        ("local", json!("x"), "The 'local' field must be a date and time such as 2026-01-31T12:00:00."),
        (
            "returned",
            json!("x"),
            "The 'returned' field must be a date and time such as 2026-01-31T12:00:00Z.",
        ),
    ] {
        let mut json = loan();
        json[field] = value.clone();
        assert_eq!(complaints::<Loan>(&json), [message], "{field} {value}");
        assert!(!serde_json::from_value::<Loan>(json).is_ok_and(|loan| loan.is_valid()), "{field} {value}");
    }
}

#[test]
fn types_of_time_are_texts_without_further_ado() {
    let json = json!({
        "at": "2026-01-31T13:00:00+01:00", "until": "2026-01-31T12:00:00Z", "day": "2026-01-31", "opens": "09:30:00",
        "holidays": ["2026-12-25", "2026-12-26"], "byName": { "a": "2026-01-31T12:00:00" },
    });
    let visit: Visit = serde_json::from_value(json.clone()).unwrap();
    assert!(visit.moved.is_absent());
    assert_eq!(visit.holidays.len(), 2);
    assert_eq!(serde_json::to_value(&visit).unwrap(), json);
    let schema = Visit::schema();
    let property = |name: &str| schema.json()["properties"][name].clone();
    assert_eq!(property("day"), json!({ "type": "string", "format": "date" }));
    assert_eq!(property("at"), json!({ "type": "string", "format": "date-time" }));
    assert_eq!(property("moved"), json!({ "type": ["string", "null"], "format": "date-time" }));
    assert_eq!(property("holidays")["items"], json!({ "type": "string", "format": "date" }));
    assert_eq!(schema.json()["required"], json!(["at", "day", "holidays", "byName"]));
    let least =
        json!({ "at": "2026-01-31T13:00:00+01:00", "day": "2026-01-31", "holidays": [], "byName": {} });
    let visit: Visit = serde_json::from_value(least).unwrap();
    assert_eq!((visit.until, visit.opens), (None, None));
    let wrong = json!({ "at": "x", "day": 5, "holidays": ["y"], "byName": { "a": "z" } });
    assert_eq!(complaints::<Visit>(&wrong).len(), 4);
}

mod around_time {
    use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

    use super::*;
    use time::{Date, OffsetDateTime, Time};

    #[payload]
    pub(super) struct Holidays {
        pub(super) days: BTreeSet<Date>,
        pub(super) span: [Date; 2],
        pub(super) spans: Option<Vec<[time::Date; 2]>>,
        pub(super) queue: VecDeque<OffsetDateTime>,
        pub(super) shared: std::sync::Arc<OffsetDateTime>,
        pub(super) opens: Option<HashSet<Time>>,
        pub(super) boxed: Box<[time::UtcDateTime]>,
        pub(super) by_name: HashMap<String, Vec<Date>>,
    }
}

#[test]
fn types_of_time_are_texts_inside_lists_sets_and_pointers() {
    let json = json!({
        "days": ["2026-12-25", "2026-12-26"], "span": ["2026-12-25", "2026-12-26"],
        "spans": [["2026-12-25", "2026-12-26"]], "queue": ["2026-01-31T12:00:00Z"], "shared": "2026-01-31T12:00:00Z",
        "opens": ["09:30:00"], "boxed": ["2026-01-31T12:00:00Z"], "byName": { "a": ["2026-01-31"] },
    });
    let holidays: around_time::Holidays = serde_json::from_value(json.clone()).unwrap();
    assert_eq!((holidays.days.len(), holidays.queue.len()), (2, 1));
    assert_eq!(serde_json::to_value(&holidays).unwrap(), json);
    assert_eq!(complaints::<around_time::Holidays>(&json), [""; 0]);
    let mut short = json;
    short["span"] = json!(["2026-12-25"]);
    assert_eq!(complaints::<around_time::Holidays>(&short), ["The 'span' field must contain 2 items."]);
    let error = serde_json::from_value::<around_time::Holidays>(short).unwrap_err();
    assert!(error.to_string().contains("invalid length 1"), "{error}");
}

type When = time::OffsetDateTime;

#[payload]
struct Renamed {
    #[serde(with = "ligand::time::Text::<When>")]
    at: When,
}

#[test]
fn a_type_of_time_under_another_name_is_a_text_when_the_field_says_so() {
    let json = json!({ "at": "2026-01-31T12:00:00Z" });
    let renamed: Renamed = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&renamed).unwrap(), json);
    assert_eq!(Renamed::schema().json()["properties"]["at"]["format"], "date-time");
}

macro_rules! update_of {
    ($name:ident, $field:ty) => {
        #[payload]
        struct $name {
            title: Patch<$field>,
            at: $field,
            then: Option<$field>,
        }
    };
}

update_of!(UpdateTime, time::OffsetDateTime);
update_of!(UpdateText, Option<String>);

#[test]
fn fields_whose_types_come_through_a_macro_are_what_they_say() {
    let update: UpdateTime = serde_json::from_value(json!({ "at": "2026-01-31T12:00:00Z" })).unwrap();
    assert!(update.title.is_absent() && update.then.is_none());
    assert_eq!(serde_json::to_value(&update).unwrap()["at"], "2026-01-31T12:00:00Z");
    let update: UpdateText = serde_json::from_value(json!({})).unwrap();
    assert_eq!((update.at, update.then), (None, None));
}

#[test]
fn other_types_of_these_names_stay_what_they_are() {
    let own: with_time::Own = serde_json::from_value(json!({ "day": 0 })).unwrap();
    assert_eq!(own.day.millis(), 0);
    let other: with_time::others::NotOfTime = serde_json::from_value(json!({ "at": 5 })).unwrap();
    assert_eq!((other.at.millis(), other.then), (5, None));
    let schema = with_time::others::NotOfTime::schema();
    assert_eq!(schema.json()["properties"]["at"]["type"], json!(["string", "number"]));
}

mod hex {
    use ligand::__private::serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{value:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 16).map_err(|_| D::Error::custom("expected hexadecimal digits"))
    }

    pub(super) fn option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
        deserialize(deserializer).map(Some)
    }
}

#[payload]
struct Forms {
    #[serde(with = "hex")]
    #[check(schema = String)]
    color: u32,
    #[serde(deserialize_with = "hex::option", skip_serializing)]
    #[check(schema = Option<String>)]
    other: Option<u32>,
    #[serde(with = "chrono::serde::ts_milliseconds")]
    at: chrono::DateTime<chrono::Utc>,
    #[serde(with = "jiff::fmt::serde::timestamp::second::optional")]
    then: Option<jiff::Timestamp>,
    #[serde(with = "uuid::serde::simple")]
    id: uuid::Uuid,
}

#[test]
fn a_form_of_its_own_is_described_where_it_stands() {
    let json =
        json!({ "color": "ff", "other": "10", "at": 5, "then": 7, "id": "10ba038e48da487b96e88d3b99b6d18a" });
    let forms: Forms = serde_json::from_value(json).unwrap();
    assert_eq!((forms.color, forms.other), (255, Some(16)));
    let schema = Forms::schema();
    let types = |name: &str| schema.json()["properties"][name]["type"].clone();
    assert_eq!((types("color"), types("other")), (json!("string"), json!(["string", "null"])));
    assert_eq!((types("at"), types("then")), (json!("integer"), json!(["integer", "null"])));
    assert_eq!(types("id"), "string");
    assert_eq!(schema.json()["required"], json!(["color", "at", "id"]));
    // An option may be left out, also when serde reads it by a function.
    let least = json!({ "color": "1", "at": 0, "id": "10ba038e48da487b96e88d3b99b6d18a" });
    let forms: Forms = serde_json::from_value(least).unwrap();
    assert_eq!((forms.other, forms.then), (None, None));
}

struct Loans;

#[service(name = "loans")]
impl Loans {
    #[action]
    async fn lend(&self, id: uuid::Uuid, due: chrono::NaiveDate) -> String {
        format!("{id} {due}")
    }

    #[action]
    async fn known(&self, params: Vec<uuid::Uuid>) -> Vec<uuid::Uuid> {
        params
    }
}

#[tokio::test]
async fn actions_take_and_answer_foreign_types() {
    let broker = ServiceBroker::builder().service(Loans).start().await.unwrap();
    let call = async |params: Value| broker.call_named("loans.lend", params).await;
    let params = json!({ "id": "10ba038e-48da-487b-96e8-8d3b99b6d18a", "due": "2026-02-28" });
    let answer = call(params).await.unwrap().take::<String>().unwrap();
    assert_eq!(answer, "10ba038e-48da-487b-96e8-8d3b99b6d18a 2026-02-28");
    let error = call(json!({ "id": "1", "due": "soon" })).await.unwrap_err();
    let fields: Vec<_> =
        error.data().unwrap().as_array().unwrap().iter().map(|e| e["type"].clone()).collect();
    assert_eq!((error.code(), fields), (422, vec![json!("uuid"), json!("date")]));
    let ids = vec![uuid::Uuid::nil()];
    assert_eq!(broker.client::<Loans>().known(ids.clone()).await.unwrap(), ids);
    broker.stop().await;
}
