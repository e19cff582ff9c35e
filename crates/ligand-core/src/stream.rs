//! What a call or an answer streams: chunks of bytes, or whole values.
//!
//! A [`Streaming`] is a handle: it moves through a [`Payload`] like any value, and whoever reads first gets the
//! content. Nothing is read ahead: a slow reader slows the source. Over the wire a stream becomes numbered packets:
//! [`Outflow`] cuts and numbers them, [`Assembly`] puts them in order again. Both take no I/O; who sends the packets
//! is not here.

mod assembly;
mod chunk;
mod outflow;

use std::{
    borrow::Cow,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use ligand_wire::{Data, Error, Payload, Result, schema::JsonSchema, validate::Validate};
use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::io::{AsyncRead, ReadBuf};

pub(crate) use assembly::cut_off;
pub use assembly::{Assembly, Feedback, Limits, Progress};
pub use outflow::{Credit, Numbered, Outflow};

/// How much of a stream may be on its way between two Ligand nodes and not be read yet, in bytes.
pub const WINDOW: u64 = 1024 * 1024;

/// Chunks of bytes longer than this travel in pieces.
pub const MAX_CHUNK: usize = 256 * 1024;

/// What a chunk counts in a window beside its content, so that tiny chunks are bounded too.
const CHUNK_COST: u64 = 64;

/// How much [`Streaming::reader`] reads at once.
const READ_SIZE: usize = 64 * 1024;

const NESTED: &str =
    "a stream cannot be part of a value; it must be the whole answer, or the stream of a call";

type Content = Pin<Box<dyn Stream<Item = Result<Payload>> + Send>>;

/// What the chunks of a stream are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bytes; where one chunk ends and the next begins means nothing.
    Bytes,
    /// Values, each whole.
    Objects,
}

impl Mode {
    /// What a chunk counts in a window. Sender and receiver must come to the same number, in every serializer.
    fn cost(self, chunk: &Payload, encoded_len: usize) -> u64 {
        let content = match self {
            Self::Bytes => chunk.as_binary().map_or(0, Bytes::len),
            Self::Objects => encoded_len,
        };
        CHUNK_COST + content as u64
    }
}

/// One step of a stream on its way.
#[derive(Clone, Debug)]
pub enum Part {
    /// Content.
    Chunk(Payload),
    /// Nothing more comes.
    End,
    /// The source failed; nothing more comes.
    Error(Error),
}

impl Part {
    /// The bytes of a chunk that may be cut.
    pub(crate) fn as_bytes(&self) -> Option<Bytes> {
        match self {
            Self::Chunk(chunk) => chunk.as_binary().cloned(),
            _ => None,
        }
    }
}

/// A stream of bytes or values. Clones are handles of the same stream: the first one that reads has it, the others
/// get `STREAM_TAKEN`.
///
/// ```
/// # async fn example() -> ligand_wire::Result<()> {
/// use bytes::Bytes;
/// use ligand_core::stream::Streaming;
///
/// let mut file = Streaming::from_bytes(Bytes::from_static(b"one, two"));
/// while let Some(chunk) = file.next_bytes().await {
///     assert_eq!(&chunk?[..], b"one, two");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Streaming {
    mode: Mode,
    untaken: Arc<Mutex<Option<Content>>>,
    /// What this handle has taken. The lock is never locked: it makes the content shareable.
    own: Mutex<Own>,
}

enum Own {
    Nothing,
    Reading(Content),
    Over,
}

impl Streaming {
    /// A stream of bytes. An error ends it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use bytes::Bytes;
    /// # use ligand_core::stream::Streaming;
    /// let chunks = futures_util::stream::iter([Ok(Bytes::from("one, ")), Ok(Bytes::from("two"))]);
    /// assert_eq!(Streaming::bytes(chunks).collect_bytes(1024).await?, "one, two");
    /// # Ok(()) }
    /// ```
    pub fn bytes(source: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        Self::new(Mode::Bytes, Box::pin(source.map(|chunk| chunk.map(Payload::binary))))
    }

    /// A stream of values. An error ends it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::stream::Streaming;
    /// let numbers = futures_util::stream::iter([Ok(1), Ok(2)]);
    /// let mut numbers = Streaming::objects::<u32>(numbers);
    /// let mut sum = 0;
    /// while let Some(number) = numbers.next_as::<u32>().await {
    ///     sum += number?;
    /// }
    /// assert_eq!(sum, 3);
    /// # Ok(()) }
    /// ```
    pub fn objects<T: Data>(source: impl Stream<Item = Result<T>> + Send + 'static) -> Self {
        Self::new(Mode::Objects, Box::pin(source.map(|value| value.map(Payload::typed))))
    }

    /// A stream of the bytes that are already there.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::bytes(futures_util::stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
    }

    /// A stream of the values that are already there.
    ///
    /// ```
    /// # async fn example() -> ligand_wire::Result<()> {
    /// let mut numbers = ligand_core::stream::Streaming::from_values([1, 2]);
    /// assert_eq!(numbers.next_as::<i32>().await.transpose()?, Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_values<T: Data>(values: impl IntoIterator<Item = T, IntoIter: Send + 'static>) -> Self {
        Self::objects(futures_util::stream::iter(values.into_iter().map(Ok)))
    }

    /// A stream of what a reader yields, for example a file.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::stream::Streaming;
    /// let file = Streaming::reader(&b"what a file holds"[..]);
    /// assert_eq!(file.collect_bytes(1024).await?, "what a file holds");
    /// # Ok(()) }
    /// ```
    pub fn reader(mut reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let mut buffer = BytesMut::new();
        Self::bytes(futures_util::stream::poll_fn(move |cx| {
            buffer.resize(READ_SIZE, 0);
            let mut room = ReadBuf::new(&mut buffer);
            let result = ready!(Pin::new(&mut reader).poll_read(cx, &mut room));
            let len = room.filled().len();
            Poll::Ready(match result {
                Ok(()) if len == 0 => None,
                Ok(()) => Some(Ok(Bytes::copy_from_slice(&buffer[..len]))),
                Err(error) => Some(Err(error.into())),
            })
        }))
    }

    fn new(mode: Mode, content: Content) -> Self {
        Self { mode, untaken: Arc::new(Mutex::new(Some(content))), own: Mutex::new(Own::Nothing) }
    }

    /// What its chunks are.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The next chunk; `None` at the end. Safe to drop and call again.
    ///
    /// # Errors
    /// What went wrong at the source, or `STREAM_TAKEN`. Nothing comes after an error.
    pub async fn next(&mut self) -> Option<Result<Payload>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// As [`Streaming::next`], as bytes. Values are given when they are bytes or texts.
    ///
    /// # Errors
    /// As [`Streaming::next`]; `STREAM_CHUNK_INVALID` for another value.
    pub async fn next_bytes(&mut self) -> Option<Result<Bytes>> {
        Some(self.next().await?.and_then(chunk::bytes_of))
    }

    /// As [`Streaming::next`], as a `T`.
    ///
    /// # Errors
    /// As [`Streaming::next`]; `PAYLOAD_DECODE_ERROR` when the chunk is no `T`.
    pub async fn next_as<T: Data>(&mut self) -> Option<Result<T>> {
        Some(self.next().await?.and_then(Payload::take))
    }

    /// All bytes that are left, when they are at most `limit`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::stream::Streaming;
    /// let error = Streaming::from_bytes("too much").collect_bytes(3).await.unwrap_err();
    /// assert_eq!((error.code(), error.kind()), (413, "STREAM_TOO_LONG"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Streaming::next_bytes`]; `STREAM_TOO_LONG` (413) for more than `limit` bytes: the rest is not read.
    pub async fn collect_bytes(mut self, limit: usize) -> Result<Bytes> {
        let mut all = Bytes::new();
        let mut joined = BytesMut::new();
        while let Some(chunk) = self.next_bytes().await {
            let chunk = chunk?;
            if chunk.len() > limit - all.len() - joined.len() {
                let message = format!("The stream is longer than {limit} bytes.");
                return Err(Error::client(413, "STREAM_TOO_LONG", message));
            }
            if all.is_empty() && joined.is_empty() {
                all = chunk;
            } else {
                joined.extend_from_slice(&std::mem::take(&mut all));
                joined.extend_from_slice(&chunk);
            }
        }
        Ok(if joined.is_empty() { all } else { joined.freeze() })
    }

    /// The chunks as a `Stream` of payloads. The handle itself is one too.
    pub fn into_stream(self) -> impl Stream<Item = Result<Payload>> + Send + Unpin + use<> {
        self
    }

    /// The chunks as a `Stream` of bytes; see [`Streaming::next_bytes`].
    pub fn into_byte_stream(self) -> impl Stream<Item = Result<Bytes>> + Send + Unpin + use<> {
        self.map(|chunk| chunk.and_then(chunk::bytes_of))
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Payload>>> {
        let own = self.own.get_mut();
        if let Own::Nothing = own {
            let content = self.untaken.lock().take();
            let Some(content) = content else {
                *own = Own::Over;
                return Poll::Ready(Some(Err(taken())));
            };
            *own = Own::Reading(content);
        }
        let Own::Reading(content) = own else { return Poll::Ready(None) };
        let chunk = ready!(content.as_mut().poll_next(cx));
        if !matches!(chunk, Some(Ok(_))) {
            *own = Own::Over;
        }
        Poll::Ready(chunk)
    }
}

fn taken() -> Error {
    let message = "The stream is read by somebody else already: it can be read once.";
    Error::server(500, "STREAM_TAKEN", message).with_retryable(false)
}

impl Stream for Streaming {
    type Item = Result<Payload>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_chunk(cx)
    }
}

impl Clone for Streaming {
    /// Another handle of the same stream.
    fn clone(&self) -> Self {
        Self { mode: self.mode, untaken: self.untaken.clone(), own: Mutex::new(Own::Nothing) }
    }
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Streaming({:?})", self.mode)
    }
}

/// Always fails: a stream travels as a whole answer or beside the parameters, never inside of a value.
impl Serialize for Streaming {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom(NESTED))
    }
}

/// Always fails, as [`Serialize`] does.
impl<'de> Deserialize<'de> for Streaming {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom(NESTED))
    }
}

impl Validate for Streaming {}

impl JsonSchema for Streaming {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Stream".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "A stream." })
    }
}

#[cfg(test)]
mod tests;
