//! A connection that fails when its client does not read, or reads so slowly that it only holds its place.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::time::{Instant, Sleep};

use crate::{Limits, server::Load};

/// A stream whose client must read. It may let answers wait for [`Limits::write_timeout`] in all; every byte it reads
/// gives some of that time back, as [`Limits::write_rate`] says. So the time of an answer is bounded by its size, and an
/// answer that has nothing to send for a while loses nothing.
pub(crate) struct WriteTimeout<S> {
    stream: S,
    limit: Duration,
    /// Bytes that give back a second.
    rate: usize,
    /// How long answers may still wait.
    left: Duration,
    peer: SocketAddr,
    /// Set while a write waits: since when, and until when.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    load: Arc<Load>,
}

impl<S> WriteTimeout<S> {
    pub(crate) fn new(stream: S, limits: &Limits, peer: SocketAddr, load: Arc<Load>) -> Self {
        let limit = limits.write_timeout;
        Self { stream, limit, rate: limits.write_rate, left: limit, peer, waiting: None, load }
    }

    /// Lets a finished write of so many bytes through; one that waits may do so until the time is up.
    fn watch<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = &written {
            if let Some((since, _)) = self.waiting.take() {
                self.load.writing.store(false, Ordering::Relaxed);
                self.left = self.left.saturating_sub(since.elapsed());
            }
            if self.left < self.limit
                && let Ok(value) = result
            {
                let back = match self.rate {
                    0 => self.limit,
                    rate => Duration::from_secs_f64(bytes(value) as f64 / rate as f64),
                };
                self.left = self.left.saturating_add(back).min(self.limit);
            }
            return written;
        }
        let (left, load) = (self.left, &self.load);
        let (_, end) = self.waiting.get_or_insert_with(|| {
            load.writing.store(true, Ordering::Relaxed);
            (Instant::now(), Box::pin(tokio::time::sleep(left)))
        });
        ready!(end.as_mut().poll(cx));
        tracing::debug!(peer = %self.peer, "the client does not read its answer, or reads it too slowly");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: Read + Unpin> Read for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: Write + Unpin> Write for WriteTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(written, |count| *count, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watch(written, |count| *count, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(flushed, |()| 0, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(ended, |()| 0, cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, DuplexStream};

    use super::*;

    fn write_timeout(rate: usize) -> (WriteTimeout<TokioIo<DuplexStream>>, DuplexStream) {
        let (near, far) = tokio::io::duplex(100);
        let limits = Limits { write_timeout: Duration::from_secs(30), write_rate: rate, ..Limits::default() };
        (WriteTimeout::new(TokioIo::new(near), &limits, ([127, 0, 0, 1], 1).into(), Arc::default()), far)
    }

    /// Writes until it fails or `most` bytes are written; the client reads 10 bytes in each `pause`.
    async fn write(
        write_timeout: &mut WriteTimeout<TokioIo<DuplexStream>>,
        mut far: DuplexStream,
        pause: Duration,
        most: usize,
    ) -> usize {
        let mut written = 0;
        let reading = async {
            loop {
                tokio::time::sleep(pause).await;
                far.read_exact(&mut [0; 10]).await.unwrap();
            }
        };
        let writing = async {
            while written < most {
                match poll_fn(|cx| Pin::new(&mut *write_timeout).poll_write(cx, &[0; 50])).await {
                    Ok(count) => written += count,
                    Err(error) => return assert_eq!(error.kind(), io::ErrorKind::TimedOut),
                }
            }
        };
        tokio::select! { () = writing => {}, () = reading => {} }
        written
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_little_now_and_then_does_not_hold_its_place() {
        let start = Instant::now();
        let (mut slow, far) = write_timeout(10);
        let written = write(&mut slow, far, Duration::from_secs(10), 10_000).await;
        assert!(written < 200, "{written}");
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_fast_enough_has_all_the_time() {
        let start = Instant::now();
        let (mut steady, far) = write_timeout(10);
        assert_eq!(write(&mut steady, far, Duration::from_millis(900), 10_000).await, 10_000);
        assert!(start.elapsed() > Duration::from_secs(800), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_at_all_is_given_up() {
        let start = Instant::now();
        let (mut deaf, far) = write_timeout(0);
        assert_eq!(write(&mut deaf, far, Duration::from_secs(1000), 10_000).await, 100);
        assert_eq!(start.elapsed(), Duration::from_secs(30));
    }
}
