//! Configuration: defaults, then `ligand.toml`, then the environment, then code.
//!
//! Every option is a field of [`Options`]; the field's documentation is the reference. In the file an option
//! is a key of the same name; durations are texts with a unit (`"10s"`, `"500ms"`) or `0`.
//!
//! ```toml
//! node_id = "shop-1"
//! request_timeout = "5s"
//!
//! [cacher]
//! kind = "memory_lru"
//! max = 10_000
//!
//! [circuit_breaker]
//! enabled = true
//! ```
//!
//! In the environment the option `circuit_breaker.enabled` is `LIGAND_CIRCUIT_BREAKER__ENABLED` (two
//! underscores between levels); the short names `NODEID`, `NAMESPACE`,
//! `TRANSPORTER`, `SERIALIZER`, `LOG_LEVEL`, `IP` and `PORT` work too, the long ones win. A `.env` file
//! next to the program's working directory is read first, the real environment wins over it.
//!
//! A wrong key or value stops the start with its name and place (file and line, or variable).

mod app;
mod cluster;
mod env;
mod file;
mod hint;
mod listen;
mod log;
mod metrics;
mod names;
mod node;
mod options;
mod overlay;
mod position;
mod setting_texts;

pub use app::App;
pub(crate) use cluster::SMALLEST_LIMIT;
pub use cluster::{ComponentOptions, Protocol, RegistryOptions, Serializer, TransitOptions};
pub use env::Env;
pub(crate) use file::{load, read_options};
pub(crate) use hint::{meant, plain};
pub use listen::Listen;
pub(crate) use log::levels as log_levels;
pub use log::{Color, Console, LogFileOptions, LogOptions};
pub use metrics::MetricsOptions;
pub use options::{
    BulkheadOptions, BulkheadPolicy, CacherKind, CacherOptions, CircuitBreakerOptions, CircuitBreakerPolicy,
    ErrorCheck, Options, RetryOptions, RetryPolicy, TrackingOptions,
};
pub(crate) use setting_texts::SettingTexts;
