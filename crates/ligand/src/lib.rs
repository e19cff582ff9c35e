//! **Ligand**: microservices for Rust. You write a struct, put [`#[service]`](macro@service) on its impl block, and get
//! actions that other services call through a typed client, events with groups and wildcards, an HTTP gateway, a
//! database mixin, caching, validation, retries, circuit breakers and a test kit. Nodes work as one system, together
//! with those of [Moleculer](https://moleculer.services) for Node.js.
//!
//! ```
//! use ligand::prelude::*;
//!
//! /// What the action takes; what breaks a rule never reaches it.
//! #[payload]
//! struct Order {
//!     #[check(length(1..=64))]
//!     product: String,
//!     #[check(range(1..))]
//!     quantity: u32,
//! }
//!
//! /// An event, with its name.
//! #[payload(event = "order.placed")]
//! struct OrderPlaced {
//!     product: String,
//! }
//!
//! struct Orders;
//!
//! #[service(name = "orders")]
//! impl Orders {
//!     /// Other services call it as `orders.place`, HTTP clients as `POST /orders`.
//!     #[action(rest = "POST /")]
//!     async fn place(&self, ctx: &Context, order: Order) -> Result<String> {
//!         let left = ctx.client::<Stock>().take(order.product.clone(), order.quantity).await?;
//!         ctx.emit(OrderPlaced { product: order.product }).await?;
//!         Ok(format!("{left} left"))
//!     }
//! }
//!
//! struct Stock;
//!
//! #[service(name = "stock")]
//! impl Stock {
//!     #[action]
//!     async fn take(&self, product: String, quantity: u32) -> Result<u32> {
//!         10_u32.checked_sub(quantity).ok_or_else(|| Error::conflict(format!("There is not enough {product}.")))
//!     }
//!
//!     #[event]
//!     async fn placed(&self, event: OrderPlaced) -> Result<()> {
//!         println!("somebody bought {}", event.product);
//!         Ok(())
//!     }
//! }
//!
//! #[ligand::main]
//! async fn main() -> Result<()> {
//!     let broker = ServiceBroker::builder().service(Orders).service(Stock).start().await?;
//!     let orders = broker.client::<Orders>();
//!     assert_eq!(orders.place(Order { product: "tea".into(), quantity: 2 }).await?, "8 left");
//!     let error = orders.place(Order { product: "tea".into(), quantity: 0 }).await.unwrap_err();
//!     assert_eq!(error.kind(), "VALIDATION_ERROR");
//!     broker.stop().await;
//!     Ok(())
//! }
//! ```
//!
//! # Map
//!
//! | you want | look at |
//! |---|---|
//! | a node | [`ServiceBroker`], its [builder](broker::BrokerBuilder) and [options](config::Options) |
//! | a service | [`#[service]`](macro@service); by hand and at run time: [`ServiceDef`], [`Action`], [`Event`], [`service`](mod@service) |
//! | what runs in a handler | [`Context`]: calls, events, meta, deadline, settings |
//! | parameters and results | [`#[payload]`](payload), [`Payload`], [`schema`], [`validate`] |
//! | errors | [`Error`](struct@Error), [`#[derive(ligand::Error)]`](derive@Error) |
//! | callers without the service's code | [`#[contract]`](contract) |
//! | caching | [`cache::CacheRule`], [`cache`] |
//! | layers around handlers | [`middleware`], [hooks](middleware::BeforeHook), [`Fallback`](middleware::Fallback) |
//! | streams of bytes and values | [`Streaming`] |
//! | which node gets a call | [`registry::strategy`] |
//! | files and variables | [`config`], [`Env`](config::Env) |
//! | the HTTP gateway, its answers and cookies | [`web`], [`Reply`], [`edge`] |
//! | a database | [`db`], [`#[entity]`](entity) |
//! | other nodes | [`tcp`], [`nats`], [`redis`], [`mqtt`], [`amqp`], [`etcd`]; for tests [`transport::MemoryBus`] |
//! | compression and encryption | [`transmit`] |
//!
//! # Features
//!
//! `tcp` is on by default.
//!
//! * **Other nodes**: `tcp`, `nats`, `redis`, `mqtt`, `amqp`, `etcd`; `serializers` (MsgPack, Notepack, CBOR, JSONExt
//!   beside JSON), `transmit`.
//! * **The log**: `log` (lines of crates that use `log`). **Metrics**: `metrics` (its macros).
//! * **Edges**: `web`, `jwt`, `db`, `db-sqlite`.
//! * **Fields of other crates' types**: `chrono`, `decimal`, `jiff`, `time`, `uuid`.
//! * **Errors of other crates**: `anyhow`, `eyre`.
//!
//! This crate has no code of its own: everything is re-exported from the crates that hold it.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "amqp")]
pub use ligand_amqp as amqp;
pub use ligand_core::{
    Action, ActionRef, Context, Contract, Data, Error, Event, EventPayload, Payload, Reply, Result, Service,
    ServiceBroker, ServiceDef, broker, cache, config, context, edge, future, log, metrics, middleware,
    registry, runtime, service, stream, stream::Streaming, task,
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
pub use ligand_wire::{Binary, Date, Patch, error, schema, validate};
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
    pub use ligand_core::{
        __private::{agreement, error_data, generated, probe, recovered},
        EventPayload,
    };
    #[cfg(feature = "db")]
    pub use ligand_db as db;
    pub use ligand_macros::payload;
    pub use ligand_wire as wire;
    pub use regex_lite;

    pub mod put_this_attribute_above_the_derives {
        //! The derives of `#[payload]` and `#[entity]`, by a path that the compiler shows when the item has one of them
        //! above the attribute as well.

        pub use core::{clone::Clone, cmp::PartialEq};

        pub use crate::__derive as derive;
        pub use ligand_macros::Written;
        pub use ligand_wire::objects::derive::{Deserialize, Serialize};
        pub use schemars::JsonSchema;
    }

    // Serde for derives: structs are read from objects only.
    pub use ligand_wire::objects::derive as serde;
    pub use schemars;
    pub use serde_json;
}

/// The item after the colon, with derives of the standard library; see `put_this_attribute_above_the_derives`.
#[doc(hidden)]
#[macro_export]
macro_rules! __derive {
    (Clone PartialEq: $($item:tt)*) => {
        #[derive(
            $crate::__private::put_this_attribute_above_the_derives::Clone,
            $crate::__private::put_this_attribute_above_the_derives::PartialEq
        )]
        $($item)*
    };
    (Clone: $($item:tt)*) => {
        #[derive($crate::__private::put_this_attribute_above_the_derives::Clone)]
        $($item)*
    };
    (PartialEq: $($item:tt)*) => {
        #[derive($crate::__private::put_this_attribute_above_the_derives::PartialEq)]
        $($item)*
    };
}
