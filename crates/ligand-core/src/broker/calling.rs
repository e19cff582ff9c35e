//! Calls and events, as a broker and a context make them: defined once for both.
//!
//! What a broker calls starts a request; what a context calls belongs to the request that runs.

use std::{borrow::Cow, sync::Arc};

use ligand_wire::{Data, Payload};

use super::{Emit, Mcall, Request, ServiceBroker};
use crate::{
    context::{Context, EventKind},
    service::{ActionRef, Caller, Client, Contract, EventPayload},
};

impl ServiceBroker {
    #[inline]
    const fn calling_broker(&self) -> &ServiceBroker {
        self
    }

    #[allow(clippy::unused_self, reason = "a context returns itself")]
    const fn parent(&self) -> Option<Context> {
        None
    }
}

impl Context {
    #[inline]
    fn calling_broker(&self) -> &ServiceBroker {
        self.broker()
    }

    #[inline]
    fn parent(&self) -> Option<Context> {
        Some(self.clone())
    }
}

/// Inherent methods, and none of a trait: they need no import, and both types show them in their documentation.
macro_rules! calling {
    ($($caller:ty),*) => {$(
        impl $caller {
            /// A client of a service. A call of the broker's begins a request; one of a context is its child.
            pub fn client<S: Contract>(&self) -> S::Client {
                S::Client::new(Caller::from(self))
            }

            /// A client of a service that runs under another name than its type or contract says: `name` is its full
            /// name, with version.
            ///
            /// ```ignore
            /// let archive = broker.client_named::<Loans>("v2.archive");
            /// ```
            pub fn client_named<S: Contract>(&self, name: impl Into<Arc<str>>) -> S::Client {
                S::Client::new(Caller::from(self).renamed(S::NAME, name))
            }

            /// Calls an action by its typed name. A call of the broker's begins a request. One of a context is its child: it
            /// inherits request id, meta and the time that is left.
            ///
            /// ```
            /// # #[tokio::main(flavor = "current_thread")]
            /// # async fn main() -> ligand_core::Result<()> {
            /// # use ligand_core::{Action, ActionRef, Error, ServiceBroker, ServiceDef};
            /// const TWICE: ActionRef<i64, i64> = ActionRef::new("math.twice");
            /// let twice = Action::of("twice", |n: i64| async move { Ok::<_, Error>(2 * n) });
            /// let broker = ServiceBroker::builder().service(ServiceDef::new("math").action(twice)).start().await?;
            /// assert_eq!(broker.call(TWICE, 4).await?, 8);
            /// # broker.stop().await;
            /// # Ok(()) }
            /// ```
            pub fn call<P: Data, R: Data>(&self, action: ActionRef<P, R>, params: P) -> Request<R> {
                Request::new(self.calling_broker(), self.parent(), Cow::Borrowed(action.name()), Payload::typed(params))
            }

            /// Calls an action by its name in text: with any payload, a `#[payload]` struct, `json!` or a [`Payload`].
            /// The result is untyped: `.await?.take::<User>()`.
            ///
            /// ```
            /// # #[tokio::main(flavor = "current_thread")]
            /// # async fn main() -> ligand_core::Result<()> {
            /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef};
            /// let twice = Action::of("twice", |n: i64| async move { Ok::<_, Error>(2 * n) });
            /// let broker = ServiceBroker::builder().service(ServiceDef::new("math").action(twice)).start().await?;
            /// assert_eq!(broker.call_named("math.twice", 4).await?.take::<i64>()?, 8);
            /// assert_eq!(broker.call_named("math.half", 4).await.unwrap_err().kind(), "SERVICE_NOT_FOUND");
            /// # broker.stop().await;
            /// # Ok(()) }
            /// ```
            pub fn call_named(&self, action: impl Into<Cow<'static, str>>, params: impl Data) -> Request<Payload> {
                Request::new(self.calling_broker(), self.parent(), action.into(), Payload::typed(params))
            }

            /// Waits for many calls at once; see [`Mcall`].
            pub fn mcall<R: Data>(&self, requests: impl IntoIterator<Item = Request<R>>) -> Mcall<R> {
                Mcall::new(requests)
            }

            /// Sends a typed event to one listener of each group.
            pub fn emit<E: EventPayload>(&self, event: E) -> Emit {
                Emit::new(Caller::from(self), E::NAME.into(), Payload::typed(event), EventKind::Emit)
            }

            /// Sends an event by name to one listener of each group, with any payload.
            pub fn emit_named(&self, event: impl Into<Cow<'static, str>>, payload: impl Data) -> Emit {
                Emit::new(Caller::from(self), event.into(), Payload::typed(payload), EventKind::Emit)
            }

            /// Sends a typed event to every listener on every node.
            pub fn broadcast<E: EventPayload>(&self, event: E) -> Emit {
                Emit::new(Caller::from(self), E::NAME.into(), Payload::typed(event), EventKind::Broadcast)
            }

            /// Sends an event by name to every listener on every node, with any payload.
            pub fn broadcast_named(&self, event: impl Into<Cow<'static, str>>, payload: impl Data) -> Emit {
                Emit::new(Caller::from(self), event.into(), Payload::typed(payload), EventKind::Broadcast)
            }

            /// Sends an event by name to every listener on this node, with any payload.
            ///
            /// ```
            /// # #[tokio::main(flavor = "current_thread")]
            /// # async fn main() -> ligand_core::Result<()> {
            /// # use ligand_core::{Context, Error, Event, ServiceBroker, ServiceDef};
            /// # use std::sync::atomic::{AtomicU32, Ordering};
            /// static CLEANED: AtomicU32 = AtomicU32::new(0);
            /// let clean = Event::new("cache.clean", |_: Context, (): ()| async {
            ///     Ok::<_, Error>(drop(CLEANED.fetch_add(1, Ordering::Relaxed)))
            /// });
            /// let broker = ServiceBroker::builder()
            ///     .service(ServiceDef::new("users").event(clean.clone()))
            ///     .service(ServiceDef::new("posts").event(clean))
            ///     .start()
            ///     .await?;
            /// broker.broadcast_local("cache.clean", ()).wait_for_listeners().await?;
            /// assert_eq!(CLEANED.load(Ordering::Relaxed), 2);
            /// # broker.stop().await;
            /// # Ok(()) }
            /// ```
            pub fn broadcast_local(&self, event: impl Into<Cow<'static, str>>, payload: impl Data) -> Emit {
                Emit::new(Caller::from(self), event.into(), Payload::typed(payload), EventKind::BroadcastLocal)
            }
        }
    )*};
}

calling!(ServiceBroker, Context);
