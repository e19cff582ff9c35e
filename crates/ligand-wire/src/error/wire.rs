//! Errors as other nodes send and receive them.

use std::{borrow::Cow, sync::Arc};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::{Error, Kind, class, classes::INTERNAL, kind, texts};
use crate::packet::PacketKind;

/// The classes that every node knows: code, type and whether trying again can help.
const CLASSES: [(&str, u16, Option<&str>, bool); 20] = [
    (class::MOLECULER_ERROR, 500, None, false),
    (class::MOLECULER_RETRYABLE_ERROR, 500, None, true),
    (class::MOLECULER_SERVER_ERROR, 500, None, true),
    (class::MOLECULER_CLIENT_ERROR, 400, None, false),
    (class::VALIDATION_ERROR, 422, Some(kind::VALIDATION_ERROR), false),
    (class::SERVICE_NOT_FOUND_ERROR, 404, Some(kind::SERVICE_NOT_FOUND), true),
    (class::SERVICE_NOT_AVAILABLE_ERROR, 404, Some(kind::SERVICE_NOT_AVAILABLE), true),
    (class::REQUEST_TIMEOUT_ERROR, 504, Some(kind::REQUEST_TIMEOUT), true),
    (class::REQUEST_SKIPPED_ERROR, 514, Some(kind::REQUEST_SKIPPED), false),
    (class::REQUEST_REJECTED_ERROR, 503, Some(kind::REQUEST_REJECTED), true),
    (class::QUEUE_IS_FULL_ERROR, 429, Some(kind::QUEUE_FULL), true),
    (class::MAX_CALL_LEVEL_ERROR, 500, Some(kind::MAX_CALL_LEVEL), false),
    (class::SERVICE_SCHEMA_ERROR, 500, Some(kind::SERVICE_SCHEMA_ERROR), false),
    (class::BROKER_OPTIONS_ERROR, 500, Some(kind::BROKER_OPTIONS_ERROR), false),
    (class::GRACEFUL_STOP_TIMEOUT_ERROR, 500, Some(kind::GRACEFUL_STOP_TIMEOUT), false),
    (class::PROTOCOL_VERSION_MISMATCH_ERROR, 500, Some(kind::PROTOCOL_VERSION_MISMATCH), false),
    (class::INVALID_PACKET_DATA_ERROR, 500, Some(kind::INVALID_PACKET_DATA), false),
    (class::BROKER_DISCONNECTED_ERROR, 502, Some(kind::BAD_GATEWAY), true),
    (class::CIRCUIT_BREAKER_OPEN_ERROR, 503, Some(kind::CIRCUIT_BREAKER_OPEN), true),
    (class::PLAIN_ERROR, 500, None, false),
];

impl Error {
    /// 500 `INVALID_PACKET_DATA`: a packet that cannot be read. `flaw` shows nothing of its content.
    pub fn invalid_packet(kind: PacketKind, flaw: &str) -> Self {
        Self::build(
            class::INVALID_PACKET_DATA_ERROR,
            500,
            format!("Invalid {} packet: {flaw}.", kind.as_str()),
        )
        .with_kind(kind::INVALID_PACKET_DATA)
    }

    /// The error that another node sent as a plain object. What the object does not say comes from its class;
    /// `sender` is the node when the object names none. The sender's stack is left out.
    ///
    /// A text as code (`ECONNREFUSED`) becomes the type when there is no other.
    pub fn from_plain(plain: Value, sender: Option<&str>) -> Self {
        let Value::Object(mut plain) = plain else {
            let message = if let Value::String(text) = plain { text } else { "Unknown error".into() };
            return Self::build(class::MOLECULER_ERROR, 500, message).at(sender);
        };
        let name = plain.remove("name").and_then(text).unwrap_or_else(|| "Error".into());
        let class = CLASSES.iter().find(|class| class.0 == name);
        let (name, code, kind, retryable) = match class {
            Some((name, code, kind, retryable)) => (Cow::Borrowed(*name), *code, *kind, *retryable),
            None => (Cow::Owned(name), 500, None, false),
        };
        let data = plain.remove("data");
        let message = plain.remove("message").and_then(text).filter(|text| !text.is_empty());
        let message = message.or_else(|| texts::of_class(&name, data.as_ref())).unwrap_or_default();
        let plain_class = class.is_none_or(|class| class.0 == "Error");
        let mut error = Self::build(name, code, message).with_retryable(retryable);
        if plain_class {
            error = error.plain();
        }
        let code = plain.remove("code").and_then(text).unwrap_or_default();
        let other_kind = match code.parse() {
            Ok(code) => {
                error = error.with_code(code);
                None
            }
            Err(_) => Some(code).filter(|code| code.starts_with(char::is_alphabetic)),
        };
        error.0.kind = match (plain.remove("type"), kind, other_kind) {
            (Some(Value::String(kind)), ..) => Kind::Text(kind.into()),
            (_, Some(kind), _) => Kind::Text(kind.into()),
            (_, _, Some(kind)) => Kind::Text(kind.into()),
            (Some(Value::Null), ..) => Kind::Null,
            _ => Kind::Missing,
        };
        if let Some(Value::Bool(retryable)) = plain.remove("retryable") {
            error.0.retryable = retryable;
        }
        error.0.data = data;
        match plain.remove("nodeID").and_then(text) {
            Some(node) => error.at(Some(&node)),
            None => error.at(sender),
        }
    }

    /// The plain object that other nodes receive, as in an answer of the node `sender`. For the header
    /// `$streamError` of a stream that broke.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// let plain = Error::conflict("Taken.").with_kind("EMAIL_TAKEN").to_plain("node-1");
    /// assert_eq!((&plain["code"], &plain["type"], &plain["nodeID"]), (&409.into(), &"EMAIL_TAKEN".into(), &"node-1".into()));
    /// let back = Error::from_plain(plain, None);
    /// assert_eq!(back.kind(), "EMAIL_TAKEN");
    /// ```
    pub fn to_plain(&self, sender: &str) -> Value {
        serde_json::to_value(Plain { error: self, sender }).unwrap_or_default()
    }

    fn at(mut self, node: Option<&str>) -> Self {
        self.0.node_id = node.map(Arc::from);
        self
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An error of this node, or one that passes through it, as `sender` sends it.
pub(crate) struct Plain<'a> {
    pub(crate) error: &'a Error,
    pub(crate) sender: &'a str,
}

impl Serialize for Plain<'_> {
    /// Node's own fields in Node's order. A stack is always sent; of ours only the first line is anybody's
    /// business.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let error = self.error;
        let (kind, data) = (error.kind_field(), error.data());
        let plain = error.is_plain();
        let retryable = !plain || error.retryable();
        let name = if plain && error.name() == INTERNAL { "Error" } else { error.name() };
        let count = 4 + [!plain, retryable, kind.is_some(), data.is_some()]
            .into_iter()
            .map(usize::from)
            .sum::<usize>();
        let mut map = serializer.serialize_map(Some(count))?;
        map.serialize_entry("name", name)?;
        map.serialize_entry("message", error.message())?;
        map.serialize_entry("nodeID", error.node_id().unwrap_or(self.sender))?;
        if !plain {
            map.serialize_entry("code", &error.code())?;
        }
        if let Some(kind) = kind {
            map.serialize_entry("type", &kind)?;
        }
        if retryable {
            map.serialize_entry("retryable", &error.retryable())?;
        }
        map.serialize_entry("stack", &format_args!("{name}: {}", error.message()))?;
        if let Some(data) = data {
            map.serialize_entry("data", data)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_comes_from_the_class() {
        let error = Error::from_plain(json!({ "name": "RequestTimeoutError", "message": "late" }), Some("B"));
        assert_eq!((error.code(), error.kind(), error.retryable()), (504, "REQUEST_TIMEOUT", true));
        assert_eq!((error.message(), error.node_id(), error.data()), ("late", Some("B"), None));
        let error = Error::from_plain(
            json!({ "name": "RequestTimeoutError", "code": 1, "type": "T", "retryable": false, "nodeID": "C" }),
            Some("B"),
        );
        assert_eq!((error.code(), error.kind(), error.retryable()), (1, "T", false));
        assert_eq!(error.node_id(), Some("C"));
    }

    #[test]
    fn odd_errors_are_errors_too() {
        let odd =
            [json!(null), json!(1), json!([]), json!({}), json!({ "name": [], "code": {}, "message": null })];
        for plain in odd {
            let error = Error::from_plain(plain, None);
            assert_eq!((error.code(), error.kind_field()), (500, None));
        }
        for (code, number, kind) in [
            (json!(70000), 500, None),
            (json!(-1), 500, None),
            (json!("404"), 404, None),
            (json!("EPIPE"), 500, Some(Some("EPIPE"))),
        ] {
            let error = Error::from_plain(json!({ "name": "Error", "code": code }), None);
            assert_eq!((error.code(), error.kind_field()), (number, kind));
        }
        let null = Error::from_plain(json!({ "name": "MoleculerError", "type": null }), None);
        assert_eq!(null.kind_field(), Some(None));
    }

    #[test]
    fn a_plain_error_travels_as_one_of_javascript() {
        let io = Error::from(std::io::Error::other("disk hunter2"));
        let plain = json!({
            "name": "Error", "message": "Internal server error", "nodeID": "A",
            "stack": "Error: Internal server error",
        });
        assert_eq!((io.code(), io.to_plain("A")), (500, plain.clone()));
        let thrown = json!({ "name": "Error", "message": "no", "nodeID": "A", "stack": "Error: no" });
        assert_eq!(Error::new("no").to_plain("A"), thrown);
        // It is one here too, and stays one when it goes on.
        let again = Error::from_plain(plain.clone(), None);
        assert!(again.is_plain() && again.code() == 500 && !again.retryable());
        assert_eq!(again.to_plain("B"), plain);
        let system =
            json!({ "name": "Error", "message": "m", "nodeID": "A", "type": "EPIPE", "stack": "Error: m" });
        let error = Error::from_plain(json!({ "name": "Error", "message": "m", "code": "EPIPE" }), Some("A"));
        assert_eq!(error.to_plain("B"), system);
        let foreign =
            Error::from_plain(json!({ "name": "TypeError", "message": "x is undefined" }), Some("A"));
        assert!(foreign.is_plain() && foreign.to_plain("B").get("code").is_none());
        // Whoever gives it a code or a type means it.
        for error in [Error::new("no").with_code(503), Error::internal_error("x").with_kind("K")] {
            assert_eq!(error.to_plain("A")["code"], error.code());
        }
        assert_eq!(Error::from_plain(json!({ "name": "MoleculerError" }), None).to_plain("A")["code"], 500);
    }

    #[test]
    fn an_error_without_a_text_has_that_of_its_class() {
        let text = |name: &str, data: Value| {
            let error = Error::from_plain(json!({ "name": name, "data": data }), Some("B"));
            error.message().to_owned()
        };
        let call = json!({ "action": "posts.find", "nodeID": "n1" });
        for (name, message) in [
            ("ServiceNotFoundError", "Service 'posts.find' is not found on 'n1' node."),
            ("ServiceNotAvailableError", "Service 'posts.find' is not available on 'n1' node."),
            ("RequestTimeoutError", "Request is timed out when call 'posts.find' action on 'n1' node."),
            ("RequestSkippedError", "Calling 'posts.find' is skipped because timeout reached on 'n1' node."),
            ("RequestRejectedError", "Request is rejected when call 'posts.find' action on 'n1' node."),
            ("QueueIsFullError", "Queue is full. Request 'posts.find' action on 'n1' node is rejected."),
            ("ProtocolVersionMismatchError", "Protocol version mismatch."),
            ("InvalidPacketDataError", "Invalid packet data."),
            ("MoleculerError", ""),
        ] {
            assert_eq!(text(name, call.clone()), message);
        }
        let missing = text("ServiceNotFoundError", json!({ "service": "posts", "version": "v2" }));
        assert_eq!(missing, "Service 'v2.posts' not found.");
        let level = text("MaxCallLevelError", json!({ "nodeID": "n1", "level": 10 }));
        assert_eq!(level, "Request level is reached the limit (10) on 'n1' node.");
        let stop = text("GracefulStopTimeoutError", json!({ "name": "posts" }));
        assert_eq!(stop, "Unable to stop 'posts' service gracefully.");
        assert_eq!(text("GracefulStopTimeoutError", json!(null)), "Unable to stop ServiceBroker gracefully.");
    }

    #[test]
    fn a_plain_object_and_back() {
        let error = Error::conflict("taken").with_internal("secret").with_data(json!([1]));
        let plain = error.to_plain("A");
        assert!(!plain.to_string().contains("secret"));
        assert_eq!(plain["stack"], "MoleculerClientError: taken");
        assert_eq!(Error::from_plain(plain, None), error);
    }
}
