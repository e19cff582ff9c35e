//! A call while it runs: its context, its work, and the time that it has.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};

use ligand_wire::{Error, Payload, Result};
use tokio::time::Sleep;

use super::call::describe;
use crate::{
    broker::ServiceBroker,
    context::Context,
    future::{Work, guarded},
    log::place::{Place as Noted, scoped},
    registry::Endpoint,
};

/// One endpoint at work.
pub(super) struct Running<W = Work<Payload>> {
    place: Place,
    parent: Option<Context>,
    /// `None` when it has ended.
    work: Option<W>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Where the thread is has to be noted for the log.
    noted: bool,
}

/// Where it runs.
enum Place {
    In(Context),
    /// Nobody has seen the context, and it is made when the work waits.
    At(Arc<Endpoint>),
}

impl Place {
    fn broker(&self) -> &ServiceBroker {
        match self {
            Self::In(ctx) => ctx.broker(),
            Self::At(endpoint) => endpoint.broker(),
        }
    }

    fn context(&mut self, parent: Option<&Context>) -> &Context {
        if let Self::At(endpoint) = self {
            *self = Self::In(describe(endpoint.clone(), parent, None).build());
        }
        match self {
            Self::In(ctx) => ctx,
            Self::At(_) => unreachable!("the context was made above"),
        }
    }
}

impl Running {
    pub(super) fn start(ctx: Context, parent: Option<Context>, params: Payload) -> Self {
        let endpoint = ctx.endpoint().expect("the context of a call has an endpoint");
        let watch = endpoint.broker().thread_watch();
        let start = watch.now();
        let work = guarded(|| endpoint.chain().call(&ctx, params));
        watch.ended(start, &ctx);
        let work = work.unwrap_or_else(|panic| Work::done(Err(panic)));
        Self::within(ctx, parent, work)
    }
}

impl<W> Running<W> {
    pub(super) fn within(ctx: Context, parent: Option<Context>, work: W) -> Self {
        Self { place: Place::In(ctx), parent, work: Some(work), sleep: None, noted: false }
    }

    /// Work that does not see its context.
    pub(super) fn without_context(endpoint: Arc<Endpoint>, parent: Option<Context>, work: W) -> Self {
        Self { place: Place::At(endpoint), parent, work: Some(work), sleep: None, noted: false }
    }

    /// Where no layer notes for the log where the thread is.
    pub(super) fn noted(mut self, noted: bool) -> Self {
        self.noted = noted;
        self
    }
}

impl<T, W: Future<Output = Result<T>> + Unpin> Future for Running<W> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<T>> {
        let this = self.get_mut();
        let start = this.place.broker().thread_watch().now();
        let work = this.work.as_mut().expect("a call is not polled after its end");
        let mut note = match &this.place {
            Place::In(ctx) if this.noted => Some(Noted::of(ctx)),
            _ => None,
        };
        let poll = scoped(&mut note, || guarded(|| Pin::new(work).poll(cx)));
        drop(note);
        if this.place.broker().thread_watch().now() != start {
            let ctx = this.place.context(this.parent.as_ref());
            ctx.broker().thread_watch().ended(start, ctx);
        }
        let result = match poll {
            Ok(Poll::Ready(result)) => result,
            Err(panic) => Err(panic),
            Ok(Poll::Pending) => {
                let ctx = this.place.context(this.parent.as_ref());
                ctx.waited();
                let Some(deadline) = ctx.deadline() else { return Poll::Pending };
                let sleep = this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                Err(late(ctx))
            }
        };
        // The work ends now, also when it is late: layers see it dropped before the caller goes on.
        this.work = None;
        if let Place::In(ctx) = &this.place {
            if let Some(parent) = &this.parent {
                parent.merge_meta(ctx);
            }
            ctx.tell_head();
        }
        Poll::Ready(result)
    }
}

#[cold]
fn late(ctx: &Context) -> Error {
    let broker = ctx.broker();
    if let Some(metrics) = &broker.parts().metrics.built_in {
        metrics.timed_out(ctx);
    }
    match (ctx.endpoint().and_then(|endpoint| endpoint.node()), broker.transit()) {
        (Some(node), Some(transit)) => transit.timed_out(ctx, node.id()),
        _ => Error::request_timeout(ctx.action(), broker.node_id()),
    }
}
