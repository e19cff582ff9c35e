//! The typed name of an action.

use std::{fmt, marker::PhantomData};

/// The name of an action together with the types it takes and returns. Generated as a constant for every
/// `#[action]` (`Users::GET`); write one by hand to call a service that is not written in Rust.
///
/// ```
/// use ligand_core::ActionRef;
/// const ADD: ActionRef<(f64, f64), f64> = ActionRef::new("math.add");
/// assert_eq!(ADD.name(), "math.add");
/// ```
pub struct ActionRef<P, R> {
    name: &'static str,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> ActionRef<P, R> {
    /// `name` is the full name with version prefix: `v2.orders.place`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The full action name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<P, R> Clone for ActionRef<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, R> Copy for ActionRef<P, R> {}

impl<P, R> fmt::Debug for ActionRef<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActionRef({})", self.name)
    }
}
