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

#[payload]
#[serde(tag = "type")]
#[derive(PartialEq)]
enum Pay {
    #[serde(alias = "card")]
    CreditCard { card: String, cents: u32 },
    #[serde(alias = "cents")]
    Cash { cents: String, card: Option<Binding> },
}

#[payload]
#[schemars(inline)]
enum Binding {
    #[serde(alias = "sturdy")]
    Hardcover,
    Paper,
}

#[payload(unknown = "reject")]
struct Edition {
    #[serde(alias = "cover")]
    binding: Binding,
    sturdy: Option<bool>,
}

#[payload]
#[serde(untagged)]
enum Loose {
    #[serde(alias = "page")]
    Sheet {
        sheet: u32,
    },
    Kept {
        binding: Binding,
        id: u32,
    },
    Sold {
        binding: Binding,
        price: String,
    },
}

#[test]
fn another_text_of_a_variant_is_no_other_name_of_the_field_that_holds_it() {
    let pay = Schema::of::<Pay>();
    let announced = Schema::announced(&pay.fastest()).unwrap();
    for (value, wrong) in [
        (json!({ "type": "creditCard", "card": "4111", "cents": 5 }), vec![]),
        (json!({ "type": "card", "card": "4111", "cents": 5 }), vec![]),
        (json!({ "type": "creditCard", "card": "4111", "cents": "x" }), vec!["number cents"]),
        (json!({ "type": "cents", "card": "sturdy", "cents": "5" }), vec![]),
        (json!({ "type": "cents", "card": "soft", "cents": "5" }), vec!["enumValue card"]),
        (json!({ "card": "4111", "cents": 5 }), vec!["required type"]),
    ] {
        assert_eq!(kinds(&pay, &value), wrong, "{value}");
        assert_eq!(Pay::deserialize(&value).is_ok(), wrong.is_empty(), "{value}");
    }
    let told = pay.fastest().to_string();
    assert!(!told.contains("aliases") && told.contains("otherTexts"), "{told}");
    // The tag tells which variant is meant, on other nodes as well.
    for schema in [pay, announced] {
        for (tag, cents) in
            [("creditCard", json!(5)), ("card", json!(5)), ("cash", json!("5")), ("cents", json!("5"))]
        {
            let mut texts = json!({ "type": tag, "card": "paper", "cents": "5" });
            schema.convert(&mut texts);
            assert_eq!(texts, json!({ "type": tag, "card": "paper", "cents": cents }), "{schema:?}");
        }
    }

    let edition = Schema::of::<Edition>();
    for (value, wrong) in [
        (json!({ "binding": "sturdy", "sturdy": true }), vec![]),
        (json!({ "cover": "sturdy" }), vec![]),
        (json!({ "sturdy": true }), vec!["required binding"]),
        (json!({ "binding": "paper", "cover": "paper" }), vec!["custom cover"]),
    ] {
        assert_eq!(kinds(&edition, &value), wrong, "{value}");
        assert_eq!(Edition::deserialize(&value).is_ok(), wrong.is_empty(), "{value}");
    }
    let names: Vec<Vec<_>> = edition.properties().map(|property| property.names().collect()).collect();
    assert_eq!(names, [vec!["binding", "cover"], vec!["sturdy"]]);

    // What an enum holds does not tell variants apart that have no tag, and they have no names.
    let loose = Schema::of::<Loose>();
    for (value, fits) in [
        (json!({ "sheet": 1 }), true),
        (json!({ "page": 1 }), false),
        (json!({ "binding": "sturdy", "id": 1 }), true),
        (json!({ "binding": "paper", "price": "1" }), true),
        (json!({ "binding": "paper", "price": 1 }), false),
    ] {
        assert_eq!(loose.check(&value).is_empty(), fits, "{value}");
        assert_eq!(Loose::deserialize(&value).is_ok(), fits, "{value}");
    }
}
