//! Lists that a service answers itself: each parameter that they accept has its effect, or is refused by name.

use ligand::prelude::*;
use ligand_db::{CountParams, Db, FindParams, ListParams, Page};

#[entity(table = "books")]
#[derive(Default)]
struct Book {
    id: String,
    title: String,
    author: String,
    year: i32,
}

/// Parameters of one's own beside those of lists.
#[payload]
struct Shelf {
    author: String,
    #[serde(flatten)]
    list: ListParams,
}

/// The same, with nothing else.
#[payload(unknown = "reject")]
struct Strict {
    author: String,
    #[serde(flatten)]
    list: ListParams,
}

#[derive(Default)]
struct Books {
    db: Db<Book>,
}

#[service(name = "books", mixins(db: Db<Book>))]
impl Books {
    #[action]
    async fn whole(&self, params: ListParams) -> Result<Page<Book>> {
        self.db.list(params).await
    }

    #[action]
    async fn shaped(&self, ctx: &Context, params: ListParams) -> Result<Page<Value>> {
        self.db.list_for(ctx, params).await
    }

    #[action]
    async fn found(&self, params: FindParams) -> Result<Vec<Book>> {
        self.db.find_by(params).await
    }

    #[action]
    async fn how_many(&self, params: CountParams) -> Result<u64> {
        self.db.count_for(params).await
    }

    #[action(unknown = "reject")]
    async fn paged(&self, page: Option<u64>, page_size: Option<u64>) -> Result<Page<Book>> {
        self.db
            .list(ListParams { page, page_size, sort: Some("title".into()), ..ListParams::default() })
            .await
    }

    #[action]
    async fn strict(&self, params: Strict) -> Result<Page<Book>> {
        self.shelf(Shelf { author: params.author, list: params.list }).await
    }

    #[action]
    async fn shelf(&self, params: Shelf) -> Result<Page<Book>> {
        let Shelf { author, list } = params;
        let query = json!({ "author": author });
        self.db.list(ListParams { query: Some(query), ..list }).await
    }
}

async fn library() -> ServiceBroker {
    let books = Books { db: Db::memory() };
    for (title, author, year) in [("C", "Ann", 3), ("A", "Ann", 1), ("D", "Bob", 4), ("B", "Ann", 2)] {
        let book = Book { title: title.into(), author: author.into(), year, ..Book::default() };
        books.db.insert(book).await.unwrap();
    }
    ServiceBroker::builder().service(books).start().await.unwrap()
}

/// The titles that are answered, in their order.
async fn titles(broker: &ServiceBroker, action: &str, params: Value) -> Result<String> {
    let answer = broker.call_named(action.to_owned(), params).await?.to_value()?;
    let rows = answer.get("rows").unwrap_or(&answer).as_array().unwrap().clone();
    Ok(rows.iter().map(|row| row["title"].as_str().unwrap_or("-").to_owned()).collect())
}

#[tokio::test]
async fn parameters_of_an_own_list_have_their_effect() {
    let broker = library().await;
    for (params, expected) in [
        (json!({ "sort": "title" }), "ABCD"),
        (json!({ "sort": "-year", "pageSize": 2 }), "DC"),
        (json!({ "sort": "title", "pageSize": 3, "page": 2 }), "D"),
        (json!({ "sort": "title", "query": { "year": { "$gte": 3 } } }), "CD"),
        (json!({ "sort": "title", "query": "{\"author\":\"Bob\"}" }), "D"),
        (json!({ "sort": "title", "search": "ann" }), "ABC"),
        (json!({ "sort": "title", "search": "a", "searchFields": "title" }), "A"),
    ] {
        for action in ["books.whole", "books.shaped"] {
            let found = titles(&broker, action, params.clone()).await.unwrap();
            assert_eq!(found, expected, "{action} {params}");
        }
    }
    for (params, expected) in [
        (json!({ "sort": "title", "offset": 1, "limit": 2 }), "BC"),
        (json!({ "sort": "-title", "search": "ann", "searchFields": ["author"] }), "CBA"),
        (json!({ "sort": "title", "query": { "year": 4 } }), "D"),
    ] {
        assert_eq!(titles(&broker, "books.found", params.clone()).await.unwrap(), expected, "{params}");
    }
    let shelf = json!({ "author": "Ann", "sort": "-title", "pageSize": 2, "page": 1 });
    assert_eq!(titles(&broker, "books.shelf", shelf).await.unwrap(), "CB");
    let strict = json!({ "author": "Ann", "sort": "title", "pageSize": 2 });
    assert_eq!(titles(&broker, "books.strict", strict).await.unwrap(), "AB");
    assert_eq!(titles(&broker, "books.paged", json!({ "pageSize": 3 })).await.unwrap(), "ABC");
    let count = json!({ "search": "ann", "query": { "year": { "$lt": 3 } } });
    let count: u64 = broker.call_named("books.howMany", count).await.unwrap().take().unwrap();
    assert_eq!(count, 2);
    let shaped = json!({ "fields": "year", "sort": "year", "pageSize": 1 });
    let shaped = broker.call_named("books.shaped", shaped).await.unwrap().to_value().unwrap();
    assert_eq!(shaped["rows"], json!([{ "year": 1 }]));
    broker.stop().await;
}

#[tokio::test]
async fn what_an_own_list_cannot_do_is_refused_by_name() {
    let broker = library().await;
    let shape = json!({ "fields": "title", "excludeFields": ["year"], "populate": "author" });
    for (action, params, names) in [
        ("books.whole", shape.clone(), vec!["fields", "excludeFields", "populate"]),
        ("books.found", shape, vec!["fields", "excludeFields", "populate"]),
        (
            "books.shelf",
            json!({ "author": "Ann", "populate": "x", "fields": "y" }),
            vec!["fields", "populate"],
        ),
        (
            "books.paged",
            json!({ "pageSize": 2, "fields": "title", "populate": "x" }),
            vec!["fields", "populate"],
        ),
        ("books.strict", json!({ "author": "Ann", "populate": "x" }), vec!["populate"]),
        ("books.strict", json!({ "author": "Ann", "pagesize": 2, "field": "y" }), vec!["pagesize", "field"]),
        ("books.shaped", json!({ "populate": "author" }), vec!["populate"]),
        ("books.whole", json!({ "sort": "titel" }), vec!["sort"]),
        ("books.whole", json!({ "searchFields": "titel" }), vec!["searchFields"]),
        ("books.whole", json!({ "page": 0 }), vec!["page"]),
        ("books.whole", json!({ "query": { "titel": 1 } }), vec!["titel"]),
        ("books.howMany", json!({ "query": { "year": { "$near": 1 } } }), vec!["$near"]),
    ] {
        let error = titles(&broker, action, params).await.unwrap_err();
        assert_eq!(error.code(), 422, "{action}: {error:?}");
        let told = error.data().map_or_else(String::new, Value::to_string);
        for name in names {
            assert!(told.contains(name), "{action}, {name}: {told}");
        }
    }
    broker.stop().await;
}
