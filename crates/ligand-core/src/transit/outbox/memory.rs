//! Memory for packets on their way out.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};
use ligand_wire::Result;

/// Short packets share pieces of memory of this size: an allocation for many of them. A packet that stays keeps its
/// piece.
const PIECE: usize = 8 * 1024;

/// Longer packets have memory of their own.
const SHORT: usize = 1024;

/// Which packets share memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Retention {
    /// Those that are gone when they are sent.
    Passing,
    /// Those that stay for a while: what passes must not stay with them.
    Kept,
}

#[derive(Default)]
struct Arena {
    /// Where a packet is written, to learn its length.
    scratch: Vec<u8>,
    pieces: [BytesMut; 2],
}

thread_local! {
    static ARENA: RefCell<Arena> = RefCell::default();
}

/// The bytes that `write` writes.
pub(super) fn pack(retention: Retention, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<Bytes> {
    // Taken out: values that are written run code of others, which may send packets itself.
    // Nothing is left of it at the end of a thread.
    let scratch = ARENA.try_with(|arena| std::mem::take(&mut arena.borrow_mut().scratch));
    let mut scratch = scratch.unwrap_or_default();
    scratch.clear();
    let written = write(&mut scratch);
    if written.is_ok() && scratch.len() > SHORT {
        return Ok(Bytes::from(scratch));
    }
    let piece = |arena: &RefCell<Arena>| {
        let arena = &mut *arena.borrow_mut();
        let packed = written.is_ok().then(|| {
            let piece = &mut arena.pieces[retention as usize];
            if piece.capacity() < scratch.len() {
                *piece = BytesMut::with_capacity(PIECE);
            }
            piece.extend_from_slice(&scratch);
            piece.split().freeze()
        });
        if scratch.capacity() <= PIECE {
            arena.scratch = std::mem::take(&mut scratch);
        }
        packed
    };
    let packed = ARENA.try_with(piece);
    written.map(|()| packed.ok().flatten().unwrap_or_else(|| Bytes::from(scratch)))
}

#[cfg(test)]
mod tests {
    use ligand_wire::Error;

    use super::*;

    #[test]
    fn packets_of_any_length_one_inside_of_the_other() {
        let mut all = Vec::new();
        for len in [0, 1, 100, SHORT, SHORT + 1, PIECE, 50, 3 * PIECE, 7] {
            let inner = std::cell::Cell::new(None);
            let packet = pack(Retention::Passing, |out| {
                let other = pack(Retention::Kept, |out| {
                    out.resize(len / 2, 7);
                    Ok(())
                });
                inner.set(Some(other?));
                out.resize(len, 9);
                Ok(())
            });
            all.push((packet.unwrap(), len, 9));
            all.push((inner.take().unwrap(), len / 2, 7));
            assert!(pack(Retention::Kept, |_| Err(Error::new("no"))).is_err());
        }
        for (packet, len, byte) in all {
            assert_eq!(packet, vec![byte; len]);
        }
    }
}
