//! Databases for Ligand services: typed entities, ready-made actions, adapters.
//!
//! An [`Entity`] is a payload with a table; a [`Db`] keeps entities of one type. Put a `Db` into a field of a
//! service and name it as a mixin: the service gets the actions `find`, `count`, `list`, `create`, `insert`,
//! `get`, `update`, `replace`, `remove`, and its handlers the typed methods of the handle. Parameters and answers are those
//! of Moleculer's database mixin.
//!
//! | you want | look at |
//! |---|---|
//! | the handle, its options and hooks | [`Db`] |
//! | conditions, order, changes | [`TypedField`] (`Loan::DUE`), [`Filter`], [`Query`], [`Changes`] |
//! | another place to keep rows | [`Adapter`]: [`Memory`], `Sqlite` (feature `sqlite`) |
//! | typed calls to a service with a `Db` | [`DbClient`] |
//! | the same without the crate of the service | [`Crud`] |
//!
//! # Who may do what
//!
//! Actions of the mixin are callable by services only, until [`Db::publish`] opens them. An entity with hidden fields
//! ([`Field::hidden`]) does not leave its service: what others get is [`Entity::Visible`], also from actions of your
//! own, which do not compile otherwise. Callers cannot name a hidden field in `query`, `sort`, `searchFields` or
//! `fields`. Conditions of callers are parsed into a [`Filter`]; there is no way to send SQL.
//!
//! # Caches
//!
//! The reading actions are cached when the broker has a cacher. Every change through a [`Db`] broadcasts
//! `cache.clean.<service>`, which all nodes with the service hear. A service that populates fields hears those of the
//! services it asks as well, and keeps its answers for 30 s at most: nothing makes a service of another kind announce
//! its changes.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod actions;
mod adapter;
mod attached_services;
mod changes;
mod client;
mod crud;
mod db;
mod entity;
mod error;
mod field;
mod filter;
mod hooks;
mod id;
mod kind;
mod params;
mod populate;
mod query;
mod select;
mod table;
mod typed;

#[cfg(feature = "time")]
pub use ligand_wire::time;

pub use adapter::{Adapter, Check, Memory, Transaction};
#[cfg(feature = "sqlite")]
pub use adapter::{Migration, Sqlite};
pub use changes::Changes;
pub use client::{CrudClient, DbClient};
pub use crud::Crud;
pub use db::Db;
#[doc(hidden)]
pub use entity::NoHiddenFields;
pub use entity::{Entity, ExposedHiddenFields, Form, Unknown};
pub use field::Field;
pub use filter::{Asked, Filter};
pub use id::new_id;
pub use kind::{Inner, Kind};
pub use params::{
    CountParams, Draft, FindParams, GetParams, Ids, Inserts, ListParams, Names, Page, RemoveParams,
    Replacement, Update,
};
pub use query::{Query, Sort};
pub use table::{Column, Row, Table};
pub use typed::{
    AddTo, Addable, Items, Joins, Ordered, RangeFor, SetTo, Settable, Sorting, Sorts, Textual, TypedField,
    Untyped, ValueFor,
};
