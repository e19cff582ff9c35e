#![allow(unused)]

use ligand::prelude::*;

#[payload]
struct Create {
    name: String,
}

struct Users;

#[service(name = "users")]
impl Users {
    #[action(before(narrow), after(mark), on_error(rescue))]
    async fn create(&self, params: Create) -> u8 {
        1
    }

    async fn narrow(&self, params: &mut String) {}

    async fn mark(&self, result: &mut u16) {}

    async fn rescue(&self, error: Error) -> Result<String> {
        Err(error)
    }

    #[before("create")]
    async fn wide(&self, params: &mut Vec<u8>) {}
}

fn main() {}
