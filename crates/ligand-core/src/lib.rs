//! The service broker of Ligand: services, contexts, registry, middlewares, caching, configuration.
//!
//! Use it through the `ligand` crate, which adds the macros. Not here: HTTP (`ligand-web`), databases
//! (`ligand-db`), what travels (`ligand-wire`).
//!
//! A call goes: [`Request`] → [`broker`] (retry, fallback, choice of the endpoint) → [`middleware::order`]
//! (the layers of the endpoint) → handler → back as the return values of the same futures.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod blocking;
pub mod broker;
pub mod cache;
pub mod config;
pub mod context;
pub mod edge;
mod error_data;
mod future;
mod hold;
pub mod log;
pub mod middleware;
#[doc(hidden)]
pub mod recovered;
pub mod registry;
pub mod runtime;
pub mod service;
mod sharded;
pub mod stream;
mod transit;

pub use broker::{BrokerBuilder, CallOptions, Emit, Mcall, Request, ServiceBroker, State, WeakBroker};
pub use cache::{Cache, CacheRule, Cacher};
pub use config::{Env, Options};
pub use context::{Context, EventKind, Id, Meta, ReplyHead, Spawned};
pub use edge::{Cookie, HttpBody, HttpRequest, HttpWants, Reply};
pub use error_data::error_data;
pub use future::{BoxFuture, Work, ready};
pub use ligand_transport::task;
pub use ligand_wire::{Data, Error, Payload, Result};
pub use middleware::{AfterHook, BeforeHook, ErrorHook, Fallback, Middleware};
pub use service::{
    Action, ActionHandler, ActionRef, Caller, Client, Contract, DynAction, DynEvent, Event, EventHandler,
    EventPayload, IntoServiceDef, Job, MixedIn, Mixin, Overlap, Promise, Rest, RestBase, Service, ServiceDef,
    Term, Version, Visibility,
};
pub use transit::{Echo, InFlight, Traffic};
