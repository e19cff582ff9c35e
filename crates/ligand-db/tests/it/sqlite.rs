//! What only a SQLite file has: restarts, migrations, locks, damage.

use std::time::Duration;

use ligand::entity;
use ligand_core::{ServiceBroker, ServiceDef, service::Mixin};
use ligand_db::{Changes, Db, Entity, Field, Filter, Migration, Sqlite};
use ligand_wire::validate::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    actions::call,
    entities::{Order, Product, User, product},
    files::Scratch,
};

/// The first form of [`Product`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Old {
    #[serde(default)]
    id: String,
    name: String,
    price: f64,
}

impl Validate for Old {}

impl Entity for Old {
    type Visible = Self;

    const TABLE: &'static str = "products";
    const FIELDS: &'static [Field] = &[];
}

fn old(name: &str) -> Old {
    Old { id: String::new(), name: name.into(), price: 1.0 }
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let scratch = Scratch::new();
    let db = Sqlite::open(&scratch.url()).unwrap();
    let (products, orders) = (Db::<Product>::sqlite(&db), Db::<Order>::sqlite(&db));
    let start = || async {
        ServiceBroker::builder()
            .service(ServiceDef::new("products").mixin(products.define("products")))
            .service(ServiceDef::new("orders").mixin(orders.define("orders")))
            .start()
            .await
            .unwrap()
    };
    let broker = start().await;
    let made = call(&broker, "products.create", json!({ "name": "a", "price": 1, "tags": ["x", "y"] }))
        .await
        .unwrap();
    orders.insert(Order { user_id: "u".into(), quantity: 1, ..Order::default() }).await.unwrap();
    broker.stop().await;
    // The same handle serves again, and so does a new one.
    let broker = start().await;
    let params = json!({ "id": made["id"] });
    assert_eq!(call(&broker, "products.get", params).await.unwrap(), made);
    broker.stop().await;
    let again = Db::<Product>::sqlite(&scratch.again());
    assert_eq!(again.find_one(Filter::all()).await.unwrap().unwrap().tags, ["x", "y"]);
}

#[tokio::test]
async fn columns_are_added() {
    let scratch = Scratch::new();
    let first = Db::<Old>::sqlite(&scratch);
    let made = first.insert(old("a")).await.unwrap();
    let second = Db::<Product>::sqlite(&scratch.again());
    let found = second.require(&made.id).await.unwrap();
    assert_eq!((found.category.as_str(), found.stock, found.is_active), ("general", 0, true));
    // Conditions and orders see what is read.
    for filter in [
        Filter::field("category").eq("general"),
        Filter::field("stock").lt(1),
        Filter::field("isActive").eq(true),
    ] {
        assert_eq!(second.count(filter.clone()).await.unwrap(), 1, "{filter:?}");
    }
    // Also of rows that the older program adds from now on.
    let late = first.insert(old("late")).await.unwrap();
    assert_eq!(second.require(&late.id).await.unwrap().category, "general");
    assert_eq!(second.count(Filter::field("category").eq("general")).await.unwrap(), 2);
    assert_eq!(second.increment(&made.id, "stock", 3).await.unwrap().stock, 3);
    let changed = second.update(&made.id, Changes::new().set("price", 2)).await.unwrap();
    assert_eq!((changed.price, changed.stock), (2.0, 3));
    // The older program goes on working.
    assert_eq!(first.require(&made.id).await.unwrap().price, 2.0);
}

/// A form of an entity of the table `products`.
macro_rules! form {
    ($name:ident { $($field:ident: $type:ty),* }) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        struct $name {
            #[serde(default)]
            id: String,
            $($field: $type),*
        }

        impl Validate for $name {}

        impl Entity for $name {
            type Visible = Self;

            const TABLE: &'static str = "products";
        }
    };
}

form!(First { name: String, stock: u32, note: Option<String> });
form!(NewField { name: String, stock: u32, note: Option<String>, sku: String });
form!(NewOption { name: String, stock: u32, note: Option<String>, sku: Option<String> });
form!(NoOption { name: String, stock: u32, note: String });
form!(Narrower { name: String, stock: u8, note: Option<String> });
form!(Shorter { name: String });

/// As [`form`], with an id that compares in another way than its text.
#[cfg(feature = "uuid")]
macro_rules! form_by_uuid {
    ($name:ident, $stock:ty) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        struct $name {
            #[serde(default)]
            id: uuid::Uuid,
            stock: $stock,
        }

        impl Validate for $name {}

        impl Entity for $name {
            type Visible = Self;

            const TABLE: &'static str = "products";
        }
    };
}

#[cfg(feature = "uuid")]
#[tokio::test]
async fn rows_are_read_whatever_the_notation_of_their_ids() {
    form_by_uuid!(Wide, u32);
    form_by_uuid!(Narrow, u8);
    let scratch = Scratch::new();
    starts::<Wide>(scratch.again()).await.unwrap();
    // In the order of bytes the capital ones come first; the other one comes before them as a number.
    let sql = "INSERT INTO products (id, stock) WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n \
        WHERE n < 1000) SELECT printf('F0000000-0000-4000-8000-%012X', n), 1 FROM n UNION ALL \
        SELECT 'a0000000-0000-4000-8000-000000000000', 300";
    let fill = [Migration::new("1 many", sql)];
    starts::<Wide>(scratch.again().migrations(fill.clone())).await.unwrap();
    let text = refusal::<Narrow>(scratch.again().migrations(fill)).await;
    assert!(text.contains("'stock'") && text.contains("a0000000"), "{text}");
}

async fn starts<E: Entity>(database: Sqlite) -> ligand_core::Result<()> {
    let db = Db::<E>::sqlite(&database);
    let service = ServiceDef::new("products").mixin(db.define("products"));
    let broker = ServiceBroker::builder().service(service).start().await?;
    db.find(Filter::all()).await?;
    broker.stop().await;
    Ok(())
}

/// The text with which a service does not start.
async fn refusal<E: Entity>(database: Sqlite) -> String {
    let error = starts::<E>(database).await.unwrap_err();
    assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR", "{error:?}");
    assert!(error.message().contains("'products'") && error.message().contains("migration"), "{error}");
    error.message().to_owned()
}

#[tokio::test]
async fn rows_that_an_entity_cannot_be_read_from_refuse_the_start() {
    let scratch = Scratch::new();
    // A table without rows takes any form.
    starts::<First>(scratch.again()).await.unwrap();
    starts::<NoOption>(scratch.again()).await.unwrap();
    let full = First { id: "full".into(), name: "a".into(), stock: 300, note: Some("n".into()) };
    let first = Db::<First>::sqlite(&scratch);
    first.insert(full.clone()).await.unwrap();
    starts::<NoOption>(scratch.again()).await.unwrap();
    first.insert(First { id: "bare".into(), note: None, ..full }).await.unwrap();
    starts::<First>(scratch.again()).await.unwrap();
    starts::<Shorter>(scratch.again()).await.unwrap();

    let text = refusal::<NewField>(scratch.again()).await;
    assert!(text.contains("'sku'") && text.contains("default") && text.contains("Option"), "{text}");
    // Nothing was changed on the way to the refusal.
    assert_eq!(refusal::<NewField>(scratch.again()).await, text);
    let text = refusal::<Narrower>(scratch.again()).await;
    assert!(text.contains("'stock'") && text.contains("255"), "{text}");

    let fill = Migration::new("1 sku", "ALTER TABLE products ADD COLUMN sku TEXT NOT NULL DEFAULT 'none'");
    starts::<NewField>(scratch.again().migrations([fill])).await.unwrap();
    starts::<First>(scratch.again()).await.unwrap();
}

#[tokio::test]
async fn an_option_that_became_required_refuses_the_start_by_its_row() {
    let scratch = Scratch::new();
    let bare = First { id: "bare".into(), name: "a".into(), stock: 1, note: None };
    Db::<First>::sqlite(&scratch).insert(bare).await.unwrap();
    let text = refusal::<NoOption>(scratch.again()).await;
    assert!(text.contains("'note'") && text.contains("'bare'"), "{text}");
    starts::<NewOption>(scratch.again()).await.unwrap();
}

#[tokio::test]
async fn a_column_of_others_that_must_have_a_value_refuses_the_start() {
    let scratch = Scratch::new();
    let sql = "CREATE TABLE products (id TEXT PRIMARY KEY NOT NULL, name TEXT, owner TEXT NOT NULL)";
    let text = refusal::<Shorter>(scratch.again().migrations([Migration::new("1", sql)])).await;
    assert!(text.contains("'owner'"), "{text}");
    let scratch = Scratch::new();
    let sql =
        "CREATE TABLE products (id TEXT PRIMARY KEY NOT NULL, name TEXT, stock INTEGER, note TEXT NOT NULL)";
    let text = refusal::<First>(scratch.again().migrations([Migration::new("1", sql)])).await;
    assert!(text.contains("'note'"), "{text}");
    let scratch = Scratch::new();
    let sql = "CREATE TABLE products (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL DEFAULT 'me')";
    let db = scratch.again().migrations([Migration::new("1", sql)]);
    starts::<Shorter>(db.clone()).await.unwrap();
    Db::<Shorter>::sqlite(&db).insert(Shorter { id: String::new(), name: "a".into() }).await.unwrap();
}

#[tokio::test]
async fn a_field_becomes_unique_only_when_it_is() {
    let scratch = Scratch::new();
    let first = Db::<Old>::sqlite(&scratch);
    first.insert_many([old("a"), old("a")]).await.unwrap();
    let error = Db::<Product>::sqlite(&scratch.again()).count(Filter::all()).await.unwrap_err();
    assert!(error.message().contains("'name'") && error.kind() == "SERVICE_SCHEMA_ERROR", "{error:?}");
    assert_eq!(first.count(Filter::all()).await.unwrap(), 2);
}

#[tokio::test]
async fn migrations_run_once_and_are_checked() {
    let scratch = Scratch::new();
    let first =
        Migration::new("1 prices in cents", "UPDATE products SET price = price * 100").if_table("products");
    let open = |steps: Vec<Migration>| Db::<Old>::sqlite(&scratch.again().migrations(steps));
    Db::<Old>::sqlite(&scratch).insert(old("a")).await.unwrap();
    let price = |db: Db<Old>| async move { db.find_one(Filter::all()).await.map(|old| old.unwrap().price) };
    assert_eq!(price(open(vec![first.clone()])).await.unwrap(), 100.0);
    assert_eq!(price(open(vec![first.clone()])).await.unwrap(), 100.0);
    let second = Migration::new(
        "2",
        "CREATE TABLE extra (a TEXT); INSERT INTO extra VALUES ('x;y'); UPDATE products SET price = 7",
    );
    assert_eq!(price(open(vec![first.clone(), second.clone()])).await.unwrap(), 7.0);

    let changed = Migration::new("1 prices in cents", "UPDATE products SET price = 0");
    let broken = Migration::new("3", "UPDATE products SET price = 8; SELECT nonsense FROM nowhere");
    for (steps, word) in [
        (vec![first.clone()], "does not know"),
        (vec![changed, second.clone()], "was changed"),
        (vec![second.clone(), first.clone()], "at the end only"),
        (vec![first.clone(), second.clone(), broken], "nothing of it remains"),
    ] {
        let error = price(open(steps)).await.unwrap_err();
        assert!(error.kind() == "MIGRATION_ERROR" && error.message().contains(word), "{error:?}");
    }
    assert_eq!(price(open(vec![first, second])).await.unwrap(), 7.0);
}

#[tokio::test]
async fn a_step_for_a_table_that_is_new_counts_as_done() {
    let scratch = Scratch::new();
    let step = Migration::new("1", "ALTER TABLE products RENAME COLUMN title TO name").if_table("products");
    let open = || Db::<Old>::sqlite(&scratch.again().migrations([step.clone()]));
    open().insert(old("a")).await.unwrap();
    assert_eq!(open().count(Filter::all()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_database_is_reported_and_recovers() {
    let scratch = Scratch::new();
    let db = Db::<Product>::sqlite(&scratch.again().busy_timeout(Duration::from_millis(100)));
    let made = db.insert(product("a", 1.0, 1)).await.unwrap();
    let other = Db::<Product>::sqlite(&scratch.again());
    let (locked, unlock) = (tokio::sync::oneshot::channel(), tokio::sync::oneshot::channel::<()>());
    let holder = async {
        other
            .transaction(|other| async move {
                other.insert(product("held", 1.0, 1)).await?;
                locked.0.send(()).unwrap();
                let _ = unlock.1.await;
                Ok(())
            })
            .await
            .unwrap();
    };
    let work = async {
        locked.1.await.unwrap();
        let error = db.insert(product("b", 1.0, 1)).await.unwrap_err();
        assert_eq!((error.code(), error.kind(), error.retryable()), (503, "DATABASE_BUSY", true));
        assert!(!error.message().contains("locked") && error.internal().is_some());
        // Readers do not wait for writers.
        assert_eq!(db.require(&made.id).await.unwrap(), made);
        unlock.0.send(()).unwrap();
    };
    tokio::join!(holder, work);
    db.insert(product("b", 1.0, 1)).await.unwrap();
    assert_eq!(db.count(Filter::all()).await.unwrap(), 3);
}

#[tokio::test]
async fn a_read_only_database_is_not_changed() {
    let scratch = Scratch::new();
    let made = Db::<Product>::sqlite(&scratch).insert(product("a", 1.0, 1)).await.unwrap();
    let db = Db::<Product>::sqlite(&Sqlite::open(&format!("{}?mode=ro", scratch.url())).unwrap());
    assert_eq!(db.require(&made.id).await.unwrap(), made);
    let error = db.insert(product("b", 1.0, 1)).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (500, "DATABASE_READ_ONLY"), "{error:?}");
    assert_eq!(db.count(Filter::all()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_full_database_is_reported_and_keeps_what_it_has() {
    let scratch = Scratch::new();
    let limit = Migration::new("1", "PRAGMA max_page_count = 40");
    let db = Db::<Product>::sqlite(&scratch.again().migrations([limit]));
    db.insert(product("small", 1.0, 1)).await.unwrap();
    let large = Product { note: Some("x".repeat(400_000)), ..product("large", 1.0, 1) };
    let error = db.insert_many([product("other", 1.0, 1), large]).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (503, "DATABASE_FULL"), "{error:?}");
    assert_eq!(db.count(Filter::all()).await.unwrap(), 1);
    db.insert(product("other", 1.0, 1)).await.unwrap();
}

#[tokio::test]
async fn files_that_cannot_be_opened_fail_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "this is no database, it is a text that is long enough to be read as a header....")
        .unwrap();
    let missing = folder.path().join("missing.db");
    std::fs::write(folder.path().join("file"), "").unwrap();
    for (url, kind) in [
        (format!("sqlite://{}", text.display()), "DATABASE_DAMAGED"),
        (format!("sqlite://{}?mode=rw", missing.display()), "DATABASE_UNAVAILABLE"),
        (format!("sqlite://{}", folder.path().display()), "DATABASE_UNAVAILABLE"),
        (format!("sqlite://{}/file/x.db", folder.path().display()), "DATABASE_ERROR"),
    ] {
        let db = Db::<Product>::sqlite(&Sqlite::open(&url).unwrap());
        let service = ServiceDef::new("products").mixin(db.define("products"));
        let error = ServiceBroker::builder().service(service).start().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, 500), "{url} {error:?}");
        assert!(error.message().contains("cannot be opened"), "{error:?}");
    }
    assert!(!missing.exists());
}

#[test]
fn urls_are_checked_without_printing_them() {
    for wrong in [
        "postgres://ada:hunter2@db/shop",
        "hunter2",
        "sqlite:",
        "sqlite://",
        "sqlite://x.db?mode=hunter2",
        "sqlite://x.db?hunter2=1",
        "",
    ] {
        let error = Sqlite::open(wrong).unwrap_err();
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        assert!(
            !format!("{error:?}").contains("hunter2") && error.message().contains("database URL"),
            "{error:?}"
        );
    }
    for right in ["sqlite:x.db", "sqlite://a/b.db?mode=rwc", "sqlite:///a/b.db?mode=ro", "sqlite::memory:"] {
        Sqlite::open(right).unwrap();
    }
}

#[tokio::test]
async fn a_foreign_table_is_not_touched() {
    let scratch = Scratch::new();
    let foreign = Migration::new("1", "CREATE TABLE users (a TEXT)");
    let db = Db::<User>::sqlite(&scratch.again().migrations([foreign]));
    let error = db.count(Filter::all()).await.unwrap_err();
    assert!(error.message().contains("without the id column"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_do_not_oversell() {
    let scratch = Scratch::new();
    let here = Db::<Product>::sqlite(&scratch);
    let there = Db::<Product>::sqlite(&scratch.again());
    let id = here.insert(product("a", 1.0, 50)).await.unwrap().id;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (db, id) = (if n % 2 == 0 { here.clone() } else { there.clone() }, id.clone());
        tasks.spawn(async move {
            let enough = Filter::field("stock").gte(1);
            db.update_where(&id, enough, Changes::new().increment("stock", -1)).await.unwrap().is_some()
        });
    }
    let sold = tasks.join_all().await.into_iter().filter(|sold| *sold).count();
    assert_eq!((sold, here.require(&id).await.unwrap().stock), (50, 0));
}

#[entity(table = "a")]
struct Left {
    id: String,
    #[serde(rename = "b_c")]
    #[field(unique)]
    name: Option<String>,
}

#[entity(table = "a_b")]
struct Right {
    id: String,
    #[serde(rename = "c")]
    #[field(unique)]
    name: Option<String>,
}

#[entity(table = "a")]
struct LeftAgain {
    id: String,
    #[serde(rename = "b_c")]
    name: Option<String>,
}

/// The names of their indexes would be one.
#[tokio::test]
async fn each_table_has_its_own_unique_values_until_they_need_not_be() {
    let scratch = Scratch::new();
    let name = || Some("x".to_owned());
    let (left, right) = (Db::<Left>::sqlite(&scratch), Db::<Right>::sqlite(&scratch));
    for _ in 0..2 {
        left.insert(Left { id: String::new(), name: name() }).await.map(drop).unwrap_or_default();
        right.insert(Right { id: String::new(), name: name() }).await.map(drop).unwrap_or_default();
    }
    assert_eq!((left.count(Filter::all()).await.unwrap(), right.count(Filter::all()).await.unwrap()), (1, 1));
    let again = Db::<LeftAgain>::sqlite(&scratch.again());
    again.insert(LeftAgain { id: String::new(), name: name() }).await.unwrap();
    assert_eq!(again.count(LeftAgain::NAME.eq("x")).await.unwrap(), 2);
}
