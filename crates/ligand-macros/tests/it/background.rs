//! `#[every]`, `blocking` and `self: &Arc<Self>`: a service that works in the background, on a broker.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use ligand::prelude::*;

#[derive(Default)]
struct Store {
    sweeps: AtomicU32,
    log: Mutex<Vec<String>>,
}

impl Store {
    fn add(&self, line: impl Into<String>) {
        self.log.lock().unwrap().push(line.into());
    }
}

#[service(name = "store")]
impl Store {
    /// Sweeps the floor.
    #[every("5ms", start = "now", overlap = "queue", timeout = "1s")]
    async fn sweep(&self, ctx: &Context) -> Result<()> {
        self.sweeps.fetch_add(1, Ordering::SeqCst);
        assert_eq!(ctx.service_full_name(), "store");
        Ok(())
    }

    #[every("1h", name = "count", blocking)]
    fn count_all(&self) {}

    /// No field is in an `Arc`.
    #[action]
    async fn import(self: &Arc<Self>, ctx: &Context, name: String) -> Result<()> {
        let store = Arc::clone(self);
        ctx.spawn(|ctx| async move {
            store.add(format!("{name} {}", ctx.request_id()));
            Ok(())
        });
        Ok(())
    }

    #[action(blocking)]
    fn hash(&self, ctx: &Context, text: String) -> Result<String> {
        ctx.block_on(ctx.call(Store::IMPORT, StoreImportParams { name: text.clone() }))?;
        Ok(text.chars().rev().collect())
    }

    #[event("stored", blocking)]
    fn stored(self: &Arc<Self>, ctx: &Context, event: Payload) -> Result<()> {
        self.add(format!("{} {}", ctx.event_name(), event.to_value()?));
        Ok(())
    }
}

#[tokio::test]
async fn methods_run_again_and_again() {
    let store = Arc::new(Store::default());
    let broker = ServiceBroker::builder().service(store.clone()).start().await.unwrap();
    while store.sweeps.load(Ordering::SeqCst) < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let told: Value = broker.call_named("$node.services", json!({})).await.unwrap().take().unwrap();
    let jobs = &told.as_array().unwrap().iter().find(|row| row["name"] == "store").unwrap()["jobs"];
    assert_eq!((&jobs[0]["name"], &jobs[0]["failed"]), (&json!("sweep"), &json!(0)));
    assert!(jobs[0]["runs"].as_u64() >= Some(3));
    assert_eq!(jobs[0]["description"], "Sweeps the floor.");
    assert_eq!((&jobs[1]["name"], &jobs[1]["period"]), (&json!("count"), &json!(3_600_000)));
    broker.stop().await;
}

#[tokio::test]
async fn blocking_methods_and_spawned_work_have_service_and_context() {
    let store = Arc::new(Store::default());
    let broker = ServiceBroker::builder().service(store.clone()).start().await.unwrap();
    let client = broker.client::<Store>();
    assert_eq!(client.hash("abc".into()).request_id("r1").await.unwrap(), "cba");
    broker.emit_named("stored", json!(1)).wait_for_listeners().await.unwrap();
    broker.stop().await;
    let mut log = store.log.lock().unwrap().clone();
    // The work that the action spawned and the listener do not wait for each other.
    log.sort_unstable();
    assert_eq!(log, ["abc r1", "stored 1"]);
}
