//! Packets over Redis publish and subscribe.
//!
//! There are two connections at a time: `receive` reads one in a task of its own, `publish` writes and reads the other.
//! Senders put packets into the [`Lane`], which outlives them. When one of them ends, both do, and [`Reconnect`] makes
//! the next ones.

mod connections;
mod lane;
mod publish;
mod receive;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ligand_net::{Fault, Reconnect, Server, Servers, Session, Stop, Target};
use ligand_transport::{BoxFuture, Link, Outbound, Sending, Ticket, Transporter};
use ligand_wire::{Error, Result, topic::Topic};
use tokio::time::timeout;

use self::{connections::Connections, lane::Lane};
use crate::{RedisOptions, access::Access, options::ADDRESS};

/// Silence after which the server is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(5);

/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// How long a stop waits for the rest to be handed over.
const REST: Duration = Duration::from_secs(2);

/// Carries packets over Redis publish and subscribe. See the [crate](crate).
pub struct RedisTransporter {
    options: RedisOptions,
    lane: Arc<Lane>,
    /// What all topics begin with; known after the connect.
    prefix: OnceLock<String>,
    reconnect: Reconnect,
}

impl RedisTransporter {
    /// A transporter with these options. They are checked when it connects.
    pub fn new(options: RedisOptions) -> Self {
        let lane = Arc::new(Lane::new(options.cluster));
        Self { options, lane, prefix: OnceLock::new(), reconnect: Reconnect::default() }
    }

    /// A transporter for the server at `url`: `redis://localhost`.
    pub fn from_url(url: impl Into<Servers>) -> Self {
        Self::new(RedisOptions::from_url(url))
    }
}

/// What [`Reconnect`] keeps.
struct RedisSession {
    access: Access,
    link: Arc<dyn Link>,
    lane: Arc<Lane>,
    prefix: String,
    stop: Stop,
}

impl Session for RedisSession {
    type Connection = Connections;

    async fn open(&mut self, server: &Server) -> Result<Connections, Fault> {
        Ok(Connections::open(&self.access, server, &self.link, &self.prefix).await?)
    }

    fn begin(&mut self) {
        self.lane.open();
    }

    async fn serve(&mut self, mut connections: Connections) -> Result<(), Fault> {
        let rest = async {
            self.stop.asked().await;
            if let Ok(Err(error)) = timeout(REST, self.lane.clone().flush()).await {
                tracing::debug!(error = %error.for_log(), "Redis was lost before the last packets left");
            }
        };
        let ended = tokio::select! {
            lost = connections.run(&self.lane, &self.link) => Err(lost.into()),
            () = rest => Ok(()),
        };
        connections.end().await;
        ended
    }

    fn close(&mut self) -> Vec<Ticket> {
        self.lane.close()
    }
}

impl Transporter for RedisTransporter {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            let access = Access::new(&self.options)?;
            let target = Target {
                bus: ADDRESS.bus,
                servers: access.servers().cloned().collect(),
                connect_timeout: self.options.connect_timeout,
            };
            let session = RedisSession {
                access,
                link: link.clone(),
                lane: self.lane.clone(),
                prefix: self.prefix.get_or_init(|| Topic::prefix(link.namespace())).clone(),
                stop: self.reconnect.stop_signal(),
            };
            self.reconnect.start(link, target, session).await
        })
    }

    fn send(&self, packet: Outbound) -> Sending {
        match self.prefix.get() {
            Some(prefix) => self.lane.send(&packet.topic.name(prefix), packet.body, packet.ticket),
            None => Sending::Done(Err(Error::disconnected())),
        }
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        Box::pin(self.lane.clone().flush())
    }

    fn disconnect(&self) -> BoxFuture<()> {
        self.reconnect.stop()
    }
}

impl fmt::Debug for RedisTransporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTransporter").field("options", &self.options).finish_non_exhaustive()
    }
}
