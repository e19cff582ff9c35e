//! Services: what a node offers. A [`Service`] is a plain struct whose `#[service] impl` lowers to a
//! [`ServiceDef`], the public builder that can also be used by hand.
//!
//! Not here: where services are found ([`crate::registry`]) and how calls run ([`crate::broker`]).

mod action;
mod announced;
mod client;
pub mod contract;
mod def;
mod event;
mod fast_path;
mod job;
mod merge;
mod path;
pub mod probe;
mod rest;
mod settings;
mod validation;

pub use action::{Action, ActionHandler, ActionRef, DynAction, Visibility};
pub(crate) use action::{Forward, Validator, layer};
pub(crate) use announced::Announced;
pub use client::{Caller, Client, MixedIn};
pub use contract::{Contract, Promise, Term};
pub(crate) use def::Lifecycle;
pub use def::{Dependency, IntoServiceDef, Mixin, Service, ServiceDef, Version};
pub use event::{DynEvent, Event, EventHandler, EventPayload};
pub(crate) use fast_path::{FastPath, Typed};
pub(crate) use job::Hold;
pub use job::{Job, Overlap};
pub use path::PathNames;
pub(crate) use rest::read as read_rest;
pub use rest::{Rest, RestBase};
pub(crate) use validation::{check_dynamic, check_texts};
