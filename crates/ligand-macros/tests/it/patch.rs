//! `Patch<T>` in payloads: what was not sent, what is cleared, what is set.

use ligand::{Patch, prelude::*, validate::Validate};
use serde_json::json;

#[payload]
struct UpdateBook {
    id: String,
    #[check(trim, length(1..=5))]
    title: Patch<String>,
    #[check(range(1..=1000))]
    page_count: Patch<u16>,
    tags: Patch<Vec<String>>,
    #[serde(default)]
    shelf: ligand::Patch<Shelf>,
    #[check(default = Patch::Value(1))]
    copies: Patch<u8>,
}

#[payload]
struct Shelf {
    #[check(non_empty)]
    name: String,
}

fn read(json: Value) -> UpdateBook {
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_patch_says_nothing_null_or_a_value() {
    let nothing = read(json!({ "id": "1" }));
    assert!(nothing.title.is_absent() && nothing.shelf.is_absent());
    assert_eq!(nothing.copies, Patch::Value(1));
    let update = read(json!({ "id": "1", "title": null, "pageCount": 5, "copies": null }));
    assert_eq!((&update.title, &update.page_count), (&Patch::Null, &Patch::Value(5)));
    assert_eq!(
        serde_json::to_value(&update).unwrap(),
        json!({ "id": "1", "title": null, "pageCount": 5, "copies": null })
    );
}

#[test]
fn rules_are_about_the_value_of_a_patch() {
    let schema = UpdateBook::schema();
    for (json, errors) in [
        (json!({ "id": "1" }), vec![]),
        (json!({ "id": "1", "title": null, "pageCount": null, "shelf": null }), vec![]),
        (json!({ "id": "1", "title": "abcdef" }), vec!["stringMax title"]),
        (json!({ "id": "1", "pageCount": 0 }), vec!["numberMin pageCount"]),
        (json!({ "id": "1", "shelf": { "name": "" } }), vec!["stringEmpty shelf.name"]),
    ] {
        let found = schema.check(&json);
        let found: Vec<_> =
            found.iter().map(|e| format!("{} {}", e.kind, e.field.as_deref().unwrap_or("-"))).collect();
        assert_eq!(found, errors, "{json}");
        assert_eq!(read(json).is_valid(), errors.is_empty());
    }
    let required = &schema.json()["required"];
    assert_eq!(required, &json!(["id"]));
    assert_eq!(schema.fastest()["title"]["nullable"], true);
    let mut update = read(json!({ "id": "1", "title": " ab " }));
    update.sanitize();
    assert_eq!(update.title, Patch::Value("ab".to_owned()));
}

struct Books;

#[service(name = "books")]
impl Books {
    #[action]
    async fn rename(&self, id: String, #[check(length(1..=5))] title: Patch<String>) -> String {
        format!("{id} {title:?}")
    }
}

#[tokio::test]
async fn an_argument_of_an_action_may_be_a_patch() {
    let broker = ServiceBroker::builder().service(Books).start().await.unwrap();
    let call = async |params: Value| broker.call_named("books.rename", params).await?.take::<String>();
    assert_eq!(call(json!({ "id": "1" })).await.unwrap(), "1 Absent");
    assert_eq!(call(json!({ "id": "1", "title": null })).await.unwrap(), "1 Null");
    assert_eq!(call(json!({ "id": "1", "title": "x" })).await.unwrap(), r#"1 Value("x")"#);
    assert_eq!(call(json!({ "id": "1", "title": "" })).await.unwrap_err().code(), 422);
    let client = broker.client::<Books>();
    assert_eq!(client.rename("1".into(), Patch::Null).await.unwrap(), "1 Null");
    assert_eq!(client.rename("1".into(), Patch::Absent).await.unwrap(), "1 Absent");
    broker.stop().await;
}
