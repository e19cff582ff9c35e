//! Events: typed ones, groups, wildcards, broadcast. Listeners run beside each other: lines come in any order.
//!
//! ```text
//! post: order 1
//! audit: order.created
//! fax: order 2
//! audit: order.created
//! post: order 3
//! fax: order 3
//! audit: order.created
//! audit: order.paid
//! ```

use ligand::prelude::*;

/// The name exists once; the compiler checks it at both ends.
#[payload(event = "order.created")]
struct OrderCreated {
    id: u64,
}

struct Post;
struct Fax;
struct Audit;

#[service(name = "post")]
impl Post {
    #[event(group = "mail")]
    async fn on_created(&self, event: OrderCreated) {
        println!("post: order {}", event.id);
    }
}

#[service(name = "fax")]
impl Fax {
    #[event(group = "mail")]
    async fn on_created(&self, event: OrderCreated) {
        println!("fax: order {}", event.id);
    }
}

#[service(name = "audit")]
impl Audit {
    #[event("order.*")] // `*` is one part of a name, `**` any number of them
    async fn heard(&self, ctx: &Context) {
        println!("audit: {}", ctx.event_name());
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().service(Post).service(Fax).service(Audit).start().await?;
    // One listener of each group, in turn. Only who asks for it waits for them.
    broker.emit(OrderCreated { id: 1 }).wait_for_listeners().await?;
    broker.emit(OrderCreated { id: 2 }).wait_for_listeners().await?;
    broker.broadcast(OrderCreated { id: 3 }).wait_for_listeners().await?; // every listener
    broker.emit_named("order.paid", json!({ "id": 1 })).await?; // over when it is handed over
    broker.stop().await;
    Ok(())
}
