//! The future types of the call path.

use std::{
    any::Any,
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
pub fn ready<T: Send + 'static>(value: T) -> BoxFuture<T> {
    Box::pin(std::future::ready(value))
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
