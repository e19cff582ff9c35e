//! Answers, and by choice request bodies, in fewer bytes.

mod decoder;
mod encoder;

use std::{
    error::Error as StdError,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Frame;

pub(crate) use self::decoder::decode;
use self::encoder::Encoder;
use crate::Body;

/// Which answers are compressed, for [`GatewayBuilder::compression`](crate::GatewayBuilder::compression).
///
/// Texts, JSON and the like are, of at least 1 kB or of unknown length, in what the client prefers of zstd, Brotli, gzip and
/// deflate; a stream goes out chunk by chunk. What has a `Content-Encoding`, a part of a file, or `Cache-Control:
/// no-transform` stays as it is. An answer that holds a secret together with what the client sent should say
/// `no-transform`: its length tells about the secret (BREACH).
///
/// ```
/// use ligand_web::{Compression, Gateway};
/// let gateway = Gateway::builder().compression(Compression::new().least(4096).bodies()).build();
/// # let _ = gateway;
/// ```
#[derive(Clone, Debug)]
pub struct Compression {
    least: u64,
    pub(crate) bodies: bool,
}

impl Default for Compression {
    fn default() -> Self {
        Self::new()
    }
}

impl Compression {
    /// Answers only.
    pub fn new() -> Self {
        Self { least: 1024, bodies: false }
    }

    /// Leaves answers of fewer bytes alone.
    pub fn least(mut self, bytes: u64) -> Self {
        self.least = bytes;
        self
    }

    /// Reads request bodies with `Content-Encoding: gzip`, `deflate`, `br` or `zstd`, too. The limit of a body is that of
    /// its bytes before and after. Uploads are not read so.
    pub fn bodies(mut self) -> Self {
        self.bodies = true;
        self
    }

    /// Compresses an answer when that is worth it and wanted.
    pub(crate) fn apply(&self, asked: &HeaderMap, response: Response<Body>) -> Response<Body> {
        if !self.fits(&response) {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        parts.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        let Some(coding) = wanted(asked) else { return Response::from_parts(parts, body) };
        let Ok(encoder) = Encoder::new(coding) else { return Response::from_parts(parts, body) };
        parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::ACCEPT_RANGES);
        weaken(&mut parts.headers);
        let flush = body.whole().is_none();
        let pending = Bytes::new();
        let body = Compressed { body, encoder: Some(encoder), pending, flush };
        Response::from_parts(parts, Body::of(body))
    }

    fn fits(&self, response: &Response<Body>) -> bool {
        let (status, headers) = (response.status(), response.headers());
        let odd = [StatusCode::NO_CONTENT, StatusCode::PARTIAL_CONTENT, StatusCode::RESET_CONTENT];
        if status.is_informational() || status.is_redirection() || odd.contains(&status) {
            return false;
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let long = || match text(header::CONTENT_LENGTH).parse::<u64>() {
            Ok(length) => length >= self.least,
            Err(_) => response.body().whole().is_none(),
        };
        !headers.contains_key(header::CONTENT_ENCODING)
            && !text(header::CACHE_CONTROL).contains("no-transform")
            && is_text(text(header::CONTENT_TYPE))
            && long()
    }
}

/// Whether content of this type gets shorter. Pictures, films and archives are compressed already.
fn is_text(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let sub = essence.strip_prefix("application/").unwrap_or_default();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(sub, "json" | "javascript" | "xml" | "x-ndjson" | "wasm" | "graphql" | "yaml")
}

/// How content is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Zstd,
    Brotli,
    Gzip,
    Deflate,
}

/// The one that is taken first of those that a client likes as much.
const CODINGS: [Coding; 4] = [Coding::Zstd, Coding::Brotli, Coding::Gzip, Coding::Deflate];

impl Coding {
    const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    fn read(name: &str) -> Option<Self> {
        let name = if name.eq_ignore_ascii_case("x-gzip") { "gzip" } else { name };
        CODINGS.into_iter().find(|coding| coding.name().eq_ignore_ascii_case(name))
    }
}

/// What the client prefers; `None`: nothing of it.
fn wanted(headers: &HeaderMap) -> Option<Coding> {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let (mut named, mut others, mut plain) = ([None; CODINGS.len()], 0, None);
    for item in lines.flat_map(|line| line.split(',')).take(64) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let quality = parameters.trim().strip_prefix("q=").map_or(Some(1000), thousandths);
        let (name, quality) = (name.trim(), quality.unwrap_or(0));
        match Coding::read(name) {
            Some(coding) => named[coding as usize] = Some(quality),
            None if name == "*" => others = quality,
            None if name.eq_ignore_ascii_case("identity") => plain = Some(quality),
            None => {}
        }
    }
    let quality = |coding: &Coding| named[*coding as usize].unwrap_or(others);
    // The first of the best.
    let best = CODINGS.into_iter().rev().max_by_key(quality)?;
    (quality(&best) > 0 && quality(&best) >= plain.unwrap_or(0)).then_some(best)
}

fn thousandths(text: &str) -> Option<u32> {
    let quality: f32 = text.trim().parse().ok().filter(|quality| (0.0..=1.0).contains(quality))?;
    Some((quality * 1000.0) as u32)
}

/// The same content in other bytes is no longer the same to the byte.
fn weaken(headers: &mut HeaderMap) {
    let strong =
        headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| tag.starts_with('"'));
    if let Some(Ok(weak)) = strong.map(|tag| HeaderValue::try_from(format!("W/{tag}"))) {
        headers.insert(header::ETAG, weak);
    }
}

/// A body on its way through an encoder.
struct Compressed {
    body: Body,
    encoder: Option<Encoder>,
    /// Of a chunk, what is not encoded yet.
    pending: Bytes,
    /// What has come goes out at once.
    flush: bool,
}

/// So much is encoded at a time: other requests of the thread wait meanwhile.
const PIECE: usize = 64 * 1024;

impl http_body::Body for Compressed {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            let this = &mut *self;
            let Some(encoder) = &mut this.encoder else { return Poll::Ready(None) };
            if this.pending.is_empty() {
                match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                    Some(Ok(frame)) => this.pending = frame.into_data().unwrap_or_default(),
                    Some(Err(error)) => {
                        this.encoder = None;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => {
                        let rest = this.encoder.take().map(Encoder::finish).transpose()?.unwrap_or_default();
                        return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
                    }
                }
            }
            let piece = this.pending.split_to(this.pending.len().min(PIECE));
            let coded = encoder.write(&piece, this.flush && this.pending.is_empty())?;
            if !coded.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(coded))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, text.parse().unwrap());
        wanted(&headers).map(Coding::name)
    }

    #[test]
    fn the_client_chooses() {
        for (text, coding) in [
            ("gzip", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("zstd")),
            ("gzip, deflate, br", Some("br")),
            ("gzip;q=1.0, br;q=0.5", Some("gzip")),
            ("br;q=0, *", Some("zstd")),
            ("*;q=0", None),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0, gzip;q=0.5", Some("gzip")),
            ("GZIP", Some("gzip")),
            ("gzip;q=rubbish", None),
            ("compress", None),
            ("", None),
        ] {
            assert_eq!(asked(text), coding, "{text}");
        }
        assert_eq!(wanted(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_compressed_already_is_known() {
        for kind in
            ["text/html; charset=utf-8", "application/json", "application/problem+json", "image/svg+xml"]
        {
            assert!(is_text(kind), "{kind}");
        }
        for kind in ["image/png", "video/mp4", "application/zip", "application/octet-stream", ""] {
            assert!(!is_text(kind), "{kind}");
        }
    }
}
