//! One connection that stands: what the server sends, and what time brings.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use ligand_net::{Fault, Reader};
use ligand_transport::Ticket;
use ligand_wire::packet::PacketKind;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{
    Agreed, CHANNELS, Common, closed,
    dead_queues::{DeadQueues, Got, Read},
    next,
};
use crate::{
    frame::{self, Content, Frame, Malformed, Method},
    outbox::{ASK, DEAD, OWN, Receipt, SEND, SHARED},
    shared::Shared,
    watch::{Gone, OFTEN},
};

/// Requests to this node are acknowledged after this time at the latest. A request that waits for the rest of its
/// upload would else keep the rest in the queue, when there are as many of them as may be worked on.
const HOLD: Duration = Duration::from_secs(2);

/// See the module.
pub(super) struct Live {
    common: Arc<Common>,
    frame: usize,
    heartbeat: Duration,
    consumers: HashMap<Bytes, Consumer>,
    shared: Shared,
    dead: DeadQueues,
    /// Answers on the own channel until the subscriptions are in place.
    setup: usize,
    ready: bool,
    /// What is being received, by channel.
    parts: [Option<Part>; CHANNELS as usize + 1],
    /// Requests to this node that are worked on, the oldest first.
    held: VecDeque<(Instant, Receipt)>,
    /// Whether the server tells who consumes.
    asks: bool,
    heard: Instant,
    beat: Instant,
    ticks: Interval,
}

#[derive(Clone, Copy)]
struct Consumer {
    kind: PacketKind,
    no_ack: bool,
}

/// A delivery or a returned message that is not complete.
struct Part {
    what: What,
    /// `None`: its head has not come.
    left: Option<u64>,
    /// Too large: it is thrown away.
    skip: bool,
    ticket: Option<Ticket>,
    /// From the queue of a dead node: this connection sent it.
    mine: bool,
    /// The server says how often it was handed out.
    counted: bool,
    body: Body,
}

enum What {
    Delivery {
        consumer: Option<Consumer>,
        tag: u64,
        redelivered: bool,
    },
    Returned,
    /// From the queue of a dead node.
    Dead {
        tag: u64,
        redelivered: bool,
    },
}

/// Most bodies come in one part and are not copied.
#[derive(Default)]
enum Body {
    #[default]
    Empty,
    One(Bytes),
    More(BytesMut),
}

impl Body {
    fn push(&mut self, part: Bytes, left: u64) {
        *self = match std::mem::take(self) {
            Self::Empty => Self::One(part),
            Self::One(first) => {
                // The size was checked against the largest packet.
                let left = usize::try_from(left).unwrap_or(0);
                let mut all = BytesMut::with_capacity(first.len() + part.len() + left);
                all.extend_from_slice(&first);
                all.extend_from_slice(&part);
                Self::More(all)
            }
            Self::More(mut all) => {
                all.extend_from_slice(&part);
                Self::More(all)
            }
        };
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Empty => Bytes::new(),
            Self::One(part) => part,
            Self::More(all) => all.freeze(),
        }
    }
}

impl Live {
    /// Asks the server for channels, queues and deliveries.
    pub(super) fn new(common: Arc<Common>, agreed: &Agreed) -> Self {
        let now = Instant::now();
        let mut ticks = interval(OFTEN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut live = Self {
            common,
            frame: agreed.frame,
            heartbeat: agreed.heartbeat,
            consumers: HashMap::new(),
            shared: Shared::default(),
            dead: DeadQueues::default(),
            setup: 2,
            ready: false,
            parts: Default::default(),
            held: VecDeque::new(),
            asks: true,
            heard: now,
            beat: now,
            ticks,
        };
        let common = live.common.clone();
        let Common { outbox, topology, wanted, prefetch, .. } = &*common;
        outbox.control(|out| {
            frame::channel_open(out, SEND);
            frame::channel_open(out, ASK);
            frame::channel_open(out, OWN);
            frame::channel_open(out, DEAD);
            frame::qos(out, OWN, *prefetch);
            for queue in &topology.queues {
                live.setup += topology.declare(out, OWN, queue, &queue.name);
                let consumer = Consumer { kind: queue.kind, no_ack: queue.no_ack };
                live.consumers.insert(queue.name.clone().into(), consumer);
            }
            live.shared.open(*prefetch, out);
            let new = live.shared.follow(wanted, topology, out);
            live.remember(new);
        });
        live
    }

    fn remember(&mut self, new: Vec<(String, crate::topology::Queue)>) {
        let consumers = new
            .into_iter()
            .map(|(name, queue)| (name.into(), Consumer { kind: queue.kind, no_ack: queue.no_ack }));
        self.consumers.extend(consumers);
    }

    /// Ends when everything is declared and consumed.
    pub(super) async fn declared(&mut self, reader: &mut Reader, input: &mut BytesMut) -> Result<(), Fault> {
        while self.setup > 0 || !self.shared.settled() {
            self.step(reader, input).await?;
        }
        self.ready = true;
        Ok(())
    }

    /// Works until the connection ends.
    pub(super) async fn serve(mut self, mut reader: Reader, mut input: BytesMut) -> Result<(), Fault> {
        loop {
            self.step(&mut reader, &mut input).await?;
        }
    }

    /// What comes next: a frame, another wish of the broker, or time.
    async fn step(&mut self, reader: &mut Reader, input: &mut BytesMut) -> Result<(), Fault> {
        tokio::select! {
            bytes = next(reader, input, self.frame + 8) => {
                self.heard = Instant::now();
                let (channel, frame) = Frame::read(bytes?)?;
                self.handle(channel, frame)
            }
            () = self.common.wanted.changed.notified() => {
                self.follow();
                Ok(())
            }
            _ = self.ticks.tick() => self.tick(),
        }
    }

    fn follow(&mut self) {
        let Common { outbox, wanted, topology, .. } = &*self.common;
        let mut new = Vec::new();
        outbox.control(|out| new = self.shared.follow(wanted, topology, out));
        self.remember(new);
    }

    fn tick(&mut self) -> Result<(), Fault> {
        let outbox = &self.common.outbox;
        let now = Instant::now();
        if !self.heartbeat.is_zero() {
            if now - self.heard > self.heartbeat * 2 {
                return Err(Fault::lost(format_args!("nothing was heard for {:?}", self.heartbeat * 2)));
            }
            if now - self.beat > self.heartbeat / 2 {
                self.beat = now;
                outbox.control(frame::heartbeat);
            }
        }
        while self.held.front().is_some_and(|(since, _)| now - *since > HOLD) {
            if let Some((_, receipt)) = self.held.pop_front() {
                outbox.ack(receipt);
            }
        }
        if self.asks && self.ready {
            outbox.ask();
        }
        Ok(())
    }

    fn handle(&mut self, channel: u16, frame: Frame) -> Result<(), Fault> {
        match frame {
            Frame::Heartbeat => Ok(()),
            Frame::Method(method) => self.method(channel, method),
            Frame::Content(content) => self.content(channel, content),
            Frame::Body(part) => self.body(channel, part),
        }
    }

    fn method(&mut self, channel: u16, method: Method) -> Result<(), Fault> {
        let Common { outbox, wanted, prefetch, .. } = &*self.common;
        match method {
            Method::Deliver { consumer, tag, redelivered } => {
                let consumer = self.consumers.get(&consumer).copied();
                self.begin(channel, What::Delivery { consumer, tag, redelivered })?;
            }
            Method::Return { code } => {
                tracing::debug!(code, "AMQP: a packet came back, nobody has its queue");
                self.begin(channel, What::Returned)?;
            }
            Method::Done | Method::Queue { .. } if channel == OWN => {
                self.setup = self.setup.saturating_sub(1);
            }
            Method::Done | Method::Queue { .. } if channel == SHARED => {
                if let Some(gone) = self.shared.answered() {
                    self.consumers.remove(gone.as_bytes());
                }
            }
            Method::Queue { consumers } if channel == ASK => self.told(Some(consumers)),
            Method::Got { tag, redelivered } => self.begin(channel, What::Dead { tag, redelivered })?,
            Method::Empty => self.dead.empty(outbox),
            Method::Done if channel == DEAD => {
                let read = self.dead.answered(outbox);
                self.read(read);
            }
            // The first answer there is that of the opening, and nobody waits then.
            Method::Done if channel == SEND => outbox.flushed(),
            Method::ChannelClose { code, text } => {
                outbox.control(|out| frame::channel_close_ok(out, channel));
                match channel {
                    ASK => {
                        if code == 404 {
                            self.told(None);
                        } else {
                            self.asks = false;
                            tracing::warn!(
                                code,
                                "AMQP: the server does not tell who consumes; dead nodes are noticed later: {}",
                                String::from_utf8_lossy(&text).escape_debug()
                            );
                        }
                        self.common.outbox.control(|out| frame::channel_open(out, ASK));
                    }
                    SHARED => {
                        outbox.renewed();
                        self.parts[usize::from(SHARED)] = None;
                        let reason = String::from_utf8_lossy(&text).escape_debug().to_string();
                        for gone in self.shared.refused(wanted, &reason) {
                            self.consumers.remove(gone.as_bytes());
                        }
                        outbox.control(|out| self.shared.open(*prefetch, out));
                        self.follow();
                    }
                    DEAD => {
                        tracing::debug!(
                            code,
                            "AMQP: the queue of a dead node cannot be read: {}",
                            String::from_utf8_lossy(&text).escape_debug()
                        );
                        self.parts[usize::from(DEAD)] = None;
                        let read = self.dead.refused(outbox);
                        self.read(read);
                    }
                    _ => return Err(closed(code, &text)),
                }
            }
            Method::Flow { active } => outbox.control(|out| frame::flow_ok(out, channel, active)),
            Method::Close { code, text } => {
                outbox.control(frame::close_ok);
                return Err(closed(code, &text));
            }
            Method::CloseOk => return Err(Fault::closed()),
            Method::Cancel => return Err(Fault::lost("a queue of this node was deleted")),
            Method::Blocked { reason } => {
                tracing::warn!(
                    "AMQP: the server is short of resources and takes no packets for now: {}",
                    String::from_utf8_lossy(&reason).escape_debug()
                );
            }
            Method::Unblocked => tracing::info!("AMQP: the server takes packets again"),
            _ => {}
        }
        Ok(())
    }

    fn told(&mut self, consumers: Option<u32>) {
        let outbox = &self.common.outbox;
        let Some(Gone { node, queue }) = outbox.answered(consumers) else { return };
        tracing::debug!(node = &*node, "AMQP: nobody consumes the requests of the node");
        match queue {
            Some(queue) => self.dead.add(node, queue, outbox),
            None => self.read(Some(Read { node, tickets: Vec::new() })),
        }
    }

    /// Calls that reached nobody first: they go to other nodes. The rest ends with the node.
    fn read(&self, read: Option<Read>) {
        let Some(Read { node, tickets }) = read else { return };
        let link = &self.common.link;
        tickets.into_iter().for_each(|ticket| link.undelivered(ticket));
        let cluster = link.cluster();
        if cluster.peer(&node).is_some_and(|peer| peer.available) {
            cluster.lost(&node, true);
        }
    }

    fn begin(&mut self, channel: u16, what: What) -> Result<(), Fault> {
        let part = Part {
            what,
            left: None,
            skip: false,
            ticket: None,
            mine: false,
            counted: false,
            body: Body::Empty,
        };
        match self.parts.get_mut(usize::from(channel)) {
            Some(place) => *place = Some(part),
            None => return Err(Malformed("a delivery on an unknown channel").into()),
        }
        Ok(())
    }

    fn content(&mut self, channel: u16, content: Content) -> Result<(), Fault> {
        let most = self.common.max_packet as u64;
        let outbox = &self.common.outbox;
        let part = part(&mut self.parts, channel)?;
        part.left = Some(content.size);
        part.skip = content.size > most || !matches!(part.what, What::Delivery { .. });
        if content.size > most && matches!(part.what, What::Delivery { .. }) {
            tracing::warn!(
                bytes = content.size,
                most,
                "AMQP: a packet is too large and skipped; see option 'max_packet_size'"
            );
        }
        part.ticket =
            content.correlation_id.and_then(|id| str::from_utf8(&id).ok()?.parse().ok()).map(Ticket);
        part.mine =
            matches!(part.what, What::Dead { .. }) && content.app_id.is_some_and(|id| outbox.is_mine(&id));
        part.counted = content.headers;
        if content.size == 0 { self.complete(channel) } else { Ok(()) }
    }

    fn body(&mut self, channel: u16, bytes: Bytes) -> Result<(), Fault> {
        let part = part(&mut self.parts, channel)?;
        let left = part.left.and_then(|left| left.checked_sub(bytes.len() as u64));
        let Some(left) = left else { return Err(Malformed("more content than it announced").into()) };
        part.left = Some(left);
        if !part.skip {
            part.body.push(bytes, left);
        }
        if left == 0 { self.complete(channel) } else { Ok(()) }
    }

    fn complete(&mut self, channel: u16) -> Result<(), Fault> {
        let Some(part) = self.parts.get_mut(usize::from(channel)).and_then(Option::take) else {
            return Ok(());
        };
        let Common { outbox, link, .. } = &*self.common;
        match part.what {
            What::Returned => {
                if let Some(ticket) = part.ticket {
                    link.undelivered(ticket);
                }
            }
            What::Dead { tag, redelivered } => {
                // Ligand sends no headers; quorum queues count in them.
                let ticket = part.ticket.filter(|_| !redelivered && !part.counted);
                self.dead.got(Got { tag, mine: part.mine, ticket }, outbox);
            }
            What::Delivery { consumer: Some(Consumer { kind, no_ack: true }), .. } => {
                if !part.skip {
                    link.receive(kind, part.body.into_bytes());
                }
            }
            What::Delivery { consumer, tag, redelivered } => {
                let receipt = outbox.delivered(channel, tag);
                // This node or an earlier life of it may have run the request. A Ligand node, which gave it a number, asks
                // about it; of others nothing more comes.
                if redelivered && channel == OWN && part.ticket.is_some() {
                    outbox.ack(receipt);
                    return Ok(());
                }
                let Some(Consumer { kind, .. }) = consumer.filter(|_| !part.skip) else {
                    outbox.ack(receipt);
                    return Ok(());
                };
                if channel == OWN {
                    self.held.push_back((Instant::now(), receipt));
                }
                let dealt = link.receive_tracked(kind, part.body.into_bytes());
                let outbox = outbox.clone();
                link.tasks().spawn_background(async move {
                    dealt.await;
                    outbox.ack(receipt);
                });
            }
        }
        Ok(())
    }
}

fn part(parts: &mut [Option<Part>], channel: u16) -> Result<&mut Part, Fault> {
    let part = parts.get_mut(usize::from(channel)).and_then(Option::as_mut);
    part.ok_or_else(|| Malformed("content without a delivery").into())
}
