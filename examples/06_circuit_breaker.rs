//! Circuit breaker: an action that fails too often rests for 5 s, then one call is let through as a trial.
//!
//! ```text
//! Error type: Error — I am always broken
//! Error type: Error — I am always broken
//! Error type: Error — I am always broken
//! Error type: CircuitBreakerOpenError — Circuit breaker is open: 'broken.doSomething' on 'n1' node failed too often and rests.
//! Error type: CircuitBreakerOpenError — Circuit breaker is open: 'broken.doSomething' on 'n1' node failed too often and rests.
//! Error type: CircuitBreakerOpenError — Circuit breaker is open: 'broken.doSomething' on 'n1' node failed too often and rests.
//! Error type: CircuitBreakerOpenError — Circuit breaker is open: 'broken.doSomething' on 'n1' node failed too often and rests.
//! Error type: CircuitBreakerOpenError — Circuit breaker is open: 'broken.doSomething' on 'n1' node failed too often and rests.
//! 5 s later:
//! Error type: Error — I am always broken
//! Error type: CircuitBreakerOpenError — Circuit breaker is open: 'broken.doSomething' on 'n1' node failed too often and rests.
//! ```

use ligand::prelude::*;

struct Broken;

#[service(name = "broken")]
impl Broken {
    #[action(circuit_breaker(
        threshold = 0.5,
        min_request_count = 3,
        window_time = "60s",
        half_open_time = "5s"
    ))]
    async fn do_something(&self) -> Result<()> {
        Err(Error::new("I am always broken"))
    }
}

async fn attempt(broker: &ServiceBroker) {
    if let Err(error) = broker.client::<Broken>().do_something().await {
        println!("Error type: {} — {error}", error.name());
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().node_id("n1").service(Broken).start().await?;
    for _ in 0..8 {
        attempt(&broker).await;
    }
    println!("5 s later:");
    tokio::time::sleep(Duration::from_secs(5)).await;
    for _ in 0..2 {
        attempt(&broker).await; // the first is the trial; it fails, so the rest begins anew
    }
    broker.stop().await;
    Ok(())
}
