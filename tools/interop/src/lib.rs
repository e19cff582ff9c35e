//! Proof that Ligand nodes work in one cluster with Moleculer nodes.
//!
//! [`node`] is the Rust node: services by name, configured by the environment. [`matrix`] starts servers and
//! [`cluster`]s of Rust and JavaScript nodes, runs the [`scenario`]s on them and prints what passed. [`moving`] moves an
//! application from JavaScript to Rust and back, service by service; [`store`] is its Rust side.

pub mod check;
pub mod cluster;
pub mod gateway;
pub mod matrix;
pub mod moving;
pub mod node;
pub mod process;
pub mod scenario;
pub mod store;
