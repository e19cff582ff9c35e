//! What the tests share.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ligand_core::{
    Action, Context, Data, Error, Event, Payload, Result, ServiceBroker, ServiceDef, broker::BrokerBuilder,
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;

/// Lines in the order they were written.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0.lock().push(line.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Opens once; everybody passes afterwards.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Notify, AtomicUsize)>);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.1.store(1, Ordering::SeqCst);
        self.0.0.notify_waiters();
    }

    pub(crate) async fn pass(&self) {
        loop {
            let opened = self.0.0.notified();
            if self.0.1.load(Ordering::SeqCst) == 1 {
                return;
            }
            opened.await;
        }
    }
}

/// Counts down when it is dropped.
pub(crate) struct OnDrop(pub(crate) Log, pub(crate) &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

pub(crate) fn builder() -> BrokerBuilder {
    ServiceBroker::builder().node_id("n1")
}

pub(crate) async fn start(services: impl IntoIterator<Item = ServiceDef>) -> ServiceBroker {
    services.into_iter().fold(builder(), BrokerBuilder::service).start().await.unwrap()
}

/// An action with an async body over typed parameters.
pub(crate) fn action<P, R, F, Fut>(name: &str, handler: F) -> Action
where
    P: Data,
    R: Data,
    F: Fn(Context, P) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R>> + Send + 'static,
{
    Action::new(name, handler)
}

pub(crate) fn event<P, F, Fut>(pattern: &str, handler: F) -> Event
where
    P: Data,
    F: Fn(Context, P) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    Event::new(pattern, handler)
}

/// A listener that writes `<tag>:<event>`.
pub(crate) fn listener(pattern: &str, tag: &'static str, log: &Log) -> Event {
    let log = log.clone();
    event(pattern, move |ctx, _: Payload| {
        log.add(format!("{tag}:{}", ctx.event_name()));
        async { Ok(()) }
    })
}

/// `math.add` over `[a, b]`.
pub(crate) fn math() -> ServiceDef {
    ServiceDef::new("math")
        .action(action("add", |_, (a, b): (i64, i64)| async move { Ok(a + b) }))
        .action(action("fail", |_, text: String| async move { Err::<(), _>(Error::new(text)) }))
}

/// Calls by name and takes the answer as a tree.
pub(crate) async fn call(broker: &ServiceBroker, name: &'static str, params: Value) -> Result<Value> {
    broker.call_named(name, params).await?.take()
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Lets other tasks run until they all wait.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[allow(clippy::disallowed_methods, reason = "tests stand outside of the broker")]
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn(work)
}

/// Lines of errors of this thread, with their fields.
pub(crate) fn logged() -> (Log, tracing::subscriber::DefaultGuard) {
    logged_from(tracing::Level::ERROR)
}

/// The same from another level upwards.
pub(crate) fn logged_from(level: tracing::Level) -> (Log, tracing::subscriber::DefaultGuard) {
    struct Lines(Log, tracing::Level);
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
        fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            struct Fields(String);
            impl tracing::field::Visit for Fields {
                fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                    self.0.push_str(&format!(" {}={value:?}", field.name()));
                }
            }
            if *event.metadata().level() <= self.1 {
                let mut fields = Fields(String::new());
                event.record(&mut fields);
                self.0.add(fields.0);
            }
        }
    }
    use tracing_subscriber::layer::SubscriberExt as _;
    let log = Log::default();
    let guard =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(Lines(log.clone(), level)));
    (log, guard)
}
