//! The body of a response: bytes that are there, or a stream that is read as the client takes it.

use std::{
    error::Error as StdError,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use ligand_core::{
    Error, Payload, Result,
    stream::{Mode, Streaming},
};

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// The body of a response.
///
/// A streamed answer is read as fast as the client takes it; when the client leaves, its source is dropped. An error
/// of the source is an error of the body: the server then cuts the connection, so that the client does not take what
/// it has for the whole.
#[derive(Default)]
pub struct Body(Content);

enum Content {
    Whole(Bytes),
    Stream(Chunks),
    /// Of another library.
    Foreign(UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>),
}

impl Default for Content {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Content::Whole(_) => "Body(whole)",
            Content::Stream(_) => "Body(stream)",
            Content::Foreign(_) => "Body(foreign)",
        })
    }
}

impl Body {
    /// The body of another library, such as axum's.
    pub fn of<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self(Content::Foreign(body.map_err(Into::into).boxed_unsync()))
    }

    /// The content, when it is all there.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        match &self.0 {
            Content::Whole(bytes) => Some(bytes),
            Content::Stream(_) | Content::Foreign(_) => None,
        }
    }

    /// A stream of bytes as they come; of values as lines of JSON, or, when the answer has a content type of its own
    /// (`plain`), texts and bytes as they are.
    pub(crate) fn stream(source: Streaming, plain: bool) -> Self {
        Self(Content::Stream(match source.mode() {
            Mode::Bytes => Box::pin(source.into_byte_stream()),
            Mode::Objects => Box::pin(source.map(move |chunk| line(&chunk?, plain))),
        }))
    }

    /// The whole content, for tests and adapters. Of a stream that fails, what came before; [`Body::collect`] tells.
    pub async fn bytes(self) -> Bytes {
        self.read().await.0
    }

    /// The whole content, for tests and adapters.
    ///
    /// # Errors
    /// That of the source of a stream.
    pub async fn collect(self) -> Result<Bytes> {
        match self.read().await {
            (bytes, None) => Ok(bytes),
            (_, Some(error)) => Err(error),
        }
    }

    async fn read(self) -> (Bytes, Option<Error>) {
        let mut chunks = match self.0 {
            Content::Whole(whole) => return (whole, None),
            Content::Stream(chunks) => chunks,
            Content::Foreign(body) => return foreign(body).await,
        };
        let mut all = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(error) => return (all.freeze(), Some(error)),
            }
        }
        (all.freeze(), None)
    }
}

async fn foreign(mut body: UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>) -> (Bytes, Option<Error>) {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => all.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Err(error) => {
                let failed = Error::internal_error("The source of the answer failed");
                return (all.freeze(), Some(failed.with_internal(error.to_string())));
            }
        }
    }
    (all.freeze(), None)
}

/// One value of a stream.
fn line(chunk: &Payload, plain: bool) -> Result<Bytes> {
    if let (true, Some(bytes)) = (plain, chunk.as_binary()) {
        return Ok(bytes.clone());
    }
    let mut line = Vec::new();
    chunk.write_json(&mut line)?;
    if plain
        && line.first() == Some(&b'"')
        && let Ok(text) = serde_json::from_slice::<String>(&line)
    {
        return Ok(text.into());
    }
    line.push(b'\n');
    Ok(line.into())
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(Content::Whole(bytes.into()))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let chunks = match &mut self.0 {
            Content::Whole(whole) if whole.is_empty() => return Poll::Ready(None),
            Content::Whole(whole) => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(whole))))),
            Content::Foreign(body) => return Pin::new(body).poll_frame(cx),
            Content::Stream(chunks) => chunks,
        };
        loop {
            let Some(chunk) = ready!(chunks.as_mut().poll_next(cx)) else { return Poll::Ready(None) };
            match chunk {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Err(error) => {
                    tracing::warn!(error = %error.for_log(), "a streamed answer failed, its connection is cut");
                    return Poll::Ready(Some(Err("the source of the answer failed".into())));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole(whole) => whole.is_empty(),
            Content::Stream(_) => false,
            Content::Foreign(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(whole) => SizeHint::with_exact(whole.len() as u64),
            Content::Stream(_) => SizeHint::default(),
            Content::Foreign(body) => body.size_hint(),
        }
    }
}
