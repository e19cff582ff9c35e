//! One constructor for each class that a Moleculer node knows, with its code, type and message text,
//! and the short forms that services use most (`not_found`, `conflict`, …).

use super::{Cow, Error, FieldError, Value, class, fmt, json, kind};

/// Class of failures whose cause is nobody's business outside.
pub(super) const INTERNAL: &str = class::INTERNAL_SERVER_ERROR;

/// Short forms for handlers.
impl Error {
    /// A plain failure with a public text: class `Error`, code 500. What a JavaScript `throw Error(text)`
    /// is. It counts as a failure for circuit breakers of this node; see [`Error::is_plain`].
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// // As `new Error("..")` in JavaScript: callers see a plain error of code 500.
    /// let error = Error::new("It broke.");
    /// assert_eq!((error.code(), error.is_plain()), (500, true));
    /// ```
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self::build(class::PLAIN_ERROR, 500, message).plain()
    }

    /// A failure whose cause is nobody's business outside: code 500, "Internal server error"; `text` is
    /// logged. Other nodes get a plain `Error`; see [`Error::is_plain`].
    pub fn internal_error(text: impl fmt::Display) -> Self {
        Self::build(INTERNAL, 500, "Internal server error").with_internal(text).plain()
    }

    /// The caller's mistake: class `MoleculerClientError`, not retryable.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// let error = Error::client(409, "EMAIL_TAKEN", "Somebody has that address.");
    /// assert_eq!((error.name(), error.code(), error.retryable()), ("MoleculerClientError", 409, false));
    /// ```
    pub fn client(
        code: u16,
        kind: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::build(class::MOLECULER_CLIENT_ERROR, code, message).with_kind(kind)
    }

    /// Our mistake: class `MoleculerServerError`, retryable.
    pub fn server(
        code: u16,
        kind: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::build(class::MOLECULER_SERVER_ERROR, code, message).with_kind(kind).with_retryable(true)
    }

    /// A passing condition: class `MoleculerRetryableError`, retryable.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// assert!(Error::transient(503, "BUSY", "Ask again.").retryable());
    /// ```
    pub fn transient(
        code: u16,
        kind: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::build(class::MOLECULER_RETRYABLE_ERROR, code, message).with_kind(kind).with_retryable(true)
    }

    /// 400 `BAD_REQUEST`.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::client(400, kind::BAD_REQUEST, message)
    }

    /// 401 `UNAUTHORIZED`.
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::client(401, kind::UNAUTHORIZED, message)
    }

    /// 403 `FORBIDDEN`.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::client(403, kind::FORBIDDEN, message)
    }

    /// 404 `NOT_FOUND`.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// assert_eq!(Error::not_found("There is no such order.").code(), 404);
    /// ```
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::client(404, kind::NOT_FOUND, message)
    }

    /// 409 `CONFLICT`.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::client(409, kind::CONFLICT, message)
    }

    /// 422 `UNPROCESSABLE_ENTITY`: the request is well-formed but breaks a business rule.
    pub fn unprocessable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::client(422, kind::UNPROCESSABLE_ENTITY, message)
    }
}

/// The framework's own failures, with the texts every Moleculer node uses.
impl Error {
    /// 422 `VALIDATION_ERROR` with one entry for each broken rule.
    ///
    /// ```
    /// # use ligand_wire::{Error, FieldError};
    /// let error = Error::validation(vec![FieldError::custom("name", "The name is taken.")]);
    /// assert_eq!((error.code(), error.kind()), (422, "VALIDATION_ERROR"));
    /// ```
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let data = serde_json::to_value(errors).unwrap_or(Value::Null);
        Self::build(class::VALIDATION_ERROR, 422, "Parameters validation error!")
            .with_kind(kind::VALIDATION_ERROR)
            .with_data(data)
    }

    /// 404 `SERVICE_NOT_FOUND`: no node knows the action (or `node` does not have it).
    pub fn service_not_found(action: &str, node: Option<&str>) -> Self {
        let message = match node {
            Some(node) => format!("Service '{action}' is not found on '{node}' node."),
            None => format!("Service '{action}' is not found."),
        };
        Self::build(class::SERVICE_NOT_FOUND_ERROR, 404, message)
            .with_kind(kind::SERVICE_NOT_FOUND)
            .with_data(action_data("action", action, node))
            .with_retryable(true)
    }

    /// 404 `SERVICE_NOT_AVAILABLE`: the action is known but no instance takes calls now.
    pub fn service_not_available(action: &str, node: Option<&str>) -> Self {
        let message = match node {
            Some(node) => format!("Service '{action}' is not available on '{node}' node."),
            None => format!("Service '{action}' is not available."),
        };
        Self::build(class::SERVICE_NOT_AVAILABLE_ERROR, 404, message)
            .with_kind(kind::SERVICE_NOT_AVAILABLE)
            .with_data(action_data("action", action, node))
            .with_retryable(true)
    }

    /// 503 `CIRCUIT_BREAKER_OPEN`: the action failed too often and is given a rest. A Ligand error (the
    /// reference answers "not available" without the reason).
    pub fn circuit_open(action: &str, node: &str) -> Self {
        Self::build(
            class::CIRCUIT_BREAKER_OPEN_ERROR,
            503,
            format!("Circuit breaker is open: '{action}' on '{node}' node failed too often and rests."),
        )
        .with_kind(kind::CIRCUIT_BREAKER_OPEN)
        .with_data(action_data("action", action, Some(node)))
        .with_retryable(true)
    }

    /// 504 `REQUEST_TIMEOUT`.
    pub fn request_timeout(action: &str, node: &str) -> Self {
        Self::build(
            class::REQUEST_TIMEOUT_ERROR,
            504,
            format!("Request is timed out when call '{action}' action on '{node}' node."),
        )
        .with_kind(kind::REQUEST_TIMEOUT)
        .with_data(action_data("action", action, Some(node)))
        .with_retryable(true)
    }

    /// 514 `REQUEST_SKIPPED`: the caller's own time was up before the call was made.
    pub fn request_skipped(action: &str, node: &str) -> Self {
        Self::build(
            class::REQUEST_SKIPPED_ERROR,
            514,
            format!("Calling '{action}' is skipped because timeout reached on '{node}' node."),
        )
        .with_kind(kind::REQUEST_SKIPPED)
        .with_data(action_data("action", action, Some(node)))
    }

    /// 503 `REQUEST_REJECTED`: the node goes away or takes no calls.
    pub fn request_rejected(action: &str, node: &str) -> Self {
        Self::build(
            class::REQUEST_REJECTED_ERROR,
            503,
            format!("Request is rejected when call '{action}' action on '{node}' node."),
        )
        .with_kind(kind::REQUEST_REJECTED)
        .with_data(action_data("action", action, Some(node)))
        .with_retryable(true)
    }

    /// 429 `QUEUE_FULL`: the bulkhead's queue holds no more.
    pub fn queue_is_full(action: &str, node: &str) -> Self {
        Self::build(
            class::QUEUE_IS_FULL_ERROR,
            429,
            format!("Queue is full. Request '{action}' action on '{node}' node is rejected."),
        )
        .with_kind(kind::QUEUE_FULL)
        .with_data(action_data("action", action, Some(node)))
        .with_retryable(true)
    }

    /// 500 `PROTOCOL_VERSION_MISMATCH`: a packet of another protocol version.
    pub fn protocol_mismatch(node: &str, own: &str, received: &str) -> Self {
        Self::build(class::PROTOCOL_VERSION_MISMATCH_ERROR, 500, "Protocol version mismatch.")
            .with_kind(kind::PROTOCOL_VERSION_MISMATCH)
            .with_data(json!({ "nodeID": node, "actual": own, "received": received }))
    }

    /// 500 `MAX_CALL_LEVEL`: calls are nested deeper than `max_call_level`.
    pub fn max_call_level(level: u32, node: &str) -> Self {
        Self::build(
            class::MAX_CALL_LEVEL_ERROR,
            500,
            format!("Request level is reached the limit ({level}) on '{node}' node."),
        )
        .with_kind(kind::MAX_CALL_LEVEL)
        .with_data(json!({ "nodeID": node, "level": level }))
    }

    /// 500 `SERVICE_SCHEMA_ERROR`: a service definition that cannot work.
    pub fn service_schema(message: impl Into<Cow<'static, str>>) -> Self {
        Self::build(class::SERVICE_SCHEMA_ERROR, 500, message).with_kind(kind::SERVICE_SCHEMA_ERROR)
    }

    /// 500 `BROKER_OPTIONS_ERROR`: a wrong configuration.
    pub fn broker_options(message: impl Into<Cow<'static, str>>) -> Self {
        Self::build(class::BROKER_OPTIONS_ERROR, 500, message).with_kind(kind::BROKER_OPTIONS_ERROR)
    }

    /// 502 `BAD_GATEWAY`: the connection to the message bus is lost, or not there yet.
    pub fn disconnected() -> Self {
        let text =
            "The broker's transporter has disconnected. Please try again when a connection is reestablished.";
        Self::build(class::BROKER_DISCONNECTED_ERROR, 502, text)
            .with_kind(kind::BAD_GATEWAY)
            .with_retryable(true)
    }

    /// 500 `GRACEFUL_STOP_TIMEOUT`: running calls did not end within the shutdown time. `version` is null for a service
    /// without one.
    pub fn graceful_stop_timeout(service: &str, version: &Value) -> Self {
        Self::build(
            class::GRACEFUL_STOP_TIMEOUT_ERROR,
            500,
            format!("Unable to stop '{service}' service gracefully."),
        )
        .with_kind(kind::GRACEFUL_STOP_TIMEOUT)
        .with_data(json!({ "name": service, "version": version }))
    }
}

fn action_data(key: &str, action: &str, node: Option<&str>) -> Value {
    match node {
        Some(node) => json!({ key: action, "nodeID": node }),
        None => json!({ key: action }),
    }
}
