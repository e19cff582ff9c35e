//! The bytes of a stream's chunk.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::{Error, Payload, Result};

impl Payload {
    /// The bytes of a stream's chunk, in every form that nodes send: bytes, JavaScript's
    /// `{"type":"Buffer","data":[…]}`, or a text, which stands for its UTF-8.
    ///
    /// # Errors
    /// `INVALID_CHUNK` (400) for anything else.
    pub fn into_bytes(self) -> Result<Bytes> {
        if let Some(bytes) = self.as_binary() {
            return Ok(bytes.clone());
        }
        if let Some(text) = self.as_json().filter(|text| text.first() == Some(&b'{')) {
            return serde_json::from_slice(text).map_err(|_| not_bytes()).and_then(Buffer::into_bytes);
        }
        match self.to_value()? {
            Value::String(text) => Ok(text.into()),
            object @ Value::Object(_) => {
                serde_json::from_value(object).map_err(|_| not_bytes()).and_then(Buffer::into_bytes)
            }
            _ => Err(not_bytes()),
        }
    }
}

/// How JavaScript writes bytes in JSON.
#[derive(Deserialize)]
struct Buffer {
    r#type: String,
    data: Vec<u8>,
}

impl Buffer {
    fn into_bytes(self) -> Result<Bytes> {
        if self.r#type == "Buffer" { Ok(self.data.into()) } else { Err(not_bytes()) }
    }
}

#[cold]
fn not_bytes() -> Error {
    Error::client(400, "INVALID_CHUNK", "A stream's chunk is neither bytes nor a text.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let hi = Bytes::from_static(b"hi");
        let forms = [
            Payload::binary(hi.clone()),
            Payload::json(r#"{"type":"Buffer","data":[104,105]}"#),
            Payload::json(r#""hi""#),
            Payload::typed("hi".to_owned()),
        ];
        for form in forms {
            assert_eq!(form.into_bytes().unwrap(), hi);
        }
        for other in [
            "null",
            "1",
            r#"{"type":"Buffer","data":[256]}"#,
            r#"{"type":"Buffer"}"#,
            "[104]",
            r#"["Buffer",[104]]"#,
        ] {
            assert_eq!(Payload::json(other).into_bytes().unwrap_err().kind(), "INVALID_CHUNK", "{other}");
        }
    }
}
