//! From an error back to the variant it came from: what the code of `#[derive(ligand::Error)]` calls.
//!
//! A variant is known by type and code. Its fields come from the data of the error, or from its message when they stand
//! only there. A field whose type cannot be read back leaves its variant out: the compiler chooses a method by what the
//! type can do, as in `ligand_wire::validate::probe`.

use std::{marker::PhantomData, str::FromStr};

use ligand_wire::{Error, objects::by_name};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Stands for the type of a field.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// For the type of `T`.
    #[allow(clippy::new_without_default, reason = "for generated code")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

macro_rules! either {
    ($(#[$doc:meta] $able:ident, $unable:ident: $method:ident($($argument:ident: $type:ty),*), [$($bound:tt)*] => $found:expr;)*) => {
        $(
            #[$doc]
            pub trait $able<T> {
                /// The value, if it can be read.
                fn $method(&self, $($argument: $type),*) -> Option<T>;
            }

            /// The choice for all other types.
            pub trait $unable<T> {
                /// None.
                fn $method(&self, $($argument: $type),*) -> Option<T>;
            }

            impl<T: $($bound)*> $able<T> for Probe<T> {
                fn $method(&self, $($argument: $type),*) -> Option<T> {
                    $found
                }
            }

            #[allow(unused_variables, reason = "what cannot be done needs no arguments")]
            impl<T> $unable<T> for &Probe<T> {
                fn $method(&self, $($argument: $type),*) -> Option<T> {
                    None
                }
            }
        )*
    };
}

either! {
    /// The choice for types that can be read from the data of an error.
    FromData, NotFromData: data(error: &Error, key: &str), [DeserializeOwned] => of_data(error, key);
    /// The choice for types that can be read from a part of its message.
    FromText, NotFromText: text(text: &str), [FromStr] => text.parse().ok();
    /// The choice for types with a value for what did not travel.
    FromNothing, NotFromNothing: nothing(), [Default] => Some(T::default());
    /// The choice for errors that are variants of another one.
    FromError, NotFromError: error(error: &Error), [for<'e> TryFrom<&'e Error>] => T::try_from(error).ok();
}

fn of_data<T: DeserializeOwned>(error: &Error, key: &str) -> Option<T> {
    let value = error.data().and_then(|data| data.get(key)).cloned().unwrap_or(Value::Null);
    T::deserialize(by_name(value)).ok()
}

/// What stands in a message between these texts: one part less than there are texts.
///
/// Each part ends where the next text is found first, the last one at the end.
pub fn parts<'m>(message: &'m str, texts: &[&str]) -> Option<Vec<&'m str>> {
    let (first, others) = texts.split_first()?;
    let mut rest = message.strip_prefix(first)?;
    let Some((last, between)) = others.split_last() else { return rest.is_empty().then(Vec::new) };
    let mut parts = Vec::with_capacity(others.len());
    for text in between {
        let (part, after) = rest.split_once(text)?;
        parts.push(part);
        rest = after;
    }
    parts.push(rest.strip_suffix(last)?);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_message_is_taken_apart_at_its_texts() {
        assert_eq!(parts("No order 7 here", &["No order ", " here"]), Some(vec!["7"]));
        assert_eq!(parts("7 is not 8", &["", " is not ", ""]), Some(vec!["7", "8"]));
        assert_eq!(parts("a: b: c", &["", ": ", ""]), Some(vec!["a", "b: c"]));
        assert_eq!(parts("fixed", &["fixed"]), Some(vec![]));
        for (message, texts) in [
            ("other", &["fixed"] as &[&str]),
            ("fixed!", &["fixed"]),
            ("No order", &["No order ", " here"]),
            ("7 is 8", &["", " is not ", ""]),
            ("", &["a", "b"]),
            ("x", &[]),
        ] {
            assert_eq!(parts(message, texts), None, "{message}");
        }
    }
}
