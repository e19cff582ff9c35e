//! A contract: callers know a service by a trait, without its code. The compiler holds both sides to it.
//!
//! ```text
//! v1.users.nameOf
//! Ada
//! ```

use ligand::prelude::*;

/// In a larger project this module is a crate of its own.
mod users_api {
    use ligand::prelude::*;

    #[payload]
    pub(crate) struct ById {
        pub(crate) id: u64,
    }

    #[contract(name = "users", version = 1)]
    pub(crate) trait UsersApi {
        /// The name of a user.
        async fn name_of(params: ById) -> Result<String>;
    }
}

use users_api::{ById, UsersApi};

struct Users;

/// A missing action, or one with other types, does not compile.
#[service(name = "users", version = 1, contract = UsersApi)]
impl Users {
    #[action]
    async fn name_of(&self, params: ById) -> Result<String> {
        match params.id {
            1 => Ok("Ada".into()),
            _ => Err(Error::not_found("no such user")),
        }
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().service(Users).start().await?;
    println!("{}", UsersApi::NAME_OF.name());
    println!("{}", broker.client::<UsersApi>().name_of(ById { id: 1 }).await?);
    broker.stop().await;
    Ok(())
}
