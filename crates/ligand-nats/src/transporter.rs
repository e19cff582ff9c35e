//! The transporter.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ligand_net::Servers;
use ligand_transport::{BoxFuture, Features, Link, Outbound, Sending, Transporter};
use ligand_wire::{Error, Result, topic::Topic};
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot};

use crate::{
    NatsOptions,
    connection::Connection,
    options::wrong,
    supervisor::{Balance, Supervisor},
};

/// Carries packets over a NATS server. See the [crate](crate).
pub struct NatsTransporter {
    options: NatsOptions,
    session: RwLock<Option<Session>>,
    /// It connects once in its life.
    started: AtomicBool,
}

#[derive(Clone)]
struct Session {
    connection: Arc<Connection>,
    orders: mpsc::Sender<Balance>,
}

impl NatsTransporter {
    /// A transporter with these options. They are checked when it connects.
    pub fn new(options: NatsOptions) -> Self {
        Self { options, session: RwLock::new(None), started: AtomicBool::new(false) }
    }

    /// A transporter for these servers: `nats://a:4222,nats://b:4222`.
    pub fn from_url(url: impl Into<Servers>) -> Self {
        Self::new(NatsOptions::from_url(url))
    }

    fn session(&self) -> Result<Session> {
        self.session.read().clone().ok_or_else(Error::disconnected)
    }

    async fn open(&self, link: Arc<dyn Link>) -> Result<()> {
        let (connection, changes) = Connection::open(&self.options, link).await?;
        let (orders, receiver) = mpsc::channel(16);
        let (ready, told) = oneshot::channel();
        let supervisor = Supervisor::new(Arc::downgrade(&connection), ready);
        connection.run(supervisor.run(changes, receiver));
        // The link may send as soon as it is told.
        *self.session.write() = Some(Session { connection, orders });
        told.await.map_err(|_| Error::disconnected())
    }
}

/// Takes the session away when a connect fails or is given up.
struct Attempt<'a> {
    of: &'a NatsTransporter,
    succeeded: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.succeeded
            && let Some(session) = self.of.session.write().take()
        {
            session.connection.abort();
        }
    }
}

impl Transporter for NatsTransporter {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn features(&self) -> Features {
        Features { balancer: true, ..Features::default() }
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            if self.started.swap(true, Ordering::AcqRel) {
                return Err(wrong("the transporter is connected already; make a new one for each broker"));
            }
            let mut attempt = Attempt { of: &self, succeeded: false };
            let result = self.open(link).await;
            attempt.succeeded = result.is_ok();
            result
        })
    }

    fn balance(&self, topics: Vec<Topic>) -> BoxFuture<Result<()>> {
        let session = self.session();
        Box::pin(async move {
            let (done, result) = oneshot::channel();
            let order = Balance { topics, done };
            session?.orders.send(order).await.map_err(|_| Error::disconnected())?;
            result.await.unwrap_or_else(|_| Err(Error::disconnected()))
        })
    }

    fn send(&self, packet: Outbound) -> Sending {
        match &*self.session.read() {
            Some(session) => session.connection.send(packet),
            None => Sending::Done(Err(Error::disconnected())),
        }
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        let session = self.session();
        Box::pin(async move {
            let connection = session?.connection;
            match connection.state.ready() {
                true => connection.sync().await,
                false => Err(Error::disconnected()),
            }
        })
    }

    fn disconnect(&self) -> BoxFuture<()> {
        let session = self.session.write().take();
        Box::pin(async move {
            if let Some(session) = session {
                session.connection.close().await;
            }
        })
    }
}

impl fmt::Debug for NatsTransporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsTransporter").field("options", &self.options).finish_non_exhaustive()
    }
}
