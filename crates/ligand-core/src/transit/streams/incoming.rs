//! Streams that come from other nodes.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Direction, Key, Streams};
use crate::{
    registry::Node,
    stream::{Assembly, Limits, Mode, Part, Progress, Streaming, cut_off},
};

/// Most streams that come at once.
const MOST_STREAMS: usize = 10_000;

/// How many ended streams are remembered.
const MOST_ENDED: usize = 4096;

/// Most bytes of streams whose packet 0 has not come, all of them together.
const MOST_UNOPENED: usize = 16 * 1024 * 1024;

/// What is forgotten when nothing comes within this time: a stream without its first packet, one that nobody reads,
/// one with a gap. The sender of another one is asked whether it still has it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Incoming {
    pub(super) assembly: Assembly,
    /// Waits for packet 0, which starts the call or answers it.
    stream: Option<Streaming>,
    /// Everything has come, before packet 0.
    complete: bool,
    /// When its last packet came.
    last: Instant,
    /// Bytes that came before packet 0.
    unopened: UnopenedBytes,
}

/// Counts bytes of a stream whose packet 0 has not come, in the sum of all.
struct UnopenedBytes {
    own: usize,
    all: Arc<AtomicUsize>,
}

impl UnopenedBytes {
    fn add(&mut self, bytes: usize) {
        self.own += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed);
    }

    fn clear(&mut self) {
        self.all.fetch_sub(std::mem::take(&mut self.own), Ordering::Relaxed);
    }
}

impl Drop for UnopenedBytes {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The latest streams of calls that ended here: their late packets must not look like the beginning of a new one.
#[derive(Default)]
struct Ended {
    /// Whether packet 0 came: then the call runs.
    keys: HashMap<Key, bool>,
    order: VecDeque<Key>,
}

impl Ended {
    fn add(&mut self, key: Key, opened: bool) {
        if key.direction == Direction::Upload
            && let Entry::Vacant(free) = self.keys.entry(key.clone())
        {
            free.insert(opened);
            self.order.push_back(key);
        }
        if self.order.len() > MOST_ENDED
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

/// Streams that come, and those that came lately.
#[derive(Default)]
pub(super) struct IncomingStreams {
    open: Mutex<HashMap<Key, Incoming>>,
    ended: Mutex<Ended>,
    unopened: Arc<AtomicUsize>,
}

impl IncomingStreams {
    fn new_stream(&self, assembly: Assembly, stream: Option<Streaming>) -> Incoming {
        let unopened = UnopenedBytes { own: 0, all: self.unopened.clone() };
        Incoming { assembly, stream, complete: false, last: Instant::now(), unopened }
    }

    /// Takes a stream out of the list and remembers that it was there. Whatever becomes of it then finds that noted.
    pub(super) fn end(&self, key: &Key) -> Option<Incoming> {
        let mut open = self.open.lock();
        let known = open.remove(key)?;
        self.ended.lock().add(key.clone(), known.stream.is_none());
        Some(known)
    }

    pub(super) fn len(&self) -> usize {
        self.open.lock().len()
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.open.lock().contains_key(key)
    }

    /// How much of a stream was read.
    pub(super) fn taken(&self, key: &Key) -> Option<u64> {
        self.open.lock().get(key).map(|known| known.assembly.taken())
    }

    /// Streams of the nodes that `wanted` says.
    pub(super) fn keys(&self, wanted: impl Fn(&str) -> bool) -> Vec<Key> {
        let mut keys: Vec<_> = self.open.lock().keys().filter(|key| wanted(&key.node)).cloned().collect();
        // In an order that does not depend on the map.
        keys.sort_unstable();
        keys
    }

    /// Streams of which nothing came for long: those that will not go on, and those whose sender is to be asked,
    /// with how much of them was read.
    pub(super) fn stalled(&self) -> (Vec<Key>, Vec<(Key, u64)>) {
        let (mut over, mut silent) = (Vec::new(), Vec::new());
        for (key, known) in self.open.lock().iter().filter(|(_, known)| known.last.elapsed() > PATIENCE) {
            match known.stream.is_some() || known.assembly.has_gap() || known.assembly.is_unread() {
                true => over.push(key.clone()),
                false => silent.push((key.clone(), known.assembly.taken())),
            }
        }
        over.sort_unstable();
        silent.sort_unstable();
        (over, silent)
    }
}

/// One packet of a stream that came.
pub(crate) struct StreamPacket<'a> {
    pub(crate) direction: Direction,
    pub(crate) id: &'a str,
    pub(crate) seq: u64,
    pub(crate) mode: Mode,
    pub(crate) part: Part,
    pub(crate) len: usize,
}

impl<'a> StreamPacket<'a> {
    /// What stands for a packet that cannot be taken.
    pub(crate) fn failed(direction: Direction, id: &'a str, seq: u64, error: Error) -> Self {
        Self { direction, id, seq, mode: Mode::Bytes, part: Part::Error(error), len: 0 }
    }
}

impl Streams {
    /// The stream that packet 0 opens; `None` when it was opened before, so that the packet came twice.
    ///
    /// # Errors
    /// There are too many, or this one has ended before its packet 0 came.
    pub(crate) fn open(
        self: &Arc<Self>,
        node: &Arc<Node>,
        direction: Direction,
        id: &str,
        mode: Mode,
    ) -> Result<Option<Streaming>> {
        let key = Key { node: node.id().clone(), direction, id: id.into() };
        match self.incoming.ended.lock().keys.get(&key) {
            Some(true) => return Ok(None),
            Some(false) => return Err(cut_off()),
            None => {}
        }
        let mut open = self.incoming.open.lock();
        if let Some(known) = open.get_mut(&key) {
            let stream = known.stream.take();
            known.unopened.clear();
            let gone = known.complete.then(|| open.remove(&key));
            drop(open);
            if gone.is_some() {
                self.incoming.ended.lock().add(key, true);
            }
            drop(gone);
            return Ok(stream);
        }
        // Before the stream is made: dropping one looks for it in this very map.
        if open.len() >= MOST_STREAMS {
            return Err(Error::queue_is_full("stream", self.outbox.node_id()));
        }
        let (assembly, stream) = self.assembly(node, &key, mode);
        open.insert(key, self.incoming.new_stream(assembly, None));
        Ok(Some(stream))
    }

    fn assembly(self: &Arc<Self>, node: &Arc<Node>, key: &Key, mode: Mode) -> (Assembly, Streaming) {
        let remote_end = self.remote_end(node, key.direction, key.id.clone());
        Assembly::new(mode, Limits::default(), Arc::new(remote_end))
    }

    /// A packet after the first. `overtakes`: it may have overtaken packet 0.
    pub(crate) fn on_packet(self: &Arc<Self>, node: &Arc<Node>, packet: StreamPacket<'_>, overtakes: bool) {
        let key = Key { node: node.id().clone(), direction: packet.direction, id: packet.id.into() };
        let mut open = self.incoming.open.lock();
        if !open.contains_key(&key) {
            if !overtakes {
                drop(open);
                return self.unread(node, key.direction, &key.id);
            }
            if open.len() >= MOST_STREAMS || self.incoming.ended.lock().keys.contains_key(&key) {
                return;
            }
            let (assembly, stream) = self.assembly(node, &key, packet.mode);
            open.insert(key.clone(), self.incoming.new_stream(assembly, Some(stream)));
        }
        let Some(known) = open.get_mut(&key) else { return };
        if known.stream.is_some() {
            if self.incoming.unopened.load(Ordering::Relaxed) + packet.len > MOST_UNOPENED {
                drop(open);
                drop(self.incoming.end(&key));
                let kind = packet.direction.kind();
                return self.outbox.refuse(kind, &Error::invalid_packet(kind, "its stream was not opened"));
            }
            known.unopened.add(packet.len);
        }
        known.last = Instant::now();
        match known.assembly.accept(packet.seq, packet.part, packet.len) {
            Progress::Open => {}
            Progress::Complete if known.stream.is_some() => known.complete = true,
            Progress::Complete => {
                drop(open);
                drop(self.incoming.end(&key));
            }
            Progress::Broken(error) => {
                drop(open);
                drop(self.incoming.end(&key));
                tracing::debug!(node = &**node.id(), error = %error.for_log(), "a stream broke");
                self.remote_end(node, key.direction, key.id).cancel();
            }
        }
    }
}
