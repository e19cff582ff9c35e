#![allow(unused)]

use ligand::prelude::*;

struct Users;

#[service(name = "users", name = "again", mixins(db: u8, db: u8))]
impl Users {
    #[action(rest = "GET /:id")]
    async fn get(&self) {}

    #[action(name = "get", rest = "GET /:name", timeout = "1s", timeout = "2s")]
    async fn get_again(&self) {}

    #[action(private, rest = "POST /")]
    async fn hidden(&self) {}

    #[action(public, private)]
    async fn torn(&self) {}
}

fn main() {}
