//! What waits for the bus while it is lost.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
};

use ligand_transport::Outbound;
use parking_lot::Mutex;

/// Packets in order, bounded in bytes.
#[derive(Default)]
pub(super) struct Buffer {
    packets: Mutex<Packets>,
    /// Something waits: what follows must wait behind it.
    waiting: AtomicBool,
    /// Only one empties the buffer at a time.
    flushing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Packets {
    queue: VecDeque<Outbound>,
    bytes: usize,
}

/// The packet would be more than the buffer takes.
pub(super) struct Full;

/// Beside its body a packet needs about this much.
const OVERHEAD: usize = 256;

impl Buffer {
    /// Nothing waits. Takes no lock.
    pub(super) fn is_empty(&self) -> bool {
        !self.waiting.load(Ordering::Acquire)
    }

    /// Keeps a packet unless that would be more than `most` bytes. Gives it back when nothing waits and the bus is
    /// `online` by now.
    pub(super) fn push_unless(
        &self,
        packet: Outbound,
        most: usize,
        online: impl FnOnce() -> bool,
    ) -> Result<Option<Outbound>, Full> {
        let mut packets = self.packets.lock();
        if online() && self.is_empty() {
            return Ok(Some(packet));
        }
        self.waiting.store(true, Ordering::Release);
        let size = packet.body.len() + OVERHEAD;
        if packets.bytes + size > most {
            return Err(Full);
        }
        packets.bytes += size;
        packets.queue.push_back(packet);
        Ok(None)
    }

    pub(super) async fn flushing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.flushing.lock().await
    }

    pub(super) fn pop(&self) -> Option<Outbound> {
        let mut packets = self.packets.lock();
        let packet = packets.queue.pop_front();
        match &packet {
            Some(packet) => packets.bytes -= packet.body.len() + OVERHEAD,
            None => self.waiting.store(false, Ordering::Release),
        }
        packet
    }

    pub(super) fn unpop(&self, packet: Outbound) {
        let mut packets = self.packets.lock();
        packets.bytes += packet.body.len() + OVERHEAD;
        packets.queue.push_front(packet);
    }
}
