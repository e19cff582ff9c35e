//! Bulkhead: two calls at once, three waiting, the rest refused. Fallback: an answer for every kind of failure.
//!
//! ```text
//! 5 ok, at most 2 at once
//! 429 Queue is full. Request 'bk.x' action on 'n1' node is rejected. (2 times)
//! fails: ["none"]
//! slow: ["none"]
//! missing: ["none"]
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};

use ligand::{middleware::Fallback, prelude::*};

#[derive(Default)]
struct Bulky {
    running: AtomicUsize,
    most: AtomicUsize,
}

#[service(name = "bk")]
impl Bulky {
    #[action(bulkhead(concurrency = 2, max_queue_size = 3))]
    async fn x(&self) -> usize {
        self.most.fetch_max(self.running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        self.most.load(Ordering::SeqCst)
    }

    #[action(timeout = "50ms", fallback(["none"]))]
    async fn recommend(&self, how: String) -> Result<Vec<String>> {
        if how == "slow" {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Err(Error::new("no recommendations today"))
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().node_id("n1").service(Bulky::default()).start().await?;
    let bulky = broker.client::<Bulky>();

    let results = broker.mcall((0..7).map(|_| bulky.x())).settled().await;
    let (ok, refused): (Vec<_>, Vec<_>) = results.iter().partition(|result| result.is_ok());
    let most = ok.iter().filter_map(|result| result.as_ref().ok()).max();
    println!("{} ok, at most {} at once", ok.len(), most.unwrap_or(&0));
    if let Some(Err(error)) = refused.first() {
        println!("{} {error} ({} times)", error.code(), refused.len());
    }
    println!("fails: {:?}", bulky.recommend("fails".into()).await?);
    println!("slow: {:?}", bulky.recommend("slow".into()).await?);
    // An action that is not there has no options, so the caller brings the answer.
    let missing = broker.call_named("other.recommend", json!({}));
    let answer: Vec<String> = missing.fallback(Fallback::value(["none".to_owned()])).await?.take()?;
    println!("missing: {answer:?}");
    broker.stop().await;
    Ok(())
}
