//! The life of connections: connect, serve, lose, wait, again.

use std::{fmt, sync::Arc, time::Duration};

use ligand_transport::{BoxFuture, Link, Ticket};
use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep, timeout},
};

use crate::{Backoff, Fault, Login, Server, wrong};

/// A connection that lived this long was a success: pauses start anew.
const STEADY: Duration = Duration::from_secs(5);

/// How long the rest may take to leave at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a transporter brings: how one connection is opened and served.
pub trait Session: Send + 'static {
    /// A connection on which everything is in place.
    type Connection: Send;

    /// Connects to the server, logs in and subscribes; ends when packets can arrive.
    fn open(
        &mut self,
        server: &Server,
    ) -> impl Future<Output = std::result::Result<Self::Connection, Fault>> + Send;

    /// Lets senders send, from here to [`Session::close`].
    fn begin(&mut self);

    /// Carries packets until the connection ends, and returns why. After [`Stop`] it hands over the rest, says goodbye
    /// and returns `Ok`.
    fn serve(
        &mut self,
        connection: Self::Connection,
    ) -> impl Future<Output = std::result::Result<(), Fault>> + Send;

    /// There is no connection: who waits for one gets an error. Returns the tickets of packets that have not left. Also
    /// called when [`Session::open`] failed or was given up.
    fn close(&mut self) -> Vec<Ticket>;
}

/// Where the connections of a transporter go.
#[derive(Debug)]
pub struct Target {
    /// Name of the bus, as errors and logs call it: `Redis`.
    pub bus: &'static str,
    /// Tried in turn; at least one.
    pub servers: Vec<Server>,
    /// The longest time that [`Session::open`] may take.
    pub connect_timeout: Duration,
}

/// Keeps a connection from [`Reconnect::start`] to [`Reconnect::stop`].
pub struct Reconnect {
    stop: watch::Sender<bool>,
    /// Closed when the last connection has ended; `None` = not started.
    running: Mutex<Option<watch::Receiver<()>>>,
}

/// Tells a [`Session`] that its transporter is to end.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Whether it is to end.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when it is to end, also when whoever could say so is gone.
    pub async fn asked(&self) {
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { stop: watch::Sender::new(false), running: Mutex::new(None) }
    }
}

impl Reconnect {
    /// For the [`Session`] that will be started.
    pub fn stop_signal(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Connects, in a task of the broker that keeps a connection from then on; ends when the first one stands. Dropping
    /// the future gives up.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` when the server does not let this node in.
    pub async fn start(&self, link: Arc<dyn Link>, target: Target, session: impl Session) -> Result<()> {
        let (ready, first) = oneshot::channel();
        let (alive, running) = watch::channel(());
        {
            let mut own = self.running.lock();
            if own.is_some() {
                return Err(wrong(
                    target.bus,
                    "the transporter is connected already; make a new one for each broker",
                ));
            }
            *own = Some(running);
        }
        let mut give_up = GiveUp(Some(&self.stop));
        let life = Life {
            stop: self.stop_signal(),
            ready: Some(ready),
            login: Login::new(target.bus),
            backoff: Backoff::default(),
            turn: 0,
            link: link.clone(),
            target,
            session,
        };
        link.tasks().spawn_background(async move {
            life.run().await;
            drop(alive);
        });
        let result = first.await.unwrap_or_else(|_| Err(Error::disconnected()));
        if result.is_ok() {
            give_up.0 = None;
        }
        result
    }

    /// Hands over the rest and closes; nothing arrives any more when this is over.
    pub fn stop(&self) -> BoxFuture<()> {
        self.stop.send_replace(true);
        let running = self.running.lock().clone();
        Box::pin(async move {
            if let Some(mut running) = running {
                // Ends with an error when the task is gone, which is what is waited for.
                let _ = running.changed().await;
            }
        })
    }
}

impl fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnect").field("stop", &*self.stop.borrow()).finish_non_exhaustive()
    }
}

/// Ends the connections when it is dropped, unless they shall stay.
struct GiveUp<'a>(Option<&'a watch::Sender<bool>>);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        if let Some(stop) = self.0 {
            stop.send_replace(true);
        }
    }
}

/// The work of the task.
struct Life<S: Session> {
    link: Arc<dyn Link>,
    target: Target,
    session: S,
    stop: Stop,
    /// Told when the first connection stands, or that there will be none.
    ready: Option<oneshot::Sender<Result<()>>>,
    login: Login,
    backoff: Backoff,
    /// Counts tries, for the turns of the servers.
    turn: usize,
}

enum State<C> {
    /// A server is dialled and asked for everything that this node needs.
    Connecting,
    /// Packets flow.
    Serving(C),
    /// There is no connection: the next server is tried after a pause.
    Waiting(Duration),
    /// As asked for, or because the server never let this node in.
    Ended,
}

impl<S: Session> Life<S> {
    async fn run(mut self) {
        let mut state = State::Connecting;
        loop {
            state = match state {
                State::Connecting => self.connect().await,
                State::Serving(connection) => self.serve(connection).await,
                State::Waiting(pause) => self.wait(pause).await,
                State::Ended => return,
            };
        }
    }

    fn server(&self) -> &Server {
        &self.target.servers[self.turn % self.target.servers.len()]
    }

    async fn connect(&mut self) -> State<S::Connection> {
        let stop = self.stop.clone();
        let Target { servers, connect_timeout, .. } = &self.target;
        let server = &servers[self.turn % servers.len()];
        let opened = tokio::select! {
            opened = timeout(*connect_timeout, self.session.open(server)) => opened,
            // Nothing was promised to anybody yet, so there is nothing to hand over.
            () = stop.asked() => return State::Ended,
        };
        let fault = match opened {
            Ok(Ok(connection)) => {
                // Senders first: the link may send as soon as it is told.
                self.session.begin();
                self.login.let_in();
                tracing::info!(server = %self.server(), "{} is connected", self.target.bus);
                self.link.connected();
                if let Some(ready) = self.ready.take() {
                    let _ = ready.send(Ok(()));
                }
                return State::Serving(connection);
            }
            Ok(Err(fault)) => fault,
            Err(_) => Fault::lost(format_args!("no connection within {connect_timeout:?}")),
        };
        // What was said for this connection is not said on the next one.
        self.session.close();
        match fault {
            Fault::Refused(why) => self.refused(why),
            Fault::Lost(why) => {
                let pause = self.backoff.pause();
                tracing::warn!(?pause, "{} server {}: {why}; trying again", self.target.bus, self.server());
                self.turn += 1;
                State::Waiting(pause)
            }
        }
    }

    async fn serve(&mut self, connection: S::Connection) -> State<S::Connection> {
        let since = Instant::now();
        let stop = self.stop.clone();
        let late = async {
            stop.asked().await;
            sleep(FAREWELL).await;
        };
        let ended = tokio::select! {
            ended = self.session.serve(connection) => ended,
            () = late => {
                tracing::warn!("{}: the server does not take the rest; the connection is dropped", self.target.bus);
                Ok(())
            }
        };
        let undelivered = self.session.close();
        let fault = match ended {
            // A server that hangs up while this node leaves is no loss.
            _ if self.stop.is_asked() => return State::Ended,
            Ok(()) => Fault::closed(),
            Err(fault) => fault,
        };
        let reason = format!("{} server {}: {fault}", self.target.bus, self.server());
        self.link.disconnected(&Error::disconnected().with_internal(reason));
        // After the loss is told: these go to other nodes when the bus is back.
        undelivered.into_iter().for_each(|ticket| self.link.undelivered(ticket));
        // A server that takes connections and drops them at once is not tried without a pause.
        if since.elapsed() > STEADY {
            self.backoff.reset();
        }
        match fault {
            Fault::Refused(why) => self.refused(why),
            Fault::Lost(_) => {
                self.turn += 1;
                State::Waiting(self.backoff.pause())
            }
        }
    }

    /// Whoever was let in once tries again, seldom; others learn now that waiting does not help.
    fn refused(&mut self, why: &str) -> State<S::Connection> {
        let server = self.server().to_string();
        self.turn += 1;
        match self.login.refused(server, why) {
            Ok(pause) => State::Waiting(pause),
            Err(error) => {
                if let Some(ready) = self.ready.take() {
                    let _ = ready.send(Err(error));
                }
                State::Ended
            }
        }
    }

    async fn wait(&mut self, pause: Duration) -> State<S::Connection> {
        tokio::select! {
            () = sleep(pause) => State::Connecting,
            () = self.stop.asked() => State::Ended,
        }
    }
}

impl<S: Session> Drop for Life<S> {
    /// Also when the task is aborted.
    fn drop(&mut self) {
        self.session.close();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use ligand_transport::contract::TestLink;

    use super::*;
    use crate::{Address, Scheme, Servers};

    const ADDRESS: Address = Address {
        bus: "Bus",
        example: "bus://host",
        schemes: &[Scheme { name: "bus", tls: false, port: 1 }],
        path: false,
    };

    /// What becomes of one try: none, or how long it serves and why it ends.
    type Try = std::result::Result<(Duration, Fault), Fault>;

    #[derive(Default)]
    struct Seen {
        tried: Vec<String>,
        open: bool,
    }

    struct Script {
        tries: VecDeque<Try>,
        seen: Arc<Mutex<Seen>>,
        stop: Stop,
    }

    impl Session for Script {
        type Connection = (Duration, Fault);

        async fn open(&mut self, server: &Server) -> Try {
            self.seen.lock().tried.push(server.host.clone());
            match self.tries.pop_front() {
                Some(outcome) => outcome,
                None => std::future::pending().await,
            }
        }

        fn begin(&mut self) {
            self.seen.lock().open = true;
        }

        async fn serve(&mut self, (time, fault): (Duration, Fault)) -> std::result::Result<(), Fault> {
            tokio::select! {
                () = sleep(time) => Err(fault),
                () = self.stop.asked() => Ok(()),
            }
        }

        fn close(&mut self) -> Vec<Ticket> {
            match std::mem::take(&mut self.seen.lock().open) {
                true => vec![Ticket(7)],
                false => Vec::new(),
            }
        }
    }

    struct Bed {
        reconnect: Reconnect,
        link: Arc<TestLink>,
        seen: Arc<Mutex<Seen>>,
    }

    impl Bed {
        fn new() -> Self {
            Self { reconnect: Reconnect::default(), link: TestLink::new("here", ""), seen: Arc::default() }
        }

        async fn start(&self, tries: impl IntoIterator<Item = Try>) -> Result<()> {
            let tries = tries.into_iter().collect();
            let script = Script { tries, seen: self.seen.clone(), stop: self.reconnect.stop_signal() };
            let servers = ADDRESS.servers(&Servers::from("bus://a,bus://b"))?;
            let target = Target { bus: "Bus", servers, connect_timeout: Duration::from_secs(5) };
            self.reconnect.start(self.link.clone(), target, script).await
        }
    }

    fn lost() -> Fault {
        Fault::lost("cut")
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn servers_are_tried_in_turn_until_one_is_there() {
        let bed = Bed::new();
        bed.start([Err(lost()), Err(lost()), Ok((HOUR, lost()))]).await.unwrap();
        assert_eq!(bed.seen.lock().tried, ["a", "b", "a"]);
        assert_eq!((bed.link.connections(), bed.link.losses().len()), (1, 0));
        bed.reconnect.stop().await;
        assert!(bed.link.losses().is_empty() && !bed.seen.lock().open, "a stop is no loss");
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_is_told_and_the_next_server_takes_over() {
        let bed = Bed::new();
        bed.start([Ok((Duration::from_secs(1), lost())), Ok((HOUR, lost()))]).await.unwrap();
        assert!(bed.link.wait_connections(2, HOUR).await);
        assert_eq!(bed.seen.lock().tried, ["a", "b"]);
        assert_eq!(bed.link.losses().len(), 1);
        assert_eq!(bed.link.undelivered_tickets(), [Ticket(7)]);
        bed.reconnect.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_given_up() {
        let bed = Bed::new();
        let early = timeout(Duration::from_secs(60), bed.start([])).await;
        assert!(early.is_err(), "{early:?}");
        assert!(bed.seen.lock().tried.len() > 5, "each try ends");
        // The start was dropped.
        bed.reconnect.stop().await;
        let tried = bed.seen.lock().tried.len();
        sleep(HOUR).await;
        assert_eq!(bed.seen.lock().tried.len(), tried);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_login_ends_the_start_and_is_tried_again_later() {
        let refused = || Fault::Refused("wrong user or password");
        let bed = Bed::new();
        let error = bed.start([Err(lost()), Err(refused())]).await.unwrap_err();
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        assert_eq!(error.message(), "Bus server b:1 refuses this node: wrong user or password");
        let bed = Bed::new();
        let tries = [Ok((HOUR, lost())), Err(refused()), Err(refused()), Ok((HOUR, lost()))];
        bed.start(tries).await.unwrap();
        assert!(bed.link.wait_connections(2, HOUR * 2).await);
        assert_eq!(bed.link.losses().len(), 1, "only connections are lost");
        bed.reconnect.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_leave_in_time_is_cut_off() {
        let bed = Bed::new();
        let nobody = watch::Sender::new(false);
        let stop = Stop(nobody.subscribe());
        let script = Script { tries: [Ok((HOUR, lost()))].into(), seen: bed.seen.clone(), stop };
        let servers = ADDRESS.servers(&Servers::from("a")).unwrap();
        let target = Target { bus: "Bus", servers, connect_timeout: HOUR };
        bed.reconnect.start(bed.link.clone(), target, script).await.unwrap();
        let asked = Instant::now();
        bed.reconnect.stop().await;
        assert!(asked.elapsed() <= FAREWELL + Duration::from_millis(10), "{:?}", asked.elapsed());
    }
}
