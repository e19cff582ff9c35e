//! The transporter of the bus in memory.

use std::{fmt, sync::Arc};

use futures_util::{
    FutureExt,
    future::{AbortHandle, Abortable, ready},
};
use ligand_wire::{Result, topic::Topic};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{MemoryBus, inbox, not_connected, routes::Member};
use crate::{BoxFuture, Features, Link, Outbound, Sending, Transporter};

/// Connects one node to a [`MemoryBus`]. Made by [`MemoryBus::transporter`].
pub struct MemoryTransporter {
    bus: MemoryBus,
    seat: Mutex<Option<Arc<Seat>>>,
}

/// A place on the bus. Dropping it gives the place up.
struct Seat {
    bus: MemoryBus,
    member: Arc<Member>,
    work: AbortHandle,
    /// True since the first connection; closed when the task has ended.
    ready: watch::Receiver<bool>,
}

impl Seat {
    fn leave(&self) {
        self.bus.leave(&self.member);
        self.work.abort();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Gives the seat up when a first connection fails or is given up.
struct Attempt<'a> {
    of: &'a MemoryTransporter,
    succeeded: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.succeeded {
            let seat = self.of.seat.lock().take();
            drop(seat);
        }
    }
}

impl MemoryTransporter {
    pub(super) const fn new(bus: MemoryBus) -> Self {
        Self { bus, seat: Mutex::new(None) }
    }

    fn seat(&self) -> Option<Arc<Seat>> {
        self.seat.lock().clone()
    }
}

impl Transporter for MemoryTransporter {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn features(&self) -> Features {
        Features { balancer: true, queues: self.bus.0.state.lock().queues, ..Features::default() }
    }

    fn largest(&self) -> Option<usize> {
        let largest = self.bus.0.state.lock().largest;
        (largest < usize::MAX).then_some(largest)
    }

    fn connect(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            let size = self.bus.0.state.lock().queue;
            let (inbox, outlet) = inbox::queue(size);
            let (sender, mut ready) = watch::channel(false);
            let (work, registration) = AbortHandle::new_pair();
            let task = Abortable::new(outlet.run(link.clone(), sender), registration);
            link.tasks().spawn_background(task.map(drop));
            let member = self.bus.join(&link, inbox);
            let seat = Seat { bus: self.bus.clone(), member, work, ready: ready.clone() };
            *self.seat.lock() = Some(Arc::new(seat));
            let mut attempt = Attempt { of: &self, succeeded: false };
            attempt.succeeded = ready.wait_for(|ready| *ready).await.is_ok();
            if attempt.succeeded { Ok(()) } else { not_connected() }
        })
    }

    fn balance(&self, topics: Vec<Topic>) -> BoxFuture<Result<()>> {
        let result = match self.seat() {
            Some(seat) => {
                self.bus.balance(&seat.member, topics);
                Ok(())
            }
            None => not_connected(),
        };
        Box::pin(ready(result))
    }

    fn send(&self, packet: Outbound) -> Sending {
        // Not held meanwhile: a receiver may answer before this ends, and be answered.
        match self.seat() {
            Some(seat) => self.bus.send(&seat.member, &packet.topic, &packet.body, packet.ticket),
            None => Sending::Done(not_connected()),
        }
    }

    fn flush(&self) -> BoxFuture<Result<()>> {
        let online = self.seat().is_some_and(|seat| seat.member.online());
        Box::pin(ready(if online { Ok(()) } else { not_connected() }))
    }

    fn disconnect(&self) -> BoxFuture<()> {
        let seat = self.seat.lock().take();
        Box::pin(async move {
            if let Some(seat) = seat {
                seat.leave();
                let mut ready = seat.ready.clone();
                while ready.changed().await.is_ok() {}
            }
        })
    }
}

impl fmt::Debug for MemoryTransporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTransporter").field("connected", &self.seat.lock().is_some()).finish()
    }
}
