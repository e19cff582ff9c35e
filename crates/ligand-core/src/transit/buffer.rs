//! What waits for the bus while it is lost.

use std::collections::VecDeque;

use ligand_transport::Outbound;

/// Packets in order, at most so many bytes.
#[derive(Default)]
pub(super) struct Buffer {
    packets: VecDeque<Outbound>,
    bytes: usize,
}

/// Beside its body a packet needs about this much.
const OVERHEAD: usize = 256;

impl Buffer {
    /// Keeps a packet unless that would be more than `most` bytes.
    pub(super) fn push(&mut self, packet: Outbound, most: usize) -> Result<(), Outbound> {
        let size = packet.body.len() + OVERHEAD;
        if self.bytes + size > most {
            return Err(packet);
        }
        self.bytes += size;
        self.packets.push_back(packet);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<Outbound> {
        let packet = self.packets.pop_front()?;
        self.bytes -= packet.body.len() + OVERHEAD;
        Some(packet)
    }

    pub(super) fn unpop(&mut self, packet: Outbound) {
        self.bytes += packet.body.len() + OVERHEAD;
        self.packets.push_front(packet);
    }
}
