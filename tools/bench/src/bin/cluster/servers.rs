//! The buses.

use ligand_bench::Failure;
use ligand_servers::{Kind, Server, free_port};

/// A running bus.
pub(crate) struct Bus {
    /// Where it is; of TCP, which has no server, the ports of caller and callee: `tcp://<caller>,<callee>`.
    pub(crate) url: String,
    _server: Option<Server>,
}

/// Starts the server of a transport and waits until it answers.
pub(crate) async fn start(transport: &str) -> Result<Bus, Failure> {
    let kind = match transport {
        "tcp" => {
            let url = format!("tcp://{},{}", free_port(), free_port());
            return Ok(Bus { url, _server: None });
        }
        "nats" => Kind::Nats,
        "redis" => Kind::Redis,
        "mqtt" => Kind::Mqtt,
        "amqp" => Kind::Amqp,
        other => return Err(format!("there is no transport '{other}'").into()),
    };
    let setup = Server::setup(kind);
    let server = match kind {
        // Small packets are not held back.
        Kind::Mqtt => setup.lines("allow_anonymous true\nset_tcp_nodelay true"),
        _ => setup,
    };
    let server = server.start().await?;
    Ok(Bus { url: server.url(), _server: Some(server) })
}
