//! What the compiler knows of the types in a signature; used by generated code.
//!
//! `#[service]` sees types as text only. Whether one has a schema, or can travel at all, it asks the compiler:
//! `Probe::<T>::new().form()` picks the best of three [`Form`]s.
//!
//! ```
//! use ligand_core::__private::probe::{Form, Probe, Unfit as _, Untold as _};
//!
//! fn has_schema<F: Form>(_: F) -> bool {
//!     F::schema().is_some()
//! }
//!
//! #[derive(Clone, serde::Serialize, serde::Deserialize)]
//! struct Foreign;
//!
//! assert!(has_schema(Probe::<u64>::new().form()));
//! assert!(!has_schema(Probe::<Foreign>::new().form()));
//! ```
//!
//! A type that cannot travel gets a form as well: [`travels`] reports it once, at the place where the user wrote
//! it, and nothing else complains a second time.

use std::{fmt, marker::PhantomData};

use ligand_wire::{
    Data, Payload, Result,
    schema::{JsonSchema, Schema},
    validate::Validate,
};

use super::validation;

/// How values of one type get into payloads and out again.
pub trait Form: Copy + Send + Sync + 'static {
    /// The type.
    type Value: 'static;

    /// Values are streams.
    fn streams() -> bool {
        false
    }

    /// Out of a payload.
    ///
    /// # Errors
    /// When the content does not fit the type.
    fn take(payload: Payload) -> Result<Self::Value>;

    /// Out of a payload that holds the very type, else the payload back.
    ///
    /// # Errors
    /// The payload, as it was.
    fn take_typed(payload: Payload) -> Result<Self::Value, Payload> {
        Err(payload)
    }

    /// Into a payload.
    fn put(value: Self::Value) -> Payload;

    /// Decodes, sanitises and checks.
    fn validator() -> Option<fn(Payload) -> Result<Payload>> {
        None
    }

    /// Tells parameters that the validator leaves as they are; `None`: all of the type.
    fn passes() -> Option<fn(&Payload) -> bool> {
        None
    }

    /// Turns the parameters into what a handler takes, or returns them as they were; see
    /// [`CacheRule`](crate::cache::CacheRule).
    fn decoder() -> Option<fn(Payload) -> Result<Payload, Payload>> {
        None
    }

    /// The parameters as a handler would get them, when they are so already; see [`CacheRule`](crate::cache::CacheRule).
    fn seen() -> Option<fn(&Payload) -> Option<&Payload>> {
        None
    }

    /// The schema, when there is one.
    fn schema() -> Option<Schema> {
        None
    }
}

macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        pub struct $name<T>(PhantomData<fn(T) -> T>);

        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> Copy for $name<T> {}

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

forms! {
    /// The question what form values of `T` have.
    Probe,
    /// A type with rules and a schema.
    DescribedForm,
    /// A type that travels, and of which nothing else is known.
    PlainForm,
    /// A type that cannot travel. The program does not compile; see [`travels`].
    UnfitForm
}

impl<T> Probe<T> {
    /// Asks about `T`.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Probe<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The best answer: methods of the type itself come first.
impl<T: Data + Validate + JsonSchema> Probe<T> {
    /// The form of `T`.
    pub fn form(self) -> DescribedForm<T> {
        DescribedForm(PhantomData)
    }
}

impl<T: Validate> Probe<T> {
    /// The names of its fields on the wire, when they are known.
    pub const WIRE_NAMES: Option<&'static [&'static str]> = T::WIRE_NAMES;
}

/// What is known of the fields of all other types.
pub trait Unlisted {
    /// Nothing.
    const WIRE_NAMES: Option<&'static [&'static str]> = None;
}

impl<T> Unlisted for Probe<T> {}

/// The second answer: for types without rules or schema.
pub trait Untold<T> {
    /// The form of `T`.
    fn form(self) -> PlainForm<T>;
}

impl<T: Data> Untold<T> for Probe<T> {
    fn form(self) -> PlainForm<T> {
        PlainForm(PhantomData)
    }
}

/// The last answer: for types that cannot travel.
pub trait Unfit<T> {
    /// The form of `T`.
    fn form(self) -> UnfitForm<T>;
}

impl<T> Unfit<T> for &Probe<T> {
    fn form(self) -> UnfitForm<T> {
        UnfitForm(PhantomData)
    }
}

impl<T: Data + Validate + JsonSchema> Form for DescribedForm<T> {
    type Value = T;

    fn streams() -> bool {
        super::action::is_stream::<T>()
    }

    fn take(payload: Payload) -> Result<T> {
        payload.take()
    }

    fn take_typed(payload: Payload) -> Result<T, Payload> {
        payload.take_typed()
    }

    fn put(value: T) -> Payload {
        Payload::typed(value)
    }

    fn validator() -> Option<fn(Payload) -> Result<Payload>> {
        Some(validation::check::<T>)
    }

    fn passes() -> Option<fn(&Payload) -> bool> {
        (T::SANITIZES || T::CHECKS).then_some(validation::passes::<T>)
    }

    fn decoder() -> Option<fn(Payload) -> Result<Payload, Payload>> {
        Some(validation::handled::<T>)
    }

    fn seen() -> Option<fn(&Payload) -> Option<&Payload>> {
        Some(validation::seen::<T>)
    }

    fn schema() -> Option<Schema> {
        Some(T::schema())
    }
}

impl<T: Data> Form for PlainForm<T> {
    type Value = T;

    fn streams() -> bool {
        super::action::is_stream::<T>()
    }

    fn decoder() -> Option<fn(Payload) -> Result<Payload, Payload>> {
        Some(validation::handled::<T>)
    }

    fn seen() -> Option<fn(&Payload) -> Option<&Payload>> {
        Some(validation::seen::<T>)
    }

    fn take(payload: Payload) -> Result<T> {
        payload.take()
    }

    fn take_typed(payload: Payload) -> Result<T, Payload> {
        payload.take_typed()
    }

    fn put(value: T) -> Payload {
        Payload::typed(value)
    }
}

impl<T: 'static> Form for UnfitForm<T> {
    type Value = T;

    fn take(_payload: Payload) -> Result<T> {
        unreachable!("a program with such a type does not compile")
    }

    fn put(_value: T) -> Payload {
        unreachable!("a program with such a type does not compile")
    }
}

/// Fails to compile when `T` cannot travel.
pub const fn travels<T: Data>() {}

/// Fails to compile when a parameter of the path in `alias` is none of `fields`. With a field `params` it may be meant
/// for a route that keeps its sources apart; the gateway knows.
pub const fn takes(alias: &str, names: &[&str], fields: Option<&[&str]>) {
    let Some(fields) = fields else { return };
    let mut index = 0;
    while index < names.len() {
        if let Some(problem) = ligand_alias::unknown(alias, names[index], fields)
            && ligand_alias::pick("params", fields).is_none()
        {
            panic!("{}", problem.as_str());
        }
        index += 1;
    }
}

/// Holds when a hook has the type of the action it is for.
#[diagnostic::on_unimplemented(
    message = "the hook is for `{Self}`, the action has `{Of}`",
    label = "not the type of the action",
    note = "give the hook the action's own type, or take a `Payload` for any"
)]
pub trait Fits<Of> {}

impl<T> Fits<T> for T {}

/// Fails to compile when a hook has another type than its action.
pub const fn fits<Of, Hook: Fits<Of>>() {}
