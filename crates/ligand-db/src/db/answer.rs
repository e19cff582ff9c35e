//! Answers for handlers of your own, shaped as those of the mixin's actions.

use ligand_core::Context;
use ligand_wire::Result;
use serde_json::Value;

use super::Db;
use crate::{CountParams, Entity, FindParams, GetParams, ListParams, Page, actions::handlers};

impl<E: Entity> Db<E> {
    /// What the action `list` returns for these parameters: visible fields only, in the shape that `fields`,
    /// `excludeFields` and `populate` ask for. For an action of your own that takes its place; give a cache of its own a
    /// `ttl` when fields can be populated, as nobody cleans it for other services.
    ///
    /// # Errors
    /// 422 for parameters that cannot be used, those of actions that are asked for populated fields, else as
    /// [`Db::find`].
    pub async fn list_for(&self, ctx: &Context, params: ListParams) -> Result<Page<Value>> {
        handlers::list(self.clone(), ctx.clone(), params).await?.take()
    }

    /// What the action `find` returns for these parameters, as [`Db::list_for`].
    ///
    /// # Errors
    /// As [`Db::list_for`].
    pub async fn find_for(&self, ctx: &Context, params: FindParams) -> Result<Vec<Value>> {
        handlers::find(self.clone(), ctx.clone(), params).await?.take()
    }

    /// What the action `count` returns for these parameters.
    ///
    /// # Errors
    /// 422 for parameters that cannot be used, else as [`Db::count`].
    pub async fn count_for(&self, params: CountParams) -> Result<u64> {
        let filter =
            self.outside(params.query.as_ref(), params.search.as_deref(), params.search_fields.as_ref())?;
        self.count(filter).await
    }

    /// What the action `get` returns for these parameters, as [`Db::list_for`]: an entity, a list or a map of them.
    ///
    /// # Errors
    /// 404 `EntityNotFoundError`, else as [`Db::list_for`].
    pub async fn get_for(&self, ctx: &Context, params: GetParams) -> Result<Value> {
        handlers::get(self.clone(), ctx.clone(), params).await?.to_value()
    }
}
