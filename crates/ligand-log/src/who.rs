//! In whose place a line is written.
//!
//! Handlers run on whatever thread is free, so what a line belongs to is noted for the thread while a step of a handler
//! runs. Whoever runs handlers registers a function that tells it (`ligand-core` does); nothing is copied until a line
//! is written.

use std::{borrow::Cow, sync::OnceLock};

/// In whose place a line is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who<'a> {
    /// Id of the node.
    pub node: Option<Cow<'a, str>>,
    /// Its namespace.
    pub namespace: Option<Cow<'a, str>>,
    /// Full name of the service, with its version.
    pub service: Option<Cow<'a, str>>,
    /// Full name of the action that runs.
    pub action: Option<Cow<'a, str>>,
    /// The event that is heard.
    pub event: Option<Cow<'a, str>>,
    /// What else runs: a job, or a handler of the life cycle.
    pub work: Option<Cow<'a, str>>,
    /// Id of the request, which is that of the trace.
    pub request_id: Option<Cow<'a, str>>,
    /// Id of the context, which is that of the span.
    pub span_id: Option<Cow<'a, str>>,
}

impl Who<'_> {
    /// The same for longer.
    pub fn into_owned(self) -> Who<'static> {
        fn own(text: Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
            text.map(|text| Cow::Owned(text.into_owned()))
        }
        Who {
            node: own(self.node),
            namespace: own(self.namespace),
            service: own(self.service),
            action: own(self.action),
            event: own(self.event),
            work: own(self.work),
            request_id: own(self.request_id),
            span_id: own(self.span_id),
        }
    }
}

/// Calls what it is given with who runs on this thread, or does not call it when nobody does.
pub type Tell = fn(&mut dyn FnMut(&Who<'_>));

static TELL: OnceLock<Tell> = OnceLock::new();

/// Registers who knows; the first counts.
pub fn register(tell: Tell) {
    let _ = TELL.set(tell);
}

/// Calls `with` with who runs on this thread, if somebody does.
pub fn now(with: &mut dyn FnMut(&Who<'_>)) {
    if let Some(tell) = TELL.get() {
        tell(with);
    }
}
