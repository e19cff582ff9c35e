#![allow(unused)]

use std::rc::Rc;

use ligand::prelude::*;

struct Users;

#[service(name = "users")]
impl Users {
    #[action]
    async fn waits(&self, ctx: &Context) -> Result<u64> {
        let shared = Rc::new(1);
        ctx.call_named("x", Payload::NULL).await?;
        Ok(*shared)
    }
}

fn main() {}
