//! Options and hooks of a handle. Set them before the handle is shared: a clone made earlier keeps its own.

use std::{future::Future, sync::Arc};

use ligand_core::Context;
use ligand_wire::{FieldError, Result};

use super::Db;
use crate::{Entity, hooks, params::Names, populate::Rule};

/// What the actions do, see the methods of [`Db`].
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) published: Vec<String>,
    /// Routes instead of the default ones, by action.
    pub(crate) routes: Vec<(String, String)>,
    pub(crate) only: Option<Vec<String>>,
    pub(crate) page_size: u64,
    pub(crate) max_page_size: u64,
    pub(crate) max_limit: Option<u64>,
    pub(crate) search_fields: Option<Names>,
    pub(crate) populates: Vec<Rule>,
    pub(crate) cached: bool,
    pub(crate) cache_keys: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            published: Vec::new(),
            routes: Vec::new(),
            only: None,
            page_size: 10,
            max_page_size: 100,
            max_limit: None,
            search_fields: None,
            populates: Vec::new(),
            cached: true,
            cache_keys: Vec::new(),
        }
    }
}

impl<E: Entity> Db<E> {
    /// Opens these actions to the gateway, with their default routes: `GET /` (list), `GET /:id` (get),
    /// `POST /` (create), `PATCH /:id` (update), `PUT /:id` (replace), `DELETE /:id` (remove). The others have no route of
    /// their own.
    /// Default: none. An unknown name fails the start.
    pub fn publish<N: Into<String>>(mut self, actions: impl IntoIterator<Item = N>) -> Self {
        self.change().options.published.extend(actions.into_iter().map(Into::into));
        self
    }

    /// Opens one action to the gateway with a route of your own: `publish_at("find", "GET /all")`. An unknown name
    /// or a route that is none fails the start.
    pub fn publish_at(mut self, action: impl Into<String>, route: impl Into<String>) -> Self {
        let action = action.into();
        let options = &mut self.change().options;
        options.routes.push((action.clone(), route.into()));
        options.published.push(action);
        self
    }

    /// Brings only these actions. Default: all nine. An unknown name fails the start.
    pub fn only<N: Into<String>>(mut self, actions: impl IntoIterator<Item = N>) -> Self {
        self.change().options.only = Some(actions.into_iter().map(Into::into).collect());
        self
    }

    /// Entities on a page of `list` when the caller does not say. Default: 10.
    pub fn page_size(mut self, size: u64) -> Self {
        self.change().options.page_size = size.max(1);
        self
    }

    /// The most entities on a page of `list`; more are cut to it. Default: 100.
    pub fn max_page_size(mut self, size: u64) -> Self {
        self.change().options.max_page_size = size.max(1);
        self
    }

    /// The most entities that the action `find` returns; more are cut to it. Default: 1000 when `find` is
    /// published, else no limit.
    pub fn max_limit(mut self, limit: u64) -> Self {
        self.change().options.max_limit = Some(limit);
        self
    }

    /// The fields that `search` looks into when the caller does not say. Default: all visible texts.
    pub fn search_fields(mut self, fields: impl Into<Names>) -> Self {
        self.change().options.search_fields = Some(fields.into());
        self
    }

    /// Lets callers ask that the ids in `field` are replaced by what `action` returns for them. The action is
    /// called once for all rows, with `{id: [..], mapping: true}`. Cached answers are forgotten when its service
    /// broadcasts `cache.clean.<service>`, and after 30 s.
    pub fn populate(self, field: impl Into<String>, action: impl Into<String>) -> Self {
        self.populate_fields(field, action, Names::default())
    }

    /// As [`Db::populate`], asking only for these fields.
    pub fn populate_fields(
        mut self,
        field: impl Into<String>,
        action: impl Into<String>,
        fields: impl Into<Names>,
    ) -> Self {
        let rule = Rule { field: field.into(), action: action.into(), fields: fields.into().0 };
        let populates = &mut self.change().options.populates;
        populates.retain(|own| own.field != rule.field);
        populates.push(rule);
        self
    }

    /// The rules of the entity's fields and those set here, which win.
    pub(crate) fn populates(&self) -> Result<Vec<Rule>> {
        let mut rules = self.0.options.populates.clone();
        for column in self.table()?.columns() {
            if let Some(action) = column.field().populate
                && !rules.iter().any(|rule| rule.field == column.name())
            {
                let field = column.name().to_owned();
                rules.push(Rule { field, action: action.to_owned(), fields: Vec::new() });
            }
        }
        Ok(rules)
    }

    /// Adds keys to those of cached results, such as `#user.id` (meta): needed when hooks of the service make
    /// the answer depend on who asks.
    pub fn cache_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.change().options.cache_keys.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Does not cache the results of the reading actions.
    pub fn no_cache(mut self) -> Self {
        self.change().options.cached = false;
        self
    }

    /// Adds a rule about whole entities, checked before each one is written; what it returns is the `data` of
    /// the 422.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand::Result<()> {
    /// # use ligand::{db::{Changes, Db, Entity, Filter}, entity};
    /// #[entity(table = "notes")]
    /// struct Note {
    ///     id: String,
    ///     text: String,
    ///     likes: u32,
    /// }
    /// # fn note(id: &str, text: &str, likes: u32) -> Note { Note { id: id.into(), text: text.into(), likes } }
    ///
    /// # use ligand::schema::FieldError;
    /// let notes = Db::<Note>::memory().rule(|note| match note.text.as_str() {
    ///     "spam" => vec![FieldError::custom("text", "No advertising.")],
    ///     _ => Vec::new(),
    /// });
    /// assert_eq!(notes.insert(note("", "spam", 0)).await.unwrap_err().code(), 422);
    /// # Ok(()) }
    /// ```
    pub fn rule(mut self, rule: impl Fn(&E) -> Vec<FieldError> + Send + Sync + 'static) -> Self {
        self.change().hooks.rules.push(Arc::new(rule));
        self
    }

    /// Runs before an entity is created, by an action (which gives its context) or by the handle; may change
    /// or refuse it.
    pub fn before_create<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Option<Context>, E) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<E>> + Send + 'static,
    {
        self.change().hooks.before_create.push(hooks::before(hook));
        self
    }

    /// Runs before an entity is changed, with what it is and what it shall be. Not for
    /// [`Db::update_where`] and [`Db::increment`], which change without reading.
    pub fn before_update<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Option<Context>, Arc<E>, E) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<E>> + Send + 'static,
    {
        self.change().hooks.before_update.push(hooks::change(hook));
        self
    }

    /// Runs before an entity is removed; may refuse. Not for [`Db::clear`] and [`Db::remove_where`].
    pub fn before_remove<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Option<Context>, Arc<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.change().hooks.before_remove.push(hooks::after(hook));
        self
    }

    /// Runs after an entity was created. What is done is done: an error is logged.
    pub fn after_create<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Option<Context>, Arc<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.change().hooks.after_create.push(hooks::after(hook));
        self
    }

    /// Runs after an entity was changed. An error is logged.
    pub fn after_update<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Option<Context>, Arc<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.change().hooks.after_update.push(hooks::after(hook));
        self
    }

    /// Runs after an entity was removed, with what it was. An error is logged.
    pub fn after_remove<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Option<Context>, Arc<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.change().hooks.after_remove.push(hooks::after(hook));
        self
    }
}
