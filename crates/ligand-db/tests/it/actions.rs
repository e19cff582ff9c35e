//! The actions through a real broker.

use ligand_core::{Payload, ServiceBroker, ServiceDef, service::Mixin};
use ligand_db::{Db, Entity, Page};
use serde_json::{Value, json};

use crate::entities::{Product, User, product};

/// A broker with one service made of a mixin.
pub(crate) async fn broker<E: Entity>(name: &str, db: &Db<E>) -> ServiceBroker {
    let service = ServiceDef::new(name).mixin(db.define(name));
    ServiceBroker::builder().memory_cache().service(service).start().await.unwrap()
}

pub(crate) async fn call(
    broker: &ServiceBroker,
    action: &'static str,
    params: Value,
) -> ligand_core::Result<Value> {
    broker.call_named(action, params).await?.to_value()
}

#[tokio::test]
async fn crud() {
    let db = Db::<Product>::memory();
    let broker = broker("products", &db).await;

    let made = call(
        &broker,
        "products.create",
        json!({ "name": " Lamp ", "price": 5, "extra": 1, "createdAt": "x" }),
    )
    .await
    .unwrap();
    assert_eq!(made["name"], "Lamp");
    assert_eq!(
        (&made["category"], &made["isActive"], &made["stock"]),
        (&json!("general"), &json!(true), &json!(0))
    );
    assert!(made.get("extra").is_none());
    // As JavaScript writes dates: 2026-01-31T12:00:00.000Z.
    let date = made["createdAt"].as_str().unwrap();
    assert_eq!((date.len(), &date[10..11], &date[19..20], &date[23..]), (24, "T", ".", "Z"), "{made}");
    let id = made["id"].as_str().unwrap();

    let found = call(&broker, "products.get", json!({ "id": id })).await.unwrap();
    assert_eq!(found, made);
    let changed = call(&broker, "products.update", json!({ "id": id, "stock": 3 })).await.unwrap();
    assert_eq!((&changed["stock"], &changed["name"]), (&json!(3), &json!("Lamp")));
    assert_eq!(call(&broker, "products.get", json!({ "id": id })).await.unwrap(), changed);
    assert_eq!(call(&broker, "products.count", json!({})).await.unwrap(), 1);

    let removed = call(&broker, "products.remove", json!({ "id": id })).await.unwrap();
    assert_eq!(removed, changed);
    let error = call(&broker, "products.get", json!({ "id": id })).await.unwrap_err();
    assert_eq!(
        (error.name(), error.code(), error.message()),
        ("EntityNotFoundError", 404, "Entity not found")
    );
    assert_eq!((error.kind_field(), error.data()), (Some(None), Some(&json!({ "id": id }))));
    broker.stop().await;
}

#[tokio::test]
async fn lists_pages() {
    let db = Db::<Product>::memory();
    let broker = broker("products", &db).await;
    db.insert_many((0..25).map(|n| product(&format!("p{n:02}"), f64::from(n), n))).await.unwrap();

    let page = call(&broker, "products.list", json!({ "page": "3", "sort": "-price" })).await.unwrap();
    assert_eq!(page["rows"].as_array().unwrap().len(), 5);
    assert_eq!(page["rows"][0]["name"], "p04");
    let rest = json!({ "page": page["page"], "total": page["total"], "n": page["totalPages"], "size": page["pageSize"] });
    assert_eq!(rest, json!({ "page": 3, "total": 25, "n": 3, "size": 10 }));

    let typed: Page<Product> = broker.call_named("products.list", json!({})).await.unwrap().take().unwrap();
    assert_eq!((typed.rows.len(), typed.rows[0].name.as_str()), (10, "p00"));
    let large = call(&broker, "products.list", json!({ "pageSize": 5000 })).await.unwrap();
    assert_eq!(large["pageSize"], 100);
    let whatever = call(&broker, "products.list", json!({ "pageSize": 0 })).await.unwrap();
    assert_eq!((&whatever["pageSize"], &whatever["totalPages"]), (&json!(10), &json!(3)));
    let error = call(&broker, "products.list", json!({ "page": 0 })).await.unwrap_err();
    assert_eq!((error.code(), &error.data().unwrap()[0]["type"]), (422, &json!("numberMin")));
    broker.stop().await;
}

#[tokio::test]
async fn counts_that_nothing_can_hold_are_refused_by_their_name() {
    let broker = broker("products", &Db::<Product>::memory()).await;
    for (action, field) in [
        ("products.list", "page"),
        ("products.list", "pageSize"),
        ("products.find", "limit"),
        ("products.find", "offset"),
    ] {
        for value in ["18446744073709551616", "1e99", "9007199254740992", "-1", "1.5", "\"x\""] {
            let params = serde_json::from_str(&format!("{{\"{field}\":{value}}}")).unwrap();
            let error = call(&broker, action, params).await.unwrap_err();
            assert_eq!(
                (error.code(), error.kind()),
                (422, "VALIDATION_ERROR"),
                "{action} {field} {value}: {error:?}"
            );
            assert_eq!(error.data().unwrap()[0]["field"], field);
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn invalid_entities_are_refused_with_every_reason() {
    let db = Db::<Product>::memory();
    let broker = broker("products", &db).await;
    let error = call(&broker, "products.create", json!({ "name": " ", "price": -1, "stock": "x" }))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.message(), error.name()),
        (422, "Entity validation error!", "ValidationError")
    );
    assert_eq!(error.data().unwrap().as_array().unwrap().len(), 2, "{error:?}");

    let id = db.insert(product("a", 1.0, 1)).await.unwrap().id;
    let error = call(&broker, "products.update", json!({ "id": id, "price": -1 })).await.unwrap_err();
    assert_eq!((error.code(), &error.data().unwrap()[0]["field"]), (422, &json!("price")));
    assert_eq!(db.require(&id).await.unwrap().price, 1.0);
    broker.stop().await;
}

#[tokio::test]
async fn typed_answers_are_not_converted() {
    let db = Db::<Product>::memory();
    let broker = broker("products", &db).await;
    let id = db.insert(product("a", 1.0, 1)).await.unwrap().id;
    let answer: Payload = broker.call_named("products.get", json!({ "id": id })).await.unwrap();
    assert!(answer.peek::<Product>().is_some());
    broker.stop().await;
    let _ = User::TABLE;
}
