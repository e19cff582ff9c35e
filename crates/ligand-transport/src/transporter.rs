//! The transporter: moves encoded packets over one kind of bus.

use std::{
    fmt,
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use ligand_wire::{Result, topic::Topic};

use crate::Link;

/// An owned, boxed future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// Number of a packet whose fate matters to the sender. See [`Link::undelivered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// One encoded packet on its way out.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Where it goes.
    pub topic: Topic,
    /// What it says.
    pub body: Bytes,
    /// Set when the sender wants to hear that nobody received it.
    pub ticket: Option<Ticket>,
}

/// What a transporter can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// The bus can choose one of several receivers: [`ligand_wire::topic::To::Action`] and `Group` work.
    pub balancer: bool,
    /// Requests for one of several receivers wait in a queue of the bus until one takes them: that no node knows such a
    /// request does not mean that it is lost.
    pub queues: bool,
    /// Nodes find each other inside the transporter: infos, heartbeats and farewells are not sent as packets.
    pub own_discovery: bool,
}

/// Moves encoded packets over one kind of bus.
///
/// A transporter is connected once in its life. It keeps its connection: it tries again for ever with growing,
/// jittered pauses, subscribes anew, and tells the link when the bus is lost and when it is back. It never panics
/// on what comes from the bus.
pub trait Transporter: Send + Sync + 'static {
    /// Short name for logs and metrics: `nats`.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn features(&self) -> Features {
        Features::default()
    }

    /// Longest body that it takes from other nodes, in bytes; `None` = it has no limit of its own. The broker tells it
    /// to other nodes, which do not send more.
    fn largest(&self) -> Option<usize> {
        None
    }

    /// Where other nodes reach this one directly, once it is connected; it goes into the node's info.
    fn port(&self) -> Option<u16> {
        None
    }

    /// The one address at which other nodes reach this one directly, when there is one; it goes into the node's info.
    fn address(&self) -> Option<IpAddr> {
        None
    }

    /// Connects and subscribes to [`ligand_wire::topic::Topic::subscriptions`]; ends when packets can arrive.
    /// Calls [`Link::connected`] then, and after each reconnection. A bus that cannot be reached is tried again
    /// for ever; dropping the future gives up.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for what no further try can mend: a wrong URL, a missing certificate file, a server that
    /// does not let this node in. After the first connection a refused login is tried again.
    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>>;

    /// Replaces all balanced subscriptions. Only called when [`Features::balancer`] is set.
    ///
    /// # Errors
    /// When the bus refuses a subscription.
    fn balance(&self, topics: Vec<Topic>) -> BoxFuture<Result<()>> {
        let _ = topics;
        Box::pin(std::future::ready(Ok(())))
    }

    /// Hands a packet over. Packets to the same topic keep their order. Answers [`Sending::Waiting`] only when the
    /// bus is slower than the sender.
    ///
    /// An error means that the packet has not left; 413 `PACKET_TOO_LARGE` that it never will. That it left and nobody was there is told by
    /// [`Link::undelivered`].
    fn send(&self, packet: Outbound) -> Sending;

    /// Waits until everything that was handed over is with the bus, as far as the bus tells.
    ///
    /// # Errors
    /// When the bus is lost.
    fn flush(&self) -> BoxFuture<Result<()>>;

    /// Hands the rest over and closes; nothing arrives any more.
    fn disconnect(&self) -> BoxFuture<()>;
}

impl<T: Transporter> Transporter for Arc<T> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn features(&self) -> Features {
        (**self).features()
    }

    fn largest(&self) -> Option<usize> {
        (**self).largest()
    }

    fn port(&self) -> Option<u16> {
        (**self).port()
    }

    fn address(&self) -> Option<IpAddr> {
        (**self).address()
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Arc::clone(&*self).connect(link)
    }

    fn balance(&self, topics: Vec<Topic>) -> BoxFuture<Result<()>> {
        (**self).balance(topics)
    }

    fn send(&self, packet: Outbound) -> Sending {
        (**self).send(packet)
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        (**self).flush()
    }

    fn disconnect(&self) -> BoxFuture<()> {
        (**self).disconnect()
    }
}

/// A packet that is handed over, or that waits for room.
pub enum Sending {
    /// It is over.
    Done(Result<()>),
    /// The bus is slower than the sender.
    Waiting(BoxFuture<Result<()>>),
}

impl Future for Sending {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match &mut *self {
            Self::Done(result) => Poll::Ready(std::mem::replace(result, Ok(()))),
            Self::Waiting(work) => work.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done(_) => "Sending(done)",
            Self::Waiting(_) => "Sending(waiting)",
        })
    }
}
