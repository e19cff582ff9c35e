//! Configuration: defaults, then `ligand.toml`, then the environment, then code. Mistakes stop the start.
//!
//! ```text
//! node: from-environment
//! breaker: true, 0.5
//! retries: 2
//! currency: EUR, 25 rows
//! environment variable LIGAND_REQUEST_TIMOUT (option 'request_timout'): there is no such key; did you mean 'request_timeout'?
//! ```

use ligand::{config::Env, prelude::*};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ligand.toml");

#[payload]
struct Shop {
    currency: String,
}

#[payload]
struct Settings {
    rows_per_page: u32,
}

struct Catalogue;

#[service(name = "catalogue", settings(rowsPerPage = 10))]
impl Catalogue {
    #[action]
    async fn rows(&self, ctx: &Context) -> Result<u32> {
        Ok(ctx.settings::<Settings>()?.rows_per_page)
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    // A program says `.configured()`: `ligand.toml` in the working directory, `.env`, the environment.
    // Here the environment is given, so that the output is always the same.
    let env = [("NODEID", "from-environment"), ("LIGAND_CIRCUIT_BREAKER__THRESHOLD", "0.5")];
    let broker = ServiceBroker::builder()
        .config(FILE)?
        .env(Env::from_pairs(env))
        .options(|options| options.retry_policy.retries = 2)
        .service(Catalogue)
        .start()
        .await?;
    let options = broker.options();
    println!("node: {}", broker.node_id());
    println!("breaker: {}, {}", options.circuit_breaker.enabled, options.circuit_breaker.threshold);
    println!("retries: {}", options.retry_policy.retries);
    // Options of the application, and settings of a service.
    let shop: Shop = broker.app_config()?;
    println!("currency: {}, {} rows", shop.currency, broker.client::<Catalogue>().rows().await?);
    broker.stop().await;
    let misspelt = Env::from_pairs([("LIGAND_REQUEST_TIMOUT", "1s")]);
    if let Err(error) = ServiceBroker::builder().env(misspelt).start().await {
        println!("{}", error.message());
    }
    Ok(())
}
