//! What runs: handlers of actions and listeners, and the layers around them.

use std::sync::Arc;

use ligand_wire::Payload;

use crate::{
    context::Context,
    future::Work,
    sharded::{CachePadded, Sharded},
};

/// Runs an action: the shape of handlers and of every middleware layer around them.
pub trait ActionHandler: Send + Sync + 'static {
    /// Starts the work. What needs no wait is done at once; dropping the rest cancels it.
    fn call(&self, ctx: &Context, params: Payload) -> Work<Payload>;
}

/// A shared [`ActionHandler`]; what a middleware receives as `next`.
pub type DynAction = Arc<dyn ActionHandler>;

impl<F, W> ActionHandler for F
where
    F: Fn(&Context, Payload) -> W + Send + Sync + 'static,
    W: Into<Work<Payload>>,
{
    fn call(&self, ctx: &Context, params: Payload) -> Work<Payload> {
        self(ctx, params).into()
    }
}

impl<H: ActionHandler> ActionHandler for CachePadded<H> {
    fn call(&self, ctx: &Context, params: Payload) -> Work<Payload> {
        (**self).call(ctx, params)
    }
}

/// Hands on to a layer that it shares with others.
pub(crate) struct Forward(DynAction);

impl Forward {
    /// As many as there are groups of threads: a layer that keeps `next` for each call counts handles of its own.
    pub(crate) fn sharded(next: &DynAction) -> Sharded<CachePadded<Self>> {
        Sharded::new(|| CachePadded::new(Self(next.clone())))
    }
}

impl ActionHandler for Forward {
    fn call(&self, ctx: &Context, params: Payload) -> Work<Payload> {
        self.0.call(ctx, params)
    }
}

/// A handler or layer on cache lines of its own: all cores read it at every call, and nobody writes beside it.
pub(crate) fn layer(handler: impl ActionHandler) -> DynAction {
    Arc::new(CachePadded::new(handler))
}

/// Runs a listener: the shape of handlers and of every middleware layer around them.
pub trait EventHandler: Send + Sync + 'static {
    /// Starts the work for one event.
    fn call(&self, ctx: &Context, payload: Payload) -> Work<()>;
}

/// A shared [`EventHandler`]; what a middleware receives as `next`.
pub type DynEvent = Arc<dyn EventHandler>;

impl<F, W> EventHandler for F
where
    F: Fn(&Context, Payload) -> W + Send + Sync + 'static,
    W: Into<Work<()>>,
{
    fn call(&self, ctx: &Context, payload: Payload) -> Work<()> {
        self(ctx, payload).into()
    }
}

impl<H: EventHandler> EventHandler for CachePadded<H> {
    fn call(&self, ctx: &Context, payload: Payload) -> Work<()> {
        (**self).call(ctx, payload)
    }
}
