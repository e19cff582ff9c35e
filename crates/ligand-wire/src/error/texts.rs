//! The text of an error whose sender left it out: that of its class, made of its data as Moleculer makes it.

use serde_json::Value;

/// The text of a class that every node knows; `None` for classes without a text of their own.
pub(super) fn of_class(name: &str, data: Option<&Value>) -> Option<String> {
    let field = |key: &str| match data.and_then(|data| data.get(key))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    // What is not there is written as JavaScript writes it.
    let said = |key: &str| field(key).unwrap_or_else(|| "undefined".into());
    let (action, node) = (said("action"), said("nodeID"));
    Some(match name {
        "ServiceNotFoundError" => {
            match (field("service"), field("version"), field("action"), field("nodeID")) {
                (Some(service), Some(version), ..) => format!("Service '{version}.{service}' not found."),
                (Some(service), None, ..) => format!("Service '{service}' not found."),
                (None, _, Some(action), Some(node)) => {
                    format!("Service '{action}' is not found on '{node}' node.")
                }
                (None, _, Some(action), None) => format!("Service '{action}' is not found."),
                (None, _, None, _) => return None,
            }
        }
        "ServiceNotAvailableError" => match field("nodeID") {
            Some(node) => format!("Service '{action}' is not available on '{node}' node."),
            None => format!("Service '{action}' is not available."),
        },
        "RequestTimeoutError" => {
            format!("Request is timed out when call '{action}' action on '{node}' node.")
        }
        "RequestSkippedError" => {
            format!("Calling '{action}' is skipped because timeout reached on '{node}' node.")
        }
        "RequestRejectedError" => {
            format!("Request is rejected when call '{action}' action on '{node}' node.")
        }
        "QueueIsFullError" => {
            format!("Queue is full. Request '{action}' action on '{node}' node is rejected.")
        }
        "MaxCallLevelError" => {
            format!("Request level is reached the limit ({}) on '{node}' node.", said("level"))
        }
        "GracefulStopTimeoutError" => match data.and_then(|data| data.get("service")) {
            Some(Value::String(name)) => format!("Unable to stop '{name}' service gracefully."),
            _ => match field("name") {
                Some(name) => format!("Unable to stop '{name}' service gracefully."),
                None => "Unable to stop ServiceBroker gracefully.".into(),
            },
        },
        "ProtocolVersionMismatchError" => "Protocol version mismatch.".into(),
        "InvalidPacketDataError" => "Invalid packet data.".into(),
        "BrokerDisconnectedError" => super::Error::disconnected().message().into(),
        _ => return None,
    })
}
