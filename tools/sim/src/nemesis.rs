//! What goes wrong, drawn from the seed.

use std::time::Duration;

use futures_util::future::join_all;

use crate::{cluster::Cluster, services};

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// A node ends without a farewell and comes back as a new instance.
    Crash(usize),
    /// A node is stopped and started.
    Restart(usize),
    /// A node loses the bus, knows it, and comes back.
    Isolate(usize),
    /// A node loses the bus for a moment, several times: callers and callees, in every phase of their calls.
    Blink(usize),
    /// A part of the packets is handled before its sender goes on.
    Rush(f64),
    /// Requests to a node wait in its queue on the bus; everything else arrives.
    Hold(usize),
    /// Packets from and to a node vanish while nobody is told.
    Mute(usize),
    /// The bus breaks down.
    Cut,
    /// A part of the packets vanishes.
    Loss(f64),
    /// Packets travel up to so many milliseconds.
    Delay(u64),
    /// A part of the packets is overtaken.
    Reordering(f64),
    /// A part of the packets arrives twice.
    Duplication(f64),
    /// A service comes and goes.
    Service(usize),
    /// The handlers of a node take seconds.
    Slow(usize),
}

/// A fault, when it begins and how long it lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) fault: Fault,
    at: Duration,
    lasts: Duration,
}

/// The faults of a run.
pub(crate) fn plan(nodes: usize, seconds: u64) -> Vec<Planned> {
    let count = fastrand::usize(3..=8);
    (0..count)
        .map(|_| {
            let node = fastrand::usize(0..nodes);
            let fault = match fastrand::u32(0..18) {
                0 | 1 => Fault::Crash(node),
                2 | 3 => Fault::Restart(node),
                4 => Fault::Isolate(node),
                5 => Fault::Mute(node),
                6 => Fault::Cut,
                7 => Fault::Loss(0.01 + 0.2 * fastrand::f64()),
                8 => Fault::Delay(fastrand::u64(1..200)),
                9 => Fault::Reordering(0.05 + 0.4 * fastrand::f64()),
                10 => Fault::Duplication(0.02 + 0.2 * fastrand::f64()),
                11 => Fault::Service(node),
                12..15 => Fault::Blink(node),
                15 => Fault::Rush(fastrand::f64()),
                16 => Fault::Hold(node),
                _ => Fault::Slow(node),
            };
            Planned {
                fault,
                at: Duration::from_millis(fastrand::u64(0..seconds * 1000)),
                // Parts of it are whole milliseconds too.
                lasts: Duration::from_millis(8 * fastrand::u64(40..5000)),
            }
        })
        .collect()
}

/// Lets everything in the plan happen and ends it.
pub(crate) async fn run(cluster: &Cluster, plan: &[Planned]) {
    join_all(plan.iter().map(|planned| happen(cluster, planned))).await;
    cluster
        .bus
        .clone()
        .rush(0.0)
        .loss(0.0)
        .duplication(0.0)
        .reordering(0.0)
        .delay(Duration::ZERO..Duration::ZERO);
    cluster.bus.heal();
    for index in 0..cluster.len() {
        cluster.bus.rejoin(cluster.id(index));
        cluster.bus.release(cluster.id(index));
    }
}

async fn happen(cluster: &Cluster, planned: &Planned) {
    tokio::time::sleep(planned.at).await;
    cluster.record.note(&format!("{:?} for {:?}", planned.fault, planned.lasts));
    let (bus, lasts) = (&cluster.bus, planned.lasts);
    let none = Duration::ZERO;
    match planned.fault {
        Fault::Crash(index) => {
            if cluster.crash(index).await {
                tokio::time::sleep(lasts / 4).await;
                cluster.start(index).await;
            }
        }
        Fault::Restart(index) => {
            if cluster.stop(index).await {
                tokio::time::sleep(lasts / 8).await;
                cluster.start(index).await;
            }
        }
        Fault::Isolate(index) => {
            bus.isolate(cluster.id(index));
            tokio::time::sleep(lasts).await;
            bus.rejoin(cluster.id(index));
        }
        Fault::Blink(index) => {
            let end = tokio::time::Instant::now() + lasts / 2;
            while tokio::time::Instant::now() < end {
                bus.isolate(cluster.id(index));
                tokio::time::sleep(Duration::from_millis(fastrand::u64(1..900))).await;
                bus.rejoin(cluster.id(index));
                tokio::time::sleep(Duration::from_millis(fastrand::u64(100..4000))).await;
            }
        }
        Fault::Rush(part) => {
            bus.clone().rush(part);
            tokio::time::sleep(lasts).await;
            bus.clone().rush(0.0);
        }
        Fault::Hold(index) => {
            bus.hold(cluster.id(index));
            tokio::time::sleep(lasts).await;
            bus.release(cluster.id(index));
        }
        Fault::Mute(index) => {
            bus.mute(cluster.id(index));
            tokio::time::sleep(lasts).await;
            bus.rejoin(cluster.id(index));
        }
        Fault::Cut => {
            bus.cut();
            tokio::time::sleep(lasts / 4).await;
            bus.heal();
        }
        Fault::Loss(part) => {
            bus.clone().loss(part);
            tokio::time::sleep(lasts).await;
            bus.clone().loss(0.0);
        }
        Fault::Delay(millis) => {
            bus.clone().delay(none..Duration::from_millis(millis));
            tokio::time::sleep(lasts).await;
            bus.clone().delay(none..none);
        }
        Fault::Reordering(part) => {
            bus.clone().reordering(part);
            tokio::time::sleep(lasts).await;
            bus.clone().reordering(0.0);
        }
        Fault::Duplication(part) => {
            bus.clone().duplication(part);
            tokio::time::sleep(lasts).await;
            bus.clone().duplication(0.0);
        }
        Fault::Service(index) => service(cluster, index, lasts).await,
        Fault::Slow(index) => {
            cluster.set_slow(index, true);
            tokio::time::sleep(lasts).await;
            cluster.set_slow(index, false);
        }
    }
}

async fn service(cluster: &Cluster, index: usize, lasts: Duration) {
    let Some(broker) = cluster.broker(index) else { return };
    // The node may stop meanwhile, or another fault adds the same service: then it cannot be added.
    let added = broker.add_service(services::extra(index)).await.is_ok();
    cluster.record.note(&format!("extra{index} added: {added}"));
    tokio::time::sleep(lasts).await;
    // One in two stays.
    if added && fastrand::bool() {
        let removed = broker.destroy_service(&format!("extra{index}")).await.is_ok();
        cluster.record.note(&format!("extra{index} removed: {removed}"));
    }
}
