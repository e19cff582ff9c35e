#![allow(unused)]

use ligand::prelude::*;

#[contract(name = "users")]
trait UsersApi {
    async fn get(params: u64) -> Result<String>;
    async fn list() -> Vec<String>;
}

struct Users;

#[service(name = "users", contract = UsersApi)]
impl Users {
    #[action]
    async fn get(&self, params: u32) -> Result<String> {
        Ok(params.to_string())
    }
}

struct Renamed;

#[service(name = "people", contract = UsersApi)]
impl Renamed {}

fn main() {}
