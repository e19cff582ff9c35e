//! What packets of streams say beside their chunk. Version 5 says it in the headers, version 4 in the meta; both
//! places are read.

use serde_json::Value;

use super::{Fields, Request, Response};
use crate::Error;

/// Header of version 5 and meta field of version 4: the chunks are values, not bytes.
pub const STREAM_OBJECT_MODE: &str = "$streamObjectMode";
/// Header of version 5 and meta field of version 4: why a request's stream broke, as a plain error object.
pub const STREAM_ERROR: &str = "$streamError";

impl Request<'_> {
    /// Whether the chunks of the stream are values; otherwise they are bytes.
    pub fn object_mode(&self) -> bool {
        object_mode(&self.meta, self.headers.as_deref())
    }

    /// Why the stream broke, in its last packet.
    pub fn stream_error(&self) -> Option<Error> {
        let error = flag(STREAM_ERROR, &self.meta, self.headers.as_deref())?;
        Some(Error::from_plain(error.clone(), None))
    }
}

impl Response<'_> {
    /// Whether the chunks of the stream are values; otherwise they are bytes.
    pub fn object_mode(&self) -> bool {
        object_mode(&self.meta, self.headers.as_deref())
    }
}

fn object_mode(meta: &Fields, headers: Option<&Fields>) -> bool {
    flag(STREAM_OBJECT_MODE, meta, headers) == Some(&Value::Bool(true))
}

fn flag<'a>(key: &str, meta: &'a Fields, headers: Option<&'a Fields>) -> Option<&'a Value> {
    headers.and_then(|headers| headers.get(key)).or_else(|| meta.get(key)).filter(|flag| !flag.is_null())
}
