//! Real servers for tests, proofs and benchmarks: NATS, Redis, Mosquitto, RabbitMQ, etcd. Each listens on a free port of this
//! machine, keeps its files in a folder of its own, and ends with the value that stands for it, also when this process is
//! killed.
//!
//! ```no_run
//! use ligand_servers::{Kind, Server};
//!
//! # async fn example() -> std::io::Result<()> {
//! let redis = Server::start(Kind::Redis).await?;
//! println!("{}", redis.url()); // redis://127.0.0.1:20140
//! redis.kill();
//! redis.run().await?; // The same port; others have what they had on disk.
//! # Ok(())
//! # }
//! ```
//!
//! `scripts/servers` installs the programs.

mod guard;
mod kind;
mod port;
mod server;

pub use kind::Kind;
pub use port::{free_port, free_port_at};
pub use server::{Server, Setup};
