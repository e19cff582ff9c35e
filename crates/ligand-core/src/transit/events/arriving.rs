//! Events that came and wait for their listeners: started one after the other, as they came.

use std::sync::Arc;

use ligand_wire::{Payload, packet::Event};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::Events;
use crate::{
    broker::{WeakBroker, receive_event},
    context::{Arrived, CallerName, Carried, EventKind, Headers, Id, Trace},
    registry::Node,
    transit::received::{Receipt, level, receipt, texts},
};

/// Most events that wait for their listeners to start.
const QUEUE: usize = 16_384;

/// The queue of events that came.
pub(super) struct Arriving {
    broker: WeakBroker,
    queue: mpsc::Sender<ArrivedEvent>,
    /// Until the listeners are started.
    source: Mutex<Option<mpsc::Receiver<ArrivedEvent>>>,
}

struct ArrivedEvent {
    name: Arc<str>,
    data: Payload,
    groups: Vec<String>,
    ctx: EventContext,
    done: Option<oneshot::Sender<()>>,
}

/// Where an event of another node comes from.
#[derive(Clone, Debug)]
pub(crate) struct EventContext {
    pub(crate) kind: EventKind,
    pub(crate) carried: Carried,
    pub(crate) headers: Option<Arc<Headers>>,
    pub(crate) level: u32,
    pub(crate) parent_id: Option<Id>,
    pub(crate) trace: Option<Arc<Trace>>,
    pub(crate) request_id: Option<Id>,
    pub(crate) caller: CallerName,
    pub(crate) node: Arc<str>,
}

impl Arriving {
    pub(super) fn new(broker: WeakBroker) -> Self {
        let (queue, source) = mpsc::channel(QUEUE);
        Self { broker, queue, source: Mutex::new(Some(source)) }
    }
}

impl Events {
    /// An event came. With `tracked` the receipt ends when its listeners have ended.
    pub(crate) fn on_event(&self, node: &Arc<Node>, event: Event<'_>, tracked: bool) -> Option<Receipt> {
        let (done, end) = receipt(tracked);
        let parent_id = event.parent_id.map(|id| Id::parse(&id));
        let ctx = EventContext {
            kind: if event.broadcast { EventKind::Broadcast } else { EventKind::Emit },
            carried: Arrived::new(event.meta.into_owned(), "").carried,
            headers: event.headers.and_then(|headers| texts(&headers)),
            level: level(event.level),
            trace: Trace::of_packet(event.tracing, parent_id.as_ref()),
            parent_id,
            request_id: event.request_id.map(|id| Id::parse(&id)),
            caller: event.caller.into(),
            node: node.id().clone(),
        };
        let name: Arc<str> = event.event.as_ref().into();
        let groups = event.groups.iter().map(|group| group.to_string()).collect();
        let queued = ArrivedEvent { name: name.clone(), data: event.data, groups, ctx, done };
        if self.arriving.queue.try_send(queued).is_err() {
            self.lost(&name, &"more events came than the listeners can take");
        }
        end
    }

    /// Starts the listeners of what came and comes, in order. Until then it waits.
    pub(crate) fn start_listeners(&self) {
        let Some(mut source) = self.arriving.source.lock().take() else { return };
        let broker = self.arriving.broker.clone();
        self.tasks.spawn_background(async move {
            while let Some(event) = source.recv().await {
                let Some(broker) = broker.upgrade() else { return };
                receive_event(&broker, event.name, event.data, &event.groups, &event.ctx, event.done).await;
            }
        });
    }
}
