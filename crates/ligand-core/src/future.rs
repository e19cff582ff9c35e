//! The future types of the call path.

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use ligand_wire::{Error, Result};
use pin_project_lite::pin_project;

/// An owned, boxed future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// A future that is done already.
///
/// ```
/// use ligand_core::{Result, future::{BoxFuture, ready}};
/// fn nothing_to_do() -> BoxFuture<Result<()>> {
///     ready(Ok(()))
/// }
/// # let _ = nothing_to_do();
/// ```
pub fn ready<T: Send + 'static>(value: T) -> BoxFuture<T> {
    Box::pin(std::future::ready(value))
}

/// The work of a handler or layer: done already, or a future to wait for.
///
/// What ends at once (a synchronous handler, an answer from the cache, a refused parameter) needs no future of its
/// own. Boxed futures and results convert into it.
pub struct Work<T>(State<T>);

enum State<T> {
    Done(Option<Result<T>>),
    Running(BoxFuture<Result<T>>),
}

impl<T> Work<T> {
    /// Work that is done.
    pub fn done(result: Result<T>) -> Self {
        Self(State::Done(Some(result)))
    }

    /// Work to wait for.
    pub fn new(work: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self(State::Running(Box::pin(work)))
    }

    /// The result when it is done, else the work.
    pub(crate) fn finished(self) -> std::result::Result<Result<T>, Self> {
        match self.0 {
            State::Done(Some(result)) => Ok(result),
            state => Err(Self(state)),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.0, State::Done(_))
    }
}

impl<T> From<BoxFuture<Result<T>>> for Work<T> {
    fn from(work: BoxFuture<Result<T>>) -> Self {
        Self(State::Running(work))
    }
}

impl<T> From<Result<T>> for Work<T> {
    fn from(result: Result<T>) -> Self {
        Self::done(result)
    }
}

impl<T: Unpin> Future for Work<T> {
    type Output = Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match &mut self.0 {
            State::Done(result) => Poll::Ready(result.take().expect("work was polled after it had ended")),
            State::Running(work) => work.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for Work<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Done(_) => "Work(done)",
            State::Running(_) => "Work(running)",
        })
    }
}

pin_project! {
    /// Turns a panic of `inner` into an error of whoever waits for it.
    pub(crate) struct Isolated<F> {
        #[pin]
        inner: F,
    }
}

pub(crate) fn isolate<F>(inner: F) -> Isolated<F> {
    Isolated { inner }
}

impl<T, F: Future<Output = Result<T>>> Future for Isolated<F> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let inner = self.project().inner;
        match catch_unwind(AssertUnwindSafe(|| inner.poll(cx))) {
            Ok(poll) => poll,
            Err(panic) => Poll::Ready(Err(panicked(&*panic))),
        }
    }
}

/// Runs something synchronous; a panic becomes an error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panicked(&*panic))
}

/// The panic's text stays in this process.
#[cold]
fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not a text".into());
    Error::internal_error(format!("panicked: {text}")).with_kind("HANDLER_PANICKED")
}
