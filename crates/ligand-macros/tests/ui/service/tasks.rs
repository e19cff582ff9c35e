#![allow(unused)]

use ligand::prelude::*;

struct Users {
    names: Vec<String>,
}

#[service(name = "users")]
impl Users {
    #[action]
    async fn spawns(&self, ctx: &Context) -> Result<()> {
        tokio::spawn(async move {
            let _ = ctx.call_named("x", json!({})).await;
        });
        Ok(())
    }

    #[event("x")]
    async fn uses_itself(&self, ctx: &Context) {
        ctx.broker().tasks().spawn(async move { drop(self.names.len()) });
    }

    #[action]
    async fn to_the_end(&self, ctx: &Context) -> Result<usize> {
        ctx.run_to_end(|ctx| async move { Ok(self.names.len()) }).await
    }

    #[action]
    async fn right(&self, ctx: &Context) -> Result<()> {
        let (ctx, names) = (ctx.clone(), self.names.clone());
        tokio::spawn(async move {
            let _ = ctx.call_named("x", json!({ "names": names })).await;
        });
        Ok(())
    }
}

fn main() {}
