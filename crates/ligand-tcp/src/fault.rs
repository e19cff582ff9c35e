//! Why a packet cannot leave.

use ligand_wire::Error;

/// Nobody knows where the node is.
pub(crate) fn unknown(node: &str) -> Error {
    Error::transient(502, "NODE_UNREACHABLE", format!("No address of node '{node}' is known."))
}

/// The connection ended before the packet left.
pub(crate) fn lost(node: &str) -> Error {
    Error::transient(502, "NODE_UNREACHABLE", format!("The connection to node '{node}' is lost."))
}

/// No address of the node answers.
pub(crate) fn unreachable(node: &str, why: &str) -> Error {
    Error::transient(502, "NODE_UNREACHABLE", format!("Node '{node}' cannot be reached: {why}."))
}

/// The packet is longer than what other nodes take.
pub(crate) fn too_large(length: usize, limit: usize) -> Error {
    Error::client(
        413,
        "PACKET_TOO_LARGE",
        format!("A packet of {length} bytes is longer than 'max_packet_size' allows ({limit} bytes)."),
    )
}
