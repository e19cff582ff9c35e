//! The gateway: REST routes of actions. A program adds it with `.service(gateway)`; here no port is opened.
//!
//! ```text
//! GET /api/books/7?full=true -> 200 {"id":7,"full":true}
//! POST /api/books -> 201 {"id":1,"full":false}
//! GET /api/books/seven -> 422 "VALIDATION_ERROR"
//! DELETE /api/books/7 -> 405 "METHOD_NOT_ALLOWED"
//! GET /shelf/3 -> 200 {"id":3,"full":false}
//! ```

use ligand::prelude::*;
use ligand::web::{Gateway, Route};
use ligand_test::TestBroker;

#[payload]
struct Book {
    id: u64,
    #[check(default)]
    full: bool,
}

struct Books;

#[service(name = "books")]
impl Books {
    /// Texts from path and query become numbers and booleans by the schema of the action.
    #[action(rest = "GET /:id")]
    async fn get(&self, params: Book) -> Book {
        params
    }

    #[action(rest = "POST /")]
    async fn create(&self) -> Reply<Book> {
        Reply::created("/api/books/1", Book { id: 1, full: false })
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let gateway = Gateway::builder()
        .route(Route::new("/api").allow(["books.*"]).auto_aliases())
        .route(Route::new("/").alias("GET /shelf/:id", Books::GET))
        .build();
    let broker = TestBroker::builder().service(Books).start().await?;
    for line in [
        "GET /api/books/7?full=true",
        "POST /api/books",
        "GET /api/books/seven",
        "DELETE /api/books/7",
        "GET /shelf/3",
    ] {
        let (method, path) = line.split_once(' ').unwrap_or_default();
        let response = broker.http(&gateway).request(method, path).await;
        let (status, body) = (response.status(), response.json::<Value>());
        println!("{line} -> {status} {}", body.get("type").unwrap_or(&body));
    }
    broker.stop().await;
    Ok(())
}
