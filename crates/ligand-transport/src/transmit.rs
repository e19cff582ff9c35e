//! What happens to packets between the serializer and the bus.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use ligand_wire::{Result, packet::PacketKind};

/// Changes encoded packets on their way to the bus, and back: compression, encryption. All nodes of a cluster need
/// the same. Called for every packet, so it must not wait.
pub trait Transmit: Send + Sync + 'static {
    /// Short name for logs: `compression`.
    fn name(&self) -> &'static str;

    /// A packet on its way out.
    ///
    /// # Errors
    /// When it cannot be sent in this form.
    fn send(&self, kind: PacketKind, body: Bytes) -> Result<Bytes>;

    /// The opposite of [`Transmit::send`].
    ///
    /// # Errors
    /// `INVALID_PACKET_DATA` for what [`Transmit::send`] did not make. The text may reach the log: it must quote
    /// neither content nor keys.
    fn receive(&self, kind: PacketKind, body: Bytes) -> Result<Bytes>;
}

/// Several in a row, in the order of Moleculer's list of middlewares: on the way out the last one comes first.
/// `[encryption, compression]` compresses, then encrypts.
#[derive(Clone, Default)]
pub struct Chain(Arc<[Arc<dyn Transmit>]>);

impl Chain {
    /// These, the last one nearest to the serializer. An empty chain changes nothing.
    pub fn new(steps: Vec<Arc<dyn Transmit>>) -> Self {
        Self(steps.into())
    }

    /// True when packets stay as they are.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Transmit for Chain {
    fn name(&self) -> &'static str {
        "chain"
    }

    fn send(&self, kind: PacketKind, body: Bytes) -> Result<Bytes> {
        self.0.iter().rev().try_fold(body, |body, step| step.send(kind, body))
    }

    fn receive(&self, kind: PacketKind, body: Bytes) -> Result<Bytes> {
        self.0.iter().try_fold(body, |body, step| step.receive(kind, body))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|step| step.name())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Mark(u8);

    impl Transmit for Mark {
        fn name(&self) -> &'static str {
            "mark"
        }

        fn send(&self, _: PacketKind, body: Bytes) -> Result<Bytes> {
            Ok([&body[..], &[self.0]].concat().into())
        }

        fn receive(&self, _: PacketKind, body: Bytes) -> Result<Bytes> {
            assert_eq!(body.last(), Some(&self.0));
            Ok(body.slice(..body.len() - 1))
        }
    }

    #[test]
    fn the_last_one_sends_first_and_receives_last() {
        let chain = Chain::new(vec![Arc::new(Mark(b'1')), Arc::new(Mark(b'2'))]);
        let sent = chain.send(PacketKind::Request, Bytes::from("body")).unwrap();
        assert_eq!(sent, "body21");
        assert_eq!(chain.receive(PacketKind::Request, sent).unwrap(), "body");
        assert_eq!(format!("{chain:?}"), r#"["mark", "mark"]"#);
        assert!(Chain::default().is_empty());
    }
}
