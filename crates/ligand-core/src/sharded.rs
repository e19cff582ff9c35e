//! Handles that calls on different cores do not share.
//!
//! Every call holds a handle of its endpoint, and an `Arc` counts its handles in one word of memory. Two cores that
//! count there take the cache line from each other at each step: together they make fewer calls than one alone. So
//! what every call holds exists several times, each with a count of its own, and a thread takes always the same one.

use std::{
    cell::Cell,
    ops::Deref,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Bytes of a pair of cache lines: processors fetch them together.
const LINE: usize = 128;

/// A value on cache lines of its own: nothing that others write lies next to it.
#[repr(align(128))]
pub(crate) struct CachePadded<T: ?Sized>(T);

impl<T> CachePadded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T: ?Sized> Deref for CachePadded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The same thing several times, one for each of a group of threads. `T` lies on lines of its own: a [`CachePadded`], or a
/// type aligned like one.
pub(crate) struct Sharded<T>(Box<[Arc<T>]>);

impl<T> Sharded<T> {
    /// `make` makes one of them.
    pub(crate) fn new(mut make: impl FnMut() -> T) -> Self {
        const { assert!(align_of::<T>() >= LINE, "neighbours share a cache line") };
        Self((0..*SHARDS).map(|_| Arc::new(make())).collect())
    }

    /// The one of this thread.
    pub(crate) fn own(&self) -> &Arc<T> {
        // There are as many as a power of two, and at least one.
        &self.0[place() & (self.0.len() - 1)]
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.0.iter()
    }

    /// How many handles others hold.
    pub(crate) fn handles(&self) -> usize {
        self.0.iter().map(|one| Arc::strong_count(one) - 1).sum()
    }
}

/// A handle of a service for one call of an async method.
#[doc(hidden)]
pub struct Handle<S>(Arc<CachePadded<Arc<S>>>);

impl<S> Deref for Handle<S> {
    type Target = Arc<S>;

    fn deref(&self) -> &Arc<S> {
        &self.0
    }
}

impl<S> std::fmt::Debug for Handle<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle")
    }
}

/// The handles of one service.
pub(crate) struct Handles<S>(Sharded<CachePadded<Arc<S>>>);

impl<S> Handles<S> {
    pub(crate) fn new(service: &Arc<S>) -> Self {
        Self(Sharded::new(|| CachePadded::new(service.clone())))
    }

    pub(crate) fn own(&self) -> Handle<S> {
        Handle(self.0.own().clone())
    }
}

/// More than there are cores: threads that block or only start things take places, too.
static SHARDS: LazyLock<usize> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (2 * cores).next_power_of_two().clamp(8, 32)
});

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Threads that call get places in the order in which they first do.
fn place() -> usize {
    let place = PLACE.get();
    if place != usize::MAX {
        return place;
    }
    let place = NEXT.fetch_add(1, Ordering::Relaxed);
    PLACE.set(place);
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_own_and_another_has_another() {
        let sharded = Sharded::new(|| CachePadded::new(()));
        let own = Arc::as_ptr(sharded.own()) as usize;
        assert_eq!(own, Arc::as_ptr(sharded.own()) as usize);
        let other =
            std::thread::scope(|scope| scope.spawn(|| Arc::as_ptr(sharded.own()) as usize).join().unwrap());
        assert!(own.abs_diff(other) >= 256, "counts and values lie on lines of their own");
    }

    #[test]
    fn handles_are_counted_whoever_holds_them() {
        let sharded = Arc::new(Sharded::new(|| CachePadded::new(())));
        let own = sharded.own().clone();
        let there = sharded.clone();
        let other = std::thread::spawn(move || there.own().clone()).join().unwrap();
        assert_eq!(sharded.handles(), 2);
        drop((own, other));
        assert_eq!(sharded.handles(), 0);
    }
}
