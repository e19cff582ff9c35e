//! The HTTP gateway of Ligand: turns requests into calls and results into responses.
//!
//! A [`Gateway`] is a service like any other. It publishes nothing by itself: an action is reachable only
//! through a [`Route`] that names it, or that asks for the aliases actions declare with `rest`, and only when
//! the action is published and passes the route's masks.
//!
//! ```no_run
//! # async fn example() -> ligand_core::Result<()> {
//! use std::sync::Arc;
//!
//! use ligand_core::{Context, Result, ServiceBroker};
//! use ligand_web::{Cors, Gateway, Req, Route, error};
//!
//! async fn session(_ctx: Context, req: Arc<Req>) -> Result<String> {
//!     match req.header("x-session") {
//!         Some(session) => Ok(session.to_owned()),
//!         None => Err(error::unauthorized(error::NO_TOKEN)),
//!     }
//! }
//!
//! let gateway = Gateway::builder()
//!     .bind("127.0.0.1:3000")
//!     .route(Route::new("/api/public").alias("POST /login", "users.login"))
//!     .route(
//!         Route::new("/api")
//!             .allow(["users.*", "orders.*"])
//!             .auto_aliases()
//!             .cors(Cors::origins(["https://shop.example"]))
//!             .authenticate(session),
//!     )
//!     .build();
//! let broker = ServiceBroker::builder().service(gateway).start().await?;
//! # Ok(()) }
//! ```
//!
//! # The way of a request
//!
//! 1. [`request_id`]: taken from the client or made, sent back on every response.
//! 2. [`health`]: `/health` and `/ready` are answered outside of all routes.
//! 3. The path is brought into one normal form; routing, authentication and logs see only that one.
//! 4. The table finds the alias: static parts beat parameters, deep paths beat shallow ones.
//! 5. [`cors`]: a foreign origin is refused, a preflight is answered.
//! 6. [`auth`]: `authenticate`, then `authorize`. Nothing of the body has been read so far, so anonymous clients
//!    cannot make the node parse anything.
//! 7. [`body`] and [`query`]: read within limits and merged, body below query below path. Text from query, path
//!    and forms is converted by the schema of the action; JSON is passed on as it came, without being decoded
//!    when nothing has to be merged into it.
//! 8. `before` hooks, the call, `after` hooks, [`answer`].
//! 9. `on_response` hooks of the route and of the gateway, which see every response, errors too.
//!
//! # A client that leaves
//!
//! Users close tabs and networks break, in the middle of a request too. What only reads is cancelled then: nobody wants
//! its answer. What changes things runs to its end, with the hooks around it, so that no handler is cut between its
//! `insert` and its `emit`. Which is which, the method says: `GET`, `HEAD` and `OPTIONS` read, all others change.
//! [`Route::run_to_end`] says otherwise for a route, `#[action(run_to_end)]` or `run_to_end = false` for an action, and
//! [`Context::run_to_end`](ligand_core::Context::run_to_end) for some steps of a handler, whoever called it. Time limits
//! are kept in all cases; a call that goes on counts as a connection until it has ended.
//!
//! # What the answer is
//!
//! A value becomes JSON, bytes and streams a body; see [`answer`]. An action says more with a
//! [`Reply`](ligand_core::Reply):
//!
//! ```
//! use ligand_core::{Reply, edge::Cookie};
//!
//! async fn log_in(name: String) -> Reply<String> {
//!     Reply::new(name).cookie(Cookie::new("session", "a1b2")).header("cache-control", "no-store")
//! }
//! ```
//!
//! Other services that call it get the `String`. What it says never becomes the answer of an action that calls it. What
//! the request was, an action learns with `#[action(http(headers("user-agent"), cookies("session")))]` and
//! [`Context::http`](ligand_core::Context::http), on other nodes too.
//!
//! A streamed answer goes out as it comes and as fast as the client reads. Its source is dropped when the client leaves,
//! whatever the method; an error of the source cuts the connection, so that nobody takes a part for the whole.
//!
//! # Differences from moleculer-web
//!
//! * A route prefix ends at a segment boundary, paths are case-sensitive, any number of trailing or doubled
//!   slashes is ignored, and `.` or `..` segments match nothing.
//! * `HEAD` follows `GET`; `OPTIONS` answers `Allow`; a path that exists for other methods answers 405.
//! * CORS origins are compared for equality, or label by label where they contain `*`.
//! * Bodies of unknown content types are refused with 415 instead of ignored. Forms, texts and bytes are read where a route
//!   or the action says so. A JSON array is merged with nothing: alone it stays an array, for actions that take one,
//!   and with parameters of path or query it is 400. Two fields of one name and numbers beyond all bounds are 400 with
//!   the name of the field.
//! * More than 1000 query parameters are refused with 400 instead of cut.
//! * An alias to an action that is not published answers 404 `SERVICE_NOT_FOUND`, one to an action that nobody offers
//!   at the moment 503 with `Retry-After`; so do aliases and direct calls of other nodes' actions for an hour after the
//!   last of these nodes has left.
//! * A call in which another service is missing answers 503 `DEPENDENCY_NOT_AVAILABLE`, not that call's 404.
//! * `rest` of actions in a form that is not understood, and paths with `(`, `[`, `+` and the like, open nothing: the log
//!   says so once.
//! * `Access-Control-Allow-Methods` and `-Headers` are sent with preflights only: nothing else reads them.
//! * Errors are always sent as JSON, whatever `$responseType` says.
//! * Texts of errors with code 500 and above can be hidden ([`GatewayBuilder::expose_errors`]).

#![cfg_attr(docsrs, feature(doc_cfg))]

mod access_log;
mod alias;
pub mod answer;
pub mod auth;
mod auto_aliases;
pub mod body;
mod chain;
mod client_address;
mod compat;
#[cfg(feature = "compression")]
mod compression;
mod conditional;
pub mod cors;
mod entry;
pub mod error;
mod explain;
mod failure;
#[cfg(feature = "files")]
mod files;
mod finder;
mod gateway;
pub mod health;
mod incoming;
mod into_response;
#[cfg(feature = "jwt")]
pub mod jwt;
mod limits;
mod list;
mod log;
mod mount;
mod params;
mod path;
mod pipeline;
pub mod query;
pub mod rate_limit;
mod request;
pub mod request_id;
mod response;
mod route;
mod server;
mod shedding;
mod stages;
mod table;
mod target;
#[cfg(feature = "tls")]
mod tls;
mod tower;
mod upload;
mod write_timeout;

pub use access_log::AccessLog;
pub use answer::{Absent, Answer};
pub use body::RequestBody;
pub use chain::Next;
pub use client_address::TrustedProxies;
pub use compat::Compat;
#[cfg(feature = "compression")]
pub use compression::Compression;
pub use conditional::Etag;
pub use cors::Cors;
pub use entry::AliasInfo;
pub use explain::{Explanation, NotThis};
#[cfg(feature = "files")]
pub use files::Files;
pub use gateway::{Gateway, GatewayBuilder};
/// The types of requests and responses that [`Gateway::handle`] speaks.
pub use http;
pub use incoming::Incoming;
pub use into_response::IntoResponse;
#[cfg(feature = "jwt")]
pub use jwt::JwtKeys;
pub use ligand_core::edge::{Multipart, Size};
pub use limits::Limits;
pub use mount::Mounted;
pub use query::QueryOptions;
pub use rate_limit::RateLimit;
pub use request::Req;
pub use response::Body;
pub use route::{CorsConfig, Route, RouteConfig};
pub use server::Listener;
pub use shedding::Shedding;
pub use target::Target;
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use tower::{Mountable, OriginalUri, RouteService};
