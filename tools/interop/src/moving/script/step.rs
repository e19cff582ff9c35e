//! One request of the script, and what may be different about its answer.

use serde_json::{Value, json};

use super::{super::http::Request, Names};

/// A request. In its path and body `$NAME` stands for what an earlier step saved under this name, and `$ROUND` for the
/// number of the round.
#[derive(Clone, Debug)]
pub(super) struct Step {
    request: Request,
    user: Option<&'static str>,
    pub(super) saves: Vec<(&'static str, &'static str)>,
    pub(super) rows: Option<usize>,
    pub(in crate::moving) differs: Vec<Difference>,
}

/// A difference on purpose: a line of docs/differences.md.
#[derive(Clone, Debug)]
pub(in crate::moving) struct Difference {
    /// The services that make it when they run in Rust, all of them.
    rust: &'static [&'static str],
    /// The services that have to run in JavaScript for it.
    js: &'static [&'static str],
    /// What of the answer is something else then.
    parts: Value,
}

impl Difference {
    /// A difference that these services make when they run in Rust.
    pub(super) fn new(rust: &'static [&'static str], parts: Value) -> Self {
        Self { rust, js: &[], parts }
    }

    /// Whether it is to be expected where `rust` says what runs in Rust.
    pub(in crate::moving) fn counts(&self, rust: impl Fn(&str) -> bool) -> bool {
        self.rust.iter().all(|service| rust(service)) && !self.js.iter().any(|service| rust(service))
    }

    /// The same with all names filled in.
    pub(super) fn filled(mut self, names: &Names) -> Self {
        let text = filled(&self.parts.to_string(), names);
        // Names stand within texts, so it stays JSON.
        self.parts = serde_json::from_str(&text).unwrap_or(self.parts);
        self
    }

    /// Turns the answer of Moleculer into that of Ligand: the body as a whole; headers one by one, null for none; texts
    /// of errors by the names of their fields.
    pub(in crate::moving) fn apply(&self, answer: &mut Value) {
        for (part, value) in self.parts.as_object().into_iter().flatten() {
            match (part.as_str(), value) {
                ("headers", Value::Object(headers)) => {
                    let Some(own) = answer["headers"].as_object_mut() else { continue };
                    for (name, value) in headers {
                        match value {
                            Value::Null => drop(own.remove(name)),
                            value => drop(own.insert(name.clone(), value.clone())),
                        }
                    }
                }
                ("texts", Value::Object(texts)) => {
                    let errors = answer["body"]["data"].as_array_mut();
                    for error in errors.into_iter().flatten() {
                        let field = error["field"].as_str().unwrap_or_default();
                        if let Some(text) = texts.get(field) {
                            error["message"] = text.clone();
                        }
                    }
                }
                (part, value) => answer[part] = value.clone(),
            }
        }
    }
}

/// The text with what the names stand for.
fn filled(text: &str, names: &Names) -> String {
    // Longer names first, so that none is taken for the beginning of another.
    names.iter().rev().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
}

/// A request without a body.
pub(super) fn request(method: &str, path: &str) -> Step {
    let request = Request { method: method.into(), path: path.into(), ..Request::default() };
    Step { request, user: None, saves: Vec::new(), rows: None, differs: Vec::new() }
}

/// `GET`
pub(super) fn get(path: &str) -> Step {
    request("GET", path)
}

/// `DELETE`
pub(super) fn delete(path: &str) -> Step {
    request("DELETE", path)
}

/// `POST` of JSON.
pub(super) fn post(path: &str, body: &str) -> Step {
    request("POST", path).json(body)
}

/// `PUT` of JSON.
pub(super) fn put(path: &str, body: &str) -> Step {
    request("PUT", path).json(body)
}

impl Step {
    /// Sends JSON.
    pub(super) fn json(self, body: &str) -> Self {
        self.body("application/json", body)
    }

    /// Sends a body of another type.
    pub(super) fn body(mut self, kind: &str, body: &str) -> Self {
        self.request.body = Some(body.to_owned());
        self.header("Content-Type", kind)
    }

    /// Sends a header.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.request.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the token that an earlier step saved.
    pub(super) fn by(mut self, token: &'static str) -> Self {
        self.user = Some(token);
        self
    }

    /// Saves a text of the answer; `place` is a JSON pointer.
    pub(super) fn save(mut self, name: &'static str, place: &'static str) -> Self {
        self.saves.push((name, place));
        self
    }

    /// Saves the token of a log-in.
    pub(super) fn token(self, name: &'static str) -> Self {
        self.save(name, "/headers/authorization")
    }

    /// Asks until so many rows are there: those that events bring come when they come.
    pub(super) fn rows(mut self, rows: usize) -> Self {
        self.rows = Some(rows);
        self
    }

    /// What is something else on purpose when these services run in Rust.
    pub(super) fn differs(self, rust: &'static [&'static str], parts: Value) -> Self {
        self.differs_beside(rust, &[], parts)
    }

    /// Errors about these fields have other texts when `service` runs in Rust.
    pub(super) fn texts(self, service: &'static [&'static str], texts: &[(&str, &str)]) -> Self {
        let texts: Value = texts.iter().map(|(field, text)| (*field, *text)).collect();
        self.differs(service, json!({ "texts": texts }))
    }

    /// What is something else on purpose when `rust` run in Rust and `js` in JavaScript.
    pub(super) fn differs_beside(
        mut self,
        rust: &'static [&'static str],
        js: &'static [&'static str],
        parts: Value,
    ) -> Self {
        self.differs.push(Difference { rust, js, parts });
        self
    }

    /// Whether it asks for something below a path.
    pub(super) fn is_below(&self, path: &str) -> bool {
        self.request.path.starts_with(path)
    }

    /// What it is called in reports.
    pub(super) fn name(&self) -> String {
        let Request { method, path, body, .. } = &self.request;
        let user = self.user.map(|user| format!(" by {user}")).unwrap_or_default();
        format!("{method} {path} {}{user}", body.as_deref().unwrap_or_default())
    }

    /// The request with all names filled in.
    ///
    /// # Errors
    /// When an earlier step should have saved something and did not.
    pub(super) fn request(&self, names: &Names) -> Result<Request, String> {
        let mut request = self.request.clone();
        request.path = filled(&request.path, names);
        request.body = request.body.as_deref().map(|body| filled(body, names));
        if let Some(user) = self.user {
            let token = names.get(user).ok_or_else(|| format!("{}: no '{user}'", self.name()))?;
            request.headers.push(("Authorization".into(), format!("Bearer {token}")));
        }
        Ok(request)
    }
}
