//! The parameters of a call: body below query below path.

use std::sync::Arc;

use bytes::Bytes;
use ligand_core::{Error, Payload, Result};
use ligand_wire::{Binary, schema::Schema};
use serde_json::{Map, Value};

use crate::{
    Req,
    body::{BODY, Content, Shape, Single, not_json},
    entry::{Entry, Kind},
    error, query,
};

/// The parameters of a call, together or apart as the route wants them.
pub(crate) fn of(
    req: &Req,
    entry: &Entry,
    pairs: query::Bounds,
    content: Content,
    schema: Option<&Schema>,
) -> Result<Payload> {
    if !entry.route.separate {
        return merge(&req.params, req.query(), pairs, content, schema);
    }
    let path = (entry.kind != Kind::Direct).then_some(req.params.as_slice());
    separate(path, req.query(), pairs, content, schema)
}

/// Merges everything a request says. Texts are converted by `schema`, JSON is not. A list is merged with nothing: it has
/// no names.
fn merge(
    path: &[(Arc<str>, String)],
    query: Option<&str>,
    pairs: query::Bounds,
    content: Content,
    schema: Option<&Schema>,
) -> Result<Payload> {
    let query = query.filter(|query| !query.is_empty());
    let (json, form) = match content {
        Content::Json(list, Shape::List) => {
            return if path.is_empty() && query.is_none() {
                whole_list(list, schema)
            } else {
                Err(not_merged())
            };
        }
        Content::Json(object, Shape::Object) => (Some(object), None),
        Content::Form(form) => (None, Some(form)),
        Content::None => (None, None),
        Content::Whole { field: None, content } => {
            return if path.is_empty() && query.is_none() {
                Ok(content.into_payload())
            } else {
                Err(not_beside())
            };
        }
        Content::Whole { field: Some(field), content } => {
            let texts = texts(path, query, pairs, Map::new(), schema)?;
            return with_body(texts, &field, content);
        }
    };
    if path.is_empty() && query.is_none() && form.is_none() {
        return Ok(Payload::json(json.unwrap_or(Bytes::from_static(b"{}"))));
    }
    let texts = texts(path, query, pairs, form.unwrap_or_default(), schema)?;
    let Some(json) = json else { return Ok(Value::Object(texts).into()) };
    let mut merged = match serde_json::from_slice(&json) {
        Ok(Value::Object(body)) => body,
        Ok(_) => return Err(not_merged()),
        Err(error) => return Err(not_json(format!("The body is not valid JSON: {error}"))),
    };
    merged.extend(texts);
    Ok(Value::Object(merged).into())
}

/// What a request says in texts, converted.
fn texts(
    path: &[(Arc<str>, String)],
    query: Option<&str>,
    pairs: query::Bounds,
    form: Map<String, Value>,
    schema: Option<&Schema>,
) -> Result<Map<String, Value>> {
    let mut texts = form;
    if let Some(query) = query {
        texts.extend(query::read(query, pairs)?);
    }
    for (name, value) in path {
        texts.insert(String::from(&**name), Value::String(value.clone()));
    }
    let mut texts = Value::Object(texts);
    if let Some(schema) = schema {
        schema.convert(&mut texts);
    }
    match texts {
        Value::Object(texts) => Ok(texts),
        // An object stays one.
        _ => Ok(Map::new()),
    }
}

impl Single {
    fn into_payload(self) -> Payload {
        match self {
            Self::Text(text) => Payload::typed(text),
            Self::Bytes { bytes, .. } => Payload::binary(bytes),
        }
    }
}

/// A text or bytes as one parameter beside others.
fn with_body(mut others: Map<String, Value>, field: &str, content: Single) -> Result<Payload> {
    if others.contains_key(field) {
        return Err(error::bad_request("BODY_TWICE").with_message(format!(
            "The parameter '{field}' is the body of this request; leave it out of path and query"
        )));
    }
    let bytes = match content {
        Single::Text(text) => {
            others.insert(field.to_owned(), text.into());
            return Ok(Value::Object(others).into());
        }
        Single::Bytes { bytes, ours: true } => {
            others.insert(field.to_owned(), Binary::from(bytes).to_text().into());
            return Ok(Value::Object(others).into());
        }
        Single::Bytes { bytes, ours: false } => bytes,
    };
    // As text: a tree of numbers would take thirty times the bytes.
    let mut json = serde_json::to_vec(&others)?;
    json.pop();
    if !others.is_empty() {
        json.push(b',');
    }
    json.extend(serde_json::to_vec(field)?);
    json.push(b':');
    json.extend(serde_json::to_vec(&Binary::from(bytes))?);
    json.push(b'}');
    Ok(Payload::json(json))
}

#[cold]
fn not_beside() -> Error {
    error::bad_request("BODY_IS_ALL").with_message(
        "The body of this request is all that the action takes; leave out the parameters of path and query",
    )
}

/// A list as the parameters themselves, for actions that take one. For all others it is none: its items must not become
/// fields by their position.
fn whole_list(list: Bytes, schema: Option<&Schema>) -> Result<Payload> {
    if let Some(schema) = schema.filter(|schema| !schema.types().array()) {
        let value = serde_json::from_slice(&list)
            .map_err(|error| not_json(format!("The body is not valid JSON: {error}")))?;
        return Err(match schema.check(&value) {
            errors if errors.is_empty() => not_merged(),
            errors => Error::validation(errors),
        });
    }
    Ok(Payload::json(list))
}

#[cold]
fn not_merged() -> Error {
    error::bad_request("BODY_IS_A_LIST")
        .with_message("The body is a JSON array, which cannot be merged with parameters; send an object")
}

/// Keeps the sources apart: `{body, query, params}`, where `body` is missing when there is none, and `params` of direct
/// calls, which have no path of their own.
fn separate(
    path: Option<&[(Arc<str>, String)]>,
    query: Option<&str>,
    pairs: query::Bounds,
    content: Content,
    schema: Option<&Schema>,
) -> Result<Payload> {
    let query = query::read(query.unwrap_or_default(), pairs)?;
    let mut all = Map::new();
    all.insert("query".into(), query.into());
    if let Some(path) = path {
        let path = path.iter().map(|(name, value)| (name.to_string(), value.clone().into()));
        all.insert("params".into(), path.collect::<Map<_, _>>().into());
    }
    let json = match content {
        Content::Json(bytes, _) => Some(bytes),
        Content::Form(form) => {
            all.insert(BODY.into(), form.into());
            None
        }
        Content::None => None,
        Content::Whole { content, .. } => {
            let mut all = Value::Object(all);
            if let Some(schema) = schema {
                schema.convert(&mut all);
            }
            let Value::Object(all) = all else { return Ok(all.into()) };
            return with_body(all, BODY, content);
        }
    };
    let mut all = Value::Object(all);
    if let Some(schema) = schema {
        schema.convert(&mut all);
    }
    if let (Some(json), Value::Object(all)) = (json, &mut all) {
        let body: Value = serde_json::from_slice(&json)
            .map_err(|error| not_json(format!("The body is not valid JSON: {error}")))?;
        all.insert("body".into(), body);
    }
    Ok(all.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        let number = json!({"type": "integer"});
        Schema::from_json(json!({"type": "object", "properties": {"id": number, "page": number}})).unwrap()
    }

    fn object(text: &'static str) -> Content {
        Content::Json(text.into(), Shape::Object)
    }

    fn merged(path: &[(&str, &str)], query: Option<&str>, content: Content) -> Payload {
        let path: Vec<_> = path.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
        merge(&path, query, 100.into(), content, Some(&schema())).unwrap()
    }

    #[test]
    fn later_sources_win() {
        let body = object(r#"{"id":"b","page":"b","x":"b"}"#);
        let all = merged(&[("id", "5")], Some("id=6&page=7"), body);
        assert_eq!(all.to_value().unwrap(), json!({"id": 5, "page": 7, "x": "b"}));
    }

    #[test]
    fn only_texts_are_converted() {
        let body = object(r#"{"id":"5"}"#);
        assert_eq!(merged(&[], Some("page=1"), body).to_value().unwrap(), json!({"id": "5", "page": 1}));
        let form = json!({"id": "5"}).as_object().unwrap().clone();
        assert_eq!(merged(&[], None, Content::Form(form)).to_value().unwrap(), json!({"id": 5}));
    }

    #[test]
    fn json_alone_is_passed_on_undecoded() {
        let body: Bytes = r#"{"id": 1}"#.into();
        let payload = merged(&[], Some(""), Content::Json(body.clone(), Shape::Object));
        assert_eq!(payload.as_json().unwrap().as_ptr(), body.as_ptr());
        assert_eq!(merged(&[], None, Content::None).as_json().unwrap(), "{}");
    }

    #[test]
    fn a_list_is_the_parameters_or_nothing() {
        let list = || Content::Json("[7]".into(), Shape::List);
        let path = [("id".into(), "1".to_owned())];
        let free = Schema::from_json(json!({})).unwrap();
        for (path, query) in [(&path[..], None), (&[][..], Some("a=1"))] {
            for schema in [None, Some(&free), Some(&schema())] {
                let error = merge(path, query, 100.into(), list(), schema).unwrap_err();
                assert_eq!((error.code(), error.kind()), (400, "BODY_IS_A_LIST"));
            }
        }
        for schema in [None, Some(&free)] {
            assert_eq!(merge(&[], None, 100.into(), list(), schema).unwrap().as_json().unwrap(), "[7]");
        }
        let error = merge(&[], None, 100.into(), list(), Some(&schema())).unwrap_err();
        assert_eq!((error.code(), error.name()), (422, "ValidationError"));
    }
}
