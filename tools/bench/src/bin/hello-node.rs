//! The smallest node: one service, one call. Prints how long that took and how much memory it holds.

use ligand::prelude::*;

struct Hello;

#[service(name = "hello")]
impl Hello {
    /// Greets.
    #[action]
    fn world(&self) -> String {
        "Hello World".into()
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().service(Hello).start().await?;
    let greeting = broker.client::<Hello>().world().await?;
    println!("{greeting}");
    // Stays until its input ends, so that somebody can look at it.
    let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
    broker.stop().await;
    Ok(())
}
