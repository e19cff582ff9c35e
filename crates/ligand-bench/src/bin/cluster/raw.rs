//! The same exchange with the client library of each transport alone: bytes there and back.

pub(crate) mod nats;
pub(crate) mod tcp;
