//! Middlewares: layers around actions, listeners, calls and events.
//!
//! A middleware is asked once for each action, at registration: it wraps `next`, or returns it unchanged and
//! costs nothing. The built-in ones are off unless configured; [`order`] lists them. Your own run innermost,
//! the first registered closest to the handler.
//!
//! ```
//! use ligand_core::{Context, Payload, future::Work, middleware::Middleware};
//! use ligand_core::service::{ActionDef, DynAction};
//!
//! /// Logs how long every action takes.
//! struct Clock;
//!
//! impl Middleware for Clock {
//!     fn name(&self) -> &str {
//!         "clock"
//!     }
//!     fn local_action(&self, action: &ActionDef, next: DynAction) -> DynAction {
//!         let name = action.full_name().to_owned();
//!         std::sync::Arc::new(move |ctx: &Context, params: Payload| -> Work<Payload> {
//!             let (name, start) = (name.clone(), std::time::Instant::now());
//!             // A handler that is not async runs right here.
//!             let work = next.call(ctx, params);
//!             Work::new(async move {
//!                 let result = work.await;
//!                 println!("{name} took {:?}", start.elapsed());
//!                 result
//!             })
//!         })
//!     }
//! }
//! ```

mod bulkhead;
mod cacher;
mod circuit_breaker;
pub mod debug;
pub(crate) mod fallback;
mod hooks;
mod metrics;
pub mod order;
mod pace;
mod retry;
pub(crate) mod span;

use std::{future::Future, sync::Arc};

use ligand_wire::{Payload, Result};

pub(crate) use bulkhead::Bulkhead;
pub(crate) use cacher::Hits;
pub use fallback::Fallback;
pub use hooks::{AfterHook, BeforeHook, ErrorHook};
pub(crate) use hooks::{Hooks, ServiceHooks};
pub(crate) use retry::Plan;

use crate::{
    broker::{Outgoing, OutgoingEvent, ServiceBroker},
    context::Context,
    future::{BoxFuture, Work, ready},
    service::{ActionDef, DynAction, DynEvent, EventDef, Forward, ServiceDef, layer},
};

/// Runs a call from the caller's side: the shape of [`Middleware::call`] layers.
pub trait CallHandler: Send + Sync + 'static {
    /// Makes the call.
    fn call(&self, call: Outgoing) -> BoxFuture<Result<Payload>>;
}

/// A shared [`CallHandler`].
pub type DynCall = Arc<dyn CallHandler>;

impl<F> CallHandler for F
where
    F: Fn(Outgoing) -> BoxFuture<Result<Payload>> + Send + Sync + 'static,
{
    fn call(&self, call: Outgoing) -> BoxFuture<Result<Payload>> {
        self(call)
    }
}

/// Sends an event: the shape of [`Middleware::emit`] layers.
pub trait EmitHandler: Send + Sync + 'static {
    /// Sends the event.
    fn emit(&self, event: OutgoingEvent) -> BoxFuture<Result<()>>;
}

/// A shared [`EmitHandler`].
pub type DynEmit = Arc<dyn EmitHandler>;

impl<F> EmitHandler for F
where
    F: Fn(OutgoingEvent) -> BoxFuture<Result<()>> + Send + Sync + 'static,
{
    fn emit(&self, event: OutgoingEvent) -> BoxFuture<Result<()>> {
        self(event)
    }
}

/// A set of hooks into the life of a broker. See the [module](self) for a complete one.
///
/// Of several middlewares the first one registered is innermost, nearest to the handler; the last one is outermost.
/// `started`-like hooks run in order of registration, `stop`-like ones in reverse.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{ServiceBroker, middleware::Middleware, service::{ActionDef, DynAction}};
///
/// /// Sees every action of this node and stays out of all.
/// struct Inventory;
///
/// impl Middleware for Inventory {
///     fn name(&self) -> &str {
///         "inventory"
///     }
///     fn local_action(&self, action: &ActionDef, next: DynAction) -> DynAction {
///         println!("{}", action.full_name());
///         next
///     }
/// }
///
/// let broker = ServiceBroker::builder().middleware(Inventory).start().await?;
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[allow(unused_variables, reason = "the names document what a hook receives")]
pub trait Middleware: Send + Sync + 'static {
    /// Shown in pipelines and logs.
    fn name(&self) -> &str;

    /// Wraps an action of this node. Return `next` to stay out.
    fn local_action(&self, action: &ActionDef, next: DynAction) -> DynAction {
        next
    }

    /// Wraps an action of another node, on the side of the caller. Return `next` to stay out.
    fn remote_action(&self, action: &ActionDef, next: DynAction) -> DynAction {
        next
    }

    /// Wraps a listener of this node. Return `next` to stay out.
    fn local_event(&self, event: &EventDef, next: DynEvent) -> DynEvent {
        next
    }

    /// Wraps every call that is made on this node, before the target is looked up. `None` = stay out.
    fn call(&self, next: DynCall) -> Option<DynCall> {
        None
    }

    /// Wraps `emit`, `broadcast` and `broadcast_local`. `None` = stay out.
    fn emit(&self, next: DynEmit) -> Option<DynEmit> {
        None
    }

    /// The broker exists; no service does.
    ///
    /// # Errors
    /// An error stops the start.
    fn created(&self, broker: &ServiceBroker) -> Result<()> {
        Ok(())
    }

    /// Before services start.
    fn starting(&self, broker: &ServiceBroker) -> BoxFuture<Result<()>> {
        ready(Ok(()))
    }

    /// After all services started.
    fn started(&self, broker: &ServiceBroker) -> BoxFuture<Result<()>> {
        ready(Ok(()))
    }

    /// Before services stop.
    fn stopping(&self, broker: &ServiceBroker) -> BoxFuture<Result<()>> {
        ready(Ok(()))
    }

    /// After all services stopped.
    fn stopped(&self, broker: &ServiceBroker) -> BoxFuture<Result<()>> {
        ready(Ok(()))
    }

    /// Before a service is made of its definition; may change it.
    ///
    /// # Errors
    /// An error refuses the service.
    fn service_creating(&self, def: ServiceDef) -> Result<ServiceDef> {
        Ok(def)
    }

    /// The service exists, it is not started.
    fn service_created(&self, def: &ServiceDef) {}

    /// Before the service's `started` handlers.
    fn service_starting(&self, def: &ServiceDef) -> BoxFuture<Result<()>> {
        ready(Ok(()))
    }

    /// The service takes calls.
    fn service_started(&self, def: &ServiceDef) -> BoxFuture<Result<()>> {
        ready(Ok(()))
    }

    /// Before the service's `stopped` handlers.
    fn service_stopping(&self, def: &ServiceDef) -> BoxFuture<Result<()>> {
        ready(Ok(()))
    }

    /// After the service's `stopped` handlers.
    fn service_stopped(&self, def: &ServiceDef) -> BoxFuture<Result<()>> {
        ready(Ok(()))
    }
}

/// A middleware of one async function around every action.
///
/// ```
/// use ligand_core::middleware;
/// let audit = middleware::from_fn("audit", |ctx, params, next| async move {
///     println!("{} called by {:?}", ctx.action(), ctx.caller());
///     next.call(&ctx, params).await
/// });
/// ```
pub fn from_fn<F, Fut>(name: &'static str, layer: F) -> impl Middleware
where
    F: Fn(Context, Payload, DynAction) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Payload>> + Send + 'static,
{
    FromFn { name, layer: Arc::new(layer) }
}

struct FromFn<F> {
    name: &'static str,
    layer: Arc<F>,
}

impl<F, Fut> Middleware for FromFn<F>
where
    F: Fn(Context, Payload, DynAction) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Payload>> + Send + 'static,
{
    fn name(&self) -> &str {
        self.name
    }

    fn local_action(&self, _action: &ActionDef, next: DynAction) -> DynAction {
        let (own, next) = (self.layer.clone(), Forward::sharded(&next));
        layer(move |ctx: &Context, params: Payload| -> Work<Payload> {
            Work::new(own(ctx.clone(), params, next.own().clone()))
        })
    }
}
