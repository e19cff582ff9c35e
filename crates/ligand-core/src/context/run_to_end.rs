//! Work that ends even when its call does not.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, AtomicU64},
};

use ligand_wire::Result;
use parking_lot::Mutex;

use super::{Context, Inner, deadline::Limit};

impl Context {
    /// Runs steps that belong together to their end, also when this call is cancelled in the middle: a client hung
    /// up, or the time is over. A stop waits for them.
    ///
    /// The steps get this context without its deadline: what puts things right after a late step must not be
    /// refused because it is late. Each call among them still has the time limit of its action. Their changes of
    /// meta are seen here when they have ended.
    ///
    /// ```
    /// # use ligand_core::{Context, Payload, Result};
    /// # use serde_json::json;
    /// # async fn example(ctx: &Context) -> Result<Payload> {
    /// ctx.run_to_end(|ctx| async move {
    ///     ctx.call_named("stock.reserve", json!({ "id": 1 })).await?;
    ///     let paid = ctx.call_named("bank.pay", json!({ "sum": 5 })).await;
    ///     if paid.is_err() {
    ///         ctx.call_named("stock.release", json!({ "id": 1 })).await?;
    ///     }
    ///     paid
    /// })
    /// .await
    /// # }
    /// ```
    ///
    /// # Errors
    /// The error of `work`; a panic in it is a 500.
    pub async fn run_to_end<T, Fut>(&self, work: impl FnOnce(Self) -> Fut + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let (done, end) = tokio::sync::oneshot::channel();
        let own = self.without_deadline();
        let ctx = own.clone();
        self.broker().tasks().spawn(async move {
            // Nobody may be left to hear it.
            let _ = done.send(crate::future::isolate(async move { work(ctx).await }).await);
        });
        let result = end.await;
        let other = own.0.carried.lock().clone();
        self.0.carried.lock().merge_same(&own.0.inherited, &other);
        result?
    }

    /// The same place in the call tree, with all the time.
    pub(super) fn without_deadline(&self) -> Self {
        let Inner {
            owner, request_id, parent_id, trace, caller, extra, level, no_cache, pinned, span, ..
        } = self.inner();
        let carried = self.down();
        let inherited = carried.meta().clone();
        Inner {
            owner: owner.clone(),
            id: self.id().into(),
            request_id: request_id.clone(),
            parent_id: parent_id.clone(),
            trace: trace.clone(),
            caller: caller.clone(),
            carried: Mutex::new(carried),
            inherited,
            limit: Limit::default(),
            extra: extra.clone(),
            level: *level,
            no_cache: *no_cache,
            pinned: *pinned,
            cached: AtomicBool::new(self.is_cached()),
            in_time: AtomicU64::new(0),
            span: span.clone(),
            locals: Mutex::new(self.0.locals.lock().clone()),
        }
        .build()
    }
}
