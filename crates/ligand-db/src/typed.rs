//! Fields as constants: conditions, orders and changes in which a wrong name, a wrong type or another entity's field does
//! not compile.
//!
//! [`Filter`](crate::Filter), [`Query`](crate::Query) and [`Changes`](crate::Changes) say which entity they are about;
//! [`Untyped`] ones, made of texts, fit every entity and are checked when they run. [`Joins`] is what both have in common.

mod field;
mod values;

pub use field::{Addable, Settable, Sorting, Sorts, TypedField};
pub use values::{AddTo, Items, Ordered, RangeFor, SetTo, Textual, ValueFor};

use crate::Entity;

/// Stands for the entity in what names its fields by texts, as what comes from outside does. It is checked when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untyped {}

/// Conditions, orders and changes of both go together: the same entity, or names in texts beside it.
#[diagnostic::on_unimplemented(
    message = "this names a field of `{O}`, but it is used for `{Self}`",
    label = "not about `{Self}`",
    note = "take a constant of `{Self}`, or name the field by a text: `Filter::field(\"..\")`, `.sort(\"..\")`"
)]
pub trait Joins<O> {
    /// What the whole is about.
    type Both;
}

impl Joins<Self> for Untyped {
    type Both = Self;
}

impl<E: Entity> Joins<E> for Untyped {
    type Both = E;
}

impl<E: Entity> Joins<Untyped> for E {
    type Both = E;
}

impl<E: Entity> Joins<Self> for E {
    type Both = E;
}

/// What derives would write, without asking anything of the entity.
macro_rules! about {
    ($name:ident { $($field:ident),+ }) => {
        impl<E> Clone for $name<E> {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone(),)+ about: std::marker::PhantomData }
            }
        }

        impl<E> PartialEq for $name<E> {
            fn eq(&self, other: &Self) -> bool {
                $(self.$field == other.$field)&&+
            }
        }

        impl<E> $name<E> {
            /// The same, said to be about another entity.
            pub(crate) fn about<O>(self) -> $name<O> {
                $name { $($field: self.$field,)+ about: std::marker::PhantomData }
            }
        }
    };
}

pub(crate) use about;
