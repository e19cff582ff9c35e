//! Other names of fields and variants: whatever looks at a payload takes them as its reader does.

use ligand::{prelude::*, schema::Schema, validate::Validate};
use serde::Deserialize;
use serde_json::{Value, json};

#[payload(unknown = "reject")]
struct Lend {
    #[serde(alias = "isbn13", alias = "ean")]
    #[check(range(1..))]
    isbn: u64,
    genre: Genre,
    #[check(length(2..))]
    reader: String,
    place: Option<Place>,
    way: Option<Way>,
}

#[payload]
enum Genre {
    #[serde(alias = "sf")]
    ScienceFiction,
    Crime,
}

#[payload]
enum Place {
    #[serde(alias = "room")]
    ReadingRoom {
        desk: u32,
    },
    Shelf(u32),
}

#[payload]
#[serde(tag = "kind")]
enum Way {
    #[serde(alias = "mail")]
    ByPost { zip: u32 },
    Fetched {
        #[serde(alias = "at")]
        hour: u32,
    },
}

struct Loans;

#[service(name = "loans")]
impl Loans {
    #[action(rest("GET /:isbn13", "GET /by-ean/:ean"))]
    async fn lend(&self, params: Lend) -> Result<u64> {
        Ok(params.isbn)
    }

    #[action(rest = "GET /plain/:book_id")]
    async fn plain(&self, #[serde(alias = "bookId")] book: u64) -> Result<u64> {
        Ok(book)
    }
}

fn kinds(schema: &Schema, value: &Value) -> Vec<String> {
    schema
        .check(value)
        .into_iter()
        .map(|error| format!("{} {}", error.kind, error.field.unwrap_or_default()))
        .collect()
}

#[test]
fn a_schema_knows_the_other_names_of_fields_and_variants() {
    let own = <Lend as Validate>::schema();
    let announced = Schema::announced(&own.fastest()).unwrap();
    for (value, wrong) in [
        (json!({ "isbn13": 5, "genre": "sf", "reader": "ada" }), vec![]),
        (json!({ "ean": 0, "genre": "sf", "reader": "a" }), vec!["numberMin ean", "stringMin reader"]),
        (json!({ "isbn": 1, "ean": 1, "genre": "crime", "reader": "ada" }), vec!["custom ean"]),
        (json!({ "genre": "scifi", "reader": "ada" }), vec!["required isbn", "enumValue genre"]),
        (json!({ "ean": 1, "genre": "crime", "reader": "ada", "place": { "room": { "desk": 1 } } }), vec![]),
        (
            json!({ "ean": 1, "genre": "crime", "reader": "ada", "place": { "room": { "desk": "x" } } }),
            vec!["number place.room.desk"],
        ),
        (
            json!({ "ean": 1, "genre": "crime", "reader": "ada", "way": { "kind": "mail", "zip": "x" } }),
            vec!["number way.zip"],
        ),
        (
            json!({ "ean": 1, "genre": "crime", "reader": "ada", "way": { "kind": "fetched", "at": "x" } }),
            vec!["number way.at"],
        ),
        (json!({ "ean": 1, "genre": "crime", "reader": "ada", "other": 1 }), vec!["objectStrict "]),
    ] {
        assert_eq!(kinds(&own, &value), wrong, "{value}");
        // Whoever reads refuses the same.
        assert_eq!(Lend::deserialize(&value).is_ok(), !wrong.iter().any(|w| !w.contains("Min")), "{value}");
    }
    for schema in [own, announced] {
        let mut texts = json!({ "isbn13": "5", "way": { "kind": "mail", "zip": "7" }, "place": { "room": { "desk": "2" } } });
        schema.convert(&mut texts);
        let expected =
            json!({ "isbn13": 5, "way": { "kind": "mail", "zip": 7 }, "place": { "room": { "desk": 2 } } });
        assert_eq!(texts, expected, "{schema:?}");
    }
}

#[tokio::test]
async fn other_names_of_parameters_lead_to_the_action_and_into_errors() {
    let broker = ServiceBroker::builder().service(Loans).start().await.unwrap();
    let call = |name: &'static str, params: Value| {
        let broker = broker.clone();
        async move { broker.call_named(name, params).await?.take::<u64>() }
    };
    assert_eq!(call("loans.lend", json!({ "ean": 5, "genre": "sf", "reader": "ada" })).await.unwrap(), 5);
    assert_eq!(call("loans.plain", json!({ "bookId": 7 })).await.unwrap(), 7);
    let error = call("loans.lend", json!({ "ean": 5, "genre": "sf", "reader": "a" })).await.unwrap_err();
    let fields: Vec<_> =
        error.data().and_then(Value::as_array).into_iter().flatten().map(|e| &e["field"]).collect();
    assert_eq!(fields, ["reader"]);
    broker.stop().await;
}
