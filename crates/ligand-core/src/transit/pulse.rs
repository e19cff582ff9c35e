//! The timers of a node: its heartbeat, the watch over others, probes of nodes that calls wait for.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ligand_transport::Cluster as _;
use ligand_wire::packet::{Heartbeat, Packet, PacketKind, Pong};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::{Transit, announce, pongs::Echo};
use crate::{ServiceBroker, context::Id, registry::Node};

/// A node that calls wait for is asked this often whether it is there.
const PROBE_PERIOD: Duration = Duration::from_secs(1);

/// Streams and calls that will not go on are looked for this often.
const SWEEP_PERIOD: Duration = Duration::from_secs(10);

impl Transit {
    pub(super) fn start_pulse(self: &Arc<Self>) {
        let registry = &self.options.registry;
        if !self.features.own_discovery {
            if !registry.heartbeat_interval.is_zero() {
                // Nodes that start together do not beat together.
                let jitter = Duration::from_millis(fastrand::u64(0..1000));
                let period = registry.heartbeat_interval + jitter;
                self.every(period.saturating_sub(Duration::from_millis(500)), |me| me.beat());
            }
            if !registry.heartbeat_timeout.is_zero() && self.discoverer.is_none() {
                self.every(registry.heartbeat_timeout / 3, |me| me.check_silence());
            }
        } else {
            self.every(registry.heartbeat_interval.max(Duration::from_secs(1)), |me| me.measure());
        }
        self.every(PROBE_PERIOD, |me| {
            me.probe_waited_for();
            me.inquire();
        });
        if let Some((_, interval)) = &self.latencies {
            self.every(*interval, |me| me.ping_hosts());
        }
        self.every(SWEEP_PERIOD, |me| {
            me.sweep_streams();
            me.kept.sweep();
            me.inquire_of_callers();
        });
        if !registry.clean_offline_nodes_timeout.is_zero() {
            self.every(Duration::from_secs(60), |me| me.forget_old());
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

    fn measure(&self) {
        if let Some(percent) = self.meter.percent() {
            let mut cpu = self.cpu.lock();
            if cpu.1 != Some(percent) {
                *cpu = (cpu.0 + 1, Some(percent));
            }
        }
    }

    fn beat(self: &Arc<Self>) {
        self.measure();
        if let Some(discoverer) = &self.discoverer {
            let work = discoverer.beat();
            self.tasks.spawn_background(async move {
                if let Err(error) = work.await {
                    tracing::warn!(error = %format!("{error:#}"), "the heartbeat was not stored");
                }
            });
            return;
        }
        // With the number of the last info: whoever missed that one asks.
        let info = self.info.load();
        let known = info.seq > 0;
        let beat = Heartbeat {
            cpu: self.cpu.lock().1,
            seq: known.then_some(info.seq),
            instance_id: known.then(|| info.instance_id.clone()),
            ..Heartbeat::default()
        };
        if self.is_online()
            && let Err(error) = self.send_to_all(&Packet::Heartbeat(beat))
        {
            self.not_sent(PacketKind::Heartbeat, &error);
        }
    }

    fn check_silence(self: &Arc<Self>) {
        let Some(broker) = self.broker() else { return };
        // While the bus is lost nobody can be heard.
        if !self.is_online() {
            broker.registry().nodes().iter().for_each(|node| node.touch());
            return;
        }
        let limit = self.options.registry.heartbeat_timeout;
        for node in broker.registry().nodes() {
            if node.is_available() && node.silence() > limit {
                tracing::warn!(node = &**node.id(), silence = ?node.silence(), "no heartbeat");
                self.lost(node.id(), true);
            }
        }
    }

    /// One node of each machine tells how near that is.
    fn ping_hosts(self: &Arc<Self>) {
        let Some(broker) = self.broker() else { return };
        let snapshot = broker.registry().snapshot();
        let mut hosts = HashMap::new();
        for node in snapshot.nodes() {
            hosts.entry(node.info().hostname.clone()).or_insert_with(Vec::new).push(node);
        }
        if let Some((latencies, _)) = &self.latencies {
            latencies.retain(|host| hosts.contains_key(host));
        }
        for nodes in hosts.values() {
            let node = nodes[fastrand::usize(..nodes.len())];
            if let Err(error) = self.ping(node, &Id::random().to_string(), None) {
                self.not_sent(PacketKind::Ping, &error);
            }
        }
    }

    fn forget_old(self: &Arc<Self>) {
        let Some(broker) = self.broker() else { return };
        let limit = self.options.registry.clean_offline_nodes_timeout;
        for node in broker.registry().nodes() {
            if !node.is_available() && node.silence() > limit {
                broker.registry().forget(node.id());
            }
        }
    }

    /// A call waits for a node that may have died after it got it: a message that reaches nobody tells. Nodes that
    /// did not answer are asked until they do.
    fn probe_waited_for(self: &Arc<Self>) {
        let Some(broker) = self.broker() else { return };
        if !self.is_online() {
            return;
        }
        let mut nodes = self.pending.nodes();
        for node in broker.registry().nodes() {
            if node.is_suspect() && !nodes.iter().any(|other| Arc::ptr_eq(other, &node)) {
                nodes.push(node);
            }
        }
        for node in nodes {
            if !node.is_available() {
                continue;
            }
            if self.pongs.probe(&node) {
                node.set_suspect(true);
            }
            let ticket = self.events.probe(&node);
            let _ = self.ping(&node, &Id::random().to_string(), Some(ticket));
        }
    }

    pub(super) fn pong_came(&self, broker: &ServiceBroker, node: &Arc<Node>, pong: &Pong<'_>) {
        // Only what this node asked for says anything about the way to the other.
        let Some(elapsed) = self.pongs.came(node.id(), &pong.id) else { return };
        let elapsed = elapsed.as_secs_f64() * 1000.0;
        let skew = (announce::now() - pong.arrived - elapsed / 2.0).round();
        let skew = if skew.is_finite() { skew } else { 0.0 };
        let event = broker.broadcast_local(
            "$node.pong",
            json!({ "nodeID": &**node.id(), "elapsedTime": elapsed, "timeDiff": skew, "id": &*pong.id }),
        );
        let answer = Echo { elapsed_ms: elapsed, skew_ms: skew };
        node.is_here();
        node.set_answered();
        if let Some((latencies, _)) = &self.latencies {
            latencies.host(&node.info().hostname).record(elapsed);
        }
        self.pongs.answer(node.id(), answer);
        broker.tasks().spawn_background(async move {
            let _ = event.await;
        });
    }
}
