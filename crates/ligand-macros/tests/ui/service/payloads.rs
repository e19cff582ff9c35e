#![allow(unused)]

use ligand::prelude::*;

#[derive(serde::Serialize)]
struct Plain {
    id: u64,
}

#[payload]
struct ById {
    id: u64,
}

async fn typed(ctx: &Context, broker: &ServiceBroker) -> Result<()> {
    ctx.call_named("users.get", ById { id: 1 }).await?;
    ctx.emit_named("users.seen", ById { id: 1 }).await?;
    ctx.call_named("users.get", Payload::of(&Plain { id: 1 })?).await?;

    ctx.call_named("users.get", Plain { id: 1 }).await?;
    broker.call_named("users.get", &ById { id: 1 }).await?;
    ctx.emit_named("users.seen", Plain { id: 1 }).await?;
    ctx.broadcast_local("users.seen", vec![Plain { id: 1 }]).await?;
    Ok(())
}

fn main() {}
