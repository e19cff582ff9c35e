//! The gateway: REST routes of actions, answered here without opening a port.
//!
//! ```text
//! GET /api/books/7?full=true -> 200 {"id":7,"full":true}
//! POST /api/books -> 201 {"id":1,"full":false}
//! GET /api/books/seven -> 422 VALIDATION_ERROR
//! DELETE /api/books/7 -> 405 METHOD_NOT_ALLOWED
//! GET /shelf/3 -> 200 {"id":3,"full":false}
//! GET /shelf -> 404 NOT_FOUND
//! ```

use http::Request;
use ligand::{
    prelude::*,
    web::{Gateway, Route},
};

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
    async fn create(&self, ctx: &Context) -> Book {
        ctx.set_meta("$statusCode", 201);
        Book { id: 1, full: false }
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let gateway = Gateway::builder()
        .route(Route::new("/api").allow(["books.*"]).auto_aliases())
        .route(Route::new("/").alias("GET /shelf/:id", Books::GET))
        .build();
    let broker = ServiceBroker::builder().service(Books).start().await?;
    let targets =
        ["/api/books/7?full=true", "/api/books", "/api/books/seven", "/api/books/7", "/shelf/3", "/shelf"];
    for (method, target) in ["GET", "POST", "GET", "DELETE", "GET", "GET"].into_iter().zip(targets) {
        let response = gateway.handle(&broker, Request::builder().method(method).uri(target).body("")?).await;
        let status = response.status().as_u16();
        let text = String::from_utf8_lossy(&response.into_body().bytes().await).into_owned();
        let body: Value = text.parse()?;
        println!("{method} {target} -> {status} {}", body["type"].as_str().unwrap_or(&text));
    }
    broker.stop().await;
    Ok(())
}
