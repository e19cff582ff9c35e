//! Work that blocks its thread: synchronous handlers that compute or wait for long.
//!
//! They run on tokio's threads for such work, at most `blocking.concurrency` at once in a broker; others wait in order,
//! up to `blocking.max_queue_size`.

use std::sync::Arc;

use ligand_wire::{Error, Payload, Result, error::Failure};
use serde_json::json;
use tokio::sync::oneshot;

use crate::{
    context::Context,
    future::{Work, guarded},
    log::place::Around,
    service::probe::Form,
};

/// Runs `work` on a thread where it may block.
///
/// When nobody waits any more, what has not begun does not begin. What runs cannot be stopped: it keeps its place, and a
/// stop waits for it.
pub(crate) fn run<T: Send + Unpin + 'static>(
    ctx: &Context,
    work: impl FnOnce(&Context) -> Result<T> + Send + 'static,
) -> Work<T> {
    let broker = ctx.broker();
    let Some(turn) = broker.blocking().enter() else { return Work::done(Err(full(ctx))) };
    let ctx = ctx.clone();
    Work::new(async move {
        let place = turn.await?;
        let mut around = Around::context(&ctx);
        let (done, end) = oneshot::channel();
        let tasks = ctx.broker().tasks().clone();
        let started = tasks.spawn_blocking(move || {
            if !done.is_closed() {
                let result = around.in_scope(|| guarded(|| work(&ctx)));
                let _ = done.send(result.and_then(|result| result));
            }
            // The context tells that the handler runs.
            drop((ctx, around, place));
        });
        match started {
            true => end.await.unwrap_or_else(|_| Err(ended())),
            false => Err(ended()),
        }
    })
}

/// As [`run`], for a method of a service that takes and returns payloads of these forms.
pub(crate) fn method<S, P, R, E, F>(
    service: Arc<S>,
    handler: F,
) -> impl Fn(&Context, Payload) -> Work<R> + Send + Sync + 'static
where
    S: Send + Sync + 'static,
    P: Form,
    P::Value: Send,
    R: Send + Unpin + 'static,
    E: Failure,
    F: Fn(&Arc<S>, &Context, P::Value) -> Result<R, E> + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    move |ctx, payload| match P::take(payload) {
        Ok(payload) => {
            let (service, handler) = (service.clone(), handler.clone());
            run(ctx, move |ctx| handler(&service, ctx, payload).map_err(Into::into))
        }
        Err(error) => Work::done(Err(error)),
    }
}

#[cold]
fn full(ctx: &Context) -> Error {
    let broker = ctx.broker();
    let policy = &broker.options().blocking;
    let name = if ctx.action().is_empty() { ctx.service_full_name() } else { ctx.action() };
    Error::queue_is_full(name, broker.node_id())
        .with_message(format!(
            "'{name}' blocks its thread, and node '{}' takes no more such work: {} run and {} wait. See \
             'blocking.concurrency' and 'blocking.max_queue_size'.",
            broker.node_id(),
            policy.concurrency,
            policy.max_queue_size
        ))
        .with_data(json!({ "action": name, "nodeID": broker.node_id(), "queue": "blocking" }))
}

#[cold]
fn ended() -> Error {
    Error::internal_error("the broker has stopped: blocking work does not run any more")
}
