//! Work that goes on after its handler has answered.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{self, Poll},
};

use ligand_wire::{Error, Result};
use tokio::{sync::oneshot, task::AbortHandle};

use super::Context;
use crate::{
    broker::{Origin, WeakBroker},
    future::isolate,
    log::place::Around,
    thread_watch::watch,
};

/// Work that [`Context::spawn`] started. Await it for its result, or drop it: the work goes on, and an error of it is
/// logged and counted.
pub struct Spawned<T> {
    // Not the context: who keeps this must not keep the service from stopping.
    broker: WeakBroker,
    origin: Origin,
    end: oneshot::Receiver<Result<T>>,
    task: Option<AbortHandle>,
}

impl<T> Spawned<T> {
    /// Ends the work where it waits.
    pub fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// The work has ended.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(AbortHandle::is_finished)
    }
}

impl<T> Future for Spawned<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<T>> {
        Pin::new(&mut self.end).poll(cx).map(|end| {
            end.unwrap_or_else(|_| {
                Err(Error::internal_error("the work was aborted, or the broker has stopped")
                    .with_kind("WORK_ABORTED"))
            })
        })
    }
}

impl<T> Drop for Spawned<T> {
    fn drop(&mut self) {
        // It has ended, and nobody has asked how.
        if let Ok(Err(error)) = self.end.try_recv()
            && let Some(broker) = self.broker.upgrade()
        {
            broker.note_background_error(&self.origin, &error);
        }
    }
}

impl<T> fmt::Debug for Spawned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawned").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

impl Context {
    /// Starts work that goes on when this handler has answered. It gets this context without its deadline: with its
    /// request id, meta and span; what it changes of the meta stays there. The service does not stop before it has ended,
    /// within the usual time of a stop.
    ///
    /// A handler that wants its service there takes it as `self: &Arc<Self>`, and needs no `Arc` in its fields:
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use ligand_core::{Context, Result};
    /// # struct Books;
    /// # impl Books {
    /// # async fn rebuild_index(&self, _: &Context) -> Result<()> { Ok(()) }
    /// async fn import(self: &Arc<Self>, ctx: &Context) -> Result<()> {
    ///     let books = Arc::clone(self);
    ///     ctx.spawn(|ctx| async move { books.rebuild_index(&ctx).await });
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn spawn<T, Fut>(&self, work: impl FnOnce(Self) -> Fut + Send + 'static) -> Spawned<T>
    where
        T: Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let (done, end) = oneshot::channel();
        let around = Around::context(self);
        let (ctx, origin) = (self.without_deadline(), Origin::of(self, None));
        let heard = origin.clone();
        let task = self.broker().tasks().spawn(around.around(async move {
            let given = ctx.clone();
            let result = isolate(watch(ctx.clone(), async move { work(given).await })).await;
            if let Err(Err(error)) = done.send(result) {
                ctx.broker().note_background_error(&origin, &error);
            }
        }));
        Spawned { broker: self.broker().downgrade(), origin: heard, end, task }
    }

    /// Waits for something in a handler that blocks its thread (`#[action(blocking)]`): a call, say.
    ///
    /// ```
    /// # use ligand_core::{Context, Payload, Result};
    /// # fn example(ctx: &Context) -> Result<Payload> {
    /// ctx.block_on(ctx.call_named("users.get", serde_json::json!({ "id": 1 })))
    /// # }
    /// ```
    ///
    /// # Panics
    /// In an asynchronous handler: whatever else runs on its thread would have to wait.
    pub fn block_on<F: IntoFuture>(&self, work: F) -> F::Output {
        tokio::runtime::Handle::current().block_on(work.into_future())
    }
}
