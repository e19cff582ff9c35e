//! **Ligand**: microservices for Rust — typed actions and events behind one broker.
//!
//! This crate is a table of contents: everything is re-exported from the crates that hold it.

#[cfg(feature = "amqp")]
pub use ligand_amqp as amqp;
pub use ligand_core::{
    Action, ActionHandler, ActionRef, AfterHook, BeforeHook, BoxFuture, BrokerBuilder, Cache, CacheRule,
    Cacher, CallOptions, Caller, Client, Context, Contract, Cookie, Data, DynAction, DynEvent, Echo, Emit,
    Env, Error, ErrorHook, Event, EventHandler, EventKind, EventPayload, Fallback, HttpRequest, HttpWants,
    Id, IntoServiceDef, Job, Mcall, Meta, Middleware, MixedIn, Mixin, Options, Overlap, Payload, Promise,
    Reply, ReplyHead, Request, Rest, RestBase, Result, Service, ServiceBroker, ServiceDef, Spawned, State,
    Term, Traffic, Version, Visibility, WeakBroker, Work, broker, cache, config, context, edge, log,
    middleware, ready, registry, runtime, service, stream, stream::Streaming, task,
};
#[cfg(feature = "db")]
pub use ligand_db as db;
#[cfg(feature = "etcd")]
pub use ligand_etcd as etcd;
#[cfg(feature = "db")]
pub use ligand_macros::entity;
pub use ligand_macros::{Error, contract, main, payload, service};
#[cfg(feature = "mqtt")]
pub use ligand_mqtt as mqtt;
#[cfg(feature = "nats")]
pub use ligand_nats as nats;
#[cfg(feature = "redis")]
pub use ligand_redis as redis;
#[cfg(feature = "tcp")]
pub use ligand_tcp as tcp;
#[cfg(feature = "transmit")]
pub use ligand_transmit as transmit;
pub use ligand_transport as transport;
#[cfg(feature = "web")]
pub use ligand_web as web;
#[cfg(feature = "time")]
pub use ligand_wire::time;
pub use ligand_wire::{Binary, Date, FieldError, Patch, error, schema, validate, validate::Validate};
pub use serde_json::{Map, Value, json};

pub mod prelude {
    //! What most service files need: `use ligand::prelude::*`.

    pub use std::time::Duration;

    pub use ligand_core::{
        ActionRef, Context, Contract, Error, Event, Payload, Reply, Result, Service, ServiceBroker,
    };
    #[cfg(feature = "db")]
    pub use ligand_macros::entity;
    pub use ligand_macros::{Error, contract, payload, service};
    pub use ligand_wire::Patch;
    pub use serde_json::{Value, json};
}

#[doc(hidden)]
pub mod __private {
    //! For generated code only.

    pub use ligand_core as core;
    pub use ligand_core::EventPayload;
    pub use ligand_wire as wire;
    pub use regex_lite;

    pub mod put_this_attribute_above_the_derives {
        //! The derives of `#[payload]` and `#[entity]`, by a path that the compiler shows when the item has one of them above
        //! the attribute as well.

        pub use core::{clone::Clone, cmp::PartialEq, fmt::Debug};

        pub use ligand_macros::Written;
        pub use ligand_wire::objects::derive::{Deserialize, Serialize};
        pub use schemars::JsonSchema;
    }

    // Serde for derives: structs are read from objects only.
    pub use ligand_wire::objects::derive as serde;
    pub use schemars;
    pub use serde_json;
}
