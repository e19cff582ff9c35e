//! Equal keys go to the same node: a ring of nodes, found by hash.

use std::{cell::Cell, fmt, sync::Arc};

use arc_swap::ArcSwapOption;
use ligand_wire::{
    Payload,
    key::{Found, Text},
};
use md5::{Digest, Md5};
use serde_json::Value;

use super::{Candidates, Pick, Strategy, round_robin::random};

/// Equal keys go to the same node, as on nodes of Moleculer with the same options. When that node is not usable the
/// next one of the ring gets the call. Calls without a key go to any node.
pub struct Shard {
    key: Option<Key>,
    vnodes: u64,
    ring_size: u64,
    ring: ArcSwapOption<Ring>,
}

/// Where the key is.
#[derive(Debug)]
enum Key {
    Meta(Box<str>),
    Params(Box<str>),
}

/// The nodes in their order on the ring. Where their slices end is computed.
struct Ring {
    generation: u64,
    /// Positions among the candidates, by name of the node.
    order: Vec<u32>,
}

thread_local! {
    /// Where the text of a key is written, so that a pick allocates nothing.
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
}

impl Shard {
    /// `key` is a path in the parameters, or in the meta with `#` before it; `None` chooses by chance. Every node
    /// has `vnodes` slices of a ring of `ring_size` (`None` = 2³²).
    pub fn new(key: Option<&str>, vnodes: u32, ring_size: Option<u64>) -> Self {
        let key = key.map(|key| match key.strip_prefix('#') {
            Some(path) => Key::Meta(path.into()),
            None => Key::Params(key.into()),
        });
        Self {
            key,
            vnodes: u64::from(vnodes.max(1)),
            ring_size: ring_size.unwrap_or(1 << 32).clamp(1, 1 << 53),
            ring: ArcSwapOption::empty(),
        }
    }

    fn hash(&self, key: &str) -> u64 {
        let digest = Md5::digest(key.as_bytes());
        u64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])) % self.ring_size
    }

    /// Where slice `number` (from 1) of `total` ends.
    fn bound(&self, number: u64, total: u64) -> u64 {
        if number >= total {
            return self.ring_size;
        }
        (self.ring_size as f64 / total as f64 * number as f64).floor() as u64
    }

    /// The first slice (from 1) that ends at `hash` or behind it.
    fn slice(&self, hash: u64, total: u64) -> u64 {
        let mut number = (hash as f64 * total as f64 / self.ring_size as f64).ceil() as u64;
        number = number.clamp(1, total);
        while number > 1 && self.bound(number - 1, total) >= hash {
            number -= 1;
        }
        while number < total && self.bound(number, total) < hash {
            number += 1;
        }
        number
    }

    fn owner(&self, candidates: &dyn Candidates, key: &str) -> Option<usize> {
        if candidates.is_empty() {
            return None;
        }
        let ring = self.ring.load();
        let ring = match &*ring {
            Some(ring) if ring.generation == candidates.generation() => ring,
            _ => {
                let ring = Arc::new(Ring::build(candidates));
                self.ring.store(Some(ring.clone()));
                return self.on(&ring, candidates, key);
            }
        };
        self.on(ring, candidates, key)
    }

    fn on(&self, ring: &Ring, candidates: &dyn Candidates, key: &str) -> Option<usize> {
        let nodes = ring.order.len();
        let slice = self.slice(self.hash(key), nodes as u64 * self.vnodes);
        let first = ((slice - 1) % nodes as u64) as usize;
        let (behind, ahead) = ring.order.split_at(first);
        ahead
            .iter()
            .chain(behind)
            .map(|index| *index as usize)
            .find(|index| *index < candidates.len() && candidates.usable(*index))
    }

    /// Writes the text of the key, as JavaScript's `String(key)`; false when there is none.
    fn write_key(&self, pick: &Pick<'_>, out: &mut String) -> bool {
        let found = match &self.key {
            None => return false,
            Some(Key::Params(path)) => read(pick.params(), path, out),
            Some(Key::Meta(path)) => {
                let meta = pick.meta();
                match meta.get(path) {
                    Some(value) => text(value, "", out),
                    None => {
                        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
                        meta.get(name)
                            .filter(|_| !rest.is_empty())
                            .is_some_and(|value| text(value, rest, out))
                    }
                }
            }
        };
        if found && out.len() >= 2 && out.starts_with('"') {
            out.pop();
            out.remove(0);
            return true;
        }
        found && out != "null"
    }
}

fn read(params: &Payload, path: &str, out: &mut String) -> bool {
    matches!(params.write_key(Some(path), &mut Text::plain(out)), Ok(Found::Scalar | Found::Nested))
}

fn text(value: &Value, path: &str, out: &mut String) -> bool {
    matches!(Text::plain(out).path(value, path), Ok(Found::Scalar | Found::Nested))
}

impl Strategy for Shard {
    fn pick(&self, candidates: &dyn Candidates, pick: &Pick<'_>) -> Option<usize> {
        let mut key = TEXT.take();
        key.clear();
        let chosen =
            if self.write_key(pick, &mut key) { self.owner(candidates, &key) } else { random(candidates) };
        TEXT.set(key);
        chosen
    }
}

impl Ring {
    fn build(candidates: &dyn Candidates) -> Self {
        let mut order: Vec<u32> = (0..candidates.len() as u32).collect();
        let name = |index: &u32| candidates.node(*index as usize);
        // As JavaScript sorts texts: by UTF-16 units.
        order.sort_by(|a, b| name(a).encode_utf16().cmp(name(b).encode_utf16()));
        Self { generation: candidates.generation(), order }
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard")
            .field("key", &self.key)
            .field("vnodes", &self.vnodes)
            .field("ring_size", &self.ring_size)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
