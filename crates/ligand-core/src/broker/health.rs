//! What `$node.health` answers: this process and the machine it runs on.

use std::net::{IpAddr, UdpSocket};

use serde_json::{Value, json};

use super::ServiceBroker;

/// Load, memory and process of this node.
pub(crate) fn health(broker: &ServiceBroker) -> Value {
    let load = read("/proc/loadavg");
    let mut load = load.split(' ').map(|part| part.parse::<f64>().unwrap_or(0.0));
    let mut next = || load.next().unwrap_or(0.0);
    let (load1, load5, load15) = (next(), next(), next());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = read("/proc/meminfo");
    let field = |text: &str, name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or("");
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    let (total, free) = (field(&memory, "MemTotal:"), field(&memory, "MemAvailable:"));
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let (percent, utilization) = (
        if total == 0 { 0.0 } else { free as f64 * 100.0 / total as f64 },
        (load1 * 100.0 / cores as f64) as u64,
    );
    let now = jiff::Timestamp::now();
    json!({
        "cpu": {
            "load1": load1, "load5": load5, "load15": load15,
            "cores": cores, "utilization": utilization.min(100),
        },
        "mem": { "free": free, "total": total, "percent": percent },
        "os": {
            "type": std::env::consts::OS, "arch": std::env::consts::ARCH, "platform": std::env::consts::OS,
            "hostname": hostname(), "release": read("/proc/sys/kernel/osrelease").trim(),
            "uptime": read("/proc/uptime").split(' ').next().and_then(|s| s.parse::<f64>().ok()),
        },
        "process": {
            "pid": std::process::id(),
            "memory": { "rss": field(&read("/proc/self/status"), "VmRSS:") },
            "uptime": broker.uptime().as_secs_f64(),
        },
        "client": { "type": "rust", "version": env!("CARGO_PKG_VERSION"), "langVersion": env!("CARGO_PKG_RUST_VERSION") },
        "net": { "ip": addresses() },
        "time": {
            "now": now.as_millisecond(), "iso": now.to_string(),
            "utc": now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        },
    })
}

fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

/// Name of this machine.
pub(crate) fn hostname() -> String {
    let name = read("/proc/sys/kernel/hostname");
    let name = name.trim();
    match std::env::var("HOSTNAME") {
        _ if !name.is_empty() => name.to_owned(),
        Ok(name) if !name.is_empty() => name,
        _ => "localhost".into(),
    }
}

/// The address under which this machine reaches others; nothing is sent to find it out.
pub(crate) fn addresses() -> Vec<String> {
    let outward = || {
        let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
        socket.connect("192.0.2.1:9").ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    };
    let address = outward().filter(|ip| !ip.is_unspecified()).unwrap_or(IpAddr::from([127, 0, 0, 1]));
    vec![address.to_string()]
}
