//! A typed value with one owner, kept in place when it is small.

use std::{any::Any, sync::Arc};

use smallbox::{SmallBox, smallbox};

use super::{Data, typed::Typed};

/// A number, an id, a text or a small struct (24 bytes on 64-bit machines) needs no memory of its own: for a local call
/// the two allocations, of its parameters and of its result, are a good part of the time.
pub(super) struct Owned(SmallBox<dyn Slot, [usize; 3]>);

/// Nothing is ever pinned in it.
impl Unpin for Owned {}

/// A value that leaves through a reference: what is kept in place behind a vtable cannot be moved.
trait Slot: Any + Send + Sync {
    fn typed(&self) -> &dyn Typed;
    fn share(&mut self) -> Arc<dyn Typed>;
}

impl<T: Data> Slot for Option<T> {
    fn typed(&self) -> &dyn Typed {
        match self {
            Some(value) => value,
            // Whoever takes the value out has the slot for its own: nobody looks into it afterwards.
            None => &(),
        }
    }

    fn share(&mut self) -> Arc<dyn Typed> {
        match self.take() {
            Some(value) => Arc::new(value),
            None => Arc::new(()),
        }
    }
}

impl Owned {
    pub(super) fn new<T: Data>(value: T) -> Self {
        Self(smallbox!(Some(value)))
    }

    pub(super) fn typed(&self) -> &dyn Typed {
        self.0.typed()
    }

    /// The value, when it is a `T`.
    pub(super) fn take<T: Data>(mut self) -> Result<T, Self> {
        match self.slot::<T>().and_then(Option::take) {
            Some(value) => Ok(value),
            None => Err(self),
        }
    }

    /// The value for change, when it is a `T`.
    pub(super) fn get_mut<T: Data>(&mut self) -> Option<&mut T> {
        self.slot()?.as_mut()
    }

    /// The value as one that several may hold.
    pub(super) fn share(mut self) -> Arc<dyn Typed> {
        self.0.share()
    }

    fn slot<T: Data>(&mut self) -> Option<&mut Option<T>> {
        (&mut *self.0 as &mut dyn Any).downcast_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_in_place_and_large_ones_leave_as_well() {
        let text = Owned::new(String::from("ada"));
        assert!(!text.0.is_heap());
        let text = text.take::<u64>().err().unwrap();
        assert_eq!(text.take::<String>().ok(), Some("ada".to_owned()));
        let mut large = Owned::new(vec![7u64; 8]);
        large.get_mut::<Vec<u64>>().unwrap().push(8);
        assert_eq!(large.take::<Vec<u64>>().ok().map(|all| all.len()), Some(9));
        let large = Owned::new((String::new(), [7u64; 4]));
        assert!(large.0.is_heap());
        assert_eq!(large.take::<(String, [u64; 4])>().ok().map(|(_, all)| all), Some([7; 4]));
    }

    #[test]
    fn what_is_dropped_unread_is_dropped_once() {
        let counted: Arc<()> = Arc::new(());
        drop(Owned::new(Counted(counted.clone())));
        drop(Owned::new(Counted(counted.clone())).share());
        drop(Owned::new(Counted(counted.clone())).take::<Counted>().ok());
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    struct Counted(#[allow(dead_code, reason = "counts its owners")] Arc<()>);
}
