#![allow(unused)]

use ligand::prelude::*;

#[payload]
struct ById {
    id: u64,
}

struct Users;

#[service(name = "users")]
impl Users {
    #[action]
    async fn get(&self, params: ById) -> u64 {
        params.id
    }
}

struct Nothing;

async fn wrong(ctx: &Context) -> Result<()> {
    let users = ctx.client::<Users>();
    users.get(5).await?;
    let _: String = users.get(ById { id: 1 }).await?;
    users.gte(ById { id: 1 }).await?;
    ctx.client::<Nothing>();
    ctx.emit(ById { id: 1 }).await?;
    ServiceBroker::builder().service(Nothing);
    Ok(())
}

fn main() {}
