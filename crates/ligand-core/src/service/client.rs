//! Generated clients and who calls through them.

use std::fmt;

use crate::{broker::ServiceBroker, context::Context};

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
    pub(crate) fn broker(&self) -> &ServiceBroker {
        match &self.0 {
            Origin::Broker(broker) => broker,
            Origin::Context(ctx) => ctx.broker(),
        }
    }

    pub(crate) fn into_context(self) -> Option<Context> {
        match self.0 {
            Origin::Broker(_) => None,
            Origin::Context(ctx) => Some(ctx),
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
