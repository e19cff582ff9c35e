#![allow(unused)]

use ligand::prelude::*;

struct Users;

#[service(name = "users")]
impl Users {
    #[action]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

#[service(name = "users")]
impl Users {
    #[action]
    async fn list(&self) -> Vec<u64> {
        Vec::new()
    }
}

fn main() {}
