//! A call whose stream comes from a client.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use ligand_core::{Context, Error, Payload, Result, broker::Request, stream::Streaming};
use tokio::sync::mpsc;

use super::Job;

/// What yields the content of a stream.
pub(super) trait Chunks: Send {
    /// The next piece; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send;
}

/// How long the work of an upload that broke off has to end by itself: it learns the error from its stream.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Makes `call` with the content of `chunks` as its stream.
pub(super) async fn call(
    job: &Job,
    ctx: &Context,
    call: Request<Payload>,
    chunks: &mut impl Chunks,
) -> Result<Payload> {
    // How long the answer may take when all has come. While it comes, its own bounds hold.
    let patience = job.patience(ctx);
    let call = if patience.is_some() { call.timeout(Duration::ZERO) } else { call };
    let (send, mut receive) = mpsc::channel(1);
    let stream = Streaming::bytes(futures_util::stream::poll_fn(move |cx| receive.poll_recv(cx)));
    let mut call = pin!(async move { call.stream(stream).await });
    let mut fed = pin!(feed(chunks, send));
    tokio::select! {
        biased;
        result = &mut call => match result {
            // What it did not want to read is read all the same: what follows may be another file.
            Ok(payload) => fed.await.map(|()| payload),
            Err(error) => Err(error),
        },
        fed = &mut fed => match (fed, patience.filter(|patience| !patience.is_zero())) {
            (Ok(()), None) => call.await,
            (Ok(()), Some(patience)) => match tokio::time::timeout(patience, call).await {
                Ok(result) => result,
                Err(_) => Err(Error::request_timeout(&job.entry.action, ctx.broker().node_id())),
            },
            (Err(broken), _) => {
                let _ = tokio::time::timeout(LAST_WORDS, call).await;
                Err(broken)
            }
        },
    }
}

/// Hands on what comes. When nobody reads any more, the rest is thrown away.
async fn feed(chunks: &mut impl Chunks, send: mpsc::Sender<Result<Bytes>>) -> Result<()> {
    loop {
        match chunks.next().await {
            Ok(None) => return Ok(()),
            Ok(Some(chunk)) => drop(send.send(Ok(chunk)).await),
            Err(broken) => {
                let _ = send.send(Err(broken.clone())).await;
                return Err(broken);
            }
        }
    }
}
