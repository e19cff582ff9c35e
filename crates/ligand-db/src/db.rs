//! [`Db`]: the handle to the entities of one type.

mod answer;
mod builder;
mod entity;
mod outside;
mod read;
mod transaction;
mod write;

use std::{fmt, future::Future, marker::PhantomData, sync::Arc};

use ligand_wire::Result;

pub(crate) use builder::Options;

use crate::{
    Adapter, Entity, Memory, Table,
    attached_services::{AttachedServices, Mark},
    hooks::Hooks,
};
use transaction::Pending;

/// The entities of one type: a handle for handlers, and a mixin that brings the actions `find`, `count`, `list`,
/// `create`, `insert`, `get`, `update`, `replace` and `remove`. Clones are the same database.
///
/// Actions that come from it are only callable by services; [`Db::publish`] opens them to the gateway.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{ServiceBroker, ServiceDef, service::Mixin};
/// use ligand_db::{Db, Entity};
/// # use ligand_wire::validate::Validate;
/// use serde_json::json;
///
/// # #[derive(Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # struct Post { #[serde(default)] id: String, title: String }
/// # impl Validate for Post {}
/// # impl Entity for Post { type Visible = Self; const TABLE: &'static str = "posts"; }
/// let posts = Db::<Post>::memory().publish(["list", "get"]);
/// let service = ServiceDef::new("posts").mixin(posts.define("posts"));
/// let broker = ServiceBroker::builder().service(service).start().await?;
///
/// let post: Post = broker.call_named("posts.create", json!({ "title": "Hello" })).await?.take()?;
/// assert_eq!(posts.get(&post.id).await?.unwrap().title, "Hello");
/// # broker.stop().await; Ok(()) }
/// ```
pub struct Db<E: Entity>(pub(crate) Arc<Inner<E>>);

pub(crate) struct Inner<E: Entity> {
    /// What is wrong with the entity comes out at start and at every use.
    table: Result<Arc<Table>>,
    adapter: Arc<dyn Adapter>,
    pub(crate) options: Options,
    pub(crate) hooks: Hooks<E>,
    pub(crate) attached: Arc<AttachedServices>,
    /// In a transaction: what to announce when it is over.
    pending: Option<Arc<Pending>>,
    entity: PhantomData<fn() -> E>,
}

impl<E: Entity> Db<E> {
    /// Keeps the entities in memory.
    pub fn memory() -> Self {
        Self::with(Memory::new())
    }

    /// Keeps the entities in a SQLite database, which several handles may share.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(database: &crate::Sqlite) -> Self {
        Self::with(database.clone())
    }

    /// Keeps the entities in an adapter of your own.
    pub fn with(adapter: impl Adapter) -> Self {
        Self(Arc::new(Inner {
            table: Table::of::<E>().map(Arc::new),
            adapter: Arc::new(adapter),
            options: Options::default(),
            hooks: Hooks::default(),
            attached: Arc::default(),
            pending: None,
            entity: PhantomData,
        }))
    }

    /// The columns of the entity.
    ///
    /// # Errors
    /// `SERVICE_SCHEMA_ERROR` when the entity cannot be kept in a table.
    pub fn table(&self) -> Result<&Arc<Table>> {
        self.0.table.as_ref().map_err(Clone::clone)
    }

    /// Where the entities are kept.
    pub fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.0.adapter
    }

    fn change(&mut self) -> &mut Inner<E> {
        Arc::make_mut(&mut self.0)
    }

    /// Makes a change and announces it when `counts` says that it is one; in a transaction, notes it for its end.
    async fn announced<T>(
        &self,
        change: impl Future<Output = Result<T>> + Send,
        counts: impl Fn(&T) -> bool + Send,
    ) -> Result<T> {
        if let Some(pending) = &self.0.pending {
            pending.note(&self.0.attached);
            return change.await;
        }
        let mark = Mark::new(vec![self.0.attached.clone()]);
        let outcome = change.await;
        match &outcome {
            Ok(answer) if counts(answer) => mark.made().await,
            _ => mark.not_made(),
        }
        outcome
    }
}

impl<E: Entity> Default for Db<E> {
    fn default() -> Self {
        Self::memory()
    }
}

impl<E: Entity> Clone for Db<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E: Entity> Clone for Inner<E> {
    fn clone(&self) -> Self {
        Self {
            table: self.table.clone(),
            adapter: self.adapter.clone(),
            options: self.options.clone(),
            hooks: self.hooks.clone(),
            attached: self.attached.clone(),
            pending: self.pending.clone(),
            entity: PhantomData,
        }
    }
}

impl<E: Entity> fmt::Debug for Db<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Db({} in {})", E::TABLE, self.0.adapter.name())
    }
}
