//! The pages of the documentation, so that the compiler sees the Rust in them: each is the text of a module that
//! only doc tests have.
//!
//! Run it with `cargo test -p ligand-examples --doc`.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../docs/background.md")]
pub mod background {}

#[cfg(doctest)]
#[doc = include_str!("../docs/configuration.md")]
pub mod configuration {}

#[cfg(doctest)]
#[doc = include_str!("../docs/contracts.md")]
pub mod contracts {}

#[cfg(doctest)]
#[doc = include_str!("../docs/database.md")]
pub mod database {}

#[cfg(doctest)]
#[doc = include_str!("../docs/differences.md")]
pub mod differences {}

#[cfg(doctest)]
#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[cfg(doctest)]
#[doc = include_str!("../docs/from-moleculer.md")]
pub mod from_moleculer {}

#[cfg(doctest)]
#[doc = include_str!("../docs/gateway.md")]
pub mod gateway {}

#[cfg(doctest)]
#[doc = include_str!("../docs/join-a-moleculer-cluster.md")]
pub mod join {}

#[cfg(doctest)]
#[doc = include_str!("../docs/logging.md")]
pub mod logging {}

#[cfg(doctest)]
#[doc = include_str!("../docs/metrics.md")]
pub mod metrics {}

#[cfg(doctest)]
#[doc = include_str!("../docs/outages.md")]
pub mod outages {}

#[cfg(doctest)]
#[doc = include_str!("../docs/payloads.md")]
pub mod payloads {}

#[cfg(doctest)]
#[doc = include_str!("../docs/streams.md")]
pub mod streams {}

#[cfg(doctest)]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[cfg(doctest)]
#[doc = include_str!("../docs/which-tool.md")]
pub mod which_tool {}

#[cfg(doctest)]
#[doc = include_str!("../docs/transporters/memory.md")]
pub mod memory {}
