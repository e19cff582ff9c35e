//! `replace` sets an entity as a whole, `update` what is given; and how the id is called in all of it.

use ligand::entity;
use ligand_core::{ServiceBroker, service::Mixin};
use ligand_db::{Changes, Db, Entity, Filter};
use serde_json::{Value, json};

use crate::actions::{broker, call};

#[entity(table = "pages")]
#[derive(Default)]
pub(crate) struct Doc {
    id: String,
    #[check(length(1..=20))]
    title: String,
    note: Option<String>,
    #[field(default = 3)]
    copies: u8,
    #[serde(default)]
    tags: Vec<String>,
    #[field(immutable, default = "plain")]
    form: String,
    #[field(readonly, default)]
    views: u32,
    #[field(hidden)]
    secret: String,
    #[field(hidden, default)]
    remark: Option<String>,
    #[field(created_at)]
    created_at: String,
    #[field(updated_at)]
    updated_at: i64,
}

/// A document with something in every field.
async fn full(db: &Db<Doc>) -> Doc {
    let doc = Doc {
        title: "Old".into(),
        note: Some("n".into()),
        copies: 9,
        tags: vec!["t".into()],
        form: "large".into(),
        views: 7,
        secret: "s".into(),
        remark: Some("r".into()),
        ..Doc::default()
    };
    db.insert(doc).await.unwrap()
}

pub(crate) async fn put_replaces_and_patch_updates(db: Db<Doc>) {
    let broker = broker("docs", &db).await;
    let old = full(&db).await;
    let id = old.id.as_str();

    // What is not there stays; null is a value.
    let changed = call(&broker, "docs.update", json!({ "id": id, "note": null })).await.unwrap();
    assert_eq!(
        (&changed["note"], &changed["copies"], &changed["title"]),
        (&Value::Null, &json!(9), &json!("Old"))
    );
    db.update(id, Changes::new().set("note", "n")).await.unwrap();

    // What is not there gets its default, but for what the caller cannot set or see.
    let put = call(&broker, "docs.replace", json!({ "id": id, "title": "New" })).await.unwrap();
    let new = db.require(id).await.unwrap();
    assert_eq!(
        (&put["title"], &put["note"], &put["copies"], &put["tags"]),
        (&json!("New"), &Value::Null, &json!(3), &json!([]))
    );
    let expected = Doc {
        title: "New".into(),
        note: None,
        copies: 3,
        tags: Vec::new(),
        updated_at: new.updated_at,
        ..old.clone()
    };
    assert_eq!(new, expected);
    assert!(new.updated_at >= old.updated_at);

    // Hidden fields can be given; what cannot be set is left out.
    let more = json!({ "id": id, "title": "New", "secret": "x", "views": 1, "form": "x", "createdAt": "x", "nobody": 1 });
    call(&broker, "docs.replace", more).await.unwrap();
    let now = db.require(id).await.unwrap();
    assert_eq!((&*now.secret, now.views, &*now.form, &now.created_at), ("x", 7, "large", &old.created_at));

    // A whole answer can be sent back.
    let read = call(&broker, "docs.get", json!({ "id": id })).await.unwrap();
    assert_eq!(call(&broker, "docs.replace", read.clone()).await.unwrap(), read);
    assert_eq!(db.require(id).await.unwrap(), now);

    for (wrong, field, kind) in [
        (json!({ "id": id, "note": "x" }), "title", "required"),
        (json!({ "id": id, "title": null }), "title", "required"),
        (json!({ "id": id, "title": "x", "copies": null }), "copies", "required"),
        (json!({ "id": id, "title": "x", "copies": 256 }), "copies", "numberMax"),
        (json!({ "id": id, "title": "" }), "title", "stringMin"),
        (json!({ "title": "x" }), "id", "required"),
    ] {
        let error = call(&broker, "docs.replace", wrong.clone()).await.unwrap_err();
        assert_eq!(error.code(), 422, "{wrong}: {error:?}");
        let first = &error.data().unwrap()[0];
        assert_eq!((&first["field"], first["type"].as_str().unwrap()), (&json!(field), kind), "{wrong}");
    }
    for action in ["docs.update", "docs.replace"] {
        let error = call(&broker, action, json!({ "id": "nobody", "title": "x" })).await.unwrap_err();
        assert_eq!((error.code(), error.data()), (404, Some(&json!({ "id": "nobody" }))));
    }
    assert_eq!(db.require(id).await.unwrap(), now);
    broker.stop().await;
}

/// In code every field is there.
pub(crate) async fn handles_replace_whole_entities(db: Db<Doc>) {
    let old = full(&db).await;
    let new = Doc { title: "New".into(), secret: "other".into(), ..Doc::default() };
    let stored = db.replace(&old.id, new.clone()).await.unwrap();
    let expected = Doc {
        id: old.id.clone(),
        created_at: old.created_at.clone(),
        updated_at: stored.updated_at,
        ..new.clone()
    };
    assert_eq!((&stored, &db.require(&old.id).await.unwrap()), (&expected, &expected));
    // Nothing changes: no time stamp either.
    assert_eq!(db.replace(&old.id, new.clone()).await.unwrap(), stored);
    assert_eq!(db.replace("nobody", new).await.unwrap_err().code(), 404);
    assert_eq!(db.replace(&old.id, Doc::default()).await.unwrap_err().code(), 422);
}

#[entity(table = "cards", id = "_id")]
struct Card {
    id: String,
    name: String,
}

#[entity(table = "coins", id = "code")]
struct Coin {
    code: String,
    name: String,
}

async fn named<E: Entity>(name: &str) -> ServiceBroker {
    let db = Db::<E>::memory();
    let returns = db.define("x").actions()[5].returns().unwrap().json()["properties"].clone();
    assert!(returns.get(name).is_some() && returns.as_object().unwrap().len() == 2, "{returns}");
    broker("x", &db).await
}

#[tokio::test]
async fn the_id_is_id_everywhere_unless_the_entity_says_otherwise() {
    let mut answers = Vec::new();
    for name in ["id", "_id", "code"] {
        let broker = match name {
            "id" => named::<Plain>(name).await,
            "_id" => named::<Card>(name).await,
            _ => named::<Coin>(name).await,
        };
        let made = call(&broker, "x.create", json!({ "name": "a" })).await.unwrap();
        let id = made[name].as_str().unwrap().to_owned();
        assert_eq!(made.as_object().unwrap().len(), 2, "{made}");
        // Parameters call it `id` in any case; a caller that sends an entity back names it as the entity does.
        for params in [json!({ "id": id, "name": "b" }), json!({ name: id, "name": "b" })] {
            for action in ["x.update", "x.replace"] {
                assert_eq!(
                    call(&broker, action, params.clone()).await.unwrap()[name],
                    *id,
                    "{action} {params}"
                );
            }
        }
        let found = call(&broker, "x.get", json!({ "id": id })).await.unwrap();
        assert_eq!(
            call(&broker, "x.list", json!({ "query": { name: id }, "sort": name })).await.unwrap()["rows"],
            json!([found])
        );
        assert_eq!(call(&broker, "x.find", json!({ "fields": name })).await.unwrap(), json!([{ name: id }]));
        assert_eq!(call(&broker, "x.get", json!({ "id": [id], "mapping": true })).await.unwrap()[&id], found);
        assert_eq!(call(&broker, "x.remove", json!({ "id": id })).await.unwrap(), found);
        answers.push(found.as_object().unwrap().keys().next().unwrap().clone());
        broker.stop().await;
    }
    assert_eq!(answers, ["id", "_id", "code"]);
}

#[entity(table = "plain")]
struct Plain {
    id: String,
    name: String,
}

#[entity(table = "both", id = "_id")]
struct Both {
    #[serde(rename = "_id")]
    key: String,
    id: String,
}

#[tokio::test]
async fn another_field_called_id_is_refused() {
    let error = Db::<Both>::memory().count(Filter::all()).await.unwrap_err();
    assert!(error.kind() == "SERVICE_SCHEMA_ERROR" && error.message().contains("'id'"), "{error}");
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_table_that_calls_its_id_otherwise_says_how_to_go_on() {
    let scratch = crate::files::Scratch::new();
    let table = "CREATE TABLE plain (_id TEXT PRIMARY KEY NOT NULL, name TEXT) WITHOUT ROWID";
    let earlier = ligand_db::Migration::new("1", table);
    let error = Db::<Plain>::sqlite(&scratch.again().migrations([earlier.clone()]))
        .count(Filter::all())
        .await
        .unwrap_err();
    for part in [r#"#[entity(id = "_id")]"#, r#"ALTER TABLE "plain" RENAME COLUMN "_id" TO "id""#] {
        assert!(error.message().contains(part), "{error}");
    }
    let renamed = ligand_db::Migration::new("2", "ALTER TABLE plain RENAME COLUMN _id TO id");
    let db = Db::<Plain>::sqlite(&scratch.again().migrations([earlier, renamed]));
    assert_eq!(db.count(Filter::all()).await.unwrap(), 0);
}
