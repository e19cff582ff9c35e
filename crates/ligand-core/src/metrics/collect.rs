//! What is kept elsewhere and only looked at: the registry, traffic, the process, the machine.

use ligand_metrics::{Definition, Registry};

use crate::broker::{ServiceBroker, State, WeakBroker, health};

/// Looks whenever metrics are told.
pub(super) fn register(broker: &ServiceBroker) {
    let weak: WeakBroker = broker.downgrade();
    broker.metrics().on_collect(move |metrics| {
        if let Some(broker) = weak.upgrade() {
            collect(&broker, metrics);
        }
    });
}

fn collect(broker: &ServiceBroker, metrics: &Registry) {
    let info = |name: &str, text: &str| metrics.info(Definition::new(name), &[], text);
    info("moleculer.node.type", "rust");
    info("moleculer.node.versions.moleculer", env!("CARGO_PKG_VERSION"));
    info("moleculer.node.versions.protocol", broker.options().protocol.number());
    info("moleculer.broker.namespace", &broker.options().namespace);
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let gauge = |name: &str, value: usize| metrics.gauge(Definition::new(name)).single().set(value as f64);
    gauge("moleculer.broker.started", usize::from(broker.state() == State::Started));
    gauge("moleculer.broker.middlewares.total", broker.parts().middlewares.len());
    let services = broker.registry().snapshot();
    gauge("moleculer.broker.local.services.total", services.services().len());
    let nodes = broker.registry().nodes();
    gauge("moleculer.registry.nodes.total", nodes.len() + 1);
    gauge(
        "moleculer.registry.nodes.online.total",
        nodes.iter().filter(|node| node.is_available()).count() + 1,
    );
    let actions: std::collections::HashSet<_> =
        services.endpoints().map(|endpoint| endpoint.action().full_name().to_owned()).collect();
    gauge("moleculer.registry.actions.total", actions.len());
    gauge("moleculer.registry.events.total", services.listeners().count());
    let endpoints = Definition::new("moleculer.registry.action.endpoints.total").labels(["action"]);
    let endpoints = metrics.gauge(endpoints);
    // Actions leave, too.
    endpoints.retain(|action| actions.contains(&*action[0]));
    for action in &actions {
        let count = services.endpoints_of(action).count();
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        endpoints.with(&[action]).set(count as f64);
    }
    traffic(broker, metrics);
    machine(broker, metrics);
}

fn traffic(broker: &ServiceBroker, metrics: &Registry) {
    let connected = broker.is_connected();
    metrics.gauge(Definition::new("moleculer.transit.connected")).single().set(f64::from(connected));
    let Some(traffic) = broker.traffic() else { return };
    let count = |name: &str, unit: &str, value: u64| {
        metrics.counter(Definition::new(name).unit(unit).rate()).single().set(value);
    };
    count("moleculer.transporter.packets.sent.total", "packet", traffic.packets_sent);
    count("moleculer.transporter.packets.sent.bytes", "byte", traffic.bytes_sent);
    count("moleculer.transporter.packets.received.total", "packet", traffic.packets_received);
    count("moleculer.transporter.packets.received.bytes", "byte", traffic.bytes_received);
}

fn machine(broker: &ServiceBroker, metrics: &Registry) {
    let health = health::health(broker);
    let number = |path: &str| health.pointer(path).and_then(serde_json::Value::as_f64);
    let gauges = [
        ("process.memory.rss", "byte", "/process/memory/rss"),
        ("process.uptime", "second", "/process/uptime"),
        ("os.memory.free", "byte", "/mem/free"),
        ("os.memory.total", "byte", "/mem/total"),
        ("os.uptime", "second", "/os/uptime"),
        ("os.cpu.load.1", "", "/cpu/load1"),
        ("os.cpu.load.5", "", "/cpu/load5"),
        ("os.cpu.load.15", "", "/cpu/load15"),
        ("os.cpu.utilization", "", "/cpu/utilization"),
        ("os.cpu.total", "cpu", "/cpu/cores"),
    ];
    for (name, unit, path) in gauges {
        let definition = Definition::new(name);
        let definition = if unit.is_empty() { definition } else { definition.unit(unit) };
        metrics.gauge(definition).single().set(number(path).unwrap_or(0.0));
    }
    let texts = [
        ("os.type", "/os/type"),
        ("os.arch", "/os/arch"),
        ("os.platform", "/os/platform"),
        ("os.hostname", "/os/hostname"),
        ("os.release", "/os/release"),
    ];
    for (name, path) in texts {
        let text = health.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default();
        metrics.info(Definition::new(name), &[], text);
    }
    metrics.info(Definition::new("process.pid"), &[], &std::process::id().to_string());
}
