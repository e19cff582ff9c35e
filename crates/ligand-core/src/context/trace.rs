//! Traces of other nodes that go through this one.

use super::{Arc, Context, Id};

/// What the packet that began this work said of the trace it belongs to. It goes on unchanged with everything that is
/// sent from here, also where this node records nothing: others would lose the thread.
#[derive(Debug)]
pub(crate) struct Trace {
    /// Whether it is recorded; nothing is known without a trace.
    pub(crate) recorded: bool,
    /// The nearest context above that records it.
    parent: Option<Id>,
}

impl Trace {
    /// From the flag of a packet and the id of the context that sent it.
    pub(crate) fn of_packet(flag: Option<bool>, parent: Option<&Id>) -> Option<Arc<Self>> {
        flag.map(|recorded| Arc::new(Self { recorded, parent: parent.cloned() }))
    }
}

impl Context {
    /// Whether the trace that this context belongs to is recorded, as the packet said that began the work here: what
    /// Moleculer calls `ctx.tracing`. `None` when nobody has decided. It goes on with all calls and events.
    pub fn tracing(&self) -> Option<bool> {
        self.0.trace.as_ref().map(|trace| trace.recorded)
    }

    /// The trace of what is called or sent from here.
    pub(crate) fn trace(&self) -> Option<Arc<Trace>> {
        let trace = self.0.trace.as_ref()?;
        match trace.recorded && self.0.span.get().is_some() {
            true => Some(Arc::new(Trace { recorded: true, parent: Some(self.id()) })),
            false => Some(trace.clone()),
        }
    }
}

/// The parent that a packet names: of a recorded trace the nearest context that records it, else the one that calls.
pub(crate) fn parent_of<'a>(trace: Option<&'a Trace>, caller: Option<&'a Id>) -> Option<&'a Id> {
    match trace {
        Some(trace) if trace.recorded => trace.parent.as_ref(),
        _ => caller,
    }
}
