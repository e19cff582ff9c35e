//! What a listener is, for those who read it.

use std::{fmt, sync::Arc, time::Duration};

use ligand_wire::{pattern::Pattern, schema::Schema};

use crate::{
    config::BulkheadOptions,
    service::{DynEvent, Validator},
};

/// What an [`Event`](super::Event) says: middlewares get it.
///
/// ```
/// use ligand_core::{Context, Error, Event};
///
/// let paid = Event::new("order.*", |_: Context, (): ()| async { Ok::<_, Error>(()) }).group("payment");
/// assert_eq!((paid.def().pattern(), paid.def().group()), ("order.*", "payment"));
/// ```
#[derive(Clone)]
pub struct EventDef {
    pub(crate) pattern: Pattern,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) service: Arc<str>,
    pub(crate) handler: DynEvent,
    pub(crate) validator: Option<Validator>,
    pub(crate) params: Option<Schema>,
    pub(crate) doc: &'static str,
    pub(crate) bulkhead: Option<BulkheadOptions>,
    pub(crate) throttle: Option<Duration>,
    pub(crate) debounce: Option<Duration>,
}

impl EventDef {
    /// The pattern.
    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// The group: the one set, else the service's name without version.
    pub fn group(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.service)
    }

    /// The doc comment.
    pub fn doc(&self) -> &'static str {
        self.doc
    }

    /// Schema of the payload, when known.
    pub fn params(&self) -> Option<&Schema> {
        self.params.as_ref()
    }
}

impl fmt::Debug for EventDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventDef").field("pattern", &self.pattern()).finish_non_exhaustive()
    }
}
