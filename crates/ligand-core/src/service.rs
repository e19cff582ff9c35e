//! Services: what a node offers. A [`Service`] is a plain struct whose `#[service] impl` lowers to a
//! [`ServiceDef`], the public builder that can also be used by hand.
//!
//! Not here: where services are found ([`crate::registry`]) and how calls run ([`crate::broker`]).

mod action;
mod action_ref;
mod announced;
mod client;
pub(crate) mod contract;
mod def;
mod event;
mod fast_path;
pub(crate) mod generated;
mod handler;
mod job;
mod merge;
mod path;
pub(crate) mod probe;
mod rest;
mod settings;
mod validation;

pub use action::{Action, ActionDef, Visibility};
pub(crate) use action::{Passes, Seen, Validator};
pub use action_ref::ActionRef;
pub(crate) use announced::Announced;
pub use client::{Caller, Client, MixedIn};
pub use contract::{Contract, Promise, Term};
pub(crate) use def::Lifecycle;
pub use def::{Dependency, IntoServiceDef, Mixin, Service, ServiceDef, Version};
pub use event::{Event, EventDef, EventPayload};
pub(crate) use fast_path::{FastPath, Typed};
pub use handler::{ActionHandler, DynAction, DynEvent, EventHandler};
pub(crate) use handler::{Forward, layer};
pub(crate) use job::RunGuard;
pub use job::{Job, JobDef, Overlap};
pub use path::PathNames;
pub(crate) use rest::read as read_rest;
pub use rest::{Rest, RestBase};
pub(crate) use validation::{check_dynamic, check_texts};
