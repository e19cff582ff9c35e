//! One listener of an event: its definition and its composed layers.

use std::{fmt, sync::Arc};

use crate::{
    broker::ServiceBroker,
    service::{DynEvent, Event},
};

/// One listener. Every running handler holds a handle: the number of handles tells what still runs.
pub struct Listener {
    broker: ServiceBroker,
    event: Arc<Event>,
    service: Arc<str>,
    chain: DynEvent,
}

impl Listener {
    pub(crate) fn new(broker: ServiceBroker, event: Arc<Event>, service: Arc<str>, chain: DynEvent) -> Self {
        Self { broker, event, service, chain }
    }

    pub(crate) fn broker(&self) -> &ServiceBroker {
        &self.broker
    }

    /// The definition.
    pub fn event(&self) -> &Arc<Event> {
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

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("pattern", &self.event.pattern())
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
