//! Packets over Redis publish and subscribe.
//!
//! A session is two connections: `receive` reads one in a task of its own, `publish` writes and reads the other.
//! Senders put packets into the [`Lane`], which outlives sessions. When one of the connections ends, both do, and
//! the next session is made after a pause.

mod lane;
mod publish;
mod receive;
mod session;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ligand_transport::{Backoff, BoxFuture, Link, Login, Outbound, Sending, Transporter};
use ligand_wire::{Error, Result, topic::Topic};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use self::{lane::Lane, session::Session};
use crate::{RedisOptions, connection::Lost, server::Servers};

/// Silence after which the server is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(5);

/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// How long a stop waits for the rest to be handed over.
const REST: Duration = Duration::from_secs(2);

/// Sessions that lived shorter do not reset the pauses between tries.
const STABLE: Duration = Duration::from_secs(5);

/// Carries packets over Redis publish and subscribe. See the [crate](crate).
pub struct RedisTransporter {
    options: RedisOptions,
    lane: Arc<Lane>,
    /// Set by `connect`.
    bus: OnceLock<Bus>,
    phase: watch::Sender<Phase>,
}

struct Bus {
    servers: Servers,
    /// What all topics begin with.
    prefix: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No task keeps a session.
    Idle,
    /// A task does.
    Running,
    /// It is to end.
    Closing,
}

/// Says that the task has ended, also when it is aborted.
struct Keeping(Arc<RedisTransporter>);

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.lane.close();
        self.0.phase.send_replace(Phase::Idle);
    }
}

impl RedisTransporter {
    /// A transporter with these options. They are checked when it connects.
    pub fn new(options: RedisOptions) -> Self {
        let lane = Arc::new(Lane::new(options.cluster.is_some()));
        Self { options, lane, bus: OnceLock::new(), phase: watch::Sender::new(Phase::Idle) }
    }

    /// A transporter for the server at `url`: `redis://localhost`.
    pub fn url(url: impl Into<String>) -> Self {
        Self::new(RedisOptions::url(url))
    }

    /// The bus has a session from here on.
    fn begin(&self, link: &Arc<dyn Link>) {
        self.lane.open();
        link.connected();
    }

    /// Keeps a session until the transporter is closed.
    async fn keep(keeping: Keeping, link: Arc<dyn Link>, mut session: Session) {
        let this = &keeping.0;
        let Some(bus) = this.bus.get() else { return };
        let mut phase = this.phase.subscribe();
        let mut backoff = Backoff::default();
        let mut login = Login::new("Redis");
        login.let_in();
        loop {
            let since = Instant::now();
            let lost = tokio::select! {
                lost = session.run(&this.lane, &link) => Some(lost),
                _ = phase.wait_for(|phase| *phase == Phase::Closing) => None,
            };
            session.end().await;
            let Some(lost) = lost else { return };
            let undelivered = this.lane.close();
            link.disconnected(&lost.error());
            undelivered.into_iter().for_each(|ticket| link.undelivered(ticket));
            if since.elapsed() > STABLE {
                backoff.reset();
            }
            let next = tokio::select! {
                session = async {
                    sleep(backoff.pause()).await;
                    bus.insist(&link, &mut backoff, &mut login).await
                } => session,
                _ = phase.wait_for(|phase| *phase == Phase::Closing) => return,
            };
            // Not refused for good: it was let in once.
            let Ok(next) = next else { return };
            session = next;
            login.let_in();
            this.begin(&link);
        }
    }
}

impl Bus {
    /// Tries until there is a session.
    ///
    /// # Errors
    /// When the server never let this node in, and does not now.
    async fn insist(
        &self,
        link: &Arc<dyn Link>,
        backoff: &mut Backoff,
        login: &mut Login,
    ) -> Result<Session> {
        loop {
            let turn = self.servers.turn();
            match turn.within(Session::open(&turn, link, &self.prefix)).await {
                Ok(session) => return Ok(session),
                Err(Lost { login: Some((server, why)), .. }) => sleep(login.refused(server, why)?).await,
                Err(lost) => {
                    let pause = backoff.pause();
                    let tries = backoff.tries();
                    tracing::warn!(reason = %lost, tries, ?pause, "cannot connect to Redis, trying again");
                    sleep(pause).await;
                }
            }
        }
    }
}

impl Transporter for RedisTransporter {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            let bus = Bus { servers: Servers::new(&self.options)?, prefix: Topic::prefix(link.namespace()) };
            if self.bus.set(bus).is_err() {
                return Err(Error::internal_error("a transporter connects once in its life"));
            }
            let Some(bus) = self.bus.get() else { return Ok(()) };
            let session = bus.insist(&link, &mut Backoff::default(), &mut Login::new("Redis")).await?;
            self.phase.send_replace(Phase::Running);
            let keeping = Keeping(self.clone());
            self.begin(&link);
            link.tasks().spawn_background(Self::keep(keeping, link.clone(), session));
            Ok(())
        })
    }

    fn send(&self, packet: Outbound) -> Sending {
        match self.bus.get() {
            Some(bus) => self.lane.send(&packet.topic.name(&bus.prefix), packet.body, packet.ticket),
            None => Sending::Done(Err(Error::disconnected())),
        }
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        Box::pin(self.lane.clone().flush())
    }

    fn disconnect(&self) -> BoxFuture<()> {
        let (lane, phase) = (self.lane.clone(), self.phase.clone());
        Box::pin(async move {
            if let Ok(Err(error)) = timeout(REST, lane.flush()).await {
                tracing::debug!(error = %format!("{error:#}"), "Redis was lost before the last packets left");
            }
            phase.send_if_modified(|phase| {
                let running = *phase == Phase::Running;
                if running {
                    *phase = Phase::Closing;
                }
                running
            });
            // The sender lives in this very future.
            let _ = phase.subscribe().wait_for(|phase| *phase == Phase::Idle).await;
        })
    }
}

impl fmt::Debug for RedisTransporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTransporter").field("phase", &*self.phase.borrow()).finish_non_exhaustive()
    }
}
