//! Events that were sent on a test broker.

use std::sync::Arc;

use ligand_core::{EventPayload, Payload, Result, context::EventKind};

use crate::record::Record;

/// One event that was sent, heard by somebody or not.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// What it carried.
    pub payload: Payload,
    /// How it was sent.
    pub kind: EventKind,
    /// The groups it was for; empty = all.
    pub groups: Vec<String>,
}

/// The events of a test broker, from [`crate::TestBroker::events`].
#[derive(Clone, Debug)]
pub struct Events(pub(crate) Arc<Record>);

impl Events {
    /// Waits for an event of this type. Each event is answered once: a second wait answers the next one. One
    /// that was sent before counts too.
    ///
    /// ```
    /// # use ligand_core::EventPayload;
    /// # use ligand_test::TestBroker;
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Paid { order: u32 }
    /// # impl EventPayload for Paid { const NAME: &'static str = "paid"; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ligand_core::Result<()> {
    /// # let broker = TestBroker::builder().start().await?;
    /// let sender = broker.clone_broker();
    /// let send = async move { sender.emit(Paid { order: 7 }).await };
    /// broker.tasks().spawn(async move { send.await.unwrap() });
    /// assert_eq!(broker.events().wait_for::<Paid>().await?.order, 7);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `TEST_TIMEOUT` after the broker's patience, with the names of the events that were sent; what the decoder
    /// says when the event carries something else.
    pub async fn wait_for<E: EventPayload>(&self) -> Result<E> {
        self.0.next_event(E::NAME).await?.payload.take()
    }

    /// As [`Events::wait_for`], by name.
    ///
    /// # Errors
    /// As [`Events::wait_for`].
    pub async fn wait_for_named(&self, name: &str) -> Result<Seen> {
        self.0.next_event(name).await
    }

    /// Everything that was sent so far, also by the broker itself (`$services.changed`).
    pub fn seen(&self) -> Vec<Seen> {
        self.0.all_events()
    }
}
