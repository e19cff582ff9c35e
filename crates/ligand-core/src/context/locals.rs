//! Values that stay within one context: never sent, never inherited.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

type Slot = Arc<dyn Any + Send + Sync>;

/// One value for each type. Boxed: few contexts have any, and all pay for the size.
#[allow(clippy::box_collection, reason = "a pointer instead of a map in every context")]
#[derive(Clone, Default)]
pub(super) struct Locals(Option<Box<HashMap<TypeId, Slot>>>);

impl Locals {
    pub(super) fn get<T: Clone + 'static>(&self) -> Option<T> {
        self.0.as_ref()?.get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }

    pub(super) fn set<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.get_or_insert_default().insert(TypeId::of::<T>(), Arc::new(value));
    }
}
