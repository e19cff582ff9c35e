//! Checking a value that was already decoded.
//!
//! `#[payload]` implements [`Validate`] from the `#[check(..)]` rules of the fields, and payloads inside payloads
//! are checked with them. Success costs the comparisons and nothing else. What exactly is wrong with a refused
//! value is the business of its [`Schema`], which looks at the value as it arrived.
//!
//! Types of other crates do not implement the trait and count as valid: see [`probe`].

pub mod probe;
mod report;
mod unreadable;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    hash::BuildHasher,
    rc::Rc,
    sync::Arc,
};

pub use report::{Report, Verdict};
use serde::Serialize;
pub use unreadable::unreadable;

use crate::{Patch, schema::Schema};

/// A value that knows its own rules.
///
/// ```
/// use ligand_wire::validate::Validate;
///
/// struct Even(u32);
///
/// impl Validate for Even {
///     const CHECKS: bool = true;
///
///     fn is_valid(&self) -> bool {
///         self.0 % 2 == 0
///     }
/// }
///
/// assert!(!vec![Even(2), Even(3)].is_valid());
/// ```
pub trait Validate {
    /// Whether [`sanitize`](Self::sanitize) may do anything. False means the call can be left out.
    const SANITIZES: bool = false;

    /// Whether [`is_valid`](Self::is_valid) may be false. False means the call can be left out.
    const CHECKS: bool = false;

    /// The names of the fields on the wire, when they are known while the program is compiled and there are no others.
    const WIRE_NAMES: Option<&'static [&'static str]> = None;

    /// Applies the sanitizers (`trim`, `lowercase`, `uppercase`). Called before [`is_valid`](Self::is_valid).
    fn sanitize(&mut self) {}

    /// Whether every rule holds, here and in the payloads inside.
    fn is_valid(&self) -> bool {
        true
    }

    /// Says what [`is_valid`](Self::is_valid) found wrong and the schema does not: what the checks of
    /// `#[check(custom = ..)]` say. Called only for a value that is not valid.
    fn violations(&self, _report: &mut Report) {}

    /// The JSON Schema of the type. Generated code builds it once and returns clones of it.
    fn schema() -> Schema
    where
        Self: schemars::JsonSchema + Sized,
    {
        Schema::of::<Self>()
    }
}

/// Sanitizes `value` and tells whether it is valid then.
///
/// ```
/// use ligand_wire::validate::accept;
/// assert!(accept(&mut vec![1, 2]));
/// ```
pub fn accept<T: Validate>(value: &mut T) -> bool {
    if T::SANITIZES {
        value.sanitize();
    }
    !T::CHECKS || value.is_valid()
}

macro_rules! always_valid {
    ($($type:ty),* $(,)?) => {
        $(impl Validate for $type {})*
    };
}

always_valid!(
    i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64, bool, char, String, str,
    serde_json::Value, serde_json::Map<String, serde_json::Value>, serde_json::Number, (), std::time::Duration,
    std::time::SystemTime, std::net::IpAddr, std::net::Ipv4Addr, std::net::Ipv6Addr, std::net::SocketAddr,
    std::net::SocketAddrV4, std::net::SocketAddrV6, std::path::PathBuf, std::num::NonZeroI8, std::num::NonZeroI16,
    std::num::NonZeroI32, std::num::NonZeroI64, std::num::NonZeroI128, std::num::NonZeroIsize, std::num::NonZeroU8,
    std::num::NonZeroU16, std::num::NonZeroU32, std::num::NonZeroU64, std::num::NonZeroU128, std::num::NonZeroUsize,
);

impl<T: Validate> Validate for Option<T> {
    const SANITIZES: bool = T::SANITIZES;
    const CHECKS: bool = T::CHECKS;

    fn sanitize(&mut self) {
        if let Some(value) = self {
            value.sanitize();
        }
    }

    fn is_valid(&self) -> bool {
        self.as_ref().is_none_or(T::is_valid)
    }

    fn violations(&self, report: &mut Report) {
        if let Some(value) = self {
            value.violations(report);
        }
    }
}

impl<T: Validate> Validate for Patch<T> {
    const SANITIZES: bool = T::SANITIZES;
    const CHECKS: bool = T::CHECKS;

    fn sanitize(&mut self) {
        if let Self::Value(value) = self {
            value.sanitize();
        }
    }

    fn is_valid(&self) -> bool {
        self.as_value().is_none_or(T::is_valid)
    }

    fn violations(&self, report: &mut Report) {
        if let Self::Value(value) = self {
            value.violations(report);
        }
    }
}

impl<T: Validate + ?Sized> Validate for Box<T> {
    const SANITIZES: bool = T::SANITIZES;
    const CHECKS: bool = T::CHECKS;

    fn sanitize(&mut self) {
        (**self).sanitize();
    }

    fn is_valid(&self) -> bool {
        (**self).is_valid()
    }

    fn violations(&self, report: &mut Report) {
        (**self).violations(report);
    }
}

/// A shared value cannot be changed in place, so its sanitizers do not run.
macro_rules! shared {
    ($($type:ident),*) => {
        $(impl<T: Validate + ?Sized> Validate for $type<T> {
            const CHECKS: bool = T::CHECKS;

            fn is_valid(&self) -> bool {
                (**self).is_valid()
            }

            fn violations(&self, report: &mut Report) {
                (**self).violations(report);
            }
        })*
    };
}

shared!(Arc, Rc);

impl<B: Validate + ToOwned + ?Sized> Validate for Cow<'_, B>
where
    B::Owned: Validate,
{
    const SANITIZES: bool = B::SANITIZES;
    const CHECKS: bool = B::CHECKS;

    fn sanitize(&mut self) {
        if B::SANITIZES {
            self.to_mut().sanitize();
        }
    }

    fn is_valid(&self) -> bool {
        (**self).is_valid()
    }

    fn violations(&self, report: &mut Report) {
        (**self).violations(report);
    }
}

macro_rules! lists {
    ($([$($generics:tt)*] $type:ty),*) => {
        $(impl<T: Validate, $($generics)*> Validate for $type {
            const SANITIZES: bool = T::SANITIZES;
            const CHECKS: bool = T::CHECKS;

            fn sanitize(&mut self) {
                if T::SANITIZES {
                    self.iter_mut().for_each(T::sanitize);
                }
            }

            fn is_valid(&self) -> bool {
                !T::CHECKS || self.iter().all(T::is_valid)
            }

            fn violations(&self, report: &mut Report) {
                for (index, item) in self.iter().enumerate() {
                    report.index(index, |report| item.violations(report));
                }
            }
        })*
    };
}

lists!([] [T], [] Vec<T>, [] VecDeque<T>, [] LinkedList<T>, [const N: usize] [T; N]);

/// The items of a set cannot be changed in place, so their sanitizers do not run.
macro_rules! sets {
    ($([$($generics:tt)*] $type:ty),*) => {
        $(impl<T: Validate, $($generics)*> Validate for $type {
            const CHECKS: bool = T::CHECKS;

            fn is_valid(&self) -> bool {
                !T::CHECKS || self.iter().all(T::is_valid)
            }

            fn violations(&self, report: &mut Report) {
                for (index, item) in self.iter().enumerate() {
                    report.index(index, |report| item.violations(report));
                }
            }
        })*
    };
}

sets!([] BTreeSet<T>, [] BinaryHeap<T>, [S: BuildHasher] HashSet<T, S>);

macro_rules! maps {
    ($([$($generics:tt)*] $type:ty),*) => {
        $(impl<K: Serialize, V: Validate, $($generics)*> Validate for $type {
            const SANITIZES: bool = V::SANITIZES;
            const CHECKS: bool = V::CHECKS;

            fn sanitize(&mut self) {
                if V::SANITIZES {
                    self.values_mut().for_each(V::sanitize);
                }
            }

            fn is_valid(&self) -> bool {
                !V::CHECKS || self.values().all(V::is_valid)
            }

            fn violations(&self, report: &mut Report) {
                for (key, value) in self {
                    report.entry(key, |report| value.violations(report));
                }
            }
        })*
    };
}

maps!([] BTreeMap<K, V>, [S: BuildHasher] HashMap<K, V, S>);

macro_rules! tuples {
    ($($($name:ident)+;)*) => {
        $(impl<$($name: Validate),+> Validate for ($($name,)+) {
            const SANITIZES: bool = $($name::SANITIZES)||+;
            const CHECKS: bool = $($name::CHECKS)||+;

            #[allow(non_snake_case)]
            fn sanitize(&mut self) {
                let ($($name,)+) = self;
                $($name.sanitize();)+
            }

            #[allow(non_snake_case)]
            fn is_valid(&self) -> bool {
                let ($($name,)+) = self;
                $($name.is_valid())&&+
            }

            #[allow(non_snake_case)]
            fn violations(&self, report: &mut Report) {
                let ($($name,)+) = self;
                let mut index = 0..;
                $(report.index(index.next().unwrap_or_default(), |report| $name.violations(report));)+
            }
        })*
    };
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Even(u32);

    impl Validate for Even {
        const SANITIZES: bool = true;
        const CHECKS: bool = true;

        fn sanitize(&mut self) {
            if self.0 > 100 {
                self.0 = 100;
            }
        }

        fn is_valid(&self) -> bool {
            self.0.is_multiple_of(2)
        }
    }

    struct Foreign;

    #[test]
    fn containers_check_what_is_inside() {
        assert!(Some(Even(2)).is_valid() && None::<Even>.is_valid() && !Some(Even(1)).is_valid());
        assert!(!vec![Even(2), Even(1)].is_valid() && vec![Box::new(Even(2))].is_valid());
        assert!(!HashMap::from([("a", Even(1))]).is_valid() && !BTreeMap::from([(1, [Even(1)])]).is_valid());
        assert!(!("x".to_owned(), Even(1)).is_valid() && !Arc::new(Even(1)).is_valid());
        assert!(!VecDeque::from([Even(1)]).is_valid() && !LinkedList::from([Even(1)]).is_valid());
        let (boxed, shared): (Box<[Even]>, Arc<[Even]>) = ([Even(1)].into(), [Even(1)].into());
        assert!(!boxed.is_valid() && !shared.is_valid());
        assert!(!Cow::<Vec<u8>>::Owned(vec![1]).is_empty() && Cow::Borrowed("x").is_valid());
        const { assert!(!<Vec<String>>::CHECKS && <(u8, Option<Even>)>::CHECKS && <Vec<Even>>::SANITIZES) };
    }

    #[test]
    fn accept_sanitizes_first() {
        let mut values = vec![Even(101), Even(4)];
        assert!(accept(&mut values));
        assert_eq!(values[0].0, 100);
    }

    #[test]
    #[allow(clippy::needless_borrow)]
    fn the_probe_knows_types_without_rules() {
        use probe::{Checked as _, CheckedMut as _, Probe, ProbeMut, Unchecked as _, UncheckedMut as _};

        assert!(!(&Probe(&Even(1))).probe_is_valid());
        assert!((&Probe(&Foreign)).probe_is_valid());
        assert!((&Probe(&vec![Foreign])).probe_is_valid());
        assert!(!(&Probe(&Some(vec![Even(1)]))).probe_is_valid());
        let mut even = Even(300);
        (&mut ProbeMut(&mut even)).probe_sanitize();
        assert_eq!(even.0, 100);
        let mut foreign = Foreign;
        (&mut ProbeMut(&mut foreign)).probe_sanitize();
    }

    #[test]
    fn schemas_of_builtins() {
        assert_eq!(<Vec<u8>>::schema().json()["type"], "array");
    }
}
