//! What callers know of a service with a [`Db`] who have neither its crate nor its entity.

use std::{fmt, marker::PhantomData, sync::Arc};

use ligand_core::service::{Caller, MixedIn, Promise, Term};
use ligand_wire::{Data, validate::Validate};
use schemars::JsonSchema;
use serde_json::Value;

use crate::{CountParams, Db, Entity, FindParams, GetParams, ListParams, Page, RemoveParams};

/// Typed calls to a service with a [`Db`], whose entities are read as `T`: any payload with the fields that the caller
/// wants, in a crate that both sides share or in the caller's own. The methods are those of
/// [`CrudClient`](crate::CrudClient).
///
/// ```no_run
/// # use ligand_core::{Context, Result};
/// # use ligand_db::{Crud, CrudClient as _};
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Loan { book: String }
/// # async fn example(ctx: &Context) -> Result<()> {
/// let loans = Crud::<Loan>::named(ctx, "v2.loans");
/// let loan = loans.get("0192").await?;
/// # Ok(()) }
/// ```
///
/// A contract names it among its mixins, `#[contract(name = "loans", version = 2, mixins(Crud<Loan>))]`: its client has
/// the methods, and a service that says `contract = LoansApi` must have the actions.
pub struct Crud<T> {
    caller: Caller,
    rows: PhantomData<fn() -> T>,
}

impl<T> Crud<T> {
    /// Of the service with this full name, version included. `caller` is a context or a broker.
    pub fn named(caller: impl Into<Caller>, service: impl Into<Arc<str>>) -> Self {
        Self { caller: caller.into().renamed(<Self as MixedIn<Self>>::SERVICE, service), rows: PhantomData }
    }
}

impl<T> Clone for Crud<T> {
    fn clone(&self) -> Self {
        Self { caller: self.caller.clone(), rows: PhantomData }
    }
}

impl<T> fmt::Debug for Crud<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crud({})", self.caller.service().unwrap_or_default())
    }
}

impl<T> MixedIn<Self> for Crud<T> {
    /// None of its own: it is said when the client is made.
    const SERVICE: &'static str = "";

    fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// The actions that [`CrudClient`](crate::CrudClient) calls.
impl<T: Data + Validate + JsonSchema> Promise for Crud<T> {
    fn terms() -> Vec<Term> {
        let term = |name: &'static str| {
            let missing = format!(
                "its contract has the action `{name}` of `Crud`, the service has not; give it a `Db` as mixin, or write \
                 `without(\"{name}\")` in the contract"
            );
            Term::new(name, missing)
        };
        vec![
            term("find").typed::<FindParams, Vec<T>>(),
            term("count").typed::<CountParams, u64>(),
            term("list").typed::<ListParams, Page<T>>(),
            term("get").typed::<GetParams, T>(),
            term("create").typed::<Value, T>(),
            term("update").typed::<Value, T>(),
            term("replace").typed::<Value, T>(),
            term("remove").typed::<RemoveParams, T>(),
        ]
    }
}

impl<E: Entity> Promise for Db<E> {
    fn terms() -> Vec<Term> {
        Crud::<E::Visible>::terms()
    }
}
