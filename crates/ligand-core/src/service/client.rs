//! Generated clients and who calls through them.

use std::{borrow::Cow, fmt, sync::Arc};

use ligand_wire::{Data, Payload};

use super::ActionRef;
use crate::{
    broker::{Request, ServiceBroker},
    context::Context,
};

/// Where a call comes from: the broker itself, or a running action or listener whose trace, meta and
/// deadline it inherits.
#[derive(Clone)]
pub struct Caller {
    origin: Origin,
    renamed: Option<Renamed>,
}

/// Another service than the one that a client was made for.
#[derive(Clone)]
struct Renamed {
    own: &'static str,
    to: Arc<str>,
}

#[derive(Clone)]
enum Origin {
    Broker(ServiceBroker),
    Context(Context),
}

impl Caller {
    /// Calls actions of the service `own` as actions of the service `to`; both are full names, with version.
    pub fn renamed(mut self, own: &'static str, to: impl Into<Arc<str>>) -> Self {
        self.renamed = Some(Renamed { own, to: to.into() });
        self
    }

    /// The full name of the service that is called instead of the one that the client was made for.
    pub fn service(&self) -> Option<&str> {
        self.renamed.as_ref().map(|renamed| &*renamed.to)
    }

    /// The name under which an action is called. Those without the prefix of their service stay as they are.
    fn action(&self, name: Cow<'static, str>) -> Cow<'static, str> {
        let Some(Renamed { own, to }) = &self.renamed else { return name };
        match name.strip_prefix(own).filter(|rest| rest.starts_with('.')) {
            Some(rest) => format!("{to}{rest}").into(),
            None => name,
        }
    }

    /// A typed call.
    pub fn call<P: Data, R: Data>(&self, action: ActionRef<P, R>, params: P) -> Request<R> {
        self.request(Cow::Borrowed(action.name()), Payload::typed(params))
    }

    /// A call by name whose result type the caller knows.
    pub fn call_as<R: Data>(&self, action: impl Into<Cow<'static, str>>, params: impl Data) -> Request<R> {
        self.request(action.into(), Payload::typed(params))
    }

    pub(super) fn request<R>(&self, action: Cow<'static, str>, params: Payload) -> Request<R> {
        Request::new(self.broker(), self.context().cloned(), self.action(action), params)
    }

    pub(crate) fn broker(&self) -> &ServiceBroker {
        match &self.origin {
            Origin::Broker(broker) => broker,
            Origin::Context(ctx) => ctx.broker(),
        }
    }

    pub(crate) fn context(&self) -> Option<&Context> {
        match &self.origin {
            Origin::Broker(_) => None,
            Origin::Context(ctx) => Some(ctx),
        }
    }
}

impl From<&ServiceBroker> for Caller {
    fn from(broker: &ServiceBroker) -> Self {
        Self { origin: Origin::Broker(broker.clone()), renamed: None }
    }
}

impl From<&Context> for Caller {
    fn from(ctx: &Context) -> Self {
        Self { origin: Origin::Context(ctx.clone()), renamed: None }
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
    /// Full name of the service. Calls made through [`MixedIn::caller`] go to the service that the client was
    /// [renamed](Caller::renamed) to.
    const SERVICE: &'static str;

    /// Who calls.
    fn caller(&self) -> &Caller;
}
