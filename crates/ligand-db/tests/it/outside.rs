//! What callers cannot do: see or probe hidden fields, write what is not theirs, inject, exhaust.

use ligand_core::ServiceBroker;
use ligand_db::{Db, Filter};
use serde_json::{Value, json};

use crate::{
    actions::{broker, call},
    contract::user,
    entities::{Product, User, product},
};

async fn users() -> (Db<User>, ServiceBroker) {
    let db = Db::<User>::memory();
    let broker = broker("users", &db).await;
    db.insert(User { token: Some("tok".into()), ..user("Ada", "ada@x") }).await.unwrap();
    db.insert(user("Bob", "bob@x")).await.unwrap();
    (db, broker)
}

#[tokio::test]
async fn hidden_fields_are_in_no_answer() {
    let (_db, broker) = users().await;
    let id = call(&broker, "users.list", json!({})).await.unwrap()["rows"][0]["id"].clone();
    let fields = json!({ "name": "C", "email": "c@x", "password": "password-c" });
    for (action, params) in [
        ("users.find", json!({})),
        ("users.find", json!({ "fields": "name,password,token" })),
        ("users.list", json!({ "fields": ["password", "email"] })),
        ("users.get", json!({ "id": id })),
        ("users.get", json!({ "id": [id], "mapping": true })),
        ("users.get", json!({ "id": id, "fields": "token, token.x, password" })),
        ("users.get", json!({ "id": id, "excludeFields": "name" })),
        ("users.create", fields),
        ("users.insert", json!({ "entities": [{ "name": "D", "email": "d@x", "password": "password-d" }] })),
        ("users.update", json!({ "id": id, "password": "new-password" })),
        ("users.remove", json!({ "id": id })),
    ] {
        let text = call(&broker, action, params).await.unwrap().to_string();
        assert!(!text.contains("password") && !text.contains("tok"), "{action}: {text}");
    }
    // Also not in the errors about them.
    let short = json!({ "name": "E", "email": "e@x", "password": "hunter2" });
    let error = call(&broker, "users.create", short).await.unwrap_err();
    assert_eq!(error.code(), 422);
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    broker.stop().await;
}

#[tokio::test]
async fn hidden_fields_cannot_be_probed() {
    let (_db, broker) = users().await;
    let told_apart = |hidden: &ligand_core::Error, unknown: &ligand_core::Error| {
        let text = |error: &ligand_core::Error| {
            format!("{error:?}").replace("password", "X").replace("nothing", "X")
        };
        assert_eq!(text(hidden), text(unknown));
        assert_eq!(hidden.code(), 422);
    };
    for shape in [
        json!({ "query": { "FIELD": "password123" } }),
        json!({ "query": { "FIELD": { "$gt": "" } } }),
        json!({ "query": "{\"FIELD\":\"password123\"}" }),
        json!({ "query": { "$or": [{ "name": "x" }, { "$and": [{ "FIELD": "p" }] }] } }),
        json!({ "sort": "FIELD" }),
        json!({ "sort": "-FIELD,name" }),
        json!({ "search": "pass", "searchFields": "FIELD" }),
        json!({ "searchFields": ["FIELD"] }),
        json!({ "populate": "FIELD" }),
    ] {
        let with = |name: &str| -> Value {
            serde_json::from_str(&shape.to_string().replace("FIELD", name)).unwrap()
        };
        let hidden = call(&broker, "users.list", with("password")).await.unwrap_err();
        let unknown = call(&broker, "users.list", with("nothing")).await.unwrap_err();
        told_apart(&hidden, &unknown);
    }
    // A search without fields looks at visible ones only.
    assert_eq!(call(&broker, "users.count", json!({ "search": "password" })).await.unwrap(), 0);
    assert_eq!(call(&broker, "users.count", json!({ "search": "ADA" })).await.unwrap(), 1);
    broker.stop().await;
}

#[tokio::test]
async fn only_writable_fields_are_taken() {
    let (db, broker) = users().await;
    let base = json!({ "name": "C", "email": "c@x", "password": "password-c", "kind": "k" });
    for extra in [json!({ "role": "admin" }), json!({ "token": "t" }), json!({ "nobody": 1 })] {
        let mut fields = base.clone();
        fields.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let error = call(&broker, "users.create", fields).await.unwrap_err();
        assert_eq!((error.code(), &error.data().unwrap()[0]["type"]), (422, &json!("forbidden")), "{extra}");
    }
    let made = call(&broker, "users.create", base).await.unwrap();
    assert_eq!((&made["role"], &made["kind"]), (&json!("user"), &json!("k")));
    let id = made["id"].as_str().unwrap();
    for wrong in [
        json!({ "id": id, "role": "admin" }),
        json!({ "id": id, "kind": "x" }),
        json!({ "id": id, "password": "x" }),
    ] {
        assert_eq!(call(&broker, "users.update", wrong).await.unwrap_err().code(), 422);
    }
    assert_eq!(call(&broker, "users.update", json!({ "name": "x" })).await.unwrap_err().code(), 422);
    let changed = call(&broker, "users.update", json!({ "id": id, "name": "Z" })).await.unwrap();
    assert_eq!((&changed["id"], &changed["name"]), (&made["id"], &json!("Z")));
    assert_eq!(db.require(id).await.unwrap().password, "password-c");
    broker.stop().await;

    // The other kind of entity leaves such fields out.
    let products = Db::<Product>::memory();
    let broker = crate::actions::broker("products", &products).await;
    let made =
        call(&broker, "products.create", json!({ "name": "a", "price": 1, "id": "x", "updatedAt": 1 }));
    let made = made.await.unwrap();
    assert!(made["id"] != "x" && made["updatedAt"].as_i64().unwrap() > 1);
    broker.stop().await;
}

async fn refused(db: Db<Product>) {
    let broker = broker("products", &db).await;
    db.insert_many([product("a", 1.0, 1), product("b", 2.0, 5), product("c", 3.0, 9)]).await.unwrap();
    let mut deep = json!({ "name": "a" });
    for _ in 0..200 {
        deep = json!({ "$and": [deep] });
    }
    let many: Vec<_> = (0..100).map(|n| json!({ "stock": n })).collect();
    for query in [
        json!({ "$where": "1" }),
        json!({ "$raw": "1=1" }),
        json!({ "name": { "$regex": ".*" } }),
        json!({ "name": { "$gt": { "$gt": 1 } } }),
        json!({ "name\" OR 1=1 --": 1 }),
        json!({ "products.name": "a" }),
        json!({ "rowid": 1 }),
        json!({ "$or": [] }),
        json!({ "$or": { "name": "a" } }),
        json!({ "$and": ["name"] }),
        json!({ "price": { "$gt": null } }),
        json!({ "price": { "$in": 5 } }),
        json!({ "stock": { "$in": (0..1001).collect::<Vec<_>>() } }),
        json!({ "name": { "$exists": "maybe" } }),
        json!(["name"]),
        json!(5),
        deep,
        json!({ "$or": many }),
        json!("x".repeat(40_000)),
    ] {
        let error = call(&broker, "products.find", json!({ "query": query })).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (422, "VALIDATION_ERROR"), "{query} {error:?}");
        assert!(error.data().unwrap()[0]["field"].as_str().unwrap().starts_with("query"), "{error:?}");
    }
    let error = call(&broker, "products.find", json!({ "query": "{bad" })).await.unwrap_err();
    assert_eq!(error.code(), 400);
    for wrong in [json!({ "search": "x".repeat(501) }), json!({ "limit": -1 }), json!({ "limit": "many" })] {
        assert_eq!(call(&broker, "products.find", wrong).await.unwrap_err().code(), 422);
    }
    let ids: Vec<_> = (0..1001).map(|n| n.to_string()).collect();
    assert_eq!(call(&broker, "products.get", json!({ "id": ids })).await.unwrap_err().code(), 422);
    let many = vec![json!({}); 1001];
    assert_eq!(call(&broker, "products.insert", json!({ "entities": many })).await.unwrap_err().code(), 422);
    assert_eq!(call(&broker, "products.insert", json!({})).await.unwrap_err().code(), 400);

    // What is allowed means what it says: all operators of a field count, also falsy values.
    for (query, expected) in [
        (json!({ "stock": { "$gte": 1, "$lt": 9 } }), 2),
        (json!({ "stock": { "$gt": 0 } }), 3),
        (json!({ "stock": { "$lt": "9", "$gt": "1" } }), 1),
        (json!({ "isActive": { "$eq": false } }), 0),
        (json!({ "isActive": "true" }), 3),
        (json!({ "note": null }), 3),
        (json!({ "note": { "$exists": true } }), 0),
        (json!({ "name": { "$in": ["a", "c"], "$nin": ["c"], "$ne": "x" } }), 1),
        (json!({ "$or": [{ "name": "a" }, { "stock": 9 }], "price": { "$gt": 1 } }), 1),
        (json!("{\"name\":\"a\"}"), 1),
        (json!(""), 3),
        (json!({ "name": "a' OR '1'='1" }), 0),
    ] {
        let count = call(&broker, "products.count", json!({ "query": query })).await.unwrap();
        assert_eq!(count, expected, "{query}");
    }
    let often =
        json!({ "sort": "name,-name ".repeat(3000), "search": "a", "searchFields": "name ".repeat(3000) });
    assert_eq!(call(&broker, "products.find", often).await.unwrap().as_array().unwrap().len(), 1);
    // A search narrows a query, it does not replace it.
    let both = json!({ "query": { "stock": { "$gt": 1 } }, "search": "A", "searchFields": "name category" });
    assert_eq!(call(&broker, "products.count", both).await.unwrap(), 2);
    for text in ["%", "_", "' OR 1=1 --", "\\"] {
        assert_eq!(call(&broker, "products.count", json!({ "search": text })).await.unwrap(), 0, "{text}");
    }
    assert_eq!(db.count(Filter::all()).await.unwrap(), 3);
    broker.stop().await;
}

#[tokio::test]
async fn queries_are_restricted_in_memory() {
    refused(Db::memory()).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn queries_are_restricted_in_sqlite() {
    refused(Db::sqlite(&crate::files::Scratch::new())).await;
}
