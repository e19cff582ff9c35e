//! Functions that run around changes.

use std::{fmt, future::Future, sync::Arc};

use ligand_core::{Context, future::BoxFuture};
use ligand_wire::{FieldError, Result};

pub(crate) type Before<E> = Arc<dyn Fn(Option<Context>, E) -> BoxFuture<Result<E>> + Send + Sync>;
pub(crate) type Change<E> = Arc<dyn Fn(Option<Context>, Arc<E>, E) -> BoxFuture<Result<E>> + Send + Sync>;
pub(crate) type After<E> = Arc<dyn Fn(Option<Context>, Arc<E>) -> BoxFuture<Result<()>> + Send + Sync>;
pub(crate) type Rule<E> = Arc<dyn Fn(&E) -> Vec<FieldError> + Send + Sync>;

/// All hooks of one [`crate::Db`], in the order they were added.
pub(crate) struct Hooks<E> {
    pub(crate) rules: Vec<Rule<E>>,
    pub(crate) before_create: Vec<Before<E>>,
    pub(crate) before_update: Vec<Change<E>>,
    pub(crate) before_remove: Vec<After<E>>,
    pub(crate) after_create: Vec<After<E>>,
    pub(crate) after_update: Vec<After<E>>,
    pub(crate) after_remove: Vec<After<E>>,
}

impl<E> Clone for Hooks<E> {
    fn clone(&self) -> Self {
        Self {
            rules: self.rules.clone(),
            before_create: self.before_create.clone(),
            before_update: self.before_update.clone(),
            before_remove: self.before_remove.clone(),
            after_create: self.after_create.clone(),
            after_update: self.after_update.clone(),
            after_remove: self.after_remove.clone(),
        }
    }
}

impl<E> Default for Hooks<E> {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            before_create: Vec::new(),
            before_update: Vec::new(),
            before_remove: Vec::new(),
            after_create: Vec::new(),
            after_update: Vec::new(),
            after_remove: Vec::new(),
        }
    }
}

impl<E> fmt::Debug for Hooks<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

pub(crate) fn before<E, F, Fut>(hook: F) -> Before<E>
where
    F: Fn(Option<Context>, E) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<E>> + Send + 'static,
{
    Arc::new(move |ctx, entity| Box::pin(hook(ctx, entity)))
}

pub(crate) fn change<E, F, Fut>(hook: F) -> Change<E>
where
    F: Fn(Option<Context>, Arc<E>, E) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<E>> + Send + 'static,
{
    Arc::new(move |ctx, old, new| Box::pin(hook(ctx, old, new)))
}

pub(crate) fn after<E, F, Fut>(hook: F) -> After<E>
where
    F: Fn(Option<Context>, Arc<E>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    Arc::new(move |ctx, entity| Box::pin(hook(ctx, entity)))
}
