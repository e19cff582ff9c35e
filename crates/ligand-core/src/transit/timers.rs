//! The timers of a node.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::Transit;

/// A node that calls wait for is asked this often whether it is there.
const PROBE_PERIOD: Duration = Duration::from_secs(1);

/// Streams and calls that will not go on are looked for this often.
const SWEEP_PERIOD: Duration = Duration::from_secs(10);

/// Old nodes are looked for this often.
const FORGET_PERIOD: Duration = Duration::from_secs(60);

impl Transit {
    pub(super) fn start_timers(self: &Arc<Self>) {
        let registry = &self.membership.options().registry;
        if self.outbox.features().own_discovery {
            let period = registry.heartbeat_interval.max(Duration::from_secs(1));
            self.every(period, |me| me.membership.measure());
        } else {
            if !registry.heartbeat_interval.is_zero() {
                // Nodes that start together do not beat together.
                let jitter = Duration::from_millis(fastrand::u64(0..1000));
                let period = registry.heartbeat_interval + jitter;
                self.every(period.saturating_sub(Duration::from_millis(500)), |me| me.membership.beat());
            }
            if !registry.heartbeat_timeout.is_zero() && !self.membership.has_discoverer() {
                self.every(registry.heartbeat_timeout / 3, |me| me.membership.check_silence());
            }
        }
        self.every(PROBE_PERIOD, |me| {
            me.membership.probe_waited_for();
            me.calls.inquire();
        });
        if let Some(period) = self.membership.latency_period() {
            self.every(period, |me| me.membership.ping_hosts());
        }
        self.every(SWEEP_PERIOD, |me| {
            me.streams.sweep();
            me.served.sweep();
            me.served.inquire();
        });
        if !registry.clean_offline_nodes_timeout.is_zero() {
            self.every(FORGET_PERIOD, |me| me.membership.forget_old());
        }
    }

    fn every(self: &Arc<Self>, period: Duration, work: impl Fn(&Arc<Self>) + Send + 'static) {
        let me = Arc::downgrade(self);
        self.tasks.spawn_background(async move {
            let mut ticks = interval(period.max(Duration::from_millis(1)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let Some(me) = me.upgrade() else { return };
                work(&me);
            }
        });
    }
}
