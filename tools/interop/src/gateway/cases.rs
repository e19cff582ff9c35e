//! The recorded cases: what is sent, and what the reference answered.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One request and the answer of moleculer-web 0.11 on moleculer 0.15.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// `A.03`: group and number.
    pub(super) id: String,
    /// `GET /fx/hello`.
    pub(super) send: String,
    /// Headers of the request.
    #[serde(default)]
    pub(super) with: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body: String,
    /// In place of a body: JSON with one text, so long as a whole.
    #[serde(default)]
    pub(super) body_length: usize,
    /// Sent only because it is counted.
    #[serde(default)]
    pub(super) unchecked: bool,
    /// The connection ended without an answer.
    #[serde(default)]
    pub(super) closed: bool,
    #[serde(default)]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) reason: Option<String>,
    /// Headers of the answer, but for those of the framing; `*` is any value, a list a repeated header.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Value>,
    #[serde(default)]
    json: Option<Value>,
    #[serde(default)]
    pub(super) text: Option<String>,
    /// The body is a list or an object whose values vary.
    #[serde(default)]
    pub(super) json_kind: Option<String>,
}

impl Case {
    pub(super) fn group(&self) -> &str {
        self.id.split('.').next().unwrap_or_default()
    }

    pub(super) fn body(&self) -> String {
        match self.body_length {
            0 => self.body.clone(),
            length => {
                let (start, end) = ("{\"x\":\"", "\"}");
                format!("{start}{}{end}", "x".repeat(length.saturating_sub(start.len() + end.len())))
            }
        }
    }

    /// The JSON of the answer. A body of `null` is never sent.
    pub(super) fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }
}

/// All cases, in their order.
pub(super) fn all() -> Vec<Case> {
    serde_json::from_str(include_str!("../../gateway/cases.json")).expect("cases.json is read")
}
