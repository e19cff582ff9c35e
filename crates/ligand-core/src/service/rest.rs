//! The `rest` option of actions: `GET /:id`, or an object with `method`, `path`, `basePath`, `fullPath`.

use std::{borrow::Cow, fmt, str::FromStr};

use ligand_alias::{METHODS, Path, Verb, split};
use ligand_wire::Error;
use serde_json::{Map, Value};

use crate::edge::{Multipart, Upload};

/// One HTTP alias of an action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rest {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`, `OPTIONS`, or `*` for all.
    pub method: String,
    /// Path that starts with a slash; `:name` is a parameter.
    pub path: String,
    /// Where the path begins.
    pub base: RestBase,
    /// The body is an upload. An action of Ligand says so with [`HttpBody`](crate::edge::HttpBody), for all its aliases.
    pub upload: Option<Upload>,
}

/// Where the path of a [`Rest`] begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum RestBase {
    /// Below the path of the service: its setting `rest`, else its full name.
    #[default]
    Service,
    /// Below this path instead, within the gateway's route.
    Own(String),
    /// At the root, also outside of the route's path. The stages of the route stand before it all the same.
    Root,
}

impl Rest {
    /// An alias below the path of the service whose parts are known to be right; parse a text to have it checked.
    ///
    /// ```
    /// use ligand_core::service::Rest;
    /// let find = Rest::new("GET", "/users/:id");
    /// # let _ = find;
    /// ```
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into(), base: RestBase::Service, upload: None }
    }

    /// Begins below `path` instead of the path of the service: Moleculer's `basePath`.
    pub fn below(mut self, path: impl Into<String>) -> Self {
        self.base = RestBase::Own(path.into());
        self
    }

    /// Makes the path a whole one, also outside of the route's: Moleculer's `fullPath`.
    pub fn full(mut self) -> Self {
        self.base = RestBase::Root;
        self
    }

    /// As other nodes read it.
    pub(crate) fn to_value(&self, upload: Option<&Upload>) -> Value {
        let upload = self.upload.as_ref().or(upload);
        let base = match &self.base {
            RestBase::Service if upload.is_none() => return self.to_string().into(),
            RestBase::Service => None,
            RestBase::Own(base) => Some(("basePath", base)),
            RestBase::Root => Some(("fullPath", &self.path)),
        };
        let mut alias = Map::new();
        alias.insert("method".into(), self.method.as_str().into());
        alias.insert("path".into(), self.path.as_str().into());
        alias.extend(base.map(|(key, base)| (key.to_owned(), base.as_str().into())));
        if let Some(upload) = upload {
            let kind = if matches!(upload, Upload::Stream) { "stream" } else { "multipart" };
            alias.insert("type".into(), kind.into());
        }
        if let Some(Upload::Multipart(bounds)) = upload {
            alias.insert("busboyConfig".into(), bounds.to_busboy());
        }
        Value::Object(alias)
    }
}

impl FromStr for Rest {
    type Err = Error;

    /// `METHOD /path`, or `/path` for every method.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem| Error::service_schema(format!("rest {problem}"));
        let (verb, path) = split(text).map_err(wrong)?;
        Path::parse(path).map_err(wrong)?;
        Ok(Self::new(verb.as_str(), path))
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Most aliases that another node's action may have, and the most bytes of one path.
const MOST: usize = 64;
const LONGEST: usize = 1024;

/// Reads what another node says of an action: a text, an object, or a list of both. `raw_name` is the path of an object
/// that names none. Beside the aliases: what is wrong with those that cannot be understood. They are left out, because an
/// alias that is guessed opens a path that nobody meant.
pub(crate) fn read(value: &Value, raw_name: &str) -> (Vec<Rest>, Vec<String>) {
    let items = match value {
        // As in JavaScript: what is falsy is none.
        Value::Null | Value::Bool(false) => return Default::default(),
        Value::String(text) if text.is_empty() => return Default::default(),
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let (mut aliases, mut problems) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().take(MOST).enumerate() {
        let alias = match item {
            Value::String(text) => from_text(text),
            Value::Object(alias) => from_object(alias, raw_name),
            _ => Err("is neither a text nor an object".into()),
        };
        match alias {
            Ok(alias) => aliases.push(alias),
            Err(problem) if value.is_array() => problems.push(format!("rest[{index}] {problem}")),
            Err(problem) => problems.push(format!("rest {problem}")),
        }
    }
    if items.len() > MOST {
        problems.push(format!("rest has {} aliases; the first {MOST} are taken", items.len()));
    }
    (aliases, problems)
}

type Problem = Cow<'static, str>;

/// `GET /x`, `GET x`, `/x`, `x`.
fn from_text(text: &str) -> Result<Rest, Problem> {
    let text = text.trim();
    let (method, path) = match text.split_once(char::is_whitespace) {
        Some((method, path)) => (method, path.trim_start()),
        None if Verb::parse(text).is_some() => return Err("has a method and no path; write \"GET /\"".into()),
        None => ("*", text),
    };
    Ok(Rest::new(method_of(method)?, path_of(path)?))
}

fn from_object(alias: &Map<String, Value>, raw_name: &str) -> Result<Rest, Problem> {
    let text = |key: &'static str| match alias.get(key) {
        // As in JavaScript: what is falsy counts as missing.
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(Problem::from(format!("has a '{key}' that is no text"))),
    };
    let upload = match text("type")? {
        None | Some("call") => None,
        Some("stream") => Some(Upload::Stream),
        Some("multipart") => {
            Some(Upload::Multipart(alias.get("busboyConfig").map(Multipart::from_busboy).unwrap_or_default()))
        }
        Some(_) => return Err("has a 'type' that is none of call, stream, multipart".into()),
    };
    if alias.get("passReqResToParams").is_some_and(|on| *on != Value::Bool(false) && !on.is_null()) {
        return Err("asks for 'passReqResToParams': the objects of a request do not leave the gateway".into());
    }
    let method = method_of(text("method")?.unwrap_or("*"))?;
    if let Some(full) = text("fullPath")? {
        return Ok(Rest { upload, ..Rest::new(method, path_of(full)?).full() });
    }
    let path = path_of(text("path")?.unwrap_or(raw_name))?;
    let rest = Rest { upload, ..Rest::new(method, path) };
    Ok(match text("basePath")? {
        Some(base) => rest.below(path_of(base)?),
        None => rest,
    })
}

fn method_of(text: &str) -> Result<&str, Problem> {
    match Verb::parse(text) {
        Some(_) => Ok(text),
        None => Err(format!("has a method that is none of {}, *", METHODS.join(", ")).into()),
    }
}

fn path_of(text: &str) -> Result<String, Problem> {
    if text.len() > LONGEST {
        return Err(format!("has a path of {} bytes; at most {LONGEST} are allowed", text.len()).into());
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("has a path with white space in it".into());
    }
    Ok(if text.starts_with('/') { text.into() } else { format!("/{text}") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_methods_and_paths() {
        let rest: Rest = "GET   /:id".parse().unwrap();
        assert_eq!((rest.method.as_str(), rest.path.as_str()), ("GET", "/:id"));
        assert_eq!("/x".parse::<Rest>().unwrap().method, "*");
        for (bad, fix) in [
            ("FETCH /x", "GET /:id"),
            ("get /x", "GET /x"),
            ("GET x", "GET /x"),
            ("GET", "GET /"),
            ("GET /a b", "no blanks"),
            ("GET/:id", "GET /:id"),
            ("GET /{id}", "':id'"),
            ("GET /*rest/x", "last segment"),
        ] {
            let error = bad.parse::<Rest>().unwrap_err();
            assert!(error.message().contains(fix) && error.message().contains("rest "), "{bad}: {error}");
        }
    }

    #[test]
    fn every_form_of_other_nodes_is_read() {
        let get = |path: &str| Rest::new("GET", path);
        for (value, expected) in [
            (json!("GET /x"), vec![get("/x")]),
            (json!("GET   x"), vec![get("/x")]),
            (json!("GET /"), vec![get("/")]),
            (json!("/x"), vec![Rest::new("*", "/x")]),
            (json!("x"), vec![Rest::new("*", "/x")]),
            (json!({"method": "GET", "path": "/x"}), vec![get("/x")]),
            (json!({"path": "x"}), vec![Rest::new("*", "/x")]),
            (json!({"method": "GET"}), vec![get("/find")]),
            (json!({"method": "GET", "path": ""}), vec![get("/find")]),
            (json!({}), vec![Rest::new("*", "/find")]),
            (json!({"method": "GET", "path": "/x", "basePath": "b"}), vec![get("/x").below("/b")]),
            (json!({"method": "GET", "path": "/x", "fullPath": "/f"}), vec![get("/f").full()]),
            (json!({"fullPath": "/f", "basePath": "/b"}), vec![Rest::new("*", "/f").full()]),
            (json!({"method": "GET", "path": "/x", "type": "call", "openapi": {}}), vec![get("/x")]),
            (json!(["GET /x", {"method": "GET"}]), vec![get("/x"), get("/find")]),
            (json!(false), vec![]),
            (json!(null), vec![]),
            (json!(""), vec![]),
            (json!([]), vec![]),
        ] {
            assert_eq!(read(&value, "find"), (expected, vec![]), "{value}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_no_alias_and_is_not_quoted() {
        for value in [
            json!(true),
            json!(5),
            json!("GET"),
            json!("get /s3cret"),
            json!("GET,POST /s3cret"),
            json!("REST /s3cret"),
            json!("GET /s3cret b"),
            json!({"method": "s3cret"}),
            json!({"method": ["GET"], "path": "/x"}),
            json!({"path": 5}),
            json!({"path": ["/x"]}),
            json!({"path": "/x", "basePath": {}}),
            json!({"path": "/x", "fullPath": true}),
            json!({"path": "/s3cret\n"}),
            json!({"path": "/up", "type": "s3cret"}),
            json!({"path": "/up", "type": 1}),
            json!({"path": "/x", "passReqResToParams": true}),
            json!({"path": "x".repeat(2000)}),
            json!([["GET /x"]]),
        ] {
            let (aliases, problems) = read(&value, "find");
            assert_eq!((aliases, problems.len()), (vec![], 1), "{value}");
            assert!(!problems[0].contains("s3cret") && problems[0].len() < 200, "{problems:?}");
        }
        let (aliases, problems) = read(&json!(vec!["GET /x"; 1000]), "find");
        assert_eq!((aliases.len(), problems.len()), (MOST, 1));
    }

    #[test]
    fn what_is_told_is_read_as_it_was() {
        let all = [Rest::new("GET", "/x"), Rest::new("*", "/x").below("/b"), Rest::new("PUT", "/f").full()];
        let told = Value::Array(all.iter().map(|rest| rest.to_value(None)).collect());
        assert_eq!(read(&told, "find"), (all.to_vec(), vec![]));
        for upload in [Upload::Stream, Upload::Multipart(Multipart::new().files(1).file_limit(5))] {
            let told = Value::Array(all.iter().map(|rest| rest.to_value(Some(&upload))).collect());
            let all = all.clone().map(|rest| Rest { upload: Some(upload.clone()), ..rest });
            assert_eq!(read(&told, "find"), (all.to_vec(), vec![]));
        }
    }
}
