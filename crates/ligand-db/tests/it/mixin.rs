//! The mixin as part of a service: visibility, routes, caches, population, hooks, schemas.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ligand_core::{
    Action, Context, Error, ServiceBroker, ServiceDef,
    service::{Mixin, Visibility},
};
use ligand_db::{Db, Filter, Query};
use ligand_wire::FieldError;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    actions::{broker, call},
    contract::user,
    entities::{Order, Product, User, product},
};

#[test]
fn actions_are_closed_until_published() {
    let def = Db::<Product>::memory()
        .publish(["list", "get", "create", "update", "replace", "remove", "find"])
        .define("products");
    let routes: Vec<_> = def
        .actions()
        .iter()
        .map(|action| {
            let rest: Vec<_> = action.rest().iter().map(ToString::to_string).collect();
            (action.raw_name().to_owned(), action.visibility() == Visibility::Published, rest.join(""))
        })
        .collect();
    let expected = [
        ("find", true, ""),
        ("count", false, ""),
        ("list", true, "GET /"),
        ("create", true, "POST /"),
        ("insert", false, ""),
        ("get", true, "GET /:id"),
        ("update", true, "PATCH /:id"),
        ("replace", true, "PUT /:id"),
        ("remove", true, "DELETE /:id"),
    ];
    assert_eq!(routes, expected.map(|(name, published, rest)| (name.into(), published, rest.into())));
    let own = Db::<Product>::memory().publish_at("find", "GET /all").define("products");
    assert_eq!(own.actions()[0].rest()[0].to_string(), "GET /all");
    assert_eq!(own.actions()[0].visibility(), Visibility::Published);
    let closed = Db::<Product>::memory().only(["get"]).define("products");
    assert_eq!(closed.actions().len(), 1);
    assert_eq!(closed.actions()[0].visibility(), Visibility::Public);
    assert!(closed.actions()[0].rest().is_empty());
}

#[test]
fn schemas_tell_what_can_be_written_and_read() {
    let def = Db::<User>::memory().define("users");
    let keys = |value: &Value| {
        value["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(",")
    };
    let action = |name: &str| def.actions().iter().find(|action| action.raw_name() == name).unwrap();
    let create = action("create").params().unwrap().json();
    assert_eq!(keys(create), "name,email,password,kind");
    assert_eq!(create["required"], json!(["name", "email", "password"]));
    let update = action("update").params().unwrap().json();
    assert_eq!((keys(update).as_str(), &update["required"]), ("name,email,password,id", &json!(["id"])));
    // Who reads a user and writes it back has not seen the password.
    let replace = action("replace").params().unwrap().json();
    let required = json!(["id", "name", "email"]);
    assert_eq!((keys(replace).as_str(), &replace["required"]), ("name,email,password,id", &required));
    assert_eq!(keys(action("get").returns().unwrap().json()), "id,name,email,role,kind");
    // What is referred to is there.
    for name in ["create", "update", "insert", "get", "list", "find"] {
        let action = action(name);
        for json in [action.params(), action.returns()].into_iter().flatten().map(|schema| schema.json()) {
            let text = json.to_string();
            for reference in text.split("\"$ref\":\"#").skip(1) {
                let pointer = reference.split('"').next().unwrap();
                assert!(json.pointer(pointer).is_some(), "{name}: {pointer} in {text}");
            }
        }
    }
    let list = action("list").returns().unwrap().json().to_string();
    assert!(!list.contains("password") && list.contains("totalPages"), "{list}");
}

async fn start_error(db: Db<User>) -> Error {
    let service = ServiceDef::new("users").mixin(db.define("users"));
    ServiceBroker::builder().service(service).start().await.unwrap_err()
}

#[tokio::test]
async fn wrong_options_fail_the_start() {
    let db = Db::<User>::memory;
    for (wrong, word) in [
        (db().publish(["lst"]), "'lst'"),
        (db().publish_at("get", "somewhere"), "somewhere"),
        (db().only(["get", "nope"]), "'nope'"),
        (db().only(["get"]).publish(["list"]), "'list'"),
        (db().populate("nobody", "users.get"), "'nobody'"),
        (db().populate("token", "users.get"), "'token'"),
        (db().search_fields("password"), "search_fields"),
    ] {
        let error = start_error(wrong).await;
        assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
        assert!(error.message().contains(word), "{error}");
    }
}

#[tokio::test]
async fn every_change_cleans_the_cache() {
    let db = Db::<Product>::memory();
    let broker = broker("products", &db).await;
    let id = db.insert(product("a", 1.0, 5)).await.unwrap().id;
    let stock = || async {
        let got = broker.call_named("products.get", json!({ "id": id })).await.unwrap().get("stock").unwrap();
        let listed =
            broker.call_named("products.list", json!({})).await.unwrap().get("rows.0.stock").unwrap();
        let found = broker.call_named("products.find", json!({})).await.unwrap().get("0.stock").unwrap();
        assert_eq!((&got, &got), (&listed, &found));
        got.as_u64().unwrap()
    };
    assert_eq!((stock().await, stock().await), (5, 5));
    let cached = || async { broker.cache().unwrap().keys().await.unwrap().len() };
    assert_eq!(cached().await, 3);
    db.increment(&id, "stock", -1).await.unwrap();
    assert_eq!((cached().await, stock().await), (0, 4));
    db.transaction(|db| {
        let id = id.clone();
        async move { db.increment(&id, "stock", -1).await }
    })
    .await
    .unwrap();
    assert_eq!(stock().await, 3);
    call(&broker, "products.update", json!({ "id": id, "stock": 9 })).await.unwrap();
    assert_eq!(stock().await, 9);
    db.update_where(&id, Filter::all(), ligand_db::Changes::new().set("stock", 1)).await.unwrap();
    assert_eq!(stock().await, 1);
    assert_eq!(call(&broker, "products.count", json!({})).await.unwrap(), 1);
    db.insert(product("b", 1.0, 5)).await.unwrap();
    assert_eq!(call(&broker, "products.count", json!({})).await.unwrap(), 2);
    db.clear().await.unwrap();
    assert_eq!(call(&broker, "products.count", json!({})).await.unwrap(), 0);

    // Another node's change arrives as an event.
    call(&broker, "products.list", json!({})).await.unwrap();
    assert_ne!(cached().await, 0);
    broker.broadcast_named("cache.clean.products", json!({})).wait_for_listeners().await.unwrap();
    assert_eq!(cached().await, 0);
    broker.stop().await;
}

#[tokio::test]
async fn a_cancelled_change_cleans_too() {
    let db = Db::<Product>::memory();
    let broker = broker("products", &db).await;
    let id = db.insert(product("a", 1.0, 5)).await.unwrap().id;
    // Polled up to the moment when the row is changed but nobody knows, then dropped.
    let held = db.transaction(|_| async { std::future::pending::<ligand_core::Result<()>>().await });
    let soon = std::time::Duration::from_millis(5);
    let mut held = Box::pin(held);
    let mut change = Box::pin(db.increment(&id, "stock", -1));
    assert!(tokio::time::timeout(soon, &mut held).await.is_err());
    assert!(tokio::time::timeout(soon, &mut change).await.is_err());
    call(&broker, "products.list", json!({})).await.unwrap();
    drop((held, change));
    broker.tasks().idle().await;
    assert_eq!(broker.cache().unwrap().keys().await.unwrap().len(), 0);
    broker.stop().await;
}

#[tokio::test]
async fn changes_are_broadcast_once() {
    let heard = Arc::new(AtomicUsize::new(0));
    let listener = heard.clone();
    let spy =
        ServiceDef::new("spy").event(ligand_core::Event::new("cache.clean.*", move |_: Context, (): ()| {
            listener.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, Error>(()) }
        }));
    let db = Db::<Product>::memory();
    let service = ServiceDef::new("products").mixin(db.define("products"));
    let broker = ServiceBroker::builder().service(service).service(spy).start().await.unwrap();
    db.insert_many([product("a", 1.0, 1), product("b", 1.0, 1)]).await.unwrap();
    assert_eq!(heard.load(Ordering::Relaxed), 1);
    let failed = db.insert(product("a", 1.0, 1)).await;
    assert!(failed.is_err());
    let failed = db.transaction(|db| async move {
        db.clear().await?;
        Err::<(), _>(Error::conflict("no"))
    });
    assert!(failed.await.is_err());
    assert_eq!(heard.load(Ordering::Relaxed), 1);
    broker.stop().await;
}

#[tokio::test]
async fn population_is_one_call_for_all_rows() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let users = Db::<User>::memory();
    let orders = Db::<Order>::memory()
        .populate_fields("userId", "users.get", "name")
        .populate("productIds", "products.get");
    let seen = calls.clone();
    let spied = ServiceDef::new("products").action(Action::new("get", move |_: Context, params: Value| {
        seen.lock().push(params.clone());
        async move {
            let ids = params["id"].as_array().unwrap().iter().filter(|id| *id != "gone");
            Ok::<_, Error>(Value::Object(
                ids.map(|id| (id.as_str().unwrap().to_owned(), json!({ "id": id }))).collect(),
            ))
        }
    }));
    let broker = ServiceBroker::builder()
        .service(ServiceDef::new("users").mixin(users.define("users")))
        .service(ServiceDef::new("orders").mixin(orders.define("orders")))
        .service(spied)
        .start()
        .await
        .unwrap();
    let ada = users.insert(user("Ada", "ada@x")).await.unwrap();
    for n in 0..30_u32 {
        let user_id = if n == 0 { "nobody".into() } else { ada.id.clone() };
        let product_ids = vec![format!("p{}", n % 3), "gone".into()];
        orders.insert(Order { user_id, product_ids, quantity: n, ..Order::default() }).await.unwrap();
    }
    let found = call(&broker, "orders.find", json!({ "populate": "userId, productIds" })).await.unwrap();
    assert_eq!(found[1]["userId"], json!({ "name": "Ada" }));
    assert_eq!(found[0]["userId"], Value::Null);
    assert_eq!(found[4]["productIds"], json!([{ "id": "p1" }]));
    assert_eq!(*calls.lock(), [json!({ "id": ["gone", "p0", "p1", "p2"], "mapping": true })]);

    let plain = call(&broker, "orders.list", json!({})).await.unwrap();
    assert_eq!(plain["rows"][1]["userId"], json!(ada.id));
    let one = json!({ "id": found[1]["id"], "populate": ["userId"], "fields": "userId.name,quantity" });
    assert_eq!(
        call(&broker, "orders.get", one).await.unwrap(),
        json!({ "userId": { "name": "Ada" }, "quantity": 1 })
    );
    let error = call(&broker, "orders.find", json!({ "populate": "quantity" })).await.unwrap_err();
    assert_eq!(error.code(), 422);
    assert_eq!(calls.lock().len(), 1);
    broker.stop().await;
}

/// A broker with a cache and, for the orders, the service that their users come from.
async fn borrowing(lender: ServiceDef) -> ServiceBroker {
    let orders = Db::<Order>::memory().populate_fields("userId", "people.get", "name");
    let broker = ServiceBroker::builder()
        .memory_cache()
        .service(lender)
        .service(ServiceDef::new("orders").mixin(orders.define("orders")))
        .start()
        .await
        .unwrap();
    orders.insert(Order { user_id: "ada".into(), ..Order::default() }).await.unwrap();
    broker
}

async fn customer(broker: &ServiceBroker) -> Value {
    let found = call(broker, "orders.find", json!({ "populate": "userId" })).await.unwrap();
    found[0]["userId"]["name"].clone()
}

#[tokio::test]
async fn a_change_elsewhere_cleans_answers_with_populated_fields() {
    let users = Db::<User>::memory();
    let broker = borrowing(ServiceDef::new("people").mixin(users.define("people"))).await;
    users.insert(User { id: "ada".into(), ..user("Ada", "ada@x") }).await.unwrap();
    assert_eq!((customer(&broker).await, customer(&broker).await), (json!("Ada"), json!("Ada")));
    call(&broker, "people.update", json!({ "id": "ada", "name": "Countess" })).await.unwrap();
    assert_eq!(customer(&broker).await, "Countess");
    users.remove("ada").await.unwrap();
    assert_eq!(customer(&broker).await, Value::Null);
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn answers_with_populated_fields_of_a_silent_service_do_not_live_long() {
    let name = Arc::new(Mutex::new("Ada"));
    let current = name.clone();
    let silent = ServiceDef::new("people").action(Action::new("get", move |_: Context, _: Value| {
        let name = *current.lock();
        async move { Ok::<_, Error>(json!({ "ada": { "name": name } })) }
    }));
    let broker = borrowing(silent).await;
    assert_eq!(customer(&broker).await, "Ada");
    *name.lock() = "Countess";
    assert_eq!(customer(&broker).await, "Ada");
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    assert_eq!(customer(&broker).await, "Countess");
    broker.stop().await;
}

#[tokio::test]
async fn hooks_change_refuse_and_follow() {
    let log = Arc::new(Mutex::new(Vec::<String>::new()));
    let note = |what: &'static str| {
        let log = log.clone();
        move |ctx: Option<Context>, product: Arc<Product>| {
            log.lock().push(format!("{what} {} {}", product.name, ctx.is_some()));
            async move { if what == "removed" { Err(Error::new("ignored")) } else { Ok(()) } }
        }
    };
    let db = Db::<Product>::memory()
        .rule(|product| match product.name.as_str() {
            "bad" => vec![FieldError::new("custom", Some("name".into()), None, None)],
            _ => Vec::new(),
        })
        .before_create(|_, mut product: Product| async move {
            product.category = "hooked".into();
            Ok(product)
        })
        .before_update(|_, old: Arc<Product>, new: Product| async move {
            if new.price < old.price { Err(Error::conflict("cheaper")) } else { Ok(new) }
        })
        .before_remove(|_, product: Arc<Product>| async move {
            if product.stock > 0 { Err(Error::conflict("in stock")) } else { Ok(()) }
        })
        .after_create(note("created"))
        .after_update(note("updated"))
        .after_remove(note("removed"));
    let broker = broker("products", &db).await;
    let made =
        call(&broker, "products.create", json!({ "name": "a", "price": 5, "stock": 1 })).await.unwrap();
    assert_eq!(made["category"], "hooked");
    let id = made["id"].as_str().unwrap();
    let error = call(&broker, "products.update", json!({ "id": id, "price": 4 })).await.unwrap_err();
    assert_eq!(error.message(), "cheaper");
    let error = call(&broker, "products.update", json!({ "id": id, "name": "bad" })).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (422, "Entity validation error!"));
    let error = call(&broker, "products.remove", json!({ "id": id })).await.unwrap_err();
    assert_eq!(error.message(), "in stock");
    db.increment(id, "stock", -1).await.unwrap();
    call(&broker, "products.remove", json!({ "id": id })).await.unwrap();
    assert_eq!(*log.lock(), ["created a true", "updated a false", "removed a true"]);
    assert_eq!(db.insert(product("bad", 1.0, 1)).await.unwrap_err().code(), 422);
    // What is only moved was created elsewhere, but keeps to the rules.
    assert_eq!(db.import([product("moved", 1.0, 1)]).await.unwrap(), 1);
    assert_eq!(db.import([product("bad", 1.0, 1)]).await.unwrap_err().code(), 422);
    assert_eq!(db.find(Query::new()).await.unwrap()[0].category, "general");
    assert_eq!(log.lock().len(), 3);
    broker.stop().await;
}

#[tokio::test]
async fn chooses_fields() {
    let db = Db::<Product>::memory();
    let broker = broker("products", &db).await;
    let id = db.insert(product("a", 1.0, 5)).await.unwrap().id;
    let get = |more: Value| {
        let mut params = json!({ "id": id });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&broker, "products.get", params)
    };
    assert_eq!(
        get(json!({ "fields": "name, stock,nothing" })).await.unwrap(),
        json!({ "name": "a", "stock": 5 })
    );
    assert_eq!(
        get(json!({ "fields": ["name"], "mapping": true })).await.unwrap(),
        json!({ &id: { "name": "a" } })
    );
    let rest =
        get(json!({ "excludeFields": "name,stock,price,tags,note,createdAt,updatedAt,id" })).await.unwrap();
    assert_eq!(rest, json!({ "category": "general", "isActive": true }));
    let both = json!({ "id": ["nobody", id, id], "fields": "name" });
    assert_eq!(call(&broker, "products.get", both).await.unwrap(), json!([{ "name": "a" }]));
    assert_eq!(call(&broker, "products.get", json!({ "id": [] })).await.unwrap(), json!([]));
    assert_eq!(
        call(&broker, "products.get", json!({ "id": 5 })).await.unwrap_err().data(),
        Some(&json!({ "id": "5" }))
    );
    broker.stop().await;
}
