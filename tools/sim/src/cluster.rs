//! The nodes of a simulated cluster: started, stopped, crashed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ligand_core::ServiceBroker;
use ligand_transport::{MemoryBus, Transporter as _, memory::MemoryTransporter};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::{
    load,
    record::Record,
    services::{self, Scene},
};

/// A cluster on one bus. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) bus: MemoryBus,
    pub(crate) record: Record,
    slots: Arc<Vec<Slot>>,
    /// The bus chooses which node gets a call or an event of a group.
    balanced: bool,
    /// Nodes make calls.
    busy: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Slot {
    id: String,
    slow: Arc<AtomicBool>,
    live: Mutex<Option<Live>>,
}

#[derive(Debug)]
struct Live {
    broker: ServiceBroker,
    transporter: Arc<MemoryTransporter>,
    load: JoinSet<()>,
}

impl Cluster {
    pub(crate) fn new(bus: MemoryBus, record: Record, count: usize, balanced: bool) -> Self {
        let slot = |index| Slot { id: format!("n{index}"), slow: Arc::default(), live: Mutex::default() };
        let slots = (0..count).map(slot).collect();
        Self { bus, record, slots: Arc::new(slots), balanced, busy: Arc::new(AtomicBool::new(true)) }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn id(&self, index: usize) -> &str {
        &self.slots[index].id
    }

    pub(crate) fn broker(&self, index: usize) -> Option<ServiceBroker> {
        self.slots[index].live.lock().as_ref().map(|live| live.broker.clone())
    }

    pub(crate) fn brokers(&self) -> Vec<ServiceBroker> {
        (0..self.len()).filter_map(|index| self.broker(index)).collect()
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// No node makes new calls.
    pub(crate) fn rest(&self) {
        self.busy.store(false, Ordering::Relaxed);
    }

    pub(crate) fn set_slow(&self, index: usize, slow: bool) {
        self.slots[index].slow.store(slow, Ordering::Relaxed);
    }

    /// Starts a node that does not run. Waits while the bus is cut.
    pub(crate) async fn start(&self, index: usize) {
        let slot = &self.slots[index];
        let transporter = self.bus.transporter();
        let scene = Scene { record: self.record.clone(), slow: slot.slow.clone() };
        let balanced = self.balanced;
        let options = move |options: &mut ligand_core::config::Options| {
            options.registry.prefer_local = false;
            options.disable_balancer = balanced;
        };
        let mut builder =
            ServiceBroker::builder().node_id(&*slot.id).transporter(transporter.clone()).options(options);
        for service in services::of_node(&scene, index, self.len()) {
            builder = builder.service(service);
        }
        match builder.start().await {
            Ok(broker) => {
                self.record.note(&format!("{} started", slot.id));
                let mut load = JoinSet::new();
                load.spawn(load::run(self.clone(), broker.clone()));
                *slot.live.lock() = Some(Live { broker, transporter, load });
            }
            Err(error) => self.record.violated(&format!("{} cannot start: {error:#}", slot.id)),
        }
    }

    /// Stops a node in good order; false when it does not run.
    pub(crate) async fn stop(&self, index: usize) -> bool {
        let live = self.slots[index].live.lock().take();
        let Some(Live { broker, transporter, mut load }) = live else { return false };
        self.record.note(&format!("{} stops", self.id(index)));
        broker.stop().await;
        // What it still called has got an answer or an error.
        load::ended(&mut load, &self.record).await;
        self.check_end(&broker).await;
        drop(transporter);
        true
    }

    /// Ends a node without a farewell; false when it does not run.
    pub(crate) async fn crash(&self, index: usize) -> bool {
        let live = self.slots[index].live.lock().take();
        let Some(Live { broker, transporter, mut load }) = live else { return false };
        self.record.note(&format!("{} crashes", self.id(index)));
        load.abort_all();
        transporter.disconnect().await;
        broker.tasks().abort();
        while load.join_next().await.is_some() {}
        // Nothing of it is heard any more; this only gives its memory back.
        broker.stop().await;
        self.check_end(&broker).await;
        true
    }

    async fn check_end(&self, broker: &ServiceBroker) {
        // What was aborted is dropped in its next turn.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let running = broker.tasks().running();
        self.record
            .check(running == 0, || format!("{} has stopped and {running} tasks run", broker.node_id()));
        let left = broker.in_flight().unwrap_or_default();
        self.record
            .check(left == Default::default(), || format!("{} has stopped with {left:?}", broker.node_id()));
    }

    /// Waits until everything that nodes began has ended.
    pub(crate) async fn calm(&self, limit: Duration) {
        self.rest();
        let calm = async {
            while self.record.still_open() > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(limit, calm).await.is_err() {
            let open = self.record.still_open();
            self.record.violated(&format!("{open} operations have not ended in {limit:?}"));
        }
    }
}
