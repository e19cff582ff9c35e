#![allow(unused)]

use ligand::{db::Page, prelude::*};

#[entity(table = "users")]
struct User {
    id: String,
    #[field(hidden)]
    password: String,
}

struct Users;

#[service(name = "users")]
impl Users {
    #[action]
    async fn answers(&self) -> Result<User> {
        todo!()
    }

    #[action]
    async fn answers_pages(&self) -> Result<Page<User>> {
        todo!()
    }

    #[action]
    async fn answers_maybe(&self) -> Result<Option<Vec<User>>> {
        todo!()
    }

    #[action]
    async fn takes(&self, params: User) -> Result<u32> {
        todo!()
    }
}

async fn reads(broker: &ServiceBroker) -> Result<()> {
    let user: User = broker.call_named("users.get", json!({ "id": "1" })).await?.take()?;
    let payload = ligand::Payload::typed(user);
    Ok(())
}

fn main() {}
