//! Three nodes: calls and events go from one to the others, and a node that leaves is replaced. The bus is in memory
//! here; with `TRANSPORTER=nats://localhost:4222` and `configured()` the same services meet on a NATS server.
//!
//! ```text
//! hello from north
//! hello from south
//! north heard of Ada
//! south heard of Ada
//! after north has left: hello from south
//! ```

use ligand::{prelude::*, transport::MemoryBus};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[payload(event = "visitor.came")]
struct VisitorCame {
    name: String,
}

struct Greeter {
    heard: UnboundedSender<String>,
}

#[service(name = "greeter")]
impl Greeter {
    #[action]
    async fn hello(&self, ctx: &Context) -> String {
        format!("hello from {}", ctx.broker().node_id())
    }

    #[event]
    async fn on_visitor(&self, ctx: &Context, event: VisitorCame) {
        let _ = self.heard.send(format!("{} heard of {}", ctx.broker().node_id(), event.name));
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let (bus, (heard, mut news)) = (MemoryBus::new(), unbounded_channel());
    let node = |name: &str| ServiceBroker::builder().node_id(name).transporter(bus.transporter());
    let north = node("north").service(Greeter { heard: heard.clone() }).start().await?;
    let south = node("south").service(Greeter { heard }).start().await?;
    let caller = node("caller").start().await?;

    let greeter = caller.client::<Greeter>();
    let mut lines = [greeter.hello().await?, greeter.hello().await?]; // in turn
    lines.sort();
    println!("{}", lines.join("\n"));

    caller.broadcast(VisitorCame { name: "Ada".into() }).await?; // to every node
    let mut lines = [news.recv().await.unwrap_or_default(), news.recv().await.unwrap_or_default()];
    lines.sort();
    println!("{}", lines.join("\n"));

    north.stop().await;
    println!("after north has left: {}", greeter.hello().await?);
    caller.stop().await;
    south.stop().await;
    Ok(())
}
