//! `multipart/form-data`: a call for each file.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{HeaderMap, header};
use ligand_core::{
    Context, Error, Payload, Result,
    edge::{Multipart, MultipartBounds},
};
use multer::{Field, Multipart as Reader};
use serde_json::{Map, Value, json};

use super::{
    Job, Source,
    feed::{self, Chunks},
    filename,
};
use crate::{error, query};

/// Bytes of the headers of one part, with what stands before it.
const HEAD: usize = 16 * 1024;

/// Bytes of the name of a part.
const NAME: usize = 1024;

/// The longest boundary; RFC 2046.
const BOUNDARY: usize = 70;

/// The boundary of a body.
///
/// # Errors
/// 415 for what is not multipart, 400 without a usable boundary.
pub(super) fn boundary(headers: &HeaderMap) -> Result<String> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("multipart/form-data") {
        return Err(error::unsupported_media_type("multipart/form-data"));
    }
    match multer::parse_boundary(kind) {
        Ok(boundary) if (1..=BOUNDARY).contains(&boundary.len()) => Ok(boundary),
        _ => Err(invalid("the boundary is missing, or longer than 70 characters")),
    }
}

/// Calls the action once for each file, in their order.
pub(super) async fn calls(job: &Job, ctx: &Context, own: &Multipart, source: &Source) -> Result<Payload> {
    let own = job.entry.route.multipart.as_ref().map_or_else(|| own.clone(), |route| own.or(route));
    let bounds = own.bounds(job.limit).map_err(Error::internal_error)?;
    // The reason is the source's to tell.
    let content = source.clone().map_err(|_| "the body broke off");
    let reader = Reader::new(content, boundary(&job.req.headers)?);
    let mut form = Form { source, reader, bounds, fields: Map::new(), parts: 0, texts: 0 };
    let mut results = Vec::new();
    while let Some(field) = form.next().await? {
        let Some(mut file) = form.take(field).await? else { continue };
        if results.len() == bounds.files {
            return Err(too_many("files", bounds.files));
        }
        let params = file.params(&job.params(form.fields.clone())?)?;
        results.push(feed::call(job, ctx, job.call(ctx, params), &mut file).await?);
    }
    if results.is_empty() {
        if !bounds.without_file {
            let text = "File missing in the request";
            return Err(Error::build("MoleculerClientError", 400, text).with_kind("FILE_MISSING"));
        }
        if !form.fields.is_empty() {
            results.push(job.call(ctx, job.params(form.fields)?).await?);
        }
    } else if results.len() == 1 && bounds.files == 1 {
        return Ok(results.remove(0));
    }
    let results: Result<Vec<Value>> = results.iter().map(Payload::to_value).collect();
    Ok(Value::Array(results?).into())
}

struct Form<'a> {
    source: &'a Source,
    reader: Reader<'static>,
    bounds: MultipartBounds,
    /// Fields that have come so far; of several with one name the last.
    fields: Map<String, Value>,
    parts: usize,
    texts: usize,
}

impl<'a> Form<'a> {
    async fn next(&mut self) -> Result<Option<Field<'static>>> {
        self.source.head(Some(HEAD));
        let field = self.reader.next_field().await.map_err(|error| broken(self.source, &error))?;
        self.source.head(None);
        if field.is_some() {
            self.parts += 1;
            if self.parts > self.bounds.parts {
                return Err(too_many("parts", self.bounds.parts));
            }
        }
        Ok(field)
    }

    /// A file; what is none is kept.
    async fn take(&mut self, field: Field<'static>) -> Result<Option<File<'a>>> {
        let name = field.name().unwrap_or_default().to_owned();
        if name.len() > NAME {
            return Err(error::payload_too_large().with_data(json!({ "limit": "name", "most": NAME })));
        }
        let kind = field.content_type().map(|kind| kind.essence_str().to_owned());
        if field.file_name().is_none() && kind.as_deref() != Some("application/octet-stream") {
            self.text(name, field).await?;
            return Ok(None);
        }
        let sent = field.file_name().unwrap_or_default();
        let unnamed = sent.is_empty();
        let filename = filename::safe(sent);
        let encoding = field.headers().get("content-transfer-encoding").and_then(|value| value.to_str().ok());
        let encoding = encoding.filter(|text| text.len() <= 64).unwrap_or("7bit").to_owned();
        let kind = kind.unwrap_or_else(|| "text/plain".into());
        let left = self.bounds.file_bytes;
        let mut file = File { source: self.source, field, first: None, left, name, filename, encoding, kind };
        if unnamed {
            file.first = file.next().await?;
            // What browsers send for an input without a file.
            if file.first.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(file))
    }

    async fn text(&mut self, name: String, mut field: Field<'static>) -> Result<()> {
        self.texts += 1;
        if self.texts > self.bounds.fields {
            return Err(too_many("fields", self.bounds.fields));
        }
        let mut text = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(|error| broken(self.source, &error))? {
            if text.len() + chunk.len() > self.bounds.field_bytes {
                let data = json!({ "fieldname": name, "limit": "field", "most": self.bounds.field_bytes });
                return Err(error::payload_too_large().with_data(data));
            }
            text.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(text).map_err(|_| invalid("a field is not valid UTF-8"))?;
        // The names with `$` are what the gateway says of the file.
        if !name.is_empty() && !name.starts_with('$') && !query::is_dropped(&name) {
            self.fields.insert(name, text.into());
        }
        Ok(())
    }
}

/// A part that is a file.
struct File<'a> {
    source: &'a Source,
    field: Field<'static>,
    /// A piece that was read already.
    first: Option<Bytes>,
    /// Bytes that may still come.
    left: usize,
    name: String,
    filename: Option<String>,
    encoding: String,
    kind: String,
}

impl File<'_> {
    /// What is known of it, over what the request says.
    fn params(&self, others: &Payload) -> Result<Payload> {
        let Value::Object(mut params) = others.to_value()? else {
            return Err(Error::internal_error("the parameters of an upload are no object"));
        };
        params.insert("$fieldname".into(), self.name.as_str().into());
        params.insert("$filename".into(), self.filename.clone().into());
        params.insert("$encoding".into(), self.encoding.as_str().into());
        params.insert("$mimetype".into(), self.kind.as_str().into());
        Ok(Value::Object(params).into())
    }

    fn too_large(&self) -> Error {
        error::payload_too_large().with_data(json!({
            "fieldname": self.name,
            "filename": self.filename,
            "encoding": self.encoding,
            "mimetype": self.kind,
        }))
    }
}

impl Chunks for File<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        loop {
            let chunk = self.field.chunk().await.map_err(|error| broken(self.source, &error))?;
            let Some(chunk) = chunk else { return Ok(None) };
            self.left = self.left.checked_sub(chunk.len()).ok_or_else(|| self.too_large())?;
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }
}

/// Why the form could not be read: what the body said, else what its form is.
fn broken(source: &Source, error: &multer::Error) -> Error {
    let invalid = || invalid("the body is no multipart form").with_internal(error.to_string());
    source.failure().unwrap_or_else(invalid)
}

#[cold]
fn too_many(what: &str, most: usize) -> Error {
    error::payload_too_large().with_data(json!({ "limit": what, "most": most }))
}

#[cold]
fn invalid(what: &'static str) -> Error {
    error::bad_request("INVALID_MULTIPART").with_message(format!("The upload cannot be read: {what}"))
}
