//! Generated clients and who calls through them.

use std::{borrow::Cow, fmt};

use ligand_wire::{Data, Payload};

use super::{ActionRef, probe::Form};
use crate::{
    broker::{Request, ServiceBroker},
    context::Context,
};

/// Where a call comes from: the broker itself, or a running action or listener whose trace, meta and
/// deadline it inherits.
#[derive(Clone)]
pub struct Caller(Origin);

#[derive(Clone)]
enum Origin {
    Broker(ServiceBroker),
    Context(Context),
}

impl Caller {
    /// A typed call.
    pub fn call<P: Data, R: Data>(&self, action: ActionRef<P, R>, params: P) -> Request<R> {
        Request::new(
            self.broker(),
            self.context().cloned(),
            Cow::Borrowed(action.name()),
            Payload::typed(params),
        )
    }

    /// A call by name whose result type the caller knows.
    pub fn call_as<R: Data>(
        &self,
        action: impl Into<Cow<'static, str>>,
        params: impl Into<Payload>,
    ) -> Request<R> {
        Request::new(self.broker(), self.context().cloned(), action.into(), params.into())
    }

    /// A typed call whose parameters are described by their form; see [`probe`](super::probe).
    pub fn call_typed<P: Form, R>(
        &self,
        action: ActionRef<P::Value, R>,
        _form: P,
        params: P::Value,
    ) -> Request<R> {
        Request::new(self.broker(), self.context().cloned(), Cow::Borrowed(action.name()), P::put(params))
    }

    pub(crate) fn broker(&self) -> &ServiceBroker {
        match &self.0 {
            Origin::Broker(broker) => broker,
            Origin::Context(ctx) => ctx.broker(),
        }
    }

    pub(crate) fn context(&self) -> Option<&Context> {
        match &self.0 {
            Origin::Broker(_) => None,
            Origin::Context(ctx) => Some(ctx),
        }
    }
}

impl From<&ServiceBroker> for Caller {
    fn from(broker: &ServiceBroker) -> Self {
        Self(Origin::Broker(broker.clone()))
    }
}

impl From<&Context> for Caller {
    fn from(ctx: &Context) -> Self {
        Self(Origin::Context(ctx.clone()))
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.context().is_some() { "Caller(context)" } else { "Caller(broker)" })
    }
}

/// A generated client, such as `UsersClient`.
pub trait Client: Sized {
    /// Makes the client of one caller.
    fn new(caller: Caller) -> Self;
}

/// A client of a service that has the mixin `M`; `#[service(mixins(..))]` implements it, and the mixin's crate
/// gives every such client its methods.
pub trait MixedIn<M> {
    /// Full name of the service.
    const SERVICE: &'static str;

    /// Who calls.
    fn caller(&self) -> &Caller;
}
