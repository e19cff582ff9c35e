//! The class names of errors that every node knows, as [`Error::name`](super::Error::name) returns them.
//!
//! ```
//! use ligand_wire::{Error, error::class};
//!
//! assert!(Error::validation(Vec::new()).is(class::VALIDATION_ERROR));
//! ```

/// The base of all others; any code.
pub const MOLECULER_ERROR: &str = "MoleculerError";
/// A passing condition: trying again can help.
pub const MOLECULER_RETRYABLE_ERROR: &str = "MoleculerRetryableError";
/// A mistake of the service; trying again can help.
pub const MOLECULER_SERVER_ERROR: &str = "MoleculerServerError";
/// A mistake of the caller.
pub const MOLECULER_CLIENT_ERROR: &str = "MoleculerClientError";
/// Parameters break rules.
pub const VALIDATION_ERROR: &str = "ValidationError";
/// No node offers the action.
pub const SERVICE_NOT_FOUND_ERROR: &str = "ServiceNotFoundError";
/// The action is known, and no instance takes calls now.
pub const SERVICE_NOT_AVAILABLE_ERROR: &str = "ServiceNotAvailableError";
/// The answer took too long.
pub const REQUEST_TIMEOUT_ERROR: &str = "RequestTimeoutError";
/// The caller's own time was up before the call.
pub const REQUEST_SKIPPED_ERROR: &str = "RequestSkippedError";
/// The node goes away or takes no calls.
pub const REQUEST_REJECTED_ERROR: &str = "RequestRejectedError";
/// The queue of a bulkhead holds no more.
pub const QUEUE_IS_FULL_ERROR: &str = "QueueIsFullError";
/// Calls are nested too deeply.
pub const MAX_CALL_LEVEL_ERROR: &str = "MaxCallLevelError";
/// A definition of a service that cannot work.
pub const SERVICE_SCHEMA_ERROR: &str = "ServiceSchemaError";
/// A wrong configuration.
pub const BROKER_OPTIONS_ERROR: &str = "BrokerOptionsError";
/// Calls still ran when the time to stop was up.
pub const GRACEFUL_STOP_TIMEOUT_ERROR: &str = "GracefulStopTimeoutError";
/// A packet of another version of the protocol.
pub const PROTOCOL_VERSION_MISMATCH_ERROR: &str = "ProtocolVersionMismatchError";
/// A packet that cannot be read.
pub const INVALID_PACKET_DATA_ERROR: &str = "InvalidPacketDataError";
/// The connection to the bus is lost.
pub const BROKER_DISCONNECTED_ERROR: &str = "BrokerDisconnectedError";
/// The action failed too often and rests; only Ligand nodes say so.
pub const CIRCUIT_BREAKER_OPEN_ERROR: &str = "CircuitBreakerOpenError";
/// A plain error, as `throw new Error(..)` of JavaScript.
pub const PLAIN_ERROR: &str = "Error";
/// A failure whose text stays in the log, within this node.
pub const INTERNAL_SERVER_ERROR: &str = "InternalServerError";
/// No entity has this id.
pub const ENTITY_NOT_FOUND_ERROR: &str = "EntityNotFoundError";
