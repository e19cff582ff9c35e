//! How an action takes the body of an HTTP request, when not as JSON.

use ligand_wire::Result;
use serde_json::{Map, Value, json};

use super::{Multipart, Size, Upload};

/// What the body of a request is for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// Fields of a form, `application/x-www-form-urlencoded`: they become parameters. Any site can send forms to any
    /// other, without asking first: with cookies as authentication this needs a token in a header.
    Form,
    /// One text in UTF-8, whatever it says.
    Text,
    /// Bytes, whatever they are: also those of a JSON text, as a signature of the sender is about them.
    Raw,
    /// Bytes of any number, which the action reads as [`Context::stream`](crate::Context::stream) while they come. They are
    /// no parameter.
    Stream,
    /// `multipart/form-data`: a call for each file, whose content is the stream. See [`Multipart`].
    Multipart,
}

/// How an action takes the body of an HTTP request, when not as JSON; `#[action(body = raw)]`.
///
/// Text and bytes become one parameter, `body` unless it is told another name; parameters of path and query stand beside
/// it. For an action whose parameters as a whole are a `String` or a [`Binary`](ligand_wire::Binary) they are
/// [`whole`](Self::whole). A handler that takes a [`Payload`](ligand_wire::Payload) reads the parameter as a `Binary`.
///
/// ```
/// use ligand_core::{Action, Context, Error, edge::HttpBody};
/// use ligand_wire::Binary;
///
/// let hook = Action::new("hook", |_: Context, body: Binary| async move { Ok::<_, Error>(body.len()) })
///     .rest("POST /hook")?
///     .body(HttpBody::raw().whole().limit("1mb"));
/// # let _ = hook;
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct HttpBody(HttpBodyDef);

/// What an [`HttpBody`] says; an action's own is [`ActionDef::body`](crate::service::ActionDef::body).
#[derive(Clone, Debug, PartialEq)]
pub struct HttpBodyDef {
    kind: BodyKind,
    /// `None`: the parameters as a whole.
    field: Option<String>,
    types: Vec<String>,
    limit: Option<LimitText>,
    multipart: Multipart,
}

impl HttpBody {
    /// Bytes, of every content type.
    pub fn raw() -> Self {
        Self::of(BodyKind::Raw, &[])
    }

    /// A text, of content types `text/*`.
    pub fn text() -> Self {
        Self::of(BodyKind::Text, &["text/*"])
    }

    /// The fields of a form.
    pub fn form() -> Self {
        Self::of(BodyKind::Form, &["application/x-www-form-urlencoded"])
    }

    /// A stream of bytes, of every content type: [`Context::stream`](crate::Context::stream).
    ///
    /// ```
    /// use ligand_core::{Action, Context, Error, edge::HttpBody};
    ///
    /// let save = Action::new("save", |ctx: Context, (): ()| async move {
    ///     let Some(mut file) = ctx.stream() else { return Ok(0) };
    ///     let mut size = 0;
    ///     while let Some(chunk) = file.next_bytes().await {
    ///         size += chunk?.len();
    ///     }
    ///     Ok::<_, Error>(size)
    /// })
    /// .rest("PUT /file")?
    /// .body(HttpBody::stream().limit("1gb"));
    /// # let _ = save;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn stream() -> Self {
        let mut body = Self::of(BodyKind::Stream, &[]);
        body.0.field = None;
        body
    }

    /// The files of a form, one call for each: its content is [`Context::stream`](crate::Context::stream), and what is
    /// known of it stands in the parameters `$filename`, `$fieldname`, `$mimetype` and `$encoding`.
    pub fn multipart(bounds: Multipart) -> Self {
        let mut body = Self::of(BodyKind::Multipart, &["multipart/form-data"]);
        body.0.field = None;
        body.0.multipart = bounds;
        body
    }

    fn of(kind: BodyKind, types: &[&str]) -> Self {
        let types = types.iter().map(|name| (*name).to_owned()).collect();
        let multipart = Multipart::new();
        Self(HttpBodyDef { kind, field: Some("body".into()), types, limit: None, multipart })
    }

    /// The parameter that it becomes, as on the wire. Default: `body`.
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.0.field = Some(name.into());
        self
    }

    /// It is the parameters as a whole; none of path or query can stand beside it.
    pub fn whole(mut self) -> Self {
        self.0.field = None;
        self
    }

    /// The content types that are taken, such as `image/png` or `image/*`; others are refused with 415.
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.0.types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Most bytes; more is 413. Default: that of the route, else of the gateway.
    pub fn limit(mut self, size: impl Into<LimitText>) -> Self {
        self.0.limit = Some(size.into());
        self
    }

    /// What it says.
    pub fn def(&self) -> &HttpBodyDef {
        &self.0
    }
}

impl From<HttpBody> for HttpBodyDef {
    fn from(body: HttpBody) -> Self {
        body.0
    }
}

impl HttpBodyDef {
    /// What it is.
    pub fn kind(&self) -> BodyKind {
        self.kind
    }

    /// The parameter that it becomes; `None`: the parameters as a whole.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The content types that are taken; none: all.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// Most bytes.
    ///
    /// # Errors
    /// A text that quotes what is no size.
    pub fn limit(&self) -> Result<Option<usize>, String> {
        self.limit.as_ref().map(LimitText::bytes).transpose()
    }

    /// How it is read while it comes; `None` when it is a parameter.
    pub fn upload(&self) -> Option<Upload> {
        match self.kind {
            BodyKind::Stream => Some(Upload::Stream),
            BodyKind::Multipart => Some(Upload::Multipart(self.multipart.clone())),
            _ => None,
        }
    }

    /// What an action definition says; `None` when that is not understood.
    pub fn read(value: &Value) -> Option<Self> {
        let kind = match value.get("kind")?.as_str()? {
            "raw" => BodyKind::Raw,
            "text" => BodyKind::Text,
            "form" => BodyKind::Form,
            "stream" => BodyKind::Stream,
            "multipart" => BodyKind::Multipart,
            _ => return None,
        };
        let field = value.get("field").and_then(Value::as_str).map(str::to_owned);
        let types = value.get("types")?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned);
        let limit = match value.get("limit") {
            None => None,
            Some(limit) => Some(LimitText::read(limit)?),
        };
        let multipart = Multipart::read(value)?;
        let body = Self { kind, field, types: types.collect(), limit, multipart };
        (body.limit().is_ok() && body.multipart.bounds(0).is_ok()).then_some(body)
    }
}

/// A size as it was written: what is wrong with it stops the start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimitText(Written);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Written {
    Number(usize),
    Text(String),
}

impl LimitText {
    pub(super) fn bytes(&self) -> Result<usize, String> {
        match &self.0 {
            Written::Number(bytes) => Ok(*bytes),
            Written::Text(text) => Size::from(text.as_str()).bytes(),
        }
    }

    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text.as_str().into()),
            number => usize::try_from(number.as_u64()?).ok().map(Self::from),
        }
    }
}

impl From<usize> for LimitText {
    fn from(bytes: usize) -> Self {
        Self(Written::Number(bytes))
    }
}

impl From<&str> for LimitText {
    fn from(text: &str) -> Self {
        Self(Written::Text(text.into()))
    }
}

impl From<LimitText> for Value {
    fn from(LimitText(size): LimitText) -> Self {
        match size {
            Written::Number(bytes) => bytes.into(),
            Written::Text(text) => text.into(),
        }
    }
}

impl From<HttpBody> for Value {
    /// The form in an action's definition.
    fn from(HttpBody(body): HttpBody) -> Self {
        let kind = match body.kind {
            BodyKind::Form => "form",
            BodyKind::Text => "text",
            BodyKind::Raw => "raw",
            BodyKind::Stream => "stream",
            BodyKind::Multipart => "multipart",
        };
        let mut all = Map::new();
        all.insert("kind".into(), kind.into());
        all.insert("types".into(), json!(body.types));
        all.extend(body.field.map(|field| ("field".to_owned(), field.into())));
        all.extend(body.limit.map(|limit| ("limit".to_owned(), limit.into())));
        body.multipart.write(&mut all);
        Self::Object(all)
    }
}

/// What is wrong with an alias that leads to an action which takes a body; `None` when its requests may have one.
pub fn no_body(method: &str, path: &str) -> Option<String> {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
        .then(|| format!("requests of '{method} {path}' have none; use POST, PUT or PATCH"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_as_it_was() {
        for body in [
            HttpBody::raw(),
            HttpBody::raw().whole().limit(5),
            HttpBody::text().field("page").limit("1mb"),
            HttpBody::form(),
            HttpBody::raw().types(["image/png", "image/*"]),
            HttpBody::stream().limit("1gb"),
            HttpBody::multipart(
                Multipart::new().files(1).file_limit("5mb").field_limit(9).without_file(true),
            ),
        ] {
            assert_eq!(HttpBodyDef::read(&body.clone().into()), Some(body.into()));
        }
        for value in [json!(true), json!({"kind": "carrier", "types": []}), json!({"kind": "raw"})] {
            assert_eq!(HttpBodyDef::read(&value), None, "{value}");
        }
        assert_eq!(HttpBodyDef::read(&HttpBody::raw().limit("1 potato").into()), None);
    }
}
