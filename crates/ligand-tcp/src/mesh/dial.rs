//! Connecting to a node.

use std::{io, time::Duration};

use ligand_transport::Address;
use ligand_wire::Result;
use socket2::{SockRef, TcpKeepalive};
use tokio::{net::TcpStream, time::timeout};

use super::Mesh;
use crate::{address, fault};

/// A connection that is silent for so long is asked whether it still stands.
const SILENCE: Duration = Duration::from_secs(10);

/// Time between such questions.
const ASK: Duration = Duration::from_secs(3);

/// Questions without an answer that end a connection.
const ASKED: u32 = 3;

impl Mesh {
    /// Connects to the first address of the node that answers.
    pub(super) async fn dial(&self, node: &str) -> Result<TcpStream> {
        let peer = self.link.cluster().peer(node).ok_or_else(|| fault::unknown(node))?;
        let mut failed = Vec::new();
        for address in address::candidates(&peer, self.options.use_hostname) {
            match self.dial_address(&address).await {
                Ok(stream) => return Ok(stream),
                Err(err) => failed.push(format!("{}:{}: {err}", address.host, address.port)),
            }
        }
        Err(fault::unreachable(node, &failed.join(", ")))
    }

    async fn dial_address(&self, address: &Address) -> io::Result<TcpStream> {
        let connect = TcpStream::connect((address.host.as_str(), address.port));
        let stream =
            timeout(self.options.connect_timeout, connect).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let remote = stream.peer_addr()?;
        if remote.port() == self.port && remote.ip() == stream.local_addr()?.ip() {
            return Err(io::Error::other("this is the node itself"));
        }
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_keepalive(
            &TcpKeepalive::new().with_time(SILENCE).with_interval(ASK).with_retries(ASKED),
        )?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(SILENCE + ASK * ASKED))?;
        Ok(stream)
    }
}
