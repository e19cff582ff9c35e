//! The service that is under load.

use ligand::prelude::*;

/// Sent by the driver, counted by the workers.
#[payload(event = "load.event")]
pub(super) struct Counted {
    pub(super) id: u64,
}

/// The service that is under load.
pub(super) struct Load;

#[service(name = "load")]
impl Load {
    /// Answers at once.
    #[action]
    async fn echo(&self, id: u64) -> u64 {
        id
    }

    /// Answers after a while.
    #[action]
    async fn work(&self, ms: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }

    /// Told at once: a worker that is killed must not take its count along.
    #[event]
    async fn counted(&self, event: Counted) {
        super::say(&json!({ "event": event.id }));
    }
}
