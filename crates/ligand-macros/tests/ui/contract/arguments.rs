#![allow(unused)]

use ligand::prelude::*;

#[payload]
struct ById {
    id: u64,
}

#[derive(Clone, ligand::__private::serde::Serialize, ligand::__private::serde::Deserialize)]
#[serde(crate = "::ligand::__private::serde")]
struct ByHand {
    id: u64,
}

#[contract(name = "users")]
trait UsersApi {
    async fn get(params: ById) -> Result<String>;
    async fn find(name: String, page: u32) -> Vec<String>;
    async fn rename(id: u64, name: String) -> Result<String>;
    async fn read(params: ByHand) -> String;
    async fn result(id: u64) -> String;
}

struct Users;

#[service(name = "users", contract = UsersApi)]
impl Users {
    /// Another type.
    #[action]
    async fn get(&self, ctx: &Context, id: u32) -> Result<String> {
        Ok(id.to_string())
    }

    /// Another name.
    #[action]
    async fn find(&self, name: String, pages: u32) -> Vec<String> {
        vec![name; pages as usize]
    }

    /// One too few.
    #[action]
    async fn rename(&self, id: u64) -> Result<String> {
        Ok(id.to_string())
    }

    /// Fields that nobody knows.
    #[action]
    async fn read(&self, id: u64) -> String {
        id.to_string()
    }

    #[action]
    async fn result(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
