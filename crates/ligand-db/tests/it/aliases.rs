//! Other names of fields, as `#[serde(alias = ..)]` gives them.

use ligand::{entity, payload};
use ligand_db::Db;
use serde_json::json;

use crate::actions::{broker, call};

#[payload]
#[derive(PartialEq, Eq)]
enum Genre {
    #[serde(alias = "sf")]
    ScienceFiction,
    Crime,
}

#[entity(table = "books", unknown = "reject")]
struct Book {
    id: String,
    #[serde(alias = "name")]
    title: String,
    #[serde(alias = "kind")]
    genre: Option<Genre>,
}

#[tokio::test]
async fn a_store_is_written_under_other_names_and_read_under_one() {
    let broker = broker("books", &Db::<Book>::memory()).await;
    let book = call(&broker, "books.create", json!({ "name": "Dune", "kind": "sf" })).await.unwrap();
    assert_eq!((&book["title"], &book["genre"]), (&json!("Dune"), &json!("scienceFiction")));
    let id = &book["id"];
    let book = call(&broker, "books.update", json!({ "id": id, "name": "Arrakis" })).await.unwrap();
    assert_eq!((&book["title"], &book["genre"]), (&json!("Arrakis"), &json!("scienceFiction")));
    let error =
        call(&broker, "books.update", json!({ "id": id, "title": "a", "name": "b" })).await.unwrap_err();
    assert!(error.data().unwrap().to_string().contains("another name of 'title'"), "{error:?}");
    // By another name nothing would be found, so the right ones are told.
    let error = call(&broker, "books.find", json!({ "query": { "genre": "sf" } })).await.unwrap_err();
    assert_eq!(error.code(), 422, "{error:?}");
    assert!(error.data().unwrap().to_string().contains("scienceFiction"), "{error:?}");
    broker.stop().await;
}
