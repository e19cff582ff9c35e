//! The service broker of Ligand: services, contexts, registry, middlewares, caching, configuration.
//!
//! Use it through the `ligand` crate, which adds the macros. Not here: HTTP (`ligand-web`), databases
//! (`ligand-db`), what travels (`ligand-wire`).
//!
//! A call goes: [`broker::Request`] → [`broker`] (retry, fallback, choice of the endpoint) → [`middleware::order`]
//! (the layers of the endpoint) → handler → back as the return values of the same futures.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod blocking;
pub mod broker;
pub mod cache;
pub mod config;
pub mod context;
pub mod edge;
mod error_data;
pub mod future;
pub mod log;
pub mod metrics;
pub mod middleware;
mod recovered;
pub mod registry;
pub mod runtime;
pub mod service;
mod sharded;
pub mod stream;
mod thread_watch;
mod transit;

pub use broker::ServiceBroker;
pub use context::Context;
pub use edge::Reply;
pub use ligand_transport::task;
pub use ligand_wire::{Data, Error, Payload, Result};
pub use service::{Action, ActionRef, Contract, Event, EventPayload, Service, ServiceDef};

#[doc(hidden)]
pub mod __private {
    //! For generated code only.

    pub use crate::error_data::error_data;

    pub mod generated {
        //! Definitions whose handlers are methods.
        pub use crate::service::generated::*;
    }

    pub mod probe {
        //! What the compiler knows of the types in a signature.
        pub use crate::service::probe::*;
    }

    pub mod agreement {
        //! What the compiler checks between a service and its contract.
        pub use crate::service::contract::agreement::*;
    }

    pub mod recovered {
        //! From an error back to its variant.
        pub use crate::recovered::*;
    }
}
