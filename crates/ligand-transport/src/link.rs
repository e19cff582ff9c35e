//! The broker's side of a transporter.

use std::sync::Arc;

use bytes::Bytes;
use ligand_wire::{
    Error, Result,
    packet::{Packet, PacketKind, Received},
};

use crate::{BoxFuture, Cluster, Tasks, Ticket};

/// The broker's side of a transporter: where received packets, losses and news go.
pub trait Link: Send + Sync + 'static {
    /// Name of this node.
    fn node_id(&self) -> &Arc<str>;

    /// Namespace of the cluster; empty for none.
    fn namespace(&self) -> &str;

    /// New with every start of this node.
    fn instance_id(&self) -> &str;

    /// Takes a packet as it came from the bus. Does not wait: requests go on in tasks of the broker.
    fn receive(&self, kind: PacketKind, body: Bytes);

    /// As [`Link::receive`], for packets that come straight from one node: those in the name of another are refused.
    fn receive_from(&self, node: &str, kind: PacketKind, body: Bytes) {
        let _ = node;
        self.receive(kind, body);
    }

    /// As [`Link::receive`]; the future ends when the packet was dealt with: its request is answered, its
    /// listeners have ended. For buses that want receipts.
    fn receive_tracked(&self, kind: PacketKind, body: Bytes) -> BoxFuture<()>;

    /// The connection stands and all subscriptions are in place: for the first time, or again.
    fn connected(&self);

    /// The bus is lost; `reason` says why. The transporter goes on trying.
    fn disconnected(&self, reason: &Error);

    /// Nobody received the packet with this ticket. The sender tries another node or gives up.
    fn undelivered(&self, ticket: Ticket);

    /// Encodes a packet as all others are: serializer, compression, encryption. `to` is the node it goes to.
    ///
    /// # Errors
    /// When the packet cannot be encoded.
    fn encode(&self, packet: &Packet<'_>, to: Option<&str>) -> Result<Bytes>;

    /// The opposite of [`Link::encode`]; `body` becomes the plain bytes that the packet points into.
    ///
    /// # Errors
    /// `INVALID_PACKET_DATA` for what is no packet.
    fn decode<'a>(&self, kind: PacketKind, body: &'a mut Bytes) -> Result<Received<'a>>;

    /// What is known of other nodes.
    fn cluster(&self) -> &dyn Cluster;

    /// Starts work of the transporter; it ends with the broker at the latest.
    fn tasks(&self) -> &Tasks;
}
