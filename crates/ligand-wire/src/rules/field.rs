//! Rules applied to a field whatever wraps it: `Option` (nothing to check when `None`), `Patch` (nothing to check
//! without a value), lists, sets, `Box` and `Arc`.
//!
//! These traits are what code generated for `#[check(..)]` calls.

#[cfg(feature = "decimal")]
use std::cmp::Ordering;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    hash::BuildHasher,
    sync::Arc,
};

use serde::Serialize;

use crate::Patch;
#[cfg(feature = "decimal")]
use crate::foreign;

/// A field that holds texts.
#[diagnostic::on_unimplemented(
    message = "a text rule does not apply to `{Self}`",
    label = "not a text",
    note = "`length`, `email`, `url`, `uuid`, `pattern` and `one_of` need a text, or an Option, a list, a set, Box or Arc of one; use `items(..)` to count the items of a list"
)]
pub trait Text {
    /// Whether `rule` accepts every text in the field.
    fn every_text(&self, rule: &dyn Fn(&str) -> bool) -> bool;
}

/// A field that holds texts which can be changed in place.
#[diagnostic::on_unimplemented(
    message = "`trim`, `lowercase` and `uppercase` do not apply to `{Self}`",
    label = "not a String",
    note = "they need String, or an Option, a list or Box of it"
)]
pub trait TextMut {
    /// Applies the sanitizers to every text in the field.
    fn sanitize_text(&mut self, sanitizers: super::Sanitizers);
}

/// A field that holds numbers.
#[diagnostic::on_unimplemented(
    message = "a number rule does not apply to `{Self}`",
    label = "not a number",
    note = "`range` and `positive` need an integer or a float, or an Option, a list, a set, Box or Arc of one"
)]
pub trait Numeric {
    /// Whether `rule` accepts every number in the field.
    fn every_number(&self, rule: &dyn Fn(Number) -> bool) -> bool;
}

/// A field that holds lists.
#[diagnostic::on_unimplemented(
    message = "`items` does not apply to `{Self}`",
    label = "not a list",
    note = "it needs a list or a set, or Option, Box or Arc of one; use `length(..)` for the length of a text"
)]
pub trait Items {
    /// Whether `rule` accepts the number of items.
    fn every_count(&self, rule: &dyn Fn(usize) -> bool) -> bool;
}

/// A field whose items can be compared with each other.
#[diagnostic::on_unimplemented(
    message = "`unique_items` does not apply to `{Self}`",
    label = "not a list of comparable items",
    note = "it needs a list, or Option, Box or Arc of one, whose items are PartialEq and Serialize"
)]
pub trait Unique {
    /// Whether no item occurs twice.
    fn has_unique_items(&self) -> bool;
}

/// A field that can be empty.
#[diagnostic::on_unimplemented(
    message = "`non_empty` does not apply to `{Self}`",
    label = "never empty",
    note = "it needs a text, a list, a set or a map, or Option, Box or Arc of one"
)]
pub trait NonEmpty {
    /// Whether there is something in it. `None` is absent rather than empty.
    fn is_non_empty(&self) -> bool;
}

/// A number of any width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Any integer. A `u128` beyond `i128::MAX` counts as `i128::MAX`.
    Int(i128),
    /// A float.
    Float(f64),
    /// A decimal number.
    #[cfg(feature = "decimal")]
    Decimal(rust_decimal::Decimal),
}

impl Number {
    /// `self >= other`. A float is compared as a float; NaN is not at least anything.
    pub fn at_least(self, other: Number) -> bool {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a >= b,
            #[cfg(feature = "decimal")]
            (Number::Decimal(a), b) => foreign::compare(a, b).is_some_and(Ordering::is_ge),
            #[cfg(feature = "decimal")]
            (a, Number::Decimal(b)) => foreign::compare(b, a).is_some_and(Ordering::is_le),
            (a, b) => a.as_f64() >= b.as_f64(),
        }
    }

    /// `self <= other`.
    pub fn at_most(self, other: Number) -> bool {
        other.at_least(self)
    }

    /// `self > 0`.
    pub fn is_positive(self) -> bool {
        match self {
            Number::Int(value) => value > 0,
            Number::Float(value) => value > 0.0,
            #[cfg(feature = "decimal")]
            Number::Decimal(value) => value > rust_decimal::Decimal::ZERO,
        }
    }

    fn as_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
            #[cfg(feature = "decimal")]
            Number::Decimal(_) => unreachable!("decimals are compared as such"),
        }
    }
}

macro_rules! texts {
    ($($type:ty),*) => {
        $(
            impl Text for $type {
                fn every_text(&self, rule: &dyn Fn(&str) -> bool) -> bool {
                    rule(self)
                }
            }

            impl NonEmpty for $type {
                fn is_non_empty(&self) -> bool {
                    !self.is_empty()
                }
            }
        )*
    };
}

texts!(str, String, Cow<'_, str>);

impl TextMut for String {
    fn sanitize_text(&mut self, sanitizers: super::Sanitizers) {
        sanitizers.apply(self);
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl Numeric for $type {
            fn every_number(&self, rule: &dyn Fn(Number) -> bool) -> bool {
                rule(Number::from(*self))
            }
        })*
    };
}

macro_rules! integers {
    ($($type:ty),*) => {
        $(impl From<$type> for Number {
            fn from(value: $type) -> Self {
                Number::Int(i128::try_from(value).unwrap_or(i128::MAX))
            }
        })*
        numbers!($($type),*);
    };
}

integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);
numbers!(f32, f64);

impl From<f32> for Number {
    fn from(value: f32) -> Self {
        Number::Float(f64::from(value))
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Number::Float(value)
    }
}

macro_rules! through {
    ($trait:ident::$method:ident($($arg:ident: $arg_type:ty)?)) => {
        impl<T: $trait> $trait for Option<T> {
            fn $method(&self $(, $arg: $arg_type)?) -> bool {
                self.as_ref().is_none_or(|value| value.$method($($arg)?))
            }
        }

        impl<T: $trait> $trait for Patch<T> {
            fn $method(&self $(, $arg: $arg_type)?) -> bool {
                self.as_value().is_none_or(|value| value.$method($($arg)?))
            }
        }

        impl<T: $trait + ?Sized> $trait for Box<T> {
            fn $method(&self $(, $arg: $arg_type)?) -> bool {
                (**self).$method($($arg)?)
            }
        }

        impl<T: $trait + ?Sized> $trait for Arc<T> {
            fn $method(&self $(, $arg: $arg_type)?) -> bool {
                (**self).$method($($arg)?)
            }
        }
    };
}

through!(Text::every_text(rule: &dyn Fn(&str) -> bool));
through!(Numeric::every_number(rule: &dyn Fn(Number) -> bool));
through!(Items::every_count(rule: &dyn Fn(usize) -> bool));
through!(Unique::has_unique_items());
through!(NonEmpty::is_non_empty());

impl<T: TextMut> TextMut for Option<T> {
    fn sanitize_text(&mut self, sanitizers: super::Sanitizers) {
        if let Some(value) = self {
            value.sanitize_text(sanitizers);
        }
    }
}

impl<T: TextMut> TextMut for Patch<T> {
    fn sanitize_text(&mut self, sanitizers: super::Sanitizers) {
        if let Self::Value(value) = self {
            value.sanitize_text(sanitizers);
        }
    }
}

impl<T: TextMut + ?Sized> TextMut for Box<T> {
    fn sanitize_text(&mut self, sanitizers: super::Sanitizers) {
        (**self).sanitize_text(sanitizers);
    }
}

/// The items of a list or a set, one by one.
macro_rules! items {
    ($([$($generics:tt)*] $type:ty),*) => {
        $(
            impl<T: Text, $($generics)*> Text for $type {
                fn every_text(&self, rule: &dyn Fn(&str) -> bool) -> bool {
                    self.iter().all(|item| item.every_text(rule))
                }
            }

            impl<T: Numeric, $($generics)*> Numeric for $type {
                fn every_number(&self, rule: &dyn Fn(Number) -> bool) -> bool {
                    self.iter().all(|item| item.every_number(rule))
                }
            }
        )*
    };
}

items!([] [T], [] Vec<T>, [const N: usize] [T; N], [] VecDeque<T>, [] LinkedList<T>, [] BTreeSet<T>,
    [S: BuildHasher] HashSet<T, S>);

/// Those of a set cannot be changed in place, and none of them is there twice.
macro_rules! lists {
    ($([$($generics:tt)*] $type:ty, $self:ident => $slice:expr;)*) => {
        $(
            impl<T: TextMut, $($generics)*> TextMut for $type {
                fn sanitize_text(&mut self, sanitizers: super::Sanitizers) {
                    self.iter_mut().for_each(|item| item.sanitize_text(sanitizers));
                }
            }

            impl<T: PartialEq + Serialize, $($generics)*> Unique for $type {
                fn has_unique_items(&$self) -> bool {
                    super::unique($slice)
                }
            }
        )*
    };
}

lists! {
    [] [T], self => self;
    [] Vec<T>, self => self;
    [const N: usize] [T; N], self => self;
    [] VecDeque<T>, self => &self.iter().collect::<Vec<_>>();
    [] LinkedList<T>, self => &self.iter().collect::<Vec<_>>();
}

macro_rules! counted {
    ($([$($generics:tt)*] $type:ty),*) => {
        $(impl<$($generics)*> Items for $type {
            fn every_count(&self, rule: &dyn Fn(usize) -> bool) -> bool {
                rule(self.len())
            }
        })*
    };
}

counted!([T] [T], [T] Vec<T>, [T, const N: usize] [T; N], [T] VecDeque<T>, [T] LinkedList<T>,
    [T] BinaryHeap<T>, [T] BTreeSet<T>, [T, S: BuildHasher] HashSet<T, S>);

macro_rules! emptiable {
    ($([$($generics:tt)*] $type:ty),*) => {
        $(impl<$($generics)*> NonEmpty for $type {
            fn is_non_empty(&self) -> bool {
                !self.is_empty()
            }
        })*
    };
}

emptiable!([T] [T], [T] Vec<T>, [T, const N: usize] [T; N], [T] VecDeque<T>, [T] LinkedList<T>, [T] BinaryHeap<T>,
    [T] BTreeSet<T>, [T, S: BuildHasher] HashSet<T, S>,
    [K, V] BTreeMap<K, V>, [K, V, S: BuildHasher] HashMap<K, V, S>);
