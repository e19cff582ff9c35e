//! Which values a field of some type can be compared with and set to.
//!
//! One rule: a value of the field's own type. Besides, what is that without loss: references, `&str` for a text, the
//! inner value for an `Option`. Wider and narrower numbers are not: which type a number has is often what is wrong.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet, LinkedList, VecDeque},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::{
        NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64,
        NonZeroUsize,
    },
    sync::Arc,
};

use ligand_wire::{Date, Patch};
use serde::Serialize;

/// What a field of type `T` is compared with: a `T`, or what is one without loss.
#[diagnostic::on_unimplemented(
    message = "a field that holds `{T}` cannot be compared with or set to `{Self}`",
    label = "not a `{T}`",
    note = "take a value of the field's own type, or name the field by a text: `Filter::field(\"..\")`",
    note = "of a list, `has` asks for an item; of an `Option`, `is_null` for none"
)]
pub trait ValueFor<T> {
    /// The value as the field holds it.
    fn own(self) -> T;
}

/// What a field of type `T` is less or greater than: a value of an [`Ordered`] type.
#[diagnostic::on_unimplemented(
    message = "a field that holds `{T}` is not less or greater than `{Self}`",
    label = "no order with this",
    note = "take a value of the field's own type; numbers, texts, dates, times, uuids and addresses have an order",
    note = "a type of your own that is written as one of these says `impl ligand::db::Ordered for {Self} {{}}`"
)]
pub trait RangeFor<T> {
    /// The value as the field holds it.
    fn bound(self) -> T;
}

/// A type whose values have an order in the database. A newtype of your own says it, and so does an enum whose names are
/// to be compared as texts: `impl Ordered for Isbn {}`.
pub trait Ordered {}

/// A type whose values are texts that can be searched in. A newtype of your own says it: `impl Textual for Isbn {}`.
#[diagnostic::on_unimplemented(
    message = "only texts contain a text, `{Self}` is none",
    label = "not a text",
    note = "of a list, `has` asks for an item",
    note = "a type of your own that is written as a text says `impl ligand::db::Textual for {Self} {{}}`"
)]
pub trait Textual {}

/// A list, and what it holds.
#[diagnostic::on_unimplemented(
    message = "only a list has items, `{Self}` is none",
    label = "not a list",
    note = "`eq` asks for the value, `contains` for a part of a text"
)]
pub trait Items {
    /// An item.
    type Item: Serialize;
}

/// What a field of type `T` is set to: a [`ValueFor`] it, or a [`Patch`], of which nothing is set when it is absent.
#[diagnostic::on_unimplemented(
    message = "a field that holds `{T}` cannot be set to `{Self}`",
    label = "not a `{T}`",
    note = "take a value of the field's own type, a `Patch` of it, or name the field by a text"
)]
pub trait SetTo<T> {
    #[doc(hidden)]
    fn set_to(self) -> Patch<T>;
}

/// What is added to a number of type `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be added to a field that holds `{T}`",
    label = "cannot be added",
    note = "whole numbers take whole numbers, `f64` takes `f64` and whole numbers, decimals take decimals"
)]
pub trait AddTo<T>: Serialize {}

/// Values that a field is compared with and set to.
macro_rules! values {
    ($([$($generics:tt)*] $from:ty => $to:ty: $value:ident => $make:expr;)*) => {$(
        impl<$($generics)*> ValueFor<$to> for $from {
            fn own(self) -> $to {
                let $value = self;
                $make
            }
        }

        impl<$($generics)*> SetTo<$to> for $from {
            fn set_to(self) -> Patch<$to> {
                let $value = self;
                Patch::Value($make)
            }
        }
    )*};
}

values! {
    [T] T => T: value => value;
    [T] T => Option<T>: value => Some(value);
    [T: Clone] &T => T: value => value.clone();
    [T: Clone] &T => Option<T>: value => Some(value.clone());
    [T: Clone] &[T] => Vec<T>: value => value.to_vec();
    [T, const N: usize] [T; N] => Vec<T>: value => value.into();
}

impl<T: Ordered> RangeFor<T> for T {
    fn bound(self) -> T {
        self
    }
}

impl<T: Ordered> RangeFor<Option<T>> for T {
    fn bound(self) -> Option<T> {
        Some(self)
    }
}

impl<T: Ordered + Clone> RangeFor<T> for &T {
    fn bound(self) -> T {
        self.clone()
    }
}

impl<T: Ordered + Clone> RangeFor<Option<T>> for &T {
    fn bound(self) -> Option<T> {
        Some(self.clone())
    }
}

/// Values that are as good as one of another type, with an order.
macro_rules! same {
    ($($from:ty => $to:ty: $make:expr;)*) => {$(
        values! {
            [] $from => $to: value => ($make)(value);
            [] $from => Option<$to>: value => Some(($make)(value));
        }

        impl RangeFor<$to> for $from {
            fn bound(self) -> $to {
                ($make)(self)
            }
        }

        impl RangeFor<Option<$to>> for $from {
            fn bound(self) -> Option<$to> {
                Some(($make)(self))
            }
        }
    )*};
}

same! {
    &str => String: str::to_owned;
    &str => Box<str>: Box::from;
    &str => Arc<str>: Arc::from;
    &str => Cow<'static, str>: |text: &str| Cow::Owned(text.to_owned());
    Cow<'_, str> => String: Cow::into_owned;
    // `Product::PRICE.lt(10)`
    i32 => f64: f64::from;
}

impl<T> SetTo<T> for Patch<T> {
    fn set_to(self) -> Self {
        self
    }
}

impl<T> SetTo<Option<T>> for Patch<T> {
    fn set_to(self) -> Patch<Option<T>> {
        self.map(Some)
    }
}

macro_rules! ordered {
    ($($type:ty),* $(,)?) => {$(impl Ordered for $type {})*};
}

ordered!(
    i8,
    i16,
    i32,
    i64,
    u8,
    u16,
    u32,
    u64,
    usize,
    f32,
    f64,
    char,
    String,
    Box<str>,
    Arc<str>,
    Cow<'_, str>,
    NonZeroI8,
    NonZeroI16,
    NonZeroI32,
    NonZeroI64,
    NonZeroU8,
    NonZeroU16,
    NonZeroU32,
    NonZeroU64,
    NonZeroUsize,
    Date,
    IpAddr,
    Ipv4Addr,
    Ipv6Addr,
    serde_json::Number
);

#[cfg(feature = "chrono")]
impl<Z: chrono::TimeZone> Ordered for chrono::DateTime<Z> {}
#[cfg(feature = "chrono")]
ordered!(chrono::NaiveDate, chrono::NaiveDateTime, chrono::NaiveTime);
#[cfg(feature = "jiff")]
ordered!(jiff::Timestamp, jiff::Zoned, jiff::civil::Date, jiff::civil::DateTime, jiff::civil::Time);
#[cfg(feature = "time")]
ordered!(time::OffsetDateTime, time::UtcDateTime, time::PrimitiveDateTime, time::Date, time::Time);
#[cfg(feature = "uuid")]
ordered!(uuid::Uuid);
#[cfg(feature = "decimal")]
ordered!(rust_decimal::Decimal);

impl Textual for String {}
impl Textual for char {}
impl Textual for Box<str> {}
impl Textual for Arc<str> {}
impl Textual for Cow<'_, str> {}
impl<T: Textual> Textual for Option<T> {}

impl<T: Serialize> Items for Vec<T> {
    type Item = T;
}

impl<T: Serialize> Items for VecDeque<T> {
    type Item = T;
}

impl<T: Serialize> Items for LinkedList<T> {
    type Item = T;
}

impl<T: Serialize> Items for Box<[T]> {
    type Item = T;
}

impl<T: Serialize, const N: usize> Items for [T; N] {
    type Item = T;
}

impl<T: Serialize, S> Items for HashSet<T, S> {
    type Item = T;
}

impl<T: Serialize> Items for BTreeSet<T> {
    type Item = T;
}

impl<L: Items> Items for Option<L> {
    type Item = L::Item;
}

macro_rules! added {
    ($by:tt => $to:tt) => {
        added!(@each $by => $to);
    };
    (@each [$($by:ty),*] => $to:tt) => {$(added!(@to $by => $to);)*};
    (@to $by:ty => [$($to:ty),*]) => {$(
        impl AddTo<$to> for $by {}
        impl AddTo<Option<$to>> for $by {}
    )*};
}

added!([i8, i16, i32, i64, u8, u16, u32, u64, usize] => [i8, i16, i32, i64, u8, u16, u32, u64, usize]);
added!([f32, f64, i32, i64, u32] => [f32, f64]);
#[cfg(feature = "decimal")]
added!([rust_decimal::Decimal, i32, i64, &str, String] => [rust_decimal::Decimal]);
