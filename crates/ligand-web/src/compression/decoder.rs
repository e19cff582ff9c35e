//! Bodies of requests out of fewer bytes, within their limit.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status, read::GzDecoder};
use http::{HeaderMap, header};
use ligand_core::{Error, Result};

use super::Coding;
use crate::error;

/// Undoes the `Content-Encoding` of a body, which may have at most `limit` bytes then.
///
/// # Errors
/// 415 for another coding than the known ones or for several, 413 for more bytes, 400 for what is not coded so.
pub(crate) fn decode(bytes: Bytes, headers: &HeaderMap, limit: usize) -> Result<Bytes> {
    let mut names = headers.get_all(header::CONTENT_ENCODING).iter();
    let (Some(name), None) = (names.next(), names.next()) else {
        return if headers.contains_key(header::CONTENT_ENCODING) { Err(unknown()) } else { Ok(bytes) };
    };
    let name = name.to_str().unwrap_or_default().trim();
    if name.eq_ignore_ascii_case("identity") || bytes.is_empty() {
        return Ok(bytes);
    }
    let coding = Coding::read(name).ok_or_else(unknown)?;
    let mut out = Bounded { bytes: Vec::new(), limit, full: false };
    match run(coding, &bytes, &mut out) {
        Ok(()) => Ok(out.bytes.into()),
        Err(_) if out.full => Err(crate::body::too_large()),
        Err(broken) => Err(error::bad_request("INVALID_REQUEST_BODY")
            .with_message(format!("The body is not coded as {}, or ends too early", coding.name()))
            .with_internal(broken)),
    }
}

fn run(coding: Coding, bytes: &[u8], out: &mut Bounded) -> io::Result<()> {
    match coding {
        Coding::Gzip => io::copy(&mut GzDecoder::new(bytes), out).map(drop),
        Coding::Deflate => inflate(bytes, out),
        Coding::Brotli => {
            let mut decoder = brotli::DecompressorWriter::new(out, 4096);
            decoder.write_all(bytes)?;
            decoder.close()
        }
        Coding::Zstd => {
            // Windows of more than 8 MiB are memory that a client asks for.
            let mut decoder = zstd::stream::read::Decoder::new(bytes)?;
            decoder.window_log_max(23)?;
            io::copy(&mut decoder, out).map(drop)
        }
    }
}

/// Undoes zlib. Readers of `flate2` take a stream that ends too early for a whole one.
fn inflate(bytes: &[u8], out: &mut Bounded) -> io::Result<()> {
    let (mut inner, mut room) = (Decompress::new(true), [0; 8192]);
    let (mut rest, mut seen) = (bytes, (0, 0));
    loop {
        let status = inner.decompress(rest, &mut room, FlushDecompress::None)?;
        let (taken, made) = (inner.total_in() - seen.0, inner.total_out() - seen.1);
        seen = (inner.total_in(), inner.total_out());
        out.write_all(room.get(..usize::try_from(made).unwrap_or(0)).unwrap_or_default())?;
        rest = rest.get(usize::try_from(taken).unwrap_or(usize::MAX)..).unwrap_or_default();
        match status {
            Status::StreamEnd => return Ok(()),
            _ if taken == 0 && made == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
    }
}

/// Takes no more than it may.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.bytes.len() {
            self.full = true;
            return Err(io::Error::other("the body is too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cold]
fn unknown() -> Error {
    error::unsupported_media_type("a body that is not coded, or one of gzip, deflate, br, zstd")
        .with_kind("ENCODING_UNSUPPORTED")
}

#[cfg(test)]
mod tests {
    use super::{super::CODINGS, super::encoder::Encoder, *};

    fn coded(coding: Coding, bytes: &[u8]) -> Bytes {
        let mut encoder = Encoder::new(coding).unwrap();
        let mut all = encoder.write(bytes, false).unwrap().to_vec();
        all.extend_from_slice(&encoder.finish().unwrap());
        all.into()
    }

    fn headers(coding: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, coding.parse().unwrap());
        headers
    }

    #[test]
    fn what_was_coded_is_read() {
        for coding in CODINGS {
            let bytes = decode(coded(coding, b"hello"), &headers(coding.name()), 5).unwrap();
            assert_eq!(bytes, "hello", "{coding:?}");
        }
        assert_eq!(decode("x".into(), &headers("identity"), 5).unwrap(), "x");
    }

    #[test]
    fn bombs_end_at_the_limit() {
        for coding in CODINGS {
            let bomb = coded(coding, &vec![0; 64 << 20]);
            let error = decode(bomb, &headers(coding.name()), 100_000).unwrap_err();
            assert_eq!((error.code(), error.kind()), (413, "entity.too.large"), "{coding:?}");
        }
    }

    #[test]
    fn what_is_not_coded_as_it_says_is_refused() {
        for coding in CODINGS {
            let mut cut = coded(coding, b"hello, hello, hello, hello").to_vec();
            cut.truncate(cut.len() - 3);
            for bytes in [cut, b"rubbish, rubbish".to_vec()] {
                let error = decode(bytes.into(), &headers(coding.name()), 1000).unwrap_err();
                assert_eq!((error.code(), error.kind()), (400, "INVALID_REQUEST_BODY"), "{coding:?}");
            }
        }
        for coding in ["gzip, gzip", "compress", ""] {
            let error = decode("x".into(), &headers(coding), 1000).unwrap_err();
            assert_eq!((error.code(), error.kind()), (415, "ENCODING_UNSUPPORTED"), "{coding}");
        }
    }
}
