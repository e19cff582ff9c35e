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

#[entity(table = "editions", unknown = "reject")]
struct Edition {
    #[serde(alias = "_id", alias = "key")]
    id: String,
    #[serde(alias = "isbn", alias = "ean")]
    number: u32,
}

#[entity(table = "volumes", id = "number", unknown = "reject")]
struct Volume {
    #[serde(alias = "barcode")]
    number: String,
    shelf: String,
}

#[tokio::test]
async fn the_id_is_known_by_its_other_names() {
    let broker = broker("editions", &Db::<Edition>::memory()).await;
    let edition = call(&broker, "editions.create", json!({ "_id": "mine", "isbn": 1 })).await.unwrap();
    let id = edition["id"].clone();
    let updated = call(&broker, "editions.update", json!({ "_id": id, "ean": 2 })).await.unwrap();
    assert_eq!(updated, json!({ "id": id, "number": 2 }));
    let replaced = call(&broker, "editions.replace", json!({ "key": id, "isbn": 3 })).await.unwrap();
    assert_eq!(replaced, json!({ "id": id, "number": 3 }));
    for (fields, text) in [
        (json!({ "id": id, "_id": id }), "The '_id' field is another name of 'id'"),
        (json!({ "key": id, "id": id }), "The 'key' field is another name of 'id'"),
        (json!({ "_id": id, "key": id }), "The 'key' field is another name of '_id'"),
        (json!({ "_id": id, "other": 1 }), "'other'"),
        (json!({ "ean": 1 }), "'id'"),
    ] {
        let error = call(&broker, "editions.update", fields).await.unwrap_err();
        assert!(error.data().unwrap().to_string().contains(text), "{error:?}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn an_id_field_of_another_name_is_known_by_its_other_names() {
    let broker = broker("volumes", &Db::<Volume>::memory()).await;
    let volume = call(&broker, "volumes.create", json!({ "shelf": "a" })).await.unwrap();
    let id = volume["number"].clone();
    let update = |fields| call(&broker, "volumes.update", fields);
    for (name, shelf) in [("id", "b"), ("number", "c"), ("barcode", "d")] {
        let updated = update(json!({ name: id, "shelf": shelf })).await.unwrap();
        assert_eq!(updated, json!({ "number": id, "shelf": shelf }));
    }
    // The path says which one is meant, and the body is the whole of it.
    let updated = update(json!({ "id": id, "barcode": "5", "shelf": "e" })).await.unwrap();
    assert_eq!(updated, json!({ "number": id, "shelf": "e" }));
    broker.stop().await;
}

#[tokio::test]
async fn a_column_that_was_sent_twice_is_told_by_the_names_that_were_sent() {
    let broker = broker("editions", &Db::<Edition>::memory()).await;
    for (fields, text) in [
        (json!({ "ean": 1, "isbn": 2 }), "The 'isbn' field is another name of 'ean'"),
        (json!({ "ean": 1, "number": 2 }), "The 'ean' field is another name of 'number'"),
        (json!({ "number": 1, "ean": 2 }), "The 'ean' field is another name of 'number'"),
    ] {
        let error = call(&broker, "editions.create", fields).await.unwrap_err();
        assert!(error.data().unwrap().to_string().contains(text), "{error:?}");
    }
    broker.stop().await;
}
