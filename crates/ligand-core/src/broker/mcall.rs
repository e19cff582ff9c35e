//! Many calls at once.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    future::{Future, IntoFuture},
    hash::Hash,
    pin::Pin,
};

use futures_util::future::{join_all, try_join_all};
use ligand_wire::{Data, Error, Result};

use super::Request;

/// Calls that run at the same time when they are awaited. The first error ends the wait and cancels the
/// others; [`Mcall::settled`] waits for all.
///
/// ```
/// # use ligand_core::{Context, Payload};
/// # use serde_json::json;
/// # async fn example(ctx: Context) -> ligand_core::Result<()> {
/// let both = [ctx.call_named("users.get", json!({ "id": 1 })), ctx.call_named("stock.count", json!({}))];
/// let results: Vec<Payload> = ctx.mcall(both).await?;
/// # Ok(()) }
/// ```
#[must_use = "calls do nothing until they are awaited"]
pub struct Mcall<R>(Vec<Request<R>>);

impl<R: Data> Mcall<R> {
    pub(crate) fn new(requests: impl IntoIterator<Item = Request<R>>) -> Self {
        Self(requests.into_iter().collect())
    }

    /// Waits for all calls and returns each result, in order.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, ActionRef, Error, ServiceBroker, ServiceDef};
    /// const HALF: ActionRef<u32, u32> = ActionRef::new("s.half");
    /// let half = Action::of("half", |n: u32| async move {
    ///     if n % 2 == 0 { Ok(n / 2) } else { Err(Error::client(422, "ODD", "That is odd.")) }
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(half)).start().await?;
    /// let results = broker.mcall([broker.call(HALF, 8), broker.call(HALF, 3)]).settled().await;
    /// assert_eq!(results[0].as_ref().ok(), Some(&4));
    /// assert!(results[1].as_ref().is_err_and(|error| error.kind() == "ODD"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub async fn settled(self) -> Vec<Result<R>> {
        join_all(self.0).await
    }

    /// Gives each call a name; the results come as a map.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, ActionRef, Error, ServiceBroker, ServiceDef};
    /// const HALF: ActionRef<u32, u32> = ActionRef::new("s.half");
    /// let half = Action::of("half", |n: u32| async move { Ok::<_, Error>(n / 2) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(half)).start().await?;
    /// let calls = [broker.call(HALF, 8), broker.call(HALF, 6)];
    /// let results = broker.mcall(calls).named(["eight", "six"]).await?;
    /// assert_eq!((results["eight"], results["six"]), (4, 3));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The first error of a call; 500 `INVALID_PARAMETERS`, and no call at all, when there are not as many
    /// different names as calls.
    pub async fn named<K: Eq + Hash>(self, names: impl IntoIterator<Item = K>) -> Result<HashMap<K, R>> {
        let names: Vec<K> = names.into_iter().collect();
        if names.len() != self.0.len() || names.iter().collect::<HashSet<_>>().len() != names.len() {
            return Err(Error::build("MoleculerServerError", 500, "Invalid calling definition.")
                .with_kind("INVALID_PARAMETERS")
                .with_internal("mcall: every call needs a name of its own"));
        }
        let results = try_join_all(self.0).await?;
        Ok(names.into_iter().zip(results).collect())
    }
}

impl<R: Data> IntoFuture for Mcall<R> {
    type Output = Result<Vec<R>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(try_join_all(self.0))
    }
}

impl<R> fmt::Debug for Mcall<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mcall").field(&self.0).finish()
    }
}
