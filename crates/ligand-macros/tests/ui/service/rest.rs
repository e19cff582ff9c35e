#![allow(unused)]

use ligand::prelude::*;

struct Books;

#[service(name = "books")]
impl Books {
    #[action(rest(
        "GET/:id",
        "GET:id",
        "GET",
        "get /:id",
        "GTE /:id",
        "GET,POST /:id",
        "ALL /:id",
        "REST /",
        "GET :id",
        "books",
        "GET /{id}",
        "GET /{*path}",
        "GET /<id>",
        "GET /:id([0-9]+)",
        "GET /:id/:id",
        "GET /:book_id/:bookId",
        "GET /*path/x",
        "GET /x?page=1",
        "GET /x y"
    ))]
    async fn wrong(&self, id: u64) {}

    #[action(rest = "GET /x/:id")]
    async fn one(&self, id: u64) {}

    #[action(rest = "GET /x{/:name}")]
    async fn other(&self, name: Option<String>) {}
}

fn main() {}
