//! The body of an upload as it comes, within its bounds.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::Stream;
use ligand_core::{Error, Result};
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep};

use super::feed::Chunks;
use crate::{RequestBody, error};

/// How slow a client may be: it may keep the gateway waiting for `time` in all, and what it sends gives some of that back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) time: Duration,
    /// Bytes that give back a second; 0: any byte gives back all.
    pub(crate) rate: usize,
}

/// The body of a request. Clones are the same body.
#[derive(Clone)]
pub(crate) struct Source(Arc<Mutex<State>>);

struct State {
    body: RequestBody,
    /// Bytes that may still come.
    left: usize,
    pace: Pace,
    /// How long the client may still keep us waiting.
    time: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Bytes that may still come before the content of the next part begins.
    head: Option<usize>,
    /// A piece was given: the next one only when the reader comes again.
    gave: bool,
    failed: Option<Error>,
}

impl Source {
    pub(super) fn new(body: RequestBody, limit: usize, pace: Pace) -> Self {
        Self(Arc::new(Mutex::new(State {
            body,
            left: limit,
            pace,
            time: pace.time,
            waiting: None,
            head: None,
            gave: false,
            failed: None,
        })))
    }

    /// What is read from here on, until this is called with `None`, is boundary and headers of a part: at most so many
    /// bytes.
    #[cfg(feature = "multipart")]
    pub(super) fn head(&self, most: Option<usize>) {
        self.0.lock().head = most;
    }

    /// Why nothing more came.
    #[cfg(feature = "multipart")]
    pub(super) fn failure(&self) -> Option<Error> {
        self.0.lock().failed.clone()
    }

    /// Work that throws away what the client still sends; see [`RequestBody::rest`].
    pub(super) fn rest(&self) -> Option<impl Future<Output = ()> + Send + 'static> {
        std::mem::take(&mut self.0.lock().body).rest()
    }
}

impl State {
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if let Some(failed) = &self.failed {
            return Poll::Ready(Some(Err(failed.clone())));
        }
        if self.head == Some(0) {
            return self.fail(error::payload_too_large());
        }
        let chunk = match self.body.poll_chunk(cx) {
            Poll::Ready(chunk) => chunk,
            Poll::Pending => {
                let left = self.time;
                let begin = || (Instant::now(), Box::pin(tokio::time::sleep(left)));
                let (_, end) = self.waiting.get_or_insert_with(begin);
                ready!(end.as_mut().poll(cx));
                // Whoever is this slow need not be waited for any more.
                self.body = RequestBody::default();
                return self.fail(error::body_timeout());
            }
        };
        if let Some((since, _)) = self.waiting.take() {
            self.time = self.time.saturating_sub(since.elapsed());
        }
        let bytes = match chunk {
            None => return Poll::Ready(None),
            Some(Ok(bytes)) => bytes,
            Some(Err(broken)) => {
                return self.fail(error::bad_request("INVALID_REQUEST_BODY").with_internal(broken));
            }
        };
        let back = match self.pace.rate {
            0 => self.pace.time,
            rate => Duration::from_secs_f64(bytes.len() as f64 / rate as f64),
        };
        self.time = self.time.saturating_add(back).min(self.pace.time);
        match self.left.checked_sub(bytes.len()) {
            Some(left) => self.left = left,
            None => return self.fail(error::payload_too_large()),
        }
        if let Some(head) = &mut self.head {
            *head = head.saturating_sub(bytes.len());
        }
        Poll::Ready(Some(Ok(bytes)))
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Bytes>>> {
        Poll::Ready(Some(Err(self.failed.insert(error).clone())))
    }
}

impl Stream for Source {
    type Item = Result<Bytes>;

    /// One piece each time it is polled: a reader that polls until nothing is there takes no more than it can use.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.lock();
        if std::mem::take(&mut state.gave) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let chunk = ready!(state.next(cx));
        state.gave = matches!(chunk, Some(Ok(_)));
        Poll::Ready(chunk)
    }
}

impl Chunks for Source {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        std::future::poll_fn(|cx| self.0.lock().next(cx)).await.transpose()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    fn source(pieces: usize, pause: Duration, limit: usize) -> Source {
        let pieces = futures_util::stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"0123456789")))
        });
        let pace = Pace { time: Duration::from_secs(30), rate: 10 };
        Source::new(RequestBody::stream(StreamBody::new(pieces)), limit, pace)
    }

    async fn all(mut source: Source) -> (usize, Option<Error>) {
        let mut seen = 0;
        loop {
            match Chunks::next(&mut source).await {
                Ok(Some(chunk)) => seen += chunk.len(),
                Ok(None) => return (seen, None),
                Err(error) => return (seen, Some(error)),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_a_little_now_and_then_does_not_hold_its_place() {
        let start = Instant::now();
        let (seen, error) = all(source(1000, Duration::from_secs(10), usize::MAX)).await;
        assert_eq!(error.unwrap().code(), 408);
        assert!(seen < 100 && start.elapsed() < Duration::from_secs(60), "{seen} {:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_fast_enough_has_all_the_time() {
        let (seen, error) = all(source(1000, Duration::from_millis(900), usize::MAX)).await;
        assert_eq!((seen, error), (10_000, None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_longer_than_allowed_ends_at_the_limit() {
        let (seen, error) = all(source(1000, Duration::ZERO, 95)).await;
        assert_eq!((seen, error.unwrap().kind()), (90, "PAYLOAD_TOO_LARGE"));
    }
}
