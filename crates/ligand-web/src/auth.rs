//! The stages that decide who calls and whether they may.
//!
//! Both are functions given to a route, so a route cannot ask for a stage that does not exist.
//!
//! * **authenticate** finds out who calls. What it returns becomes `user` in the meta of the call; an answer that
//!   serialises to null (`()`, `None`) sets nothing and the request goes on. To refuse it, answer an error, such as
//!   [`crate::error::unauthorized`].
//! * **authorize** decides whether that caller may call this action. It runs after `authenticate` and sees its
//!   outcome in the meta.
//!
//! A guard that goes by names compares [`ActionDef::full_name`], which is what moleculer-web calls `$action.name`. A short
//! name belongs to actions of many services; there is no method `name` that could be taken for the one or the other:
//!
//! ```
//! # use ligand_core::service::ActionDef;
//! fn is_admins(action: &ActionDef) -> bool {
//!     action.full_name().starts_with("admin.")
//! }
//! ```
//!
//! ```compile_fail
//! # use ligand_core::service::ActionDef;
//! fn is_admins(action: &ActionDef) -> bool {
//!     action.name().starts_with("admin.")
//! }
//! ```
//!
//! # Cookies and other sites
//!
//! Browsers send cookies along with requests that other sites make, and ask by a preflight only before some of them.
//! A `POST` with an empty body and its parameters in the query needs no preflight, nor does a form where a route
//! reads [forms](crate::Route::forms): an action that changes things then runs in the name of whoever is logged in,
//! even though the other site cannot read the answer. A route with listed origins ([`crate::Cors::origins`]) refuses
//! others before the call, but a link sends no origin; a route without CORS rules looks at none. So authenticate by a
//! token in a header, such as `Authorization`: no other site can set it without a preflight. Where it must be a cookie,
//! set `SameSite` and have `authenticate` ask for a further header that only the own pages send.

use std::{future::Future, sync::Arc};

use ligand_core::{Context, Error, Result, future::BoxFuture, service::ActionDef};
use serde::Serialize;
use serde_json::Value;

use crate::{Answer, Req};

pub(crate) type Authenticate = Arc<dyn Fn(Context, Arc<Req>) -> BoxFuture<Result<Value>> + Send + Sync>;
pub(crate) type Authorize = Arc<dyn Fn(Context, Arc<ActionDef>) -> BoxFuture<Result<()>> + Send + Sync>;
pub(crate) type Before = Arc<dyn Fn(Context, Arc<Req>) -> BoxFuture<Result<()>> + Send + Sync>;
pub(crate) type After = Arc<dyn Fn(Context, Arc<Req>, Answer) -> BoxFuture<Result<Answer>> + Send + Sync>;

pub(crate) fn authenticate<F, Fut, U, E>(stage: F) -> Authenticate
where
    F: Fn(Context, Arc<Req>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<U, E>> + Send + 'static,
    U: Serialize,
    E: Into<Error>,
{
    Arc::new(move |ctx, req| {
        let work = stage(ctx, req);
        Box::pin(async move {
            let user = work.await.map_err(Into::into)?;
            serde_json::to_value(user).map_err(Error::from)
        })
    })
}

pub(crate) fn authorize<F, Fut, E>(stage: F) -> Authorize
where
    F: Fn(Context, Arc<ActionDef>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Error>,
{
    Arc::new(move |ctx, action| {
        let work = stage(ctx, action);
        Box::pin(async move { work.await.map_err(Into::into) })
    })
}

pub(crate) fn before<F, Fut, E>(hook: F) -> Before
where
    F: Fn(Context, Arc<Req>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Error>,
{
    Arc::new(move |ctx, req| {
        let work = hook(ctx, req);
        Box::pin(async move { work.await.map_err(Into::into) })
    })
}

pub(crate) fn after<F, Fut, E>(hook: F) -> After
where
    F: Fn(Context, Arc<Req>, Answer) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, E>> + Send + 'static,
    E: Into<Error>,
{
    Arc::new(move |ctx, req, reply| {
        let work = hook(ctx, req, reply);
        Box::pin(async move { work.await.map_err(Into::into) })
    })
}
