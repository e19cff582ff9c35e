//! What all parts promise together.

mod secrets;
