//! Whether the bus is there, and the moment after it came back.
//!
//! After an outage other nodes come back one after the other. A message that reaches nobody then says little about
//! its receiver, which may be about to connect again. So there is a time of grace: such a message is sent again for a
//! while before the receiver counts as absent.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

/// Nodes connect again within this time: a few of the longest pauses of transporters between two tries.
pub(crate) const RECONNECT_GRACE: Duration = Duration::from_secs(5);

/// Shortest and longest time between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// The connection to the bus, as the transporter tells it.
pub(crate) struct Connection {
    connected: AtomicBool,
    /// The same for whoever waits for it.
    online: watch::Sender<bool>,
    outages: AtomicU64,
    /// When the bus came back last.
    back_since: Mutex<Option<Instant>>,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            connected: AtomicBool::new(false),
            online: watch::Sender::new(false),
            outages: AtomicU64::new(0),
            back_since: Mutex::default(),
        }
    }
}

impl Connection {
    pub(crate) fn is_online(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// Waits until the bus is there.
    pub(crate) async fn online(&self) {
        let mut online = self.online.subscribe();
        let _ = online.wait_for(|online| *online).await;
    }

    /// How often the bus was lost.
    pub(crate) fn outages(&self) -> u64 {
        self.outages.load(Ordering::Relaxed)
    }

    /// The bus is there. Returns whether it was lost before.
    pub(crate) fn set_online(&self) -> bool {
        let again = self.outages() > 0;
        if again {
            *self.back_since.lock() = Some(Instant::now());
        }
        self.connected.store(true, Ordering::Release);
        self.online.send_replace(true);
        again
    }

    /// The bus is lost. Returns whether that is new.
    pub(crate) fn set_offline(&self) -> bool {
        self.connected.store(false, Ordering::Release);
        let new = self.online.send_replace(false);
        if new {
            self.outages.fetch_add(1, Ordering::Relaxed);
        }
        new
    }

    /// The bus has just come back: others may follow.
    pub(crate) fn in_grace(&self) -> bool {
        self.back_since.lock().is_some_and(|since| since.elapsed() < RECONNECT_GRACE)
    }

    /// The bus is about to be back, or was lost just now: what it hands over may have come before.
    pub(crate) fn may_repeat(&self) -> bool {
        !self.is_online() || self.in_grace()
    }

    /// Until the next try of something that waits for so long: the longer the bus is back, the less often.
    pub(crate) fn retry_pause(&self, waits: Duration) -> Duration {
        let since = self.back_since.lock().map_or(RECONNECT_GRACE, |since| since.elapsed());
        (since.min(waits) / 2).clamp(PAUSES.0, PAUSES.1)
    }
}
