//! Configuration: defaults, then `ligand.toml`, then the environment, then code. Mistakes stop the start.
//!
//! ```text
//! node: from-environment
//! timeout: 5s
//! breaker: true, 0.5
//! cache: MemoryLru, 1000 entries
//! retries: 2
//! environment variable LIGAND_REQUEST_TIMOUT (option 'request_timout'): unknown field
//! ```

use ligand::{Env, prelude::*};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ligand.toml");

#[ligand::main]
async fn main() -> Result<()> {
    // A program says `.configured()`: `ligand.toml` in the working directory, `.env`, the environment.
    // Here the environment is given, so that the output is always the same.
    let env = [("NODEID", "from-environment"), ("LIGAND_CIRCUIT_BREAKER__THRESHOLD", "0.5")];
    let broker = ServiceBroker::builder()
        .config(FILE)?
        .env(Env::from_pairs(env))
        .options(|options| options.retry_policy.retries = 2)
        .start()
        .await?;
    let options = broker.options();
    println!("node: {}", broker.node_id());
    println!("timeout: {:?}", options.request_timeout);
    println!("breaker: {}, {}", options.circuit_breaker.enabled, options.circuit_breaker.threshold);
    if let Some(cacher) = &options.cacher {
        println!("cache: {:?}, {} entries", cacher.kind, cacher.max.unwrap_or_default());
    }
    println!("retries: {}", options.retry_policy.retries);
    broker.stop().await;

    let misspelt = Env::from_pairs([("LIGAND_REQUEST_TIMOUT", "1s")]);
    if let Err(error) = ServiceBroker::builder().env(misspelt).start().await {
        let text = error.message().split(" `").next().unwrap_or_default();
        println!("{text}");
    }
    Ok(())
}
