//! What an action says to gateways, and what it asks of them.

use ligand_wire::{Error, Result, schema::Schema};
use serde_json::Value;

use super::{Action, ActionDef};
use crate::edge::{BodyKind, HttpBody, HttpBodyDef, HttpWants, Size, no_body};

/// The fields of an action's definition that gateways read, on this and on other nodes.
const HTTP: &str = "$http";
const RUN_TO_END: &str = "$runToEnd";
const BODY: &str = "$body";

impl Action {
    /// Gives the handler the HTTP request that it answers, as [`Context::http`](crate::context::Context::http) shows it.
    pub fn http(self, wants: HttpWants) -> Self {
        self.metadata(HTTP, wants)
    }

    /// Whether a call from a gateway runs to its end when the HTTP client leaves. Default: the route says, else by the
    /// method of the request: yes, unless it is `GET`, `HEAD` or `OPTIONS`.
    pub fn run_to_end(self, always: bool) -> Self {
        self.metadata(RUN_TO_END, always)
    }

    /// Takes the body of HTTP requests as a text, as bytes, as a form or as an upload instead of as JSON. What cannot be taken so stops
    /// the start.
    pub fn body(self, body: HttpBody) -> Self {
        self.metadata(BODY, body)
    }
}

impl ActionDef {
    /// How the action takes the body of HTTP requests, when not as JSON.
    pub fn body(&self) -> Option<HttpBodyDef> {
        self.metadata(BODY).and_then(HttpBodyDef::read)
    }

    /// What the action wants to know of the HTTP request.
    pub fn http(&self) -> Option<HttpWants> {
        self.metadata(HTTP).and_then(HttpWants::read)
    }

    pub(crate) fn wants_http(&self) -> bool {
        self.http().is_some()
    }

    /// What the action says to [`Action::run_to_end`].
    pub fn run_to_end(&self) -> Option<bool> {
        self.metadata(RUN_TO_END).and_then(Value::as_bool)
    }
}

/// Checks how an action of this node takes bodies.
///
/// # Errors
/// `SERVICE_SCHEMA_ERROR` that names action, cause and way out.
pub(in crate::service) fn check_body(action: &ActionDef) -> Result<()> {
    let Some(said) = action.metadata(BODY) else { return Ok(()) };
    let refuse = |why: String| {
        Err(Error::service_schema(format!("the action '{}' cannot take its body: {why}", action.full_name())))
    };
    let Some(body) = HttpBodyDef::read(said) else {
        let sizes = ["limit", "fileLimit", "fieldLimit"].iter().filter_map(|name| said.get(name)?.as_str());
        return refuse(match sizes.filter_map(|text| Size::from(text).bytes().err()).next() {
            Some(problem) => problem,
            _ => "it is described in a way that is not understood; use `HttpBody`".into(),
        });
    };
    if let Some(kind) = body.types().iter().find(|kind| !is_media_type(kind)) {
        return refuse(format!(
            "'{kind}' is no content type; write one such as \"image/png\" or \"image/*\""
        ));
    }
    if let Some(problem) = action.rest().iter().find_map(|rest| no_body(&rest.method, &rest.path)) {
        return refuse(problem);
    }
    // It comes beside the parameters.
    if body.upload().is_some() {
        return Ok(());
    }
    let Some(schema) = action.params() else { return Ok(()) };
    let wanted = match body.kind() {
        BodyKind::Form if schema.types().object() => return Ok(()),
        BodyKind::Form => {
            return refuse(
                "a form has fields, and its parameters are no object; make them one, or take `body = text`"
                    .into(),
            );
        }
        BodyKind::Text => "a String",
        _ => "a Binary",
    };
    let fits = |schema: &Schema| match body.kind() {
        BodyKind::Text => schema.types().string(),
        _ => schema.types().any(),
    };
    match body.field() {
        None if schema.properties().next().is_none() && fits(schema) => Ok(()),
        None => refuse(format!("its parameters as a whole are not {wanted}; name the one that is: `field`")),
        Some(field) => {
            let fits = schema.meant(field).map(|own| match body.kind() {
                BodyKind::Text => own.types.string(),
                _ => own.types.any(),
            });
            match fits {
                Some(true) => Ok(()),
                Some(false) => refuse(format!("its parameter '{field}' is not {wanted}; make it one")),
                None if schema.has_property(field) == Some(false) || !schema.types().object() => {
                    let known: Vec<_> = schema.properties().map(|property| property.name).collect();
                    refuse(format!(
                        "it has no parameter '{field}'; add one that is {wanted}, or name the one that is: `field`. It \
                         takes: {}",
                        known.join(", ")
                    ))
                }
                None => Ok(()),
            }
        }
    }
}

fn is_media_type(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.contains([' ', ';', ',', '/']);
    text.split_once('/').is_some_and(|(kind, sub)| plain(kind) && kind != "*" && plain(sub))
}
