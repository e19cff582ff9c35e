//! The attribute macros of Ligand. Use them through the `ligand` crate, which re-exports them.
//!
//! | macro | file |
//! |---|---|
//! | `#[payload]` | `payload.rs`, with the field rules in `check.rs` |
//! | `#[service]` | `service.rs`; what callers see of it in `surface.rs` |
//! | `#[contract]` | `contract.rs` |
//! | `#[entity]` | `entity.rs` |
//! | `#[derive(Error)]` | `error.rs` |
//! | `#[ligand::main]` | `main_fn.rs` |
//!
//! Shared: reading an item (`item.rs`), options in attributes (`options.rs`), method signatures (`signature.rs`), the
//! list of errors (`errors.rs`).
//!
//! Rules all of them follow: every error of an item is reported at once, at the token it is about; the item is
//! emitted again even then, so that editors keep working; and generated paths start with `::ligand::__private`, so
//! that a crate depends on `ligand` alone.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod check;
mod contract;
mod entity;
mod error;
mod errors;
mod item;
mod main_fn;
mod options;
mod payload;
mod service;
mod signature;
mod surface;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a struct or enum travel between services.
///
/// Derives `Debug`, `Clone`, `PartialEq`, `Serialize`, `Deserialize` and `JsonSchema` (each unless the item derives it
/// already), with `camelCase` names on the wire unless the item sets its own `#[serde(rename_all = "..")]`, and
/// implements `Validate` from the `#[check(..)]` rules of the fields.
///
/// ```
/// # use ligand::payload;
/// #[payload]
/// pub struct CreateUser {
///     /// Shown to everybody.
///     #[check(trim, length(1..=64))]
///     pub display_name: String,
///     #[check(trim, lowercase, email)]
///     pub email: String,
///     #[check(range(18..=130))]
///     pub age: Option<u8>,
///     #[check(length(8..), secret)]
///     pub password: String,
/// }
/// ```
///
/// It goes above the derives and other attributes of the item: what stands higher is expanded before it.
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `event = "users.created"` | also implements `EventPayload`, so the event's name exists once |
/// | `unknown = "drop"` | fields nobody declared are ignored (the default) |
/// | `unknown = "reject"` | … are an error |
/// | `unknown = "keep"` | … are kept in the field marked `#[check(rest)]`, a `Map<String, Value>` |
///
/// # Field rules
///
/// A rule reaches through `Option` and `Patch` (nothing to check without a value), lists, sets, `Box` and `Arc`: `email` on
/// a `Vec<String>` is about each text in it.
///
/// | rule | for | holds when |
/// |---|---|---|
/// | `length(1..=64)`, `length(min = 1)`, `length(8..)` | text | the length in UTF-16 units is in the range |
/// | `email`, `url`, `uuid` | text | it has that form (`url` is http or https) |
/// | `pattern = "^[A-Z]"` | text | the regular expression matches somewhere |
/// | `one_of("a", "b")` | text | it is one of these |
/// | `range(1..=100)`, `range(min = 0)` | number | it is in the range |
/// | `positive` | number | it is above zero |
/// | `items(1..=50)` | list | it has that many items |
/// | `unique_items` | list | no item occurs twice |
/// | `non_empty` | text, list, map | there is something in it |
///
/// These change the value instead: `trim`, `lowercase`, `uppercase` (before the rules are checked), and `default` or
/// `default = expr` (when the field is absent). `secret` keeps the value out of `Debug` and of error reports.
/// `rest` marks the field of `unknown = "keep"`. `schema = String` says what a field with `#[serde(with = ..)]` looks
/// like on the wire.
///
/// `custom = path` is a check of your own: a function that takes a reference to the field and answers `bool` or
/// `Result<(), E>`, where `E` is a text, a `FieldError`, several of them, or a `ligand::Error`. On the type it is about the
/// whole. It gets a value of its type, so it does not run while any field cannot be read as its own: then the rules
/// alone report. `message = ".."` replaces the texts of the rules in its attribute; alone it is the text of everything
/// else that can be wrong with the field.
///
/// ```
/// # use ligand::payload;
/// #[payload]
/// #[check(custom = |stay: &Stay| stay.from < stay.until, message = "A stay ends after it begins.")]
/// pub struct Stay {
///     #[check(range(1..=366), message = "Name a day of the year.")]
///     pub from: u16,
///     pub until: u16,
/// }
/// ```
///
/// A field that has to tell "not sent" from null is a `Patch<T>`. Types of `uuid`, `chrono`, `jiff`, `time` and
/// `rust_decimal` are fields with the feature of that name (`decimal` for the last).
#[proc_macro_attribute]
pub fn payload(options: TokenStream, item: TokenStream) -> TokenStream {
    payload::expand(options.into(), &item.into()).into()
}

#[doc = include_str!("../docs/service.md")]
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    service::expand(options.into(), &item.into()).into()
}

#[doc = include_str!("../docs/contract.md")]
#[proc_macro_attribute]
pub fn contract(options: TokenStream, item: TokenStream) -> TokenStream {
    contract::expand(options.into(), &item.into()).into()
}

#[doc = include_str!("../docs/entity.md")]
#[proc_macro_attribute]
pub fn entity(options: TokenStream, item: TokenStream) -> TokenStream {
    entity::expand(options.into(), &item.into()).into()
}

/// Writes what stands in the attribute, with this derive as its place; see `payload::above`.
#[doc(hidden)]
#[proc_macro_derive(Written, attributes(ligand_written))]
pub fn written(item: TokenStream) -> TokenStream {
    payload::written(&item.into()).into()
}

#[doc = include_str!("../docs/error.md")]
#[proc_macro_derive(Error, attributes(error))]
pub fn error(item: TokenStream) -> TokenStream {
    error::expand(&item.into()).into()
}

/// Runs an asynchronous `main` on a multi-threaded runtime, so that a program depends on `ligand` alone.
///
/// ```
/// # use ligand::prelude::*;
/// #[ligand::main]
/// async fn main() -> Result<()> {
///     let broker = ServiceBroker::builder().start().await?;
///     broker.stop().await;
///     Ok(())
/// }
/// ```
///
/// `#[ligand::main(worker_threads = 2)]` sets the number of threads; by default there is one for each core.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    main_fn::expand(options.into(), &item.into()).into()
}
