//! The registry as the rooms of the transit see it.

use std::sync::Arc;

use crate::{
    broker::WeakBroker,
    registry::{ActionList, Groups, Node},
};

/// Looks up nodes and who offers what. Finds nothing when the broker is gone.
#[derive(Clone)]
pub(crate) struct Directory(WeakBroker);

impl Directory {
    pub(super) const fn new(broker: WeakBroker) -> Self {
        Self(broker)
    }

    /// Another node that was heard of.
    pub(crate) fn node(&self, id: &str) -> Option<Arc<Node>> {
        self.0.upgrade()?.registry().node(id)
    }

    /// Every other node that was heard of, also those that left.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        self.0.upgrade().map(|broker| broker.registry().nodes()).unwrap_or_default()
    }

    /// Who offers an action.
    pub(crate) fn offers(&self, action: &str) -> Option<Arc<ActionList>> {
        self.0.upgrade()?.registry().load().list(action).cloned()
    }

    /// Who hears an event.
    pub(crate) fn heard(&self, event: &str) -> Option<Groups> {
        Some(self.0.upgrade()?.registry().load().heard(event))
    }
}
