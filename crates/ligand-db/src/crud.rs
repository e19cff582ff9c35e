//! What callers know of a service with a [`Db`] who have neither its crate nor its entity.

use std::{fmt, marker::PhantomData, sync::Arc};

use ligand_core::{Caller, MixedIn, Promise, Term, service::probe::Probe};
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
        let (row, any) = (Probe::<T>::new().form(), Probe::<Value>::new().form());
        vec![
            term("find").typed(Probe::<FindParams>::new().form(), Probe::<Vec<T>>::new().form()),
            term("count").typed(Probe::<CountParams>::new().form(), Probe::<u64>::new().form()),
            term("list").typed(Probe::<ListParams>::new().form(), Probe::<Page<T>>::new().form()),
            term("get").typed(Probe::<GetParams>::new().form(), row),
            term("create").typed(any, row),
            term("update").typed(any, row),
            term("replace").typed(any, row),
            term("remove").typed(Probe::<RemoveParams>::new().form(), row),
        ]
    }
}

impl<E: Entity> Promise for Db<E> {
    fn terms() -> Vec<Term> {
        Crud::<E::Visible>::terms()
    }
}
