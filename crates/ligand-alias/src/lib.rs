//! The text of an HTTP alias: `GET /users/:id`.
//!
//! Actions say it as `rest`, routes as `alias`; macros read it at compile time, the core when a service is made, the
//! gateway when it builds its table. All of them read it here, so that it means the same everywhere and what is wrong
//! with it has one text. The crate has no dependencies: macros are compiled before everything else.
//!
//! `:name` is one segment or a part of one, `*name` the rest of the path (at least one segment), `{/:name}` or
//! `/:name?` an optional one. Everything else is literal, but for characters that mean something in other notations of
//! paths, such as `(\\d+)` or `{id}`: these are refused, because a path that is misread is one that nobody meant.

mod method;
mod names;
mod path;

pub use method::{METHODS, Verb};
pub use names::{Text, equal, nearest, pick, same, unknown};
pub use path::{Form, Path, Segment};

/// Reads `METHOD /path`, or `/path` for every method, into the method and the text of the path.
///
/// # Errors
/// What is wrong, and what to write instead.
pub fn split(text: &str) -> Result<(Verb, &str), String> {
    method::split(text, false).and_then(|(method, path)| {
        let verb = Verb::parse(method).ok_or_else(|| method::unknown(text, method, path))?;
        Ok((verb, path))
    })
}

/// As [`split`], where the method may also be `REST`, which stands for six aliases: `None`.
///
/// # Errors
/// What is wrong, and what to write instead.
pub fn split_rest(text: &str) -> Result<(Option<Verb>, &str), String> {
    let (method, path) = method::split(text, true)?;
    if method == "REST" {
        return Ok((None, path));
    }
    split(text).map(|(verb, path)| (Some(verb), path))
}
