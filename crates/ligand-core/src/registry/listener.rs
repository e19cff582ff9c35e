//! One listener of an event: its definition, its composed layers, the events it has in hand.

mod ends;
mod inbox;

use std::{fmt, sync::Arc};

pub(crate) use self::inbox::HandingOver;
use self::inbox::Inbox;
use crate::{
    broker::ServiceBroker,
    service::{DynEvent, EventDef},
};

/// One listener. Every running handler holds a handle: the number of handles tells what still runs.
pub struct Listener {
    broker: ServiceBroker,
    event: Arc<EventDef>,
    service: Arc<str>,
    chain: DynEvent,
    inbox: Arc<Inbox>,
}

impl Listener {
    pub(crate) fn new(
        broker: ServiceBroker,
        event: Arc<EventDef>,
        service: Arc<str>,
        chain: DynEvent,
    ) -> Self {
        let inbox = Arc::new(Inbox::new(broker.options().events.max_queue_size));
        Self { broker, event, service, chain, inbox }
    }

    pub(crate) fn broker(&self) -> &ServiceBroker {
        &self.broker
    }

    /// The definition.
    pub fn event(&self) -> &Arc<EventDef> {
        &self.event
    }

    /// Full name of the service.
    pub fn service(&self) -> &Arc<str> {
        &self.service
    }

    pub(crate) fn chain(&self) -> &DynEvent {
        &self.chain
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.inbox.close();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("pattern", &self.event.pattern())
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
