//! The log: levels by service, fields, files, secrets that stay out.
//!
//! ```text
//! INFO  ORDER: an order came in items=3
//! DEBUG ORDER: the card is asked card="***"
//! WARN  STOCK: little is left left=1
//! FATAL ORDER: the printer is gone printer="p-1"
//! errors.log: FATAL - the printer is gone printer="p-1"
//! DEBUG STOCK: looking
//! WARN  STOCK: little is left left=1
//! ```

use ligand::{
    log::{Log, Sink, format::Format, level::Level, levels::Levels},
    prelude::*,
};

struct Stock;

#[service(name = "stock")]
impl Stock {
    #[action]
    fn reserve(&self) {
        tracing::debug!("looking");
        tracing::warn!(left = 1, "little is left");
    }
}

struct Order;

#[service(name = "order")]
impl Order {
    #[action]
    async fn place(&self, ctx: &Context) -> Result<()> {
        ctx.logger().with("items", 3).info("an order came in");
        tracing::debug!(card = "4111 1111 1111 1111", "the card is asked");
        ctx.call(Stock::RESERVE, ()).await
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    // `[log]` in `ligand.toml` says most of this without code.
    let folder = std::env::temp_dir().join(format!("ligand-log-{}", std::process::id()));
    let console = Sink::stdout().format(Format::Template("{level} {mod}: {msg}".into()));
    let errors = Sink::file(&folder, "errors.log").format(Format::Simple).at_least(Level::Error);
    let log =
        Log::builder().levels("warn,ORDER=debug")?.redact(["card"]).sink(console).sink(errors).build()?;
    log.install();
    let broker = ServiceBroker::builder().service(Stock).service(Order).start().await?;
    broker.call(Order::PLACE, ()).await?;
    broker.logger("order").with("printer", "p-1").fatal("the printer is gone");
    log.flush();
    print!("errors.log: {}", std::fs::read_to_string(folder.join("errors.log"))?);
    std::fs::remove_dir_all(folder)?;
    log.set_levels(Levels::parse("warn,stock=debug")?);
    broker.call(Stock::RESERVE, ()).await?;
    broker.stop().await;
    Ok(())
}
