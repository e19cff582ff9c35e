//! Timeouts and retries. Retries are for errors that say they are retryable, with growing pauses.
//!
//! ```text
//! RequestTimeoutError after 500ms
//! try at 500ms
//! try at 600ms
//! try at 800ms
//! try at 1.2s
//! answer: ok
//! not retryable: one try, CONFLICT
//! ```

use std::sync::atomic::{AtomicU32, Ordering};

use ligand::prelude::*;
use tokio::time::{Instant, sleep};

struct Shaky {
    tries: AtomicU32,
    born: Instant,
}

#[service(name = "shaky")]
impl Shaky {
    #[action(timeout = "500ms")]
    async fn slow(&self) {
        sleep(Duration::from_secs(60)).await;
    }

    #[action(retry(retries = 3, delay = "100ms", factor = 2.0))]
    async fn busy(&self) -> Result<String> {
        println!("try at {:?}", self.born.elapsed());
        match self.tries.fetch_add(1, Ordering::Relaxed) {
            3 => Ok("ok".into()),
            _ => Err(Error::transient(503, "BUSY", "not now")),
        }
    }

    #[action]
    async fn refuse(&self) -> Result<()> {
        Err(Error::conflict("never"))
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let born = Instant::now();
    let broker = ServiceBroker::builder().service(Shaky { tries: AtomicU32::new(0), born }).start().await?;
    let shaky = broker.client::<Shaky>();
    if let Err(error) = shaky.slow().await {
        println!("{} after {:?}", error.name(), born.elapsed());
    }
    println!("answer: {}", shaky.busy().await?);
    // `retries` of a call works alone, whatever the policy.
    if let Err(error) = shaky.refuse().retries(5).await {
        println!("not retryable: one try, {}", error.kind());
    }
    broker.stop().await;
    Ok(())
}
