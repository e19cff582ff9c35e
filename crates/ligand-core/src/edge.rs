//! What an action knows of HTTP: what it says about its answer ([`Reply`]) and what it may ask about the request
//! ([`HttpRequest`]).
//!
//! Both are plain data: they travel to and from other nodes as values of the meta, with the names that Moleculer has
//! for them. What they mean, a gateway decides. A caller that is no gateway gets the value of a [`Reply`] alone.

mod body;
mod cookie;
mod reply;
mod request;
mod size;
mod upload;

pub use body::{BodyKind, HttpBody, HttpBodyDef, LimitText, no_body};
pub use cookie::{Cookie, SameSite};
pub use reply::Reply;
pub use request::{HttpRequest, HttpWants};
pub use size::Size;
pub use upload::{Multipart, MultipartBounds, Upload};
