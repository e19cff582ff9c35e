//! Streams with known content, and what is left of one after it was read.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use ligand::{Map, Result, Streaming, Value, json, prelude::Error, stream::Mode};
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

/// A stream to be made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Source {
    /// `objects` or bytes.
    kind: String,
    /// Bytes in all.
    size: usize,
    /// Bytes at once.
    chunk: Option<usize>,
    /// Objects in all.
    n: usize,
    /// After so many chunks or objects it breaks.
    fail_after: Option<usize>,
}

impl Source {
    pub(super) fn stream(self) -> Streaming {
        if self.kind == "objects" { self.objects() } else { self.bytes() }
    }

    /// Byte k is (31·k + 7) mod 256.
    pub(super) fn bytes(self) -> Streaming {
        let chunk = self.chunk.unwrap_or(65_536).max(1);
        Streaming::bytes(stream::unfold(Some(0), move |place| async move {
            let place: usize = place?;
            if Some(place) == self.fail_after {
                return Some((Err(broken().await), None));
            }
            let start = place * chunk;
            let end = self.size.min(start + chunk);
            (start < end).then(|| (Ok((start..end).map(byte).collect::<Bytes>()), Some(place + 1)))
        }))
    }

    /// `{i: 0}`, `{i: 1}` …
    pub(super) fn objects(self) -> Streaming {
        Streaming::objects(stream::unfold(Some(0), move |place| async move {
            let place: usize = place?;
            if Some(place) == self.fail_after {
                return Some((Err(broken().await), None));
            }
            (place < self.n).then(|| (Ok(json!({ "i": place })), Some(place + 1)))
        }))
    }
}

/// Byte k of every stream.
#[allow(clippy::cast_possible_truncation, reason = "it is taken modulo 256")]
pub(crate) fn byte(k: usize) -> u8 {
    (31 * k + 7) as u8
}

/// A moment later, because JavaScript callers lose an error that comes before they listen for it.
async fn broken() -> Error {
    tokio::time::sleep(Duration::from_millis(200)).await;
    Error::new("the source broke")
}

/// Reads to the end: `{size, sha1}` of bytes, `{items}` of objects, and `error` when it broke.
pub(super) async fn digest(mut stream: Streaming) -> Result<Map<String, Value>> {
    let mut hash = Sha1::new();
    let (mut size, mut items, mut error) = (0, Vec::new(), None);
    let objects = stream.mode() == Mode::Objects;
    loop {
        let step = if objects {
            stream.next_as::<Value>().await.map(|item| item.map(|item| items.push(item)))
        } else {
            stream.next_bytes().await.map(|chunk| {
                chunk.map(|chunk| {
                    size += chunk.len();
                    hash.update(&chunk);
                })
            })
        };
        match step {
            Some(Ok(())) => {}
            Some(Err(broken)) => error = Some(broken.message().to_owned()),
            None => break,
        }
    }
    let mut digest = Map::new();
    if objects {
        digest.insert("items".into(), items.into());
    } else {
        digest.insert("size".into(), size.into());
        digest.insert("sha1".into(), crate::scenario::hex(&hash.finalize()).into());
    }
    if let Some(error) = error {
        digest.insert("error".into(), error.into());
    }
    Ok(digest)
}

/// The stream of a request.
pub(super) fn uploaded(stream: Option<Streaming>) -> Result<Streaming> {
    stream.ok_or_else(|| Error::bad_request("this action takes a stream"))
}
