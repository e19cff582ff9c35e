#![allow(unused)]

use ligand::prelude::*;

#[payload]
struct GetBook {
    book_id: u64,
    #[serde(rename = "lang")]
    language: Option<String>,
    #[serde(skip)]
    seen: bool,
}

/// A route that keeps its sources apart gives actions this: no complaint.
#[payload]
struct Apart {
    params: GetBook,
    query: Option<Value>,
}

#[payload]
struct Open {
    id: u64,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

struct Books;

#[service(name = "books")]
impl Books {
    #[action(rest("GET /:book_id", "GET /by/:bookId", "GET /in/:lang/:book_id"))]
    async fn fine(&self, params: GetBook) {}

    #[action(rest("GET /one/:shelf_no", "GET /two/:shelfNo"))]
    async fn fine_too(&self, shelf_no: u64) {}

    #[action(rest("GET /apart/:id"))]
    async fn apart(&self, params: Apart) {}

    #[action(rest("GET /open/:whatever"))]
    async fn open(&self, params: Open) {}

    #[action(rest = "GET /a/:idd")]
    async fn misspelt(&self, id: u64) {}

    #[action(rest = "GET /b/:bookid")]
    async fn other_case(&self, params: GetBook) {}

    #[action(rest = "GET /c/:language")]
    async fn renamed(&self, params: GetBook) {}

    #[action(rest = "GET /d/:seen")]
    async fn skipped(&self, params: GetBook) {}

    #[action(rest = "GET /e/:id")]
    async fn takes_nothing(&self) {}

    #[action(rest = "GET /f/*path")]
    async fn wildcard(&self, file: String) {}
}

fn main() {}
