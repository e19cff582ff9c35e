//! One field of an entity, as a constant.

use std::{fmt, marker::PhantomData};

use ligand_wire::Patch;
use serde::Serialize;
use serde_json::Value;

use super::{AddTo, Items, RangeFor, SetTo, Textual, Untyped, ValueFor};
use crate::{
    Changes, Entity, Filter, Names, Query,
    filter::{Op, to_value},
    query::Sort,
};

/// A field of the entity `E` that holds a `T`: `Loan::DUE`, made by `#[entity]` for every field.
///
/// ```
/// # use ligand::{db::{Changes, Db, Entity, Filter}, entity, Date, Result};
/// #[entity(table = "loans")]
/// struct Loan {
///     id: String,
///     member: String,
///     due: Date,
///     renewals: u8,
///     returned: Option<Date>,
/// }
///
/// # async fn example(loans: ligand::db::Db<Loan>, id: &str) -> Result<()> {
/// let open = Loan::RETURNED.is_null().and(Loan::MEMBER.eq("ada"));
/// let late = loans.find(open.and(Loan::DUE.lt(Date::now())).sort(Loan::DUE.desc()).limit(10)).await?;
/// loans.update(id, Changes::new().set(Loan::RETURNED, Date::now()).increment(Loan::RENEWALS, 1)).await?;
/// // What comes from outside stays text, and goes together with the constants.
/// let both = Loan::MEMBER.eq("ada").and(Filter::field("due").lt("2026-01-31"));
/// # let _ = (late, both); Ok(()) }
/// ```
///
/// `T` is the type of the field. A value of it is what a condition takes (of an `Option<T>` a `T`), by reference too; a
/// text also as `&str`. What a field cannot be asked is not there: ranges need [`Ordered`](super::Ordered), `contains`
/// needs [`Textual`], `has` [`Items`], `is_null` an `Option`.
///
/// For an entity written by hand: `const NAME: TypedField<Product, String> = TypedField::new("name");`.
#[must_use]
pub struct TypedField<E, T> {
    name: &'static str,
    write: fn(&T) -> serde_json::Result<Value>,
    about: PhantomData<fn() -> E>,
}

impl<E, T> Clone for TypedField<E, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E, T> Copy for TypedField<E, T> {}

impl<E, T> fmt::Debug for TypedField<E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<E, T: Serialize> TypedField<E, T> {
    /// The field with this name on the wire, written as its type is.
    pub const fn new(name: &'static str) -> Self {
        Self::written_by(name, plain::<T>)
    }
}

fn plain<T: Serialize>(value: &T) -> serde_json::Result<Value> {
    serde_json::to_value(value)
}

impl<E, T> TypedField<E, T> {
    /// A field that is written by a function of its own, as with `#[serde(with = "..")]`.
    pub const fn written_by(name: &'static str, write: fn(&T) -> serde_json::Result<Value>) -> Self {
        Self { name, write, about: PhantomData }
    }

    /// The name on the wire.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// From the least to the greatest; what has no value comes first.
    pub fn asc(self) -> Sorting<E> {
        Sorting::of(self.name, false)
    }

    /// From the greatest to the least; what has no value comes last.
    pub fn desc(self) -> Sorting<E> {
        Sorting::of(self.name, true)
    }

    /// What cannot be written becomes an object that no column can hold, so that the check refuses it.
    fn value(&self, value: &T) -> Value {
        (self.write)(value).unwrap_or_else(|error| {
            to_value(std::collections::BTreeMap::from([("unserialisable", error.to_string())]))
        })
    }

    fn is(self, op: Op) -> Filter<E> {
        Filter::field(self.name).is(op).about()
    }

    /// Equal. Of a list: this very list; see [`TypedField::has`].
    pub fn eq(self, value: impl ValueFor<T>) -> Filter<E> {
        self.is(Op::Eq(self.value(&value.own())))
    }

    /// Not equal, which what has no value also is.
    pub fn ne(self, value: impl ValueFor<T>) -> Filter<E> {
        self.is(Op::Ne(self.value(&value.own())))
    }

    /// One of these.
    pub fn is_in<V: ValueFor<T>>(self, values: impl IntoIterator<Item = V>) -> Filter<E> {
        self.is(Op::In(values.into_iter().map(|value| self.value(&value.own())).collect()))
    }

    /// None of these.
    pub fn not_in<V: ValueFor<T>>(self, values: impl IntoIterator<Item = V>) -> Filter<E> {
        self.is(Op::NotIn(values.into_iter().map(|value| self.value(&value.own())).collect()))
    }

    /// Greater.
    pub fn gt(self, value: impl RangeFor<T>) -> Filter<E> {
        self.is(Op::Gt(self.value(&value.bound())))
    }

    /// Greater or equal.
    pub fn gte(self, value: impl RangeFor<T>) -> Filter<E> {
        self.is(Op::Gte(self.value(&value.bound())))
    }

    /// Less.
    pub fn lt(self, value: impl RangeFor<T>) -> Filter<E> {
        self.is(Op::Lt(self.value(&value.bound())))
    }

    /// Less or equal.
    pub fn lte(self, value: impl RangeFor<T>) -> Filter<E> {
        self.is(Op::Lte(self.value(&value.bound())))
    }

    /// Holds the text anywhere; ASCII letters match in either case, no character is a wildcard.
    pub fn contains(self, text: impl Into<String>) -> Filter<E>
    where
        T: Textual,
    {
        self.is(Op::Contains(text.into()))
    }

    /// A list with this item.
    pub fn has<V>(self, item: V) -> Filter<E>
    where
        T: Items,
        V: ValueFor<T::Item>,
    {
        self.is(Op::Has(to_value(item.own())))
    }
}

impl<E: Entity, T> TypedField<E, T> {
    /// From the first to the second, both included.
    pub fn between(self, least: impl RangeFor<T>, greatest: impl RangeFor<T>) -> Filter<E> {
        self.gte(least).and(self.lte(greatest))
    }
}

impl<E, T> TypedField<E, Option<T>> {
    /// Has no value.
    pub fn is_null(self) -> Filter<E> {
        self.is(Op::Exists(false))
    }

    /// Has a value.
    pub fn is_some(self) -> Filter<E> {
        self.is(Op::Exists(true))
    }
}

impl<E, T> From<TypedField<E, T>> for String {
    fn from(field: TypedField<E, T>) -> Self {
        field.name.to_owned()
    }
}

impl<E, T> From<TypedField<E, T>> for Names {
    fn from(field: TypedField<E, T>) -> Self {
        Self(vec![field.into()])
    }
}

macro_rules! names {
    ($(($($type:ident $value:ident),+))*) => {$(
        impl<E, $($type),+> From<($(TypedField<E, $type>,)+)> for Names {
            fn from(($($value,)+): ($(TypedField<E, $type>,)+)) -> Self {
                Self(vec![$($value.into()),+])
            }
        }
    )*};
}

names! {
    (A a, B b)
    (A a, B b, C c)
    (A a, B b, C c, D d)
    (A a, B b, C c, D d, F e)
    (A a, B b, C c, D d, F e, G f)
    (A a, B b, C c, D d, F e, G f, H g)
    (A a, B b, C c, D d, F e, G f, H g, I h)
}

/// Fields to sort by, made by [`TypedField::asc`] and [`TypedField::desc`].
#[must_use]
pub struct Sorting<E> {
    sorts: Vec<Sort>,
    about: PhantomData<fn() -> E>,
}

impl<E> Clone for Sorting<E> {
    fn clone(&self) -> Self {
        Self { sorts: self.sorts.clone(), about: PhantomData }
    }
}

impl<E> fmt::Debug for Sorting<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sorts.fmt(f)
    }
}

impl<E> Sorting<E> {
    fn of(field: &'static str, descending: bool) -> Self {
        Self { sorts: vec![Sort { field: field.to_owned(), descending }], about: PhantomData }
    }

    /// Those that are equal so far by these.
    pub fn then(mut self, other: Self) -> Self {
        self.sorts.extend(other.sorts);
        self
    }

    /// At most so many.
    pub fn limit(self, limit: u64) -> Query<E> {
        Query::from(self).limit(limit)
    }

    /// Leaves out the first so many.
    pub fn offset(self, offset: u64) -> Query<E> {
        Query::from(self).offset(offset)
    }
}

impl<E> From<Sorting<E>> for Query<E> {
    fn from(sorting: Sorting<E>) -> Self {
        Self { sort: sorting.sorts, ..Self::default() }
    }
}

impl<E> From<Sorting<E>> for Names {
    /// As the parameter `sort` has it: `-due,member`.
    fn from(sorting: Sorting<E>) -> Self {
        let text = |sort: Sort| if sort.descending { format!("-{}", sort.field) } else { sort.field };
        Self(sorting.sorts.into_iter().map(text).collect())
    }
}

/// What can be sorted by: constants, or names in a text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says no order",
    label = "not an order",
    note = "write `Loan::DUE.asc()`, `Loan::DUE.desc().then(..)`, or a text such as \"-due,member\""
)]
pub trait Sorts {
    /// The entity whose fields these are.
    type About;

    #[doc(hidden)]
    fn sorts(self) -> Vec<Sort>;
}

impl Sorts for &str {
    type About = Untyped;

    fn sorts(self) -> Vec<Sort> {
        self.split([',', ' ']).filter_map(Sort::parse).collect()
    }
}

impl Sorts for &String {
    type About = Untyped;

    fn sorts(self) -> Vec<Sort> {
        self.as_str().sorts()
    }
}

impl<E> Sorts for Sorting<E> {
    type About = E;

    fn sorts(self) -> Vec<Sort> {
        self.sorts
    }
}

/// What [`Changes::set`] takes: a constant with a value of its type, or the name of a field with anything.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be set to `{V}`",
    label = "no field of such values",
    note = "take a value of the field's type, a `Patch` of it, or name the field by a text"
)]
pub trait Settable<V> {
    /// The entity whose field this is.
    type About;

    /// The name, and the value when there is one to set.
    #[doc(hidden)]
    fn set(self, value: V) -> (String, Option<Value>);
}

/// What [`Changes::increment`] takes: a constant of a number with a number, or the name of a field with anything.
#[diagnostic::on_unimplemented(
    message = "`{V}` cannot be added to `{Self}`",
    label = "not a field that this is added to",
    note = "only numbers are added to numbers; name a field of another type by a text"
)]
pub trait Addable<V> {
    /// The entity whose field this is.
    type About;

    #[doc(hidden)]
    fn add(self, by: V) -> (String, Value);
}

macro_rules! text_names {
    ($($name:ty),*) => {$(
        impl<V: Serialize> Settable<V> for $name {
            type About = Untyped;

            fn set(self, value: V) -> (String, Option<Value>) {
                (self.into(), Some(to_value(value)))
            }
        }

        impl<V: Serialize> Addable<V> for $name {
            type About = Untyped;

            fn add(self, by: V) -> (String, Value) {
                (self.into(), to_value(by))
            }
        }
    )*};
}

text_names!(&str, &String, String);

impl<E: Entity, T, V: SetTo<T>> Settable<V> for TypedField<E, T> {
    type About = E;

    fn set(self, value: V) -> (String, Option<Value>) {
        let value = match value.set_to() {
            Patch::Absent => None,
            Patch::Null => Some(Value::Null),
            Patch::Value(value) => Some(self.value(&value)),
        };
        (self.into(), value)
    }
}

impl<E: Entity, T, V: AddTo<T>> Addable<V> for TypedField<E, T> {
    type About = E;

    fn add(self, by: V) -> (String, Value) {
        (self.into(), to_value(by))
    }
}

impl<E: Entity, T> TypedField<E, T> {
    /// A change that sets the field.
    pub fn set(self, value: impl SetTo<T>) -> Changes<E> {
        Changes::new().set(self, value)
    }
}
