//! Bodies that clients send, read within limits.

mod json;

use std::{
    any::Any,
    error::Error as StdError,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use ligand_core::{
    Error, Result,
    edge::{BodyKind, HttpBodyDef},
};
use serde_json::{Map, Value};

pub(crate) use self::json::Shape;
use crate::{error, query};

/// The body of a request: bytes that are there already, or a connection that still delivers them.
#[derive(Default)]
pub struct RequestBody(Source);

#[derive(Default)]
enum Source {
    #[default]
    Empty,
    Ready(Bytes),
    Incoming(Incoming),
}

/// A body that comes piece by piece.
type Incoming = UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>;

impl From<()> for RequestBody {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        Self(Source::Ready(bytes))
    }
}

impl From<Vec<u8>> for RequestBody {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Source::Ready(bytes.into()))
    }
}

impl From<String> for RequestBody {
    fn from(text: String) -> Self {
        Self(Source::Ready(text.into()))
    }
}

impl From<&'static str> for RequestBody {
    fn from(text: &'static str) -> Self {
        Self(Source::Ready(text.into()))
    }
}

impl RequestBody {
    /// A body that another server reads.
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        if body.is_end_stream() {
            return Self::default();
        }
        // Our own need not be wrapped.
        let mut body = Some(body);
        match (&mut body as &mut dyn Any).downcast_mut::<Option<Self>>() {
            Some(own) => own.take().unwrap_or_default(),
            None => body.map_or_else(Self::default, |body| {
                Self(Source::Incoming(body.map_err(Into::into).boxed_unsync()))
            }),
        }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.0 {
            Source::Empty => Poll::Ready(None),
            Source::Ready(bytes) if bytes.is_empty() => Poll::Ready(None),
            Source::Ready(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Source::Incoming(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Empty => SizeHint::with_exact(0),
            Source::Ready(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Incoming(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Empty => "RequestBody(empty)",
            Source::Ready(_) => "RequestBody(ready)",
            Source::Incoming(_) => "RequestBody(incoming)",
        })
    }
}

/// The longest and largest rest of a body that is read and thrown away.
const REST: (Duration, u64) = (Duration::from_secs(5), 16 * 1024 * 1024);

/// A body that is there already is read in such pieces, as one that comes.
const PIECE: usize = 64 * 1024;

impl RequestBody {
    /// Bytes that it has at least.
    pub(crate) fn least(&self) -> u64 {
        match &self.0 {
            Source::Empty => 0,
            Source::Ready(bytes) => bytes.len() as u64,
            Source::Incoming(body) => body.size_hint().lower(),
        }
    }

    /// The next piece; an error is a text for the log.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, String>>> {
        let body = match &mut self.0 {
            Source::Empty => return Poll::Ready(None),
            Source::Ready(bytes) => {
                let piece = bytes.split_to(bytes.len().min(PIECE));
                return Poll::Ready((!piece.is_empty()).then_some(Ok(piece)));
            }
            Source::Incoming(body) => body,
        };
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                None => None,
                Some(Err(broken)) => Some(Err(broken.to_string())),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => Some(Ok(data)),
                    _ => continue,
                },
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match &self.0 {
            Source::Empty => true,
            Source::Ready(bytes) => bytes.is_empty(),
            Source::Incoming(body) => body.is_end_stream(),
        }
    }

    /// Reads everything, at most `limit` bytes within `time`.
    pub(crate) async fn read(&mut self, limit: usize, time: Duration) -> Result<Bytes> {
        let body = match &mut self.0 {
            Source::Empty => return Ok(Bytes::new()),
            Source::Ready(bytes) if bytes.len() > limit => return Err(too_large()),
            Source::Ready(bytes) => return Ok(std::mem::take(bytes)),
            Source::Incoming(body) => body,
        };
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        match tokio::time::timeout(time, collect(body, limit)).await {
            Err(_) => {
                // Whoever is this slow need not be waited for any more.
                self.0 = Source::Empty;
                Err(error::body_timeout())
            }
            Ok(Ok(Some(bytes))) => Ok(bytes),
            Ok(Ok(None)) => Err(too_large()),
            Ok(Err(broken)) => {
                Err(error::bad_request("INVALID_REQUEST_BODY").with_internal(broken.to_string()))
            }
        }
    }

    /// Work that throws the unread rest away, so that a client that is still sending can read its answer instead of
    /// finding the connection closed. `None` when there is nothing to read, or too much.
    pub(crate) fn rest(self) -> Option<impl Future<Output = ()> + Send + 'static> {
        let (time, most) = REST;
        let Source::Incoming(mut body) = self.0 else { return None };
        if body.is_end_stream() || body.size_hint().lower() > most {
            return None;
        }
        Some(async move {
            let rest = async {
                let mut seen = 0;
                while let Some(Ok(frame)) = body.frame().await {
                    seen += frame.data_ref().map_or(0, Bytes::len) as u64;
                    if seen > most {
                        break;
                    }
                }
            };
            let _ = tokio::time::timeout(time, rest).await;
        })
    }
}

/// `None` when there is more than `limit`. A body of one piece is not copied.
async fn collect(
    body: &mut Incoming,
    limit: usize,
) -> Result<Option<Bytes>, Box<dyn StdError + Send + Sync>> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.len() + whole.len() + data.len() > limit {
            return Ok(None);
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&data);
    }
    Ok(Some(if whole.is_empty() { first } else { whole.freeze() }))
}

/// The bounds of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) limit: usize,
    pub(crate) time: Duration,
    /// Compressed bodies are read, too.
    pub(crate) decode: bool,
    pub(crate) depth: usize,
    pub(crate) pairs: query::Bounds,
}

/// What bodies a route reads beside JSON.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bodies {
    pub(crate) forms: bool,
    pub(crate) texts: bool,
    pub(crate) raw: bool,
    pub(crate) no_json: bool,
    /// What nobody reads counts as nothing.
    pub(crate) ignore_others: bool,
}

/// Who says how a body is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Accepts<'a> {
    /// The action, whatever the route.
    Declared(&'a HttpBodyDef),
    /// The route, by the content type.
    Route(Bodies),
}

impl Accepts<'_> {
    fn ignores_others(self) -> bool {
        matches!(self, Self::Route(bodies) if bodies.ignore_others)
    }
}

/// A body that was read and checked.
#[derive(Debug, PartialEq)]
pub(crate) enum Content {
    None,
    /// An object or a list that passed [`json::check`].
    Json(Bytes, Shape),
    /// A form: texts only.
    Form(Map<String, Value>),
    /// One parameter, or all of them, whatever it holds.
    Whole {
        /// The parameter; `None`: all.
        field: Option<String>,
        content: Single,
    },
}

/// A body that is one value.
#[derive(Debug, PartialEq)]
pub(crate) enum Single {
    Text(String),
    Bytes {
        bytes: Bytes,
        /// The action is known to read what Ligand writes.
        ours: bool,
    },
}

/// Reads and checks the body.
pub(crate) async fn content(
    body: &mut RequestBody,
    headers: &HeaderMap,
    rules: Rules,
    accepts: Accepts<'_>,
) -> Result<Content> {
    let declared = match accepts {
        Accepts::Declared(declared) if declared.kind() != BodyKind::Form => Some(declared),
        _ => None,
    };
    let empty = body.is_empty();
    if empty && declared.is_none() {
        return Ok(Content::None);
    }
    let kind = match declared {
        // What was sent is nothing, of whatever type.
        Some(declared) if empty => Kind::of(declared),
        _ => match kind(headers, accepts, rules.decode) {
            Ok(kind) => kind,
            Err(_) if accepts.ignores_others() && !headers.contains_key(header::CONTENT_ENCODING) => {
                return Ok(Content::None);
            }
            Err(refused) => return Err(refused),
        },
    };
    let bytes = body.read(rules.limit, rules.time).await?;
    #[cfg(feature = "compression")]
    let bytes = if rules.decode { crate::compression::decode(bytes, headers, rules.limit)? } else { bytes };
    if bytes.is_empty() && declared.is_none() {
        return Ok(Content::None);
    }
    let field = || match declared {
        Some(declared) => declared.field().map(str::to_owned),
        None => Some(BODY.to_owned()),
    };
    match kind {
        Kind::Json => {
            let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
                Some(rest) => bytes.slice_ref(rest),
                None => bytes,
            };
            let shape = json::check(&bytes, rules.depth)?;
            Ok(Content::Json(bytes, shape))
        }
        Kind::Form => {
            let text = std::str::from_utf8(&bytes).map_err(|_| not_utf8())?;
            query::read(text, rules.pairs).map(Content::Form)
        }
        Kind::Text => {
            let text = String::from_utf8(bytes.into()).map_err(|_| not_utf8())?;
            Ok(Content::Whole { field: field(), content: Single::Text(text) })
        }
        Kind::Raw => {
            let content = Single::Bytes { bytes, ours: declared.is_some() };
            Ok(Content::Whole { field: field(), content })
        }
    }
}

/// The parameter that texts and bytes become where the route reads them.
pub(crate) const BODY: &str = "body";

#[derive(Clone, Copy)]
enum Kind {
    Json,
    Form,
    Text,
    Raw,
}

impl Kind {
    fn of(declared: &HttpBodyDef) -> Self {
        match declared.kind() {
            BodyKind::Form => Self::Form,
            BodyKind::Text => Self::Text,
            BodyKind::Raw | BodyKind::Stream | BodyKind::Multipart => Self::Raw,
        }
    }
}

/// The kind of a body by its `Content-Type`.
fn kind(headers: &HeaderMap, accepts: Accepts<'_>, decode: bool) -> Result<Kind> {
    if !decode && headers.contains_key(header::CONTENT_ENCODING) {
        return Err(unsupported(accepts)
            .with_kind("ENCODING_UNSUPPORTED")
            .with_message("Compressed bodies are not supported here"));
    }
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let essence = essence.trim();
    let json = essence.eq_ignore_ascii_case("application/json")
        || essence.len() > 17 && starts(essence, "application/") && ends(essence, "+json");
    let kind = match accepts {
        Accepts::Declared(declared) => {
            let types = declared.types();
            (types.is_empty() || types.iter().any(|own| is_of(essence, own))).then(|| Kind::of(declared))
        }
        Accepts::Route(bodies) if json && !bodies.no_json => Some(Kind::Json),
        Accepts::Route(bodies) => {
            let form = essence.eq_ignore_ascii_case(FORM);
            match (bodies.forms && form, bodies.texts && starts(essence, "text/")) {
                (true, _) => Some(Kind::Form),
                (_, true) => Some(Kind::Text),
                _ => bodies.raw.then_some(Kind::Raw),
            }
        }
    };
    let kind = kind.ok_or_else(|| unsupported(accepts))?;
    if matches!(kind, Kind::Raw) {
        return Ok(kind);
    }
    for parameter in parameters.split(';') {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let value = value.trim().trim_matches('"');
        let utf8 = ["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known));
        if name.trim().eq_ignore_ascii_case("charset") && !utf8 {
            return Err(unsupported(accepts)
                .with_kind("charset.unsupported")
                .with_message("The charset is not supported; send UTF-8"));
        }
    }
    Ok(kind)
}

/// Refuses a content type that is none of `types`; none are all.
pub(crate) fn check_type(headers: &HeaderMap, types: &[String]) -> Result<()> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = text.split(';').next().unwrap_or_default().trim();
    match types.is_empty() || types.iter().any(|own| is_of(essence, own)) {
        true => Ok(()),
        false => Err(error::unsupported_media_type(&types.join(" or "))),
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// 415 with what is accepted.
#[cold]
fn unsupported(accepts: Accepts<'_>) -> Error {
    let accepted = match accepts {
        Accepts::Declared(declared) => declared.types().join(" or "),
        Accepts::Route(bodies) => {
            let more =
                [(bodies.forms, FORM), (bodies.texts, "text/*"), (bodies.raw, "bytes of another type")];
            let more = more.into_iter().filter(|(on, _)| *on).map(|(_, name)| name);
            let json = (!bodies.no_json).then_some("application/json");
            json.into_iter().chain(more).collect::<Vec<_>>().join(" or ")
        }
    };
    error::unsupported_media_type(&accepted)
}

/// Whether a content type is `own`, which may be `image/*`.
fn is_of(essence: &str, own: &str) -> bool {
    match own.strip_suffix('*') {
        Some(prefix) => starts(essence, prefix),
        None => essence.eq_ignore_ascii_case(own),
    }
}

fn starts(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn ends(text: &str, suffix: &str) -> bool {
    text.len()
        .checked_sub(suffix.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

/// 413 with the type of the reference's body parser.
#[cold]
pub(crate) fn too_large() -> Error {
    Error::build("MoleculerError", 413, "request entity too large").with_kind("entity.too.large")
}

/// 400 with the type of the reference's body parser.
#[cold]
pub(crate) fn not_json(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::build("MoleculerError", 400, message).with_kind("entity.parse.failed")
}

#[cold]
fn not_utf8() -> Error {
    not_json("The body is not valid UTF-8")
}

#[cfg(test)]
mod tests;
