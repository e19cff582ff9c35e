//! Checks a field whether or not its type implements [`Validate`].
//!
//! A field may have a type of another crate, which cannot implement the trait. Generated code asks through a
//! reference to a probe; the compiler then prefers the method that needs the trait and falls back to the other:
//!
//! ```
//! use ligand_wire::validate::probe::*;
//!
//! struct Foreign;
//!
//! assert!((&Probe(&Foreign)).probe_is_valid());
//! ```
//!
//! The preference is decided where the field's type is known. Behind a type parameter that is not bounded by
//! `Validate` every value counts as valid, which is why generated code adds that bound.

use super::{Report, Validate};

/// A value to be checked.
#[derive(Debug)]
pub struct Probe<'a, T: ?Sized>(pub &'a T);

/// A value to be sanitized.
#[derive(Debug)]
pub struct ProbeMut<'a, T: ?Sized>(pub &'a mut T);

/// The choice for types with rules.
pub trait Checked {
    /// Whether the value is valid.
    fn probe_is_valid(&self) -> bool;
    /// What its own checks found wrong.
    fn probe_violations(&self, report: &mut Report);
}

/// The choice for all other types.
pub trait Unchecked {
    /// Always true.
    fn probe_is_valid(&self) -> bool;
    /// Nothing.
    fn probe_violations(&self, report: &mut Report);
}

/// The choice for types with rules.
pub trait CheckedMut {
    /// Applies the sanitizers.
    fn probe_sanitize(&mut self);
}

/// The choice for all other types.
pub trait UncheckedMut {
    /// Does nothing.
    fn probe_sanitize(&mut self);
}

impl<T: Validate + ?Sized> Checked for Probe<'_, T> {
    #[inline]
    fn probe_is_valid(&self) -> bool {
        self.0.is_valid()
    }

    fn probe_violations(&self, report: &mut Report) {
        self.0.violations(report);
    }
}

impl<T: ?Sized> Unchecked for &Probe<'_, T> {
    #[inline]
    fn probe_is_valid(&self) -> bool {
        true
    }

    fn probe_violations(&self, _: &mut Report) {}
}

impl<T: Validate + ?Sized> CheckedMut for ProbeMut<'_, T> {
    #[inline]
    fn probe_sanitize(&mut self) {
        self.0.sanitize();
    }
}

impl<T: ?Sized> UncheckedMut for &mut ProbeMut<'_, T> {
    #[inline]
    fn probe_sanitize(&mut self) {}
}
