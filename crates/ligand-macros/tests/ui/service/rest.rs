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

    #[action(rest(
        "GET /fine",
        below("base", "GET /a"),
        below("GET /x", "/base"),
        below("/:id", "GET /:id"),
        below("/*rest", "GET /a"),
        below("/twice", "GET /b"),
        below("/twice/", "GET /b/:id"),
        full("GET robots.txt"),
        full("GET /whole", "GET /y/:nobody")
    ))]
    async fn elsewhere(&self, id: Option<u64>) {}

    #[action(rest(below("/twice", "GET /b"), "GET /whole"))]
    async fn same(&self) {}

    #[action(rest(below("/base")))]
    async fn without_alias(&self) {}

    #[action(rest(full = "GET /x"))]
    async fn another_form(&self) {}

    #[action(rest(method = "GET", path = "/x", basePath = "/y"))]
    async fn as_in_javascript(&self) {}

    #[action(rest(fullPath = "/x"))]
    async fn also_as_there(&self) {}

    #[action(rest(root("GET /x")))]
    async fn unknown(&self) {}
}

fn main() {}
