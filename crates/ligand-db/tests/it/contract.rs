//! What every adapter must do; run against each of them through the handle.

use ligand_db::{Changes, Db, Filter, ListParams, Query, new_id};
use serde_json::json;

use crate::entities::{Order, Product, User, product};

pub(crate) fn user(name: &str, email: &str) -> User {
    User { name: name.into(), email: email.into(), password: "password123".into(), ..User::default() }
}

fn names(products: &[Product]) -> Vec<&str> {
    products.iter().map(|product| product.name.as_str()).collect()
}

pub(crate) async fn writes_and_reads(db: Db<Product>) {
    let first = db.insert(product("Lamp", 5.5, 3)).await.unwrap();
    assert_eq!((first.id.len(), first.tags.len()), (36, 0));
    assert!(first.updated_at > 1_700_000_000_000 && first.created_at.len() == 24, "{first:?}");
    let own = Product { id: "own".into(), tags: vec!["a".into(), "b\"'".into()], ..product("Desk", 7.0, 0) };
    let own = db.insert(own).await.unwrap();
    assert_eq!(db.require("own").await.unwrap(), own);
    assert_eq!(db.get("Own").await.unwrap(), None);
    assert_eq!(db.get_many(["own", "nobody", &first.id, "own"]).await.unwrap(), [own.clone(), first.clone()]);
    assert_eq!(db.count(Filter::all()).await.unwrap(), 2);
    assert_eq!(db.remove("own").await.unwrap(), own);
    assert_eq!(db.remove("own").await.unwrap_err().code(), 404);
    assert_eq!(db.find(Filter::all()).await.unwrap(), [first]);
    assert_eq!((db.clear().await.unwrap(), db.count(Filter::all()).await.unwrap()), (1, 0));
}

pub(crate) async fn imports(db: Db<Product>) {
    let old = "2020-02-29T12:00:00.000Z";
    let from = |id: &str, name: &str| Product {
        id: id.into(),
        created_at: old.into(),
        updated_at: 7,
        ..product(name, 1.0, 1)
    };
    // As other frameworks make ids, and one that has none.
    assert_eq!(db.import([from("aB3dE6gH9jKlMnOp", " a "), from("", "b")]).await.unwrap(), 2);
    assert_eq!(db.require("aB3dE6gH9jKlMnOp").await.unwrap(), from("aB3dE6gH9jKlMnOp", "a"));
    let all = db.find(Query::new().sort("name")).await.unwrap();
    assert_eq!((all.len(), all[1].id.len(), &*all[1].created_at), (2, 36, old));
    let taken = db.import([from("new", "c"), from("aB3dE6gH9jKlMnOp", "d")]).await.unwrap_err();
    assert_eq!(taken.kind(), "DUPLICATE_KEY");
    let broken = db.import([from("new", "c"), from("other", "")]).await.unwrap_err();
    assert_eq!(broken.code(), 422);
    assert_eq!((db.count(Filter::all()).await.unwrap(), db.import([]).await.unwrap()), (2, 0));
}

pub(crate) async fn filters(db: Db<Product>) {
    let add = [
        Product { note: Some("Zoë's 100%_sure".into()), ..product("a", 1.0, 0) },
        Product { category: "toys".into(), ..product("b", 2.5, 5) },
        Product { is_active: false, tags: vec!["x".into()], ..product("c", 10.0, 10) },
        Product { note: Some("B\\slash".into()), ..product("d", 100.0, 20) },
    ];
    db.insert_many(add).await.unwrap();
    let check = |filter: Filter, expected: &'static [&'static str]| {
        let db = db.clone();
        async move {
            let found = db.find(filter.clone()).await.unwrap();
            assert_eq!(names(&found), expected, "{filter:?}");
            assert_eq!(db.count(filter).await.unwrap(), expected.len() as u64);
        }
    };
    let field = Filter::field;
    check(Filter::all(), &["a", "b", "c", "d"]).await;
    check(field("price").eq(10), &["c"]).await;
    check(field("price").ne(10), &["a", "b", "d"]).await;
    check(field("price").gt(2).and(field("price").lte(10.0)), &["b", "c"]).await;
    check(field("stock").gte(5).and(field("stock").lt(20)), &["b", "c"]).await;
    check(field("stock").gt(4.5), &["b", "c", "d"]).await;
    check(field("stock").gt(0).and(field("stock").lt(6)), &["b"]).await;
    check(field("isActive").eq(false), &["c"]).await;
    check(field("name").gte("b").and(field("name").lt("d")), &["b", "c"]).await;
    check(field("name").is_in(["a", "d", "z"]), &["a", "d"]).await;
    check(field("name").is_in::<&str>([]), &[]).await;
    check(field("name").not_in(["a", "d"]), &["b", "c"]).await;
    check(field("stock").is_in([0, 20]), &["a", "d"]).await;
    check(field("isActive").is_in([false]), &["c"]).await;
    check(field("note").exists(true), &["a", "d"]).await;
    check(field("note").eq(None::<String>), &["b", "c"]).await;
    check(field("note").ne("B\\slash"), &["a", "b", "c"]).await;
    check(field("note").is_in([None, Some("B\\slash")]), &["b", "c", "d"]).await;
    check(field("note").not_in(["B\\slash"]), &["a", "b", "c"]).await;
    check(field("note").not_in([None, Some("B\\slash")]), &["a"]).await;
    check(field("note").contains("b\\S"), &["d"]).await;
    check(field("note").contains("100%_"), &["a"]).await;
    check(field("note").contains("10%"), &[]).await;
    check(field("note").contains("1___"), &[]).await;
    check(field("note").contains("zoë"), &["a"]).await;
    check(field("tags").eq(["x"]), &["c"]).await;
    check(field("tags").is_in([json!(["x"]), json!(["y"])]), &["c"]).await;
    let either = field("name").eq("a").or(field("category").eq("toys")).or(field("stock").eq(20));
    check(either.clone(), &["a", "b", "d"]).await;
    check(either.and(field("price").gt(1)), &["b", "d"]).await;
    check(field("price").gt(1).and(field("name").eq("a").or(field("name").eq("b"))), &["b"]).await;
    for (wrong, field, operator) in [
        (field("nobody").eq(1), "nobody", "eq"),
        (field("price").gt("x"), "price", "gt"),
        (field("tags").lt(5), "tags", "lt"),
    ] {
        let error = db.find(wrong).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (422, "CONDITION_ERROR"), "{error:?}");
        let data = error.data().unwrap();
        assert_eq!((&data["field"], &data["operator"]), (&json!(field), &json!(operator)));
    }
}

pub(crate) async fn sorts_and_pages(db: Db<Product>) {
    for (name, price, note) in
        [("a", 2.0, None), ("b", 1.0, Some("n")), ("c", 2.0, None), ("d", -0.0, Some("m"))]
    {
        db.insert(Product { note: note.map(Into::into), ..product(name, price, 0) }).await.unwrap();
    }
    let sorted = |sort: &'static str| {
        let db = db.clone();
        async move {
            db.find(Query::new().sort(sort)).await.unwrap().into_iter().map(|p| p.name).collect::<String>()
        }
    };
    assert_eq!(sorted("price").await, "dbac");
    assert_eq!(sorted("-price").await, "acbd");
    assert_eq!(sorted("-price,-name").await, "cabd");
    assert_eq!(sorted("note -name").await, "cadb");
    assert_eq!(sorted("isActive").await, "abcd");
    let some = db.find(Query::new().sort("-name").offset(1).limit(2)).await.unwrap();
    assert_eq!(names(&some), ["c", "b"]);
    assert_eq!(names(&db.find(Query::new().offset(3)).await.unwrap()), ["d"]);
    assert!(db.find(Query::new().offset(u64::MAX)).await.unwrap().is_empty());
    assert!(db.find(Query::new().limit(0)).await.unwrap().is_empty());
    let page =
        db.list(ListParams { page: Some(2), page_size: Some(3), ..ListParams::default() }).await.unwrap();
    assert_eq!((names(&page.rows), page.total, page.total_pages), (vec!["d"], 4, 2));
    let beyond = db.list(ListParams { page: Some(u64::MAX), ..ListParams::default() }).await.unwrap();
    assert_eq!((beyond.rows.len(), beyond.total), (0, 4));
}

pub(crate) async fn updates(db: Db<Product>) {
    let made = db.insert(Product { note: Some("x".into()), ..product("a", 2.0, 5) }).await.unwrap();
    let id = made.id.as_str();
    let changed = db.update(id, Changes::new().set("price", 3).set("tags", json!(["t"]))).await.unwrap();
    assert_eq!((changed.price, changed.tags.len(), changed.note.as_deref()), (3.0, 1, Some("x")));
    assert_eq!(changed.created_at, made.created_at);
    let cleared = db
        .update_with(id, |product| {
            product.note = None;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!((cleared.note.as_ref(), db.require(id).await.unwrap()), (None, cleared.clone()));
    assert_eq!(db.increment(id, "stock", 2).await.unwrap().stock, 7);
    assert_eq!(db.increment(id, "price", 0.5).await.unwrap().price, 3.5);

    for (what, changes) in [
        ("below zero", Changes::new().increment("stock", -8)),
        ("a fraction", Changes::new().increment("stock", 0.5)),
        ("a rule", Changes::new().increment("price", -4)),
        ("a rule", Changes::new().set("price", -4)),
        ("a type", Changes::new().set("price", "x")),
        ("too much", Changes::new().increment("stock", i64::MAX)),
        ("too much", Changes::new().increment("updatedAt", i64::MAX)),
    ] {
        let error = db.update_where(id, Filter::all(), changes).await.unwrap_err();
        assert!(matches!(error.code(), 422 | 500), "{what}: {error:?}");
    }
    for wrong in
        [Changes::new().set("id", "x"), Changes::new().set("nope", 1), Changes::new().increment("name", 1)]
    {
        assert_eq!(db.update(id, wrong).await.unwrap_err().kind(), "DATABASE_MISUSE");
    }
    let now = db.require(id).await.unwrap();
    assert_eq!((now.stock, now.price), (7, 3.5));
    assert_eq!(db.update("nobody", Changes::new().set("price", 1)).await.unwrap_err().code(), 404);
    assert_eq!(db.increment("nobody", "stock", 1).await.unwrap_err().code(), 404);

    let same = db.update(id, Changes::new().set("price", 3.5)).await.unwrap();
    assert_eq!(same.updated_at, now.updated_at);
    let enough = |n: u32| Filter::field("stock").gte(n);
    let taken = db.update_where(id, enough(7), Changes::new().increment("stock", -7)).await.unwrap();
    assert_eq!(taken.unwrap().stock, 0);
    assert_eq!(db.update_where(id, enough(1), Changes::new().increment("stock", -1)).await.unwrap(), None);
    assert_eq!(db.update_where("nobody", Filter::all(), Changes::new().set("price", 1)).await.unwrap(), None);
}

pub(crate) async fn keeps_values_unique(db: Db<Product>, users: Db<User>) {
    let first = db.insert(product("a", 1.0, 1)).await.unwrap();
    let error = db.insert(product("a", 2.0, 1)).await.unwrap_err();
    assert_eq!(
        (error.code(), error.kind(), error.data()),
        (409, "DUPLICATE_KEY", Some(&json!({ "field": "name" })))
    );
    let error = db.insert(Product { id: first.id.clone(), ..product("b", 2.0, 1) }).await.unwrap_err();
    assert_eq!((error.kind(), error.data()), ("DUPLICATE_KEY", Some(&json!({ "field": "id" }))));

    // All or none.
    let many = [product("x", 1.0, 1), product("y", 1.0, 1), product("x", 1.0, 1)];
    assert_eq!(db.insert_many(many).await.unwrap_err().code(), 409);
    assert_eq!(db.count(Filter::all()).await.unwrap(), 1);

    let second = db.insert(product("b", 1.0, 1)).await.unwrap();
    assert_eq!(db.update(&second.id, Changes::new().set("name", "a")).await.unwrap_err().code(), 409);
    assert_eq!(db.require(&second.id).await.unwrap().name, "b");
    db.update(&second.id, Changes::new().set("name", "b").set("price", 9)).await.unwrap();
    db.remove(&first.id).await.unwrap();
    db.update(&second.id, Changes::new().set("name", "a")).await.unwrap();

    // Nothing is not a value; a hidden field is not named.
    users.insert_many([user("A", "a@x"), user("B", "b@x")]).await.unwrap();
    users.insert(User { token: Some("t".into()), ..user("C", "c@x") }).await.unwrap();
    let error = users.insert(User { token: Some("t".into()), ..user("D", "d@x") }).await.unwrap_err();
    assert_eq!((error.kind(), error.data()), ("DUPLICATE_KEY", None));
    assert!(!error.message().contains("token"));
}

/// 200 orders at once for 50 pieces.
pub(crate) async fn never_oversells(db: Db<Product>) {
    let id = db.insert(product("a", 1.0, 50)).await.unwrap().id;
    let orders = (0..200).map(|_| {
        let (db, id) = (db.clone(), id.clone());
        async move {
            let enough = Filter::field("stock").gte(1);
            let sold = db.update_where(&id, enough, Changes::new().increment("stock", -1)).await.unwrap();
            sold.is_some()
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    orders.for_each(|order| drop(tasks.spawn(order)));
    let sold = tasks.join_all().await.into_iter().filter(|sold| *sold).count();
    assert_eq!((sold, db.require(&id).await.unwrap().stock), (50, 0));
}

pub(crate) async fn transactions(products: Db<Product>, orders: Db<Order>) {
    let id = products.insert(product("a", 1.0, 5)).await.unwrap().id;
    let order = |quantity| Order { user_id: "u".into(), quantity, ..Order::default() };
    let place = |quantity: u32, fails: bool| {
        let (products, orders, id) = (products.clone(), orders.clone(), id.clone());
        async move {
            products
                .transaction(|products| async move {
                    let orders = orders.within(&products)?;
                    let less = Changes::new().increment("stock", -i64::from(quantity));
                    let made = orders.insert(order(quantity)).await?;
                    products.update_where(&id, Filter::field("stock").gte(quantity), less).await?;
                    assert_eq!(orders.require(&made.id).await?, made);
                    if fails { Err(ligand_core::Error::conflict("no")) } else { Ok(made.id) }
                })
                .await
        }
    };
    let made = place(2, false).await.unwrap();
    assert_eq!(place(1, true).await.unwrap_err().message(), "no");
    assert_eq!(products.require(&id).await.unwrap().stock, 3);
    assert_eq!(orders.find(Filter::all()).await.unwrap().len(), 1);
    assert_eq!(orders.require(&made).await.unwrap().quantity, 2);

    // An operation that fails leaves nothing, also when the transaction goes on.
    products
        .transaction(|inside| {
            let id = id.clone();
            async move {
                let bad = Changes::new().increment("stock", -100);
                assert_eq!(inside.update_where(&id, Filter::all(), bad).await.unwrap_err().code(), 422);
                let many = [product("new", 1.0, 1), product("a", 1.0, 1)];
                assert_eq!(inside.insert_many(many).await.unwrap_err().code(), 409);
                inside.increment(&id, "stock", 1).await.map(drop)
            }
        })
        .await
        .unwrap();
    assert_eq!(
        (products.require(&id).await.unwrap().stock, products.count(Filter::all()).await.unwrap()),
        (4, 1)
    );

    // Dropped on its way.
    let dropped = products.transaction(|inside| async move {
        inside.clear().await?;
        std::future::pending::<ligand_core::Result<()>>().await
    });
    let _ = tokio::time::timeout(std::time::Duration::from_millis(50), dropped).await.unwrap_err();
    assert_eq!(products.count(Filter::all()).await.unwrap(), 1);
    products.insert(product("after", 1.0, 1)).await.unwrap();

    // A handle that outlives its transaction is of no use.
    let late = products.transaction(|inside| async move { Ok(inside) }).await.unwrap();
    assert_eq!(late.insert(product("late", 1.0, 1)).await.unwrap_err().kind(), "DATABASE_MISUSE");
    assert!(orders.within(&products).is_err());
    assert!(Db::<Order>::memory().within(&late).is_err());
}

pub(crate) async fn survives_odd_texts(db: Db<Product>) {
    for text in
        ["'; DROP TABLE products; --", "\" OR 1=1 --", "a\u{0}b", "%_\\", "\u{1F600}", "{\"$gt\":\"\"}"]
    {
        let made = db.insert(product(text, 1.0, 1)).await.unwrap();
        assert_eq!(db.find_one(Filter::field("name").eq(text)).await.unwrap(), Some(made.clone()), "{text}");
        assert_eq!(db.find(Filter::field("name").is_in([text])).await.unwrap(), std::slice::from_ref(&made));
        assert_eq!(
            db.find(Filter::field("name").contains(text)).await.unwrap(),
            std::slice::from_ref(&made),
            "{text}"
        );
        assert_eq!(db.get(text).await.unwrap(), None);
        db.remove(&made.id).await.unwrap();
    }
    assert_eq!(db.count(Filter::all()).await.unwrap(), 0);
    let id = format!("{}' OR '1'='1", new_id());
    assert_eq!(db.remove(&id).await.unwrap_err().code(), 404);
}

/// Handles on one adapter, which the tests keep until they end.
pub(crate) trait Adapters {
    fn db<E: ligand_db::Entity>(&self) -> Db<E>;
}

impl Adapters for ligand_db::Memory {
    fn db<E: ligand_db::Entity>(&self) -> Db<E> {
        Db::with(self.clone())
    }
}

#[cfg(feature = "sqlite")]
impl Adapters for ligand_db::Sqlite {
    fn db<E: ligand_db::Entity>(&self) -> Db<E> {
        Db::sqlite(self)
    }
}

#[cfg(feature = "sqlite")]
impl Adapters for crate::files::Scratch {
    fn db<E: ligand_db::Entity>(&self) -> Db<E> {
        Db::sqlite(self)
    }
}

macro_rules! contract {
    ($adapter:ident, $new:expr) => {
        mod $adapter {
            use super::Adapters as _;

            #[tokio::test]
            async fn writes_and_reads() {
                let adapter = $new;
                super::writes_and_reads(adapter.db()).await;
            }

            #[tokio::test]
            async fn imports() {
                let adapter = $new;
                super::imports(adapter.db()).await;
            }

            #[tokio::test]
            async fn filters() {
                let adapter = $new;
                super::filters(adapter.db()).await;
            }

            #[tokio::test]
            async fn sorts_and_pages() {
                let adapter = $new;
                super::sorts_and_pages(adapter.db()).await;
            }

            #[tokio::test]
            async fn updates() {
                let adapter = $new;
                super::updates(adapter.db()).await;
            }

            #[tokio::test]
            async fn keeps_values_unique() {
                let adapter = $new;
                super::keeps_values_unique(adapter.db(), adapter.db()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn never_oversells() {
                let adapter = $new;
                super::never_oversells(adapter.db()).await;
            }

            #[tokio::test]
            async fn transactions() {
                let adapter = $new;
                super::transactions(adapter.db(), adapter.db()).await;
            }

            #[tokio::test]
            async fn put_replaces_and_patch_updates() {
                let adapter = $new;
                crate::replace::put_replaces_and_patch_updates(adapter.db()).await;
            }

            #[tokio::test]
            async fn handles_replace_whole_entities() {
                let adapter = $new;
                crate::replace::handles_replace_whole_entities(adapter.db()).await;
            }

            #[tokio::test]
            async fn conflicts_are_told_in_one_order() {
                let adapter = $new;
                crate::pairs::conflicts_are_told_in_one_order(adapter.db()).await;
            }

            #[tokio::test]
            async fn any_text_is_an_id() {
                let adapter = $new;
                crate::pairs::any_text_is_an_id(adapter.db()).await;
            }

            #[tokio::test]
            async fn long_conditions_are_answered() {
                let adapter = $new;
                crate::pairs::long_conditions_are_answered(adapter.db()).await;
            }

            #[tokio::test]
            async fn sums_end_where_the_type_does() {
                let adapter = $new;
                crate::pairs::sums_end_where_the_type_does(adapter.db()).await;
            }

            #[tokio::test]
            async fn constants_ask_what_texts_ask() {
                let adapter = $new;
                crate::constants::constants_ask_what_texts_ask(adapter.db()).await;
            }

            #[tokio::test]
            async fn other_forms_of_texts_numbers_and_lists_are_asked() {
                let adapter = $new;
                crate::forms::other_forms_of_texts_numbers_and_lists_are_asked(adapter.db()).await;
            }

            #[tokio::test]
            async fn survives_odd_texts() {
                let adapter = $new;
                super::survives_odd_texts(adapter.db()).await;
            }
        }
    };
}

contract!(memory, ligand_db::Memory::new());
#[cfg(feature = "sqlite")]
contract!(sqlite_in_memory, ligand_db::Sqlite::open("sqlite::memory:").unwrap());
#[cfg(feature = "sqlite")]
contract!(sqlite_file, crate::files::Scratch::new());
