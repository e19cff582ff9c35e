//! Several changes that count together.

use std::{future::Future, sync::Arc};

use ligand_wire::Result;
use parking_lot::Mutex;

use super::{Db, Inner};
use crate::{
    Adapter, Entity,
    attached_services::{AttachedServices, Mark},
    error,
};

/// Caches to clean when a transaction has been committed.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<Vec<Arc<AttachedServices>>>);

impl Pending {
    pub(super) fn note(&self, attached: &Arc<AttachedServices>) {
        let mut noted = self.0.lock();
        if !noted.iter().any(|own| Arc::ptr_eq(own, attached)) {
            noted.push(attached.clone());
        }
    }

    fn mark(&self) -> Mark {
        Mark::new(std::mem::take(&mut *self.0.lock()))
    }
}

impl<E: Entity> Db<E> {
    /// Runs changes that count together: all when `work` returns `Ok`, none when it fails, panics or is
    /// dropped. `work` must use the handle it is given ([`Db::within`] makes those of other entities); a change
    /// through any other handle would wait for the transaction to end.
    ///
    /// Other changes wait meanwhile: keep it short, and call no service in it.
    ///
    /// # Errors
    /// The error of `work`, or 503 when the database stays busy.
    ///
    /// ```
    /// # use ligand_db::{Db, Entity, Filter, Changes};
    /// # async fn example<A: Entity, O: Entity>(accounts: Db<A>, orders: Db<O>, order: O) -> ligand_core::Result<()> {
    /// accounts
    ///     .transaction(|accounts| async move {
    ///         let orders = orders.within(&accounts)?;
    ///         let enough = Filter::field("balance").gte(5);
    ///         accounts.update_where("a", enough, Changes::new().increment("balance", -5)).await?;
    ///         orders.insert(order).await
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub async fn transaction<T, F, Fut>(&self, work: F) -> Result<T>
    where
        F: FnOnce(Self) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let transaction = self.0.adapter.begin().await?;
        let pending = Arc::new(Pending::default());
        let inside = self.moved(transaction.clone(), pending.clone());
        match work(inside).await {
            Ok(answer) => {
                let mark = pending.mark();
                if let Err(error) = transaction.commit().await {
                    mark.not_made();
                    return Err(error);
                }
                mark.made().await;
                Ok(answer)
            }
            Err(failed) => {
                if let Err(error) = transaction.rollback().await {
                    tracing::warn!(error = %error.for_log(), "a transaction is only rolled back later");
                }
                Err(failed)
            }
        }
    }

    /// This handle inside the transaction of another one.
    ///
    /// # Errors
    /// 500 when `transaction` is no handle of a transaction, or of another database.
    pub fn within<O: Entity>(&self, transaction: &Db<O>) -> Result<Self> {
        let other = &transaction.0;
        match &other.pending {
            None => Err(error::misuse(E::TABLE, "there is no transaction to be within")),
            Some(_) if other.adapter.store() != self.0.adapter.store() => {
                Err(error::misuse(E::TABLE, "the transaction belongs to another database"))
            }
            Some(pending) => Ok(self.moved(other.adapter.clone(), pending.clone())),
        }
    }

    fn moved(&self, adapter: Arc<dyn Adapter>, pending: Arc<Pending>) -> Self {
        Self(Arc::new(Inner { adapter, pending: Some(pending), ..Inner::clone(&self.0) }))
    }
}
