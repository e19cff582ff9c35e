//! In whose place a thread runs, for the lines of the log that are written meanwhile.
//!
//! A `tracing` span for each handler would tell it too, and does for subscribers that are not ours; to make, enter and
//! drop one takes several times as long as a local call. Here two handles are noted for the thread, and read
//! only when a line is written.

use std::{
    borrow::Cow,
    cell::{OnceCell, RefCell},
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};

use ligand_log::{
    Log,
    who::{self, Who},
};
use pin_project_lite::pin_project;
use tracing::{Span, instrument::Instrumented};

use crate::{
    context::{Context, Id},
    registry::Endpoint,
};

/// In whose place.
#[derive(Clone)]
pub(crate) enum Place {
    /// In a context; `work` is what runs there when it is neither action nor listener.
    In { ctx: Context, work: Option<Arc<str>> },
    /// In a handler that has no context: nobody asked for one.
    At { endpoint: Arc<Endpoint>, parent: Option<Context>, id: OnceCell<Id> },
}

std::thread_local! {
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

impl Place {
    /// In the context of an action or listener.
    pub(crate) fn of(ctx: &Context) -> Self {
        Self::In { ctx: ctx.clone(), work: None }
    }

    /// In a handler without a context.
    pub(crate) fn at(endpoint: &Arc<Endpoint>, parent: Option<&Context>) -> Self {
        Self::At { endpoint: endpoint.clone(), parent: parent.cloned(), id: OnceCell::new() }
    }

    fn tell(&self, with: &mut dyn FnMut(&Who<'_>)) {
        match self {
            Self::In { ctx, work } => {
                with(&Who {
                    node: known(ctx.broker().node_id()),
                    namespace: known(&ctx.broker().options().namespace),
                    service: known(ctx.service_full_name()),
                    action: known(ctx.action()),
                    event: known(ctx.event_name()),
                    work: work.as_deref().map(Into::into),
                    request_id: Some(ctx.request_id().to_string().into()),
                    span_id: Some(ctx.id().to_string().into()),
                });
            }
            Self::At { endpoint, parent, id } => {
                let broker = endpoint.broker();
                let request = parent.as_ref().map_or_else(
                    || id.get_or_init(Id::random).to_string(),
                    |parent| parent.request_id().to_string(),
                );
                with(&Who {
                    node: known(broker.node_id()),
                    namespace: known(&broker.options().namespace),
                    service: known(&endpoint.action().service),
                    action: known(endpoint.action().full_name()),
                    request_id: Some(request.into()),
                    ..Who::default()
                });
            }
        }
    }
}

/// A text that is there.
fn known(text: &str) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

/// Says who knows, once.
pub(crate) fn register() {
    who::register(|with| {
        // Taken out first: a form of one's own may do whatever it likes.
        let here = PLACE.with(|here| match here.try_borrow() {
            Ok(here) => {
                if let Some(Place::At { parent: None, id, .. }) = &*here {
                    // All lines of one handler have the same.
                    id.get_or_init(Id::random);
                }
                here.clone()
            }
            Err(_) => None,
        });
        if let Some(here) = here {
            here.tell(with);
        }
    });
}

/// Whether places are noted: the log is ours.
#[inline]
pub(crate) fn are_noted() -> bool {
    Log::is_installed()
}

/// Runs work in a place. The place is given back.
#[inline]
pub(crate) fn scoped<T>(place: &mut Option<Place>, work: impl FnOnce() -> T) -> T {
    struct Back<'a>(&'a mut Option<Place>);
    impl Drop for Back<'_> {
        fn drop(&mut self) {
            swap(self.0);
        }
    }
    if place.is_none() {
        return work();
    }
    swap(place);
    let _back = Back(place);
    work()
}

fn swap(place: &mut Option<Place>) {
    PLACE.with(|here| {
        if let Ok(mut here) = here.try_borrow_mut() {
            std::mem::swap(&mut *here, place);
        }
    });
}

/// What stands around work for the log: a place where the log is ours, else a span.
pub(crate) struct Around {
    pub(crate) place: Option<Place>,
    pub(crate) span: Span,
}

impl Around {
    /// The same as where this is called, or in a context.
    pub(crate) fn context(ctx: &Context) -> Self {
        let place = (are_noted() && ctx.broker().options().log.context).then(|| Place::of(ctx));
        let own = ctx.span();
        Self { place, span: if own.is_disabled() { Span::current() } else { own } }
    }

    pub(crate) fn in_scope<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let span = &self.span;
        scoped(&mut self.place, || span.in_scope(work))
    }

    pub(crate) fn around<F: Future>(self, work: F) -> Placed<Instrumented<F>> {
        use tracing::Instrument as _;
        Placed { place: self.place, work: work.instrument(self.span) }
    }
}

pin_project! {
    /// Work that runs in a place.
    pub(crate) struct Placed<F> {
        pub(crate) place: Option<Place>,
        #[pin]
        pub(crate) work: F,
    }
}

impl<F: Future> Future for Placed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        scoped(this.place, || this.work.poll(cx))
    }
}
