//! The moment in which nodes come back to the bus.
//!
//! After the bus came back other nodes come one after the other. A message that reaches nobody then says little about
//! its receiver, which may be about to connect again. So it is sent again for a while before the receiver counts as
//! absent. And a node that vanished without a farewell may be back soon: calls that nobody else can take wait for it.

use std::time::Duration;

use ligand_transport::{Outbound, Ticket};
use ligand_wire::{packet::PacketKind, topic::Topic};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::{Transit, balanced, pending::Entry};

/// Nodes connect again within this time: a few of the longest pauses of transporters between two tries.
const MOMENT: Duration = Duration::from_secs(5);

/// Shortest and longest time between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// When the bus came back.
#[derive(Default)]
pub(super) struct Returning(Mutex<Option<Instant>>);

impl Returning {
    pub(super) fn begin(&self) {
        *self.0.lock() = Some(Instant::now());
    }

    /// It has just come back.
    pub(super) fn is_on(&self) -> bool {
        self.0.lock().is_some_and(|since| since.elapsed() < MOMENT)
    }

    /// Until the next try of something that waits for so long: the longer the bus is back, the less often.
    fn pause(&self, waits: Duration) -> Duration {
        let since = self.0.lock().map_or(MOMENT, |since| since.elapsed());
        (since.min(waits) / 2).clamp(PAUSES.0, PAUSES.1)
    }
}

impl Transit {
    /// A call that nobody got may wait for a node that comes back: all do, or this one was `here` until now.
    pub(super) fn may_return(&self, entry: &Entry, here: impl FnOnce() -> bool) -> bool {
        self.returning.is_on() || (entry.made.elapsed() < self.options.transit.return_wait && here())
    }

    /// Sends a call again in a moment, to whichever node has the action then.
    pub(super) fn call_later(&self, ticket: Ticket) {
        let Some(me) = self.me() else { return };
        let waits = self.pending.with(ticket, |entry| entry.made.elapsed()).unwrap_or_default();
        self.tasks.spawn_background(async move {
            sleep(me.returning.pause(waits)).await;
            let Some(broker) = me.broker() else { return };
            let asked = me.pending.with(ticket, |entry| {
                entry.tried.clear();
                (entry.node.clone(), entry.action.clone(), entry.body.clone())
            });
            // Nobody waits for it any more.
            let Some((node, action, body)) = asked else { return };
            let topic = match node {
                Some(node) if node.is_available() => Topic::node(PacketKind::Request, node.id().clone()),
                Some(node) => {
                    me.send_again(&broker, ticket, &node);
                    return;
                }
                None => balanced::topic(PacketKind::Request, action.full_name()),
            };
            me.hand_over(Outbound { topic, body, ticket: Some(ticket) });
        });
    }

    /// Does something in a moment.
    pub(super) fn later(&self, work: impl FnOnce(&Self) + Send + 'static) {
        let Some(me) = self.me() else { return };
        self.tasks.spawn(async move {
            sleep(me.returning.pause(MOMENT)).await;
            work(&me);
        });
    }
}
