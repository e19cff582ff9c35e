//! The way of a typed call that has nothing on it.
//!
//! Layers know no types: on their way parameters and result are payloads, and every layer is a call through a table.
//! Where none of them stands around a handler, a caller of this node that has the handler's own types can do without
//! all that. The layers stay the one truth: whatever is not obviously the same takes their way, so a fast path
//! only ever does what they would have done.

use std::{any::Any, fmt, sync::Arc};

use ligand_wire::{Payload, Result};
use tracing::level_filters::LevelFilter;

use super::action::Passes;
use crate::{context::Context, future::BoxFuture, log::place::are_noted, sharded::CachePadded};

/// What came of it, or the parameters back: they are of another type.
pub(crate) type Tried<T> = std::result::Result<T, Payload>;

type Now<R> = dyn Fn(Payload) -> Tried<Result<R>> + Send + Sync;
type NowIn<R> = dyn Fn(&Context, Payload) -> Tried<Result<R>> + Send + Sync;
type Later<R> = dyn Fn(Payload) -> Tried<BoxFuture<Result<R>>> + Send + Sync;
type LaterIn<R> = dyn Fn(&Context, Payload) -> Tried<BoxFuture<Result<R>>> + Send + Sync;

/// A handler with the type of its result.
pub(crate) enum Typed<R> {
    /// Ends at once, and nobody sees its context.
    Now(Box<Now<R>>),
    /// Ends at once.
    NowIn(Box<NowIn<R>>),
    /// A future, and nobody sees its context.
    Later(Box<Later<R>>),
    /// A future.
    LaterIn(Box<LaterIn<R>>),
}

impl<R: 'static> Typed<R> {
    pub(super) fn later<Fut>(start: impl Fn(Payload) -> Tried<Fut> + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        Self::Later(Box::new(move |params| Ok(Box::pin(start(params)?))))
    }

    pub(super) fn later_in<Fut>(
        start: impl Fn(&Context, Payload) -> Tried<Fut> + Send + Sync + 'static,
    ) -> Self
    where
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        Self::LaterIn(Box::new(move |ctx, params| Ok(Box::pin(start(ctx, params)?))))
    }
}

/// A handler without its layers.
#[derive(Clone)]
pub(crate) struct FastPath {
    /// A [`Typed`].
    handler: Arc<dyn Any + Send + Sync>,
    /// True for parameters that the checks leave as they are; `None`: nothing is checked but the type.
    passes: Option<Passes>,
    /// The log tells who runs: by a span around the handler, or by a note for the thread.
    noted: bool,
}

impl FastPath {
    pub(super) fn new<R: 'static>(handler: Typed<R>) -> Self {
        Self { handler: Arc::new(CachePadded::new(handler)), passes: None, noted: false }
    }

    /// The same with what stands around it.
    pub(crate) fn within(&self, passes: Option<Passes>, noted: bool) -> Self {
        Self { handler: self.handler.clone(), passes, noted }
    }

    /// The handler, when its result is an `R`.
    #[inline]
    pub(crate) fn handler<R: 'static>(&self) -> Option<&Typed<R>> {
        // A span is a layer.
        if self.noted && !are_noted() && LevelFilter::current() != LevelFilter::OFF {
            return None;
        }
        self.handler.downcast_ref::<CachePadded<Typed<R>>>().map(|handler| &**handler)
    }

    /// Whether it has to be noted where the thread is.
    #[inline]
    pub(crate) fn is_noted(&self) -> bool {
        self.noted && are_noted()
    }

    #[inline]
    pub(crate) fn passes(&self, params: &Payload) -> bool {
        self.passes.is_none_or(|passes| passes(params))
    }
}

impl fmt::Debug for FastPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FastPath")
    }
}
