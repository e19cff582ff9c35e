//! The nodes of a run: processes that take commands and answer on standard input and output, one JSON value a line.

mod crowd;
mod driver;
mod load;
mod worker;

use std::{io::Write as _, str::FromStr, time::Duration};

use ligand::{Result, ServiceBroker, Value, broker::BrokerBuilder, config::ComponentOptions, json};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines, Stdin},
    signal::unix::{SignalKind, signal},
};

/// What a process of a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Takes calls and events.
    Worker,
    /// Makes calls, sends events and remembers what became of them.
    Driver,
    /// Many nodes that only say that they are there.
    Crowd,
}

impl Role {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Driver => "driver",
            Self::Crowd => "crowd",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let all = [Self::Worker, Self::Driver, Self::Crowd];
        all.into_iter().find(|role| role.name() == name).ok_or_else(|| format!("no role '{name}'"))
    }
}

/// What a node is told at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// Its name; of a crowd, what the names begin with.
    pub(crate) node: String,
    /// Keeps the run apart from others.
    pub(crate) namespace: String,
    /// As the option `transporter` of a broker.
    pub(crate) transporter: Value,
    /// Size of a crowd.
    #[serde(default)]
    pub(crate) count: usize,
    /// Within how many milliseconds a crowd joins.
    #[serde(default)]
    pub(crate) within: u64,
}

impl Setup {
    /// The transporter as an option of a broker.
    fn component(&self) -> Result<ComponentOptions> {
        Ok(serde_json::from_value(self.transporter.clone())?)
    }

    fn broker(&self) -> Result<BrokerBuilder> {
        let (component, namespace) = (self.component()?, self.namespace.clone());
        Ok(ServiceBroker::builder().node_id(self.node.clone()).options(move |options| {
            options.namespace = namespace;
            options.transporter = Some(component);
        }))
    }
}

/// Plays a role until the runner ends it.
pub(crate) async fn run(role: Role, setup: Box<Setup>) -> ! {
    let level = std::env::var("CHAOS_LOG").ok().and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .with_max_level(level.unwrap_or(tracing::Level::INFO))
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let result = match role {
        Role::Worker => worker::run(&setup).await,
        Role::Driver => driver::run(&setup).await,
        Role::Crowd => crowd::run(&setup).await,
    };
    let code = match result {
        Ok(()) => 0,
        Err(error) => {
            say(&json!({ "refused": format!("{error:#}") }));
            1
        }
    };
    // The runtime would wait for the thread that reads standard input.
    std::process::exit(code)
}

/// Tells the runner something. A runner that is gone needs no answer.
fn say(value: &Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}

/// Commands of the runner; `None` when it is gone or wants this node to stop.
struct Commands {
    lines: Lines<BufReader<Stdin>>,
    terminate: tokio::signal::unix::Signal,
}

impl Commands {
    fn new() -> Result<Self> {
        let lines = BufReader::new(tokio::io::stdin()).lines();
        Ok(Self { lines, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Option<Value> {
        tokio::select! {
            line = self.lines.next_line() => serde_json::from_str(&line.ok()??).ok(),
            _ = self.terminate.recv() => None,
        }
    }
}

/// What this node knows of the cluster, by the `$node` actions.
async fn view(broker: &ServiceBroker) -> Value {
    let wait = Duration::from_secs(2);
    let ask = |action: &'static str| {
        broker.call_named(action, json!({ "onlyAvailable": true, "skipInternal": true })).timeout(wait)
    };
    let answer = async {
        let nodes: Value = ask("$node.list").await?.take()?;
        let services: Value = ask("$node.services").await?.take()?;
        Ok::<_, ligand::Error>(json!({ "nodes": nodes, "services": services }))
    };
    let known = answer.await.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
    let ids = known["nodes"].as_array().into_iter().flatten().filter_map(|node| node["id"].as_str());
    let nodes: std::collections::BTreeSet<_> = ids.collect();
    let mut services = std::collections::BTreeMap::new();
    for row in known["services"].as_array().into_iter().flatten() {
        let mut on: Vec<_> =
            row["nodes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        on.sort_unstable();
        services.insert(row["fullName"].as_str().unwrap_or_default(), on);
    }
    json!({ "nodes": nodes, "services": services })
}

/// Counters, and the processor time that this process used, in seconds.
fn used(broker: &ServiceBroker) -> Value {
    json!({ "traffic": broker.traffic(), "cpu": cpu_seconds() })
}

/// Processor time of this process so far, in seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15; the name in parentheses may have spaces.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 =
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}
