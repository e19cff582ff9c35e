//! Errors by the name of their class.

use ligand::{Value, json, prelude::Error};

/// Errors with a type, whose fields are read on the other side.
#[derive(Debug, ligand::Error)]
pub(super) enum ShopError {
    #[error(code = 409, kind = "SOLD_OUT", message = "There are {left} of {item_name}")]
    SoldOut { item_name: String, left: u32, colors: Vec<String> },
    #[error(code = 503, kind = "SHOP_CLOSED", message = "The shop is closed", retryable)]
    Closed,
}

impl ShopError {
    fn sample() -> Self {
        Self::SoldOut { item_name: "lámp ☃".into(), left: 2, colors: vec!["red".into()] }
    }
}

/// The error that `conf.fail` throws for `kind`, with its data.
pub(super) fn of_kind(kind: &str, action: &str, node: &str) -> Error {
    let data: Value = json!({ "action": action, "nodeID": node, "a": 1 });
    let text = format!("failed as {kind}");
    let error = match kind {
        "plain" => return std::io::Error::other("an ordinary failure").into(),
        "typed" => return ShopError::sample().into(),
        "closed" => return ShopError::Closed.into(),
        "custom" => {
            let error = Error::build("CustomError", 499, "a failure of its own kind").with_kind("CUSTOM");
            return error.with_data(json!({ "a": 1 }));
        }
        "MoleculerError" => Error::build("MoleculerError", 500, text).with_kind("CONF_FAILED"),
        "MoleculerRetryableError" => Error::transient(500, "CONF_FAILED", text),
        "MoleculerServerError" => Error::server(500, "CONF_FAILED", text),
        "MoleculerClientError" => Error::client(400, "CONF_FAILED", text),
        "ValidationError" => Error::build("ValidationError", 422, text).with_kind("VALIDATION_ERROR"),
        "ServiceNotFoundError" => Error::service_not_found(action, Some(node)),
        "ServiceNotAvailableError" => Error::service_not_available(action, Some(node)),
        "RequestTimeoutError" => Error::request_timeout(action, node),
        "RequestSkippedError" => Error::request_skipped(action, node),
        "RequestRejectedError" => Error::request_rejected(action, node),
        "QueueIsFullError" => Error::queue_is_full(action, node),
        "MaxCallLevelError" => Error::max_call_level(1, node),
        "ServiceSchemaError" => Error::service_schema(text),
        "BrokerOptionsError" => Error::broker_options(text),
        "GracefulStopTimeoutError" => Error::graceful_stop_timeout("conf", &Value::Null),
        "ProtocolVersionMismatchError" => {
            Error::build("ProtocolVersionMismatchError", 500, "Protocol version mismatch.")
                .with_kind("PROTOCOL_VERSION_MISMATCH")
        }
        "InvalidPacketDataError" => Error::build("InvalidPacketDataError", 500, "Invalid packet data.")
            .with_kind("INVALID_PACKET_DATA"),
        _ => return Error::client(400, "UNKNOWN_KIND", format!("unknown kind '{kind}'")),
    };
    error.with_data(data)
}
