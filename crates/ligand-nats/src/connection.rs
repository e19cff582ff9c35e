//! One client of a NATS server with its subscriptions and tasks.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use async_nats::{Client, ConnectErrorKind, Message, PublishErrorKind, ServerAddr, Subscriber};
use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    future::{AbortHandle, Abortable, Either, select},
};
use ligand_net::{Backoff, Login};
use ligand_transport::{Link, Outbound, Sending};
use ligand_wire::{Error, Result, topic::Topic};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use crate::{
    inbox::Inbox,
    options::{NatsOptions, prepare, wrong},
    state::{Change, ConnectionState, Phase},
    subject::{Interest, interest, is_literal},
};

/// Pauses between tries to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(1500);

/// How long an echo is waited for, once echoes have come, and before.
const ECHO_PATIENCE: Duration = Duration::from_secs(30);
const FIRST_ECHO_PATIENCE: Duration = Duration::from_secs(3);

/// What a server says of users, tokens and keys alike.
pub(crate) const WRONG_LOGIN: &str = "wrong user, password, token or key";

/// Whether a text of a server is about who may connect.
pub(crate) fn is_login(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["authorization violation", "authentication expired", "authentication revoked"]
        .iter()
        .any(|part| text.contains(part))
}

fn refused(servers: &[ServerAddr], why: impl fmt::Display) -> Error {
    let names = servers.iter().map(|server| format!("{}:{}", server.host(), server.port()));
    Login::error("NATS", names.collect::<Vec<_>>().join(", "), why)
}

/// One client of a NATS server. Dropping it ends everything.
pub(crate) struct Connection {
    pub(crate) link: Arc<dyn Link>,
    pub(crate) state: Arc<ConnectionState>,
    client: Client,
    inbox: Arc<Inbox>,
    prefix: String,
    tasks: Arc<Mutex<Running>>,
    /// Closed when the last task has ended.
    ended: Mutex<Option<mpsc::Receiver<()>>>,
}

/// Tasks of the connection.
struct Running {
    handles: HashMap<u64, AbortHandle>,
    last: u64,
    /// Every task holds one; `None` when no more may start.
    token: Option<mpsc::Sender<()>>,
}

/// Takes a task off the list when it ends.
struct Task {
    number: u64,
    tasks: Arc<Mutex<Running>>,
    _token: mpsc::Sender<()>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.tasks.lock().handles.remove(&self.number);
    }
}

impl Connection {
    /// Connects; tries for ever. Subscriptions are sent, but may not stand yet.
    pub(crate) async fn open(
        options: &NatsOptions,
        link: Arc<dyn Link>,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<Change>)> {
        let namespace = Some(link.namespace()).filter(|namespace| !namespace.is_empty());
        for (what, text) in [("name of the node", Some(&**link.node_id())), ("namespace", namespace)] {
            if let Some(text) = text.filter(|text| !is_literal(text)) {
                let rule = "it must have no white space, '*', '>' or empty part between dots";
                return Err(wrong(format!("the {what} is '{}': {rule}", text.escape_debug())));
            }
        }
        let prepared = prepare(options, link.node_id()).await?;
        let (state, changes) = ConnectionState::new();
        let state = Arc::new(state);
        let told = state.clone();
        let closing = state.clone();
        let connect = prepared
            .options
            .reconnect_delay_callback(move |tries| match closing.refusals() {
                0 => reconnect_pause(tries, closing.closed()),
                times => Login::pauses().after(times - 1).pause(),
            })
            .event_callback(move |event| {
                told.take(&event);
                std::future::ready(())
            });
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let client = loop {
            let error = match connect.clone().connect(prepared.servers.clone()).await {
                Ok(client) => break client,
                Err(error) => error,
            };
            match error.kind() {
                ConnectErrorKind::AuthorizationViolation => {
                    return Err(refused(&prepared.servers, WRONG_LOGIN));
                }
                _ if Login::is_distrust(&error) => {
                    return Err(refused(&prepared.servers, "a certificate is not trusted"));
                }
                _ if is_login(&error.to_string()) => return Err(refused(&prepared.servers, error)),
                ConnectErrorKind::ServerParse | ConnectErrorKind::Tls => return Err(wrong(error)),
                ConnectErrorKind::Authentication => {
                    return Err(wrong("'nkey' must be the seed of a user: 'SU' and 56 more characters"));
                }
                _ => {
                    state.warn(&format_args!("no connection, trying again: {error}"));
                    sleep(backoff.pause()).await;
                }
            }
        };
        let inbox = Arc::new(Inbox::new(client.new_inbox()));
        let (token, ended) = mpsc::channel(1);
        let tasks = Arc::new(Mutex::new(Running { handles: HashMap::new(), last: 0, token: Some(token) }));
        let prefix = Topic::prefix(link.namespace());
        let connection =
            Arc::new(Self { link, state, client, inbox, prefix, tasks, ended: Mutex::new(Some(ended)) });
        connection.subscribe_own().await?;
        Ok((connection, changes))
    }

    async fn subscribe_own(&self) -> Result<()> {
        let subscriber = self.client.subscribe(self.inbox.subject()).await?;
        let (inbox, link) = (self.inbox.clone(), self.link.clone());
        self.run(listen(subscriber, move |message| inbox.take(&message, &*link)));
        for topic in Topic::subscriptions(self.link.node_id()) {
            let subscriber = self.client.subscribe(topic.name(&self.prefix)).await?;
            self.run(listen(subscriber, self.receiver(&topic)));
        }
        Ok(())
    }

    /// Subscribes to a balanced topic, until the answer is used or dropped.
    pub(crate) async fn subscribe_balanced(&self, topic: &Topic) -> Result<oneshot::Sender<()>> {
        let Interest { subject, queue } = interest(topic, &self.prefix);
        let text = subject.clone();
        let subscribing = self.client.queue_subscribe(subject, queue.unwrap_or_default());
        let subscriber = subscribing.await.map_err(|error| wrong(format!("'{text}' is refused: {error}")))?;
        let (stop, stopped) = oneshot::channel();
        self.run(listen_until(subscriber, self.receiver(topic), stopped));
        Ok(stop)
    }

    fn receiver(&self, topic: &Topic) -> impl Fn(Message) + Send + 'static {
        let (link, kind) = (self.link.clone(), topic.kind);
        move |message| link.receive(kind, message.payload)
    }

    /// Starts a task that ends with the connection.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        let Some(token) = tasks.token.clone() else { return };
        let (handle, registration) = AbortHandle::new_pair();
        tasks.last += 1;
        let task = Task { number: tasks.last, tasks: self.tasks.clone(), _token: token };
        tasks.handles.insert(task.number, handle);
        drop(tasks);
        let work = Abortable::new(work, registration);
        self.link.tasks().spawn_background(async move {
            let _ = work.await;
            drop(task);
        });
    }

    /// Publishes a packet.
    pub(crate) fn send(self: &Arc<Self>, packet: Outbound) -> Sending {
        if !self.state.ready() {
            return Sending::Done(Err(Error::disconnected()));
        }
        // Nearly always there is room, and the future ends at once.
        if let Some(result) = self.publish(&packet).now_or_never() {
            return Sending::Done(result);
        }
        let this = self.clone();
        Sending::Waiting(Box::pin(async move { this.state.while_connected(this.publish(&packet)).await? }))
    }

    async fn publish(&self, packet: &Outbound) -> Result<()> {
        let subject = packet.topic.name(&self.prefix);
        let reply = packet.ticket.map(|ticket| self.inbox.of_ticket(ticket));
        publish(&self.client, subject, reply, packet.body.clone()).await
    }

    /// Ends when the server has read everything that was handed over before: it returns a message to this node.
    /// Where the user has no right to that, what was handed over is only written.
    pub(crate) async fn sync(&self) -> Result<()> {
        let work = async {
            let patience = match self.inbox.hears() {
                Some(true) => ECHO_PATIENCE,
                None => FIRST_ECHO_PATIENCE,
                Some(false) => return self.client.flush().await.map_err(|_| Error::disconnected()),
            };
            let (echo, subject) = self.inbox.echo();
            publish(&self.client, subject, None, Bytes::new()).await?;
            if timeout(patience, echo.came()).await.is_err() && self.inbox.give_up() {
                let subject = self.inbox.subject();
                tracing::warn!(
                    subject,
                    "NATS: no echo, the user has no right to publish or subscribe to this subject. Calls to nodes \
                     that are gone are noticed late"
                );
            }
            Ok(())
        };
        self.state.while_connected(work).await?
    }

    /// Hands the rest over and ends all tasks.
    pub(crate) async fn close(&self) {
        if self.state.ready() {
            // Who sends now is late.
            let _ = self.sync().await;
        }
        self.abort();
        let ended = self.ended.lock().take();
        if let Some(mut ended) = ended {
            while ended.recv().await.is_some() {}
        }
    }

    /// Ends all tasks, soon.
    pub(crate) fn abort(&self) {
        self.state.enter(Phase::Closed);
        let mut tasks = self.tasks.lock();
        tasks.token = None;
        tasks.handles.values().for_each(AbortHandle::abort);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.abort();
    }
}

async fn publish(client: &Client, subject: String, reply: Option<String>, body: Bytes) -> Result<()> {
    let size = body.len();
    let result = match reply {
        Some(reply) => client.publish_with_reply(subject, reply, body).await,
        None => client.publish(subject, body).await,
    };
    result.map_err(|error| match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => {
            let most = client.max_payload();
            let text = format!(
                "The packet has {size} bytes, the NATS server takes at most {most}: raise 'max_payload' there."
            );
            Error::client(413, "PACKET_TOO_LARGE", text)
        }
        PublishErrorKind::InvalidSubject => {
            let text = "The name of a node, action or event has white space and cannot be a part of a subject of NATS.";
            Error::client(400, "INVALID_TOPIC", text)
        }
        PublishErrorKind::Send => Error::disconnected(),
    })
}

async fn listen(mut subscriber: Subscriber, take: impl Fn(Message)) {
    while let Some(message) = subscriber.next().await {
        take(message);
    }
}

async fn listen_until(mut subscriber: Subscriber, take: impl Fn(Message), mut stop: oneshot::Receiver<()>) {
    loop {
        match select(subscriber.next(), &mut stop).await {
            Either::Left((Some(message), _)) => take(message),
            Either::Left((None, _)) => return,
            Either::Right(_) => break,
        }
    }
    if subscriber.drain().await.is_ok() {
        listen(subscriber, take).await;
    }
}

/// The pause before a try to connect again. The client library cannot be told to give up: after `close` it goes on
/// slowly, and ends when it gets through.
fn reconnect_pause(tries: usize, closed: bool) -> Duration {
    if closed {
        return Duration::from_secs(5);
    }
    match tries {
        0 | 1 => Duration::ZERO,
        tries => {
            let tries = u32::try_from(tries - 2).unwrap_or(u32::MAX);
            Backoff::new(FIRST_PAUSE, LONGEST_PAUSE).after(tries).pause()
        }
    }
}
