//! Endpoints of this node that a thread has found lately.
//!
//! Most calls name their action by a constant, the same ones over and over. To look one up in the snapshot takes four
//! atomic operations, a hash and a comparison of texts; a thread that remembers where a constant led compares three
//! numbers. A constant is known by its address: its text never changes.
//!
//! What is remembered is a weak handle: it keeps no service alive, and does not count as a running call.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use super::Endpoint;

/// So many constants are remembered by each thread; a power of two.
const PLACES: usize = 64;

struct Found {
    /// The state of the registry in which it was found; no two registries have the same. Zero is none.
    epoch: u64,
    name: usize,
    length: usize,
    endpoint: Weak<Endpoint>,
}

impl Found {
    const NOTHING: Self = Self { epoch: 0, name: 0, length: 0, endpoint: Weak::new() };
}

thread_local! {
    static FOUND: RefCell<[Found; PLACES]> = const { RefCell::new([Found::NOTHING; PLACES]) };
}

fn place(name: usize) -> usize {
    // Constants lie close to each other. The upper bits of the product depend on all of the address.
    (name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - PLACES.ilog2())) & (PLACES - 1)
}

/// The endpoint that `name` led to in this state of the registry, when this thread remembers it.
#[inline]
pub(crate) fn recall(epoch: u64, name: &'static str) -> Option<Arc<Endpoint>> {
    let address = name.as_ptr() as usize;
    let recalled = FOUND.try_with(|all| {
        let all = all.try_borrow().ok()?;
        let place = place(address);
        let is_it =
            |found: &&Found| found.epoch == epoch && found.name == address && found.length == name.len();
        let found = Some(&all[place]).filter(is_it).or_else(|| Some(&all[place ^ 1]).filter(is_it));
        found?.endpoint.upgrade()
    });
    // A thread that ends remembers nothing any more.
    recalled.ok().flatten()
}

/// Remembers where `name` led in this state of the registry. The state was read before the endpoint was looked up: what
/// changes in between makes the note outdated, not wrong.
pub(crate) fn note(epoch: u64, name: &'static str, endpoint: &Arc<Endpoint>) {
    let address = name.as_ptr() as usize;
    let endpoint = Arc::downgrade(endpoint);
    let found = Found { epoch, name: address, length: name.len(), endpoint };
    // It is as good not to be remembered.
    let _ = FOUND.try_with(|all| {
        all.try_borrow_mut().map(|mut all| {
            let place = place(address);
            // Two constants of one place share it with its neighbour.
            if all[place].epoch == epoch {
                all.swap(place, place ^ 1);
            }
            all[place] = found;
        })
    });
}
