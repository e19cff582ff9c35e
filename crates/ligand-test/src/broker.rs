//! The broker of a test.

use std::{fmt, ops::Deref, sync::Arc};

use ligand_core::{ActionRef, Data, EventPayload, Payload, Result, ServiceBroker, broker::State};

use crate::{Events, TestBrokerBuilder, record::Record};

/// A broker in the test's process that records what happens. It is a [`ServiceBroker`] (by `Deref`).
///
/// `stop().await` ends everything that runs; a broker that is dropped stops in the background.
pub struct TestBroker {
    broker: ServiceBroker,
    record: Arc<Record>,
}

impl TestBroker {
    pub(crate) fn new(broker: ServiceBroker, record: Arc<Record>) -> Self {
        Self { broker, record }
    }

    /// Starts to describe a broker.
    pub fn builder() -> TestBrokerBuilder {
        TestBrokerBuilder::default()
    }

    /// A handle of the broker, for other tasks.
    pub fn clone_broker(&self) -> ServiceBroker {
        self.broker.clone()
    }

    /// What this action was called with, in order, real or mocked. Every try of a retried call counts; calls that
    /// the cache answered or validation refused do not, they never reach the action.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::ActionRef;
    /// # use ligand_test::TestBroker;
    /// const PAY: ActionRef<u32, ()> = ActionRef::new("bank.pay");
    /// let broker = TestBroker::builder().mock(PAY, |_| Ok(())).start().await?;
    /// broker.call(PAY, 5).await?;
    /// assert_eq!(broker.calls(PAY), [5]);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When a call carried something that is no `P`.
    #[track_caller]
    pub fn calls<P: Data, R: Data>(&self, action: ActionRef<P, R>) -> Vec<P> {
        let calls = self.record.calls(action.name()).into_iter();
        calls.map(|params| typed(params, "a call of", action.name())).collect()
    }

    /// Waits for a call of this action. Each call is answered once; one that was made before counts too.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{ActionRef, Context, Event, ServiceDef};
    /// # use ligand_test::TestBroker;
    /// const MAIL: ActionRef<String, ()> = ActionRef::new("mail.send");
    /// let greet = Event::new("user.created", |ctx: Context, name: String| async move { ctx.call(MAIL, name).await });
    /// let users = ServiceDef::new("greeter").event(greet);
    /// let broker = TestBroker::builder().service(users).mock(MAIL, |_| Ok(())).start().await?;
    /// broker.emit_named("user.created", "ada".to_owned()).await?;
    /// assert_eq!(broker.wait_for_call(MAIL).await?, "ada");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `TEST_TIMEOUT` after the broker's patience, with the names of the actions that were called.
    pub async fn wait_for_call<P: Data, R: Data>(&self, action: ActionRef<P, R>) -> Result<P> {
        self.record.next_call(action.name()).await?.take()
    }

    /// The events of this type that were sent so far, in order.
    ///
    /// # Panics
    /// When an event of this name carried something else.
    #[track_caller]
    pub fn emitted<E: EventPayload>(&self) -> Vec<E> {
        let events = self.record.events(E::NAME).into_iter();
        events.map(|seen| typed(seen.payload, "an event", E::NAME)).collect()
    }

    /// A client of this gateway. No port is opened: give the gateway to the client, not to the broker.
    #[cfg(feature = "web")]
    pub fn http(&self, gateway: &ligand_web::Gateway) -> crate::Http {
        crate::Http::new(self.broker.clone(), gateway.clone())
    }

    /// The events that were sent and will be.
    pub fn events(&self) -> Events {
        Events(self.record.clone())
    }
}

#[track_caller]
fn typed<T: Data>(payload: Payload, what: &str, name: &str) -> T {
    match payload.take() {
        Ok(value) => value,
        Err(error) => panic!("{what} '{name}' carried no {}: {error:#}", std::any::type_name::<T>()),
    }
}

impl Deref for TestBroker {
    type Target = ServiceBroker;

    fn deref(&self) -> &ServiceBroker {
        &self.broker
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        if self.broker.state() == State::Started {
            let broker = self.broker.clone();
            self.broker.tasks().spawn_background(async move { broker.stop().await });
        }
    }
}

impl fmt::Debug for TestBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestBroker").field("broker", &self.broker).field("record", &self.record).finish()
    }
}
