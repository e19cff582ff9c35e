//! The types of errors, as [`Error::kind`](super::Error::kind) returns them and `type` has them on the wire. All of
//! them are in the table of `docs/errors.md`; here are those that programs ask for.
//!
//! ```
//! use ligand_wire::{Error, error::kind};
//!
//! assert_eq!(Error::conflict("taken").kind(), kind::CONFLICT);
//! ```

/// Parameters break rules (422).
pub const VALIDATION_ERROR: &str = "VALIDATION_ERROR";
/// No node offers the action (404).
pub const SERVICE_NOT_FOUND: &str = "SERVICE_NOT_FOUND";
/// No instance of the action takes calls now (404).
pub const SERVICE_NOT_AVAILABLE: &str = "SERVICE_NOT_AVAILABLE";
/// The answer took too long (504).
pub const REQUEST_TIMEOUT: &str = "REQUEST_TIMEOUT";
/// The caller's own time was up before the call (514).
pub const REQUEST_SKIPPED: &str = "REQUEST_SKIPPED";
/// The node goes away or takes no calls (503).
pub const REQUEST_REJECTED: &str = "REQUEST_REJECTED";
/// The queue of a bulkhead holds no more (429).
pub const QUEUE_FULL: &str = "QUEUE_FULL";
/// Calls are nested too deeply (500).
pub const MAX_CALL_LEVEL: &str = "MAX_CALL_LEVEL";
/// A definition of a service that cannot work (500).
pub const SERVICE_SCHEMA_ERROR: &str = "SERVICE_SCHEMA_ERROR";
/// A wrong configuration (500).
pub const BROKER_OPTIONS_ERROR: &str = "BROKER_OPTIONS_ERROR";
/// Calls still ran when the time to stop was up (500).
pub const GRACEFUL_STOP_TIMEOUT: &str = "GRACEFUL_STOP_TIMEOUT";
/// A packet of another version of the protocol (500).
pub const PROTOCOL_VERSION_MISMATCH: &str = "PROTOCOL_VERSION_MISMATCH";
/// A packet that cannot be read (500).
pub const INVALID_PACKET_DATA: &str = "INVALID_PACKET_DATA";
/// The connection to the bus is lost (502).
pub const BAD_GATEWAY: &str = "BAD_GATEWAY";
/// The action failed too often and rests (503).
pub const CIRCUIT_BREAKER_OPEN: &str = "CIRCUIT_BREAKER_OPEN";
/// Content does not fit the type that it is read as (422).
pub const PAYLOAD_DECODE_ERROR: &str = "PAYLOAD_DECODE_ERROR";
/// A value cannot be written (500).
pub const PAYLOAD_ENCODE_ERROR: &str = "PAYLOAD_ENCODE_ERROR";
/// A packet is longer than its receiver takes (413).
pub const PACKET_TOO_LARGE: &str = "PACKET_TOO_LARGE";
/// A handler, hook or layer panicked (500).
pub const HANDLER_PANICKED: &str = "HANDLER_PANICKED";
/// The meta that a handler needs is not there (400).
pub const META_MISSING: &str = "META_MISSING";
/// A value of the meta is of another type (422).
pub const META_INVALID: &str = "META_INVALID";
/// [`Error::bad_request`](super::Error::bad_request) (400).
pub const BAD_REQUEST: &str = "BAD_REQUEST";
/// [`Error::unauthorized`](super::Error::unauthorized) (401).
pub const UNAUTHORIZED: &str = "UNAUTHORIZED";
/// [`Error::forbidden`](super::Error::forbidden) (403).
pub const FORBIDDEN: &str = "FORBIDDEN";
/// [`Error::not_found`](super::Error::not_found) (404).
pub const NOT_FOUND: &str = "NOT_FOUND";
/// [`Error::conflict`](super::Error::conflict) (409).
pub const CONFLICT: &str = "CONFLICT";
/// [`Error::unprocessable`](super::Error::unprocessable) (422).
pub const UNPROCESSABLE_ENTITY: &str = "UNPROCESSABLE_ENTITY";
/// The gateway got no bearer token (401).
pub const NO_TOKEN: &str = "NO_TOKEN";
/// The gateway got a malformed, forged or expired token (401).
pub const INVALID_TOKEN: &str = "INVALID_TOKEN";
/// A value of a unique field exists (409).
pub const DUPLICATE_KEY: &str = "DUPLICATE_KEY";
