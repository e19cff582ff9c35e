//! Several nodes in one namespace: a supervisor that scenarios drive, and workers.

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use ligand_servers::{Kind, free_port};
use serde_json::{Value, json};

use crate::{
    check::until,
    process::{NodeProcess, Program},
};

/// NodeID of the supervisor.
pub const SUPERVISOR: &str = "supervisor";
/// How long nodes may take to see each other.
const MEET: Duration = Duration::from_secs(20);

/// How packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transporter {
    /// NATS
    Nats,
    /// Redis
    Redis,
    /// MQTT
    Mqtt,
    /// AMQP 0-9-1
    Amqp,
    /// TCP with a list of addresses
    Tcp,
    /// TCP with discovery by UDP
    Udp,
}

impl Transporter {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 6] = [Self::Nats, Self::Redis, Self::Mqtt, Self::Amqp, Self::Tcp, Self::Udp];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Redis => "redis",
            Self::Mqtt => "mqtt",
            Self::Amqp => "amqp",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// The server it needs.
    pub fn server(self) -> Option<Kind> {
        match self {
            Self::Nats => Some(Kind::Nats),
            Self::Redis => Some(Kind::Redis),
            Self::Mqtt => Some(Kind::Mqtt),
            Self::Amqp => Some(Kind::Amqp),
            Self::Tcp | Self::Udp => None,
        }
    }
}

/// How packets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Serializer {
    /// JSON
    Json,
    /// JSON with marked dates and bytes; 0.15 only
    JsonExt,
    /// MessagePack as msgpack5 writes it
    MsgPack,
    /// MessagePack as notepack.io writes it
    Notepack,
    /// CBOR
    Cbor,
}

impl Serializer {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Json, Self::JsonExt, Self::MsgPack, Self::Notepack, Self::Cbor];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::JsonExt => "jsonext",
            Self::MsgPack => "msgpack",
            Self::Notepack => "notepack",
            Self::Cbor => "cbor",
        }
    }

    /// The name Moleculer gives it.
    fn option(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::JsonExt => "JSONExt",
            Self::MsgPack => "MsgPack",
            Self::Notepack => "Notepack",
            Self::Cbor => "CBOR",
        }
    }

    /// Whether dates and bytes stay what they are.
    pub fn keeps_types(self) -> bool {
        self != Self::Json
    }
}

/// What the nodes of a cluster are configured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Defaults.
    Plain,
    /// The broker balances.
    Balancer,
    /// The option lists compression, then encryption.
    CompressionEncryption,
    /// The option lists encryption, then compression.
    EncryptionCompression,
    /// Nodes find each other in Redis.
    RedisDiscovery,
    /// Nodes find each other in etcd.
    EtcdDiscovery,
}

impl Stage {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 6] = [
        Self::Plain,
        Self::Balancer,
        Self::CompressionEncryption,
        Self::EncryptionCompression,
        Self::RedisDiscovery,
        Self::EtcdDiscovery,
    ];

    /// The name used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Balancer => "balancer",
            Self::CompressionEncryption => "compression+encryption",
            Self::EncryptionCompression => "encryption+compression",
            Self::RedisDiscovery => "redis discovery",
            Self::EtcdDiscovery => "etcd discovery",
        }
    }
}

/// A cluster to be.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How packets travel.
    pub transporter: Transporter,
    /// Where to: a URL, or `tcp`.
    pub url: String,
    /// How packets are written.
    pub serializer: Serializer,
    /// What is configured.
    pub stage: Stage,
    /// URL of the discoverer of the stage.
    pub discoverer: Option<String>,
    /// What the supervisor is.
    pub supervisor: Program,
    /// What the workers are.
    pub workers: Vec<Program>,
}

/// A running cluster.
pub struct Cluster {
    setup: Setup,
    namespace: String,
    /// Of the supervisor first.
    ports: Vec<u16>,
    supervisor: NodeProcess,
    workers: Vec<NodeProcess>,
}

impl Cluster {
    /// Starts all nodes, the supervisor first when the stage is plain, and waits until each knows the services of
    /// each.
    ///
    /// # Errors
    /// When a node does not start, or they do not meet within 20 seconds.
    pub async fn start(setup: Setup) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("i{}-{number}", std::process::id());
        let ports: Vec<u16> = (0..=setup.workers.len()).map(|_| free_port()).collect();
        let start = |place: usize| start(&setup, &namespace, &ports, place);
        let (supervisor, workers) = if setup.stage == Stage::Plain {
            let supervisor = start(0)?;
            supervisor.ready().await?;
            (supervisor, (1..ports.len()).map(start).collect::<Result<Vec<_>, _>>()?)
        } else {
            let workers = (1..ports.len()).map(start).collect::<Result<Vec<_>, _>>()?;
            for worker in &workers {
                worker.ready().await?;
            }
            (start(0)?, workers)
        };
        for node in workers.iter().chain([&supervisor]) {
            node.ready().await?;
        }
        let cluster = Self { setup, namespace, ports, supervisor, workers };
        cluster.meet().await?;
        Ok(cluster)
    }

    /// What it was made of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The node that scenarios drive.
    pub fn supervisor(&self) -> &NodeProcess {
        &self.supervisor
    }

    /// The others: `node1`, `node2`, …
    pub fn workers(&self) -> &[NodeProcess] {
        &self.workers
    }

    /// The first worker of each kind of program.
    pub fn targets(&self) -> Vec<&NodeProcess> {
        let mut targets: Vec<&NodeProcess> = Vec::new();
        for worker in &self.workers {
            if !targets.iter().any(|target| target.program() == worker.program()) {
                targets.push(worker);
            }
        }
        targets
    }

    /// All nodes, the supervisor first.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeProcess> {
        std::iter::once(&self.supervisor).chain(&self.workers)
    }

    /// Whether some node speaks protocol 4, which has no headers.
    pub fn is_old(&self) -> bool {
        self.nodes().any(|node| node.program() == Program::Js14)
    }

    /// Calls an action on the supervisor: the fields of `command` are `action`, `params`, `meta`, `headers`,
    /// `timeout`, `nodeID`, `requestID`, `upload`.
    ///
    /// # Errors
    /// When the supervisor does not answer; an error of the action is an [`Answer`].
    pub async fn call(&self, command: Value) -> Result<Answer, String> {
        self.supervisor.ask("call", command).await.map(Answer)
    }

    /// Starts a worker again that has ended, under the same nodeID.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&self, place: usize) -> Result<NodeProcess, String> {
        let node = start(&self.setup, &self.namespace, &self.ports, place)?;
        node.ready().await?;
        Ok(node)
    }

    async fn meet(&self) -> Result<(), String> {
        for node in self.nodes() {
            until(
                format_args!("{node} knows all services"),
                MEET,
                || async move {
                    let answer =
                        node.ask("call", json!({ "action": "$node.services", "params": {} })).await?;
                    Answer(answer).result("$node.services")
                },
                |services| self.all_in(services),
            )
            .await?;
        }
        Ok(())
    }

    fn all_in(&self, services: &Value) -> bool {
        (0..self.ports.len()).all(|place| {
            hosted(place).split(',').all(|name| {
                let name = if name == "scenario" { "$scenario" } else { name };
                services.as_array().into_iter().flatten().any(|service| {
                    let on = |node: &Value| *node == node_id(place);
                    service["fullName"] == name
                        && service["nodes"].as_array().is_some_and(|nodes| nodes.iter().any(on))
                })
            })
        })
    }

    /// Ends all nodes.
    pub async fn end(self) {
        for node in self.nodes() {
            node.kill().await;
        }
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workers: Vec<_> = self.workers.iter().map(|worker| worker.program().name()).collect();
        write!(f, "{} with {}", self.supervisor.program().name(), workers.join(" "))
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({self})")
    }
}

/// What a call ended with.
#[derive(Clone, Debug)]
pub struct Answer(pub Value);

impl Answer {
    /// The result.
    ///
    /// # Errors
    /// The error of the call.
    pub fn result(&self, what: &str) -> Result<Value, String> {
        if self.0["ok"] == true {
            return Ok(self.0["result"].clone());
        }
        Err(format!("{what} failed: {}", self.0["error"]))
    }

    /// What was read from the stream of the answer.
    ///
    /// # Errors
    /// The error of the call, or that it was no stream.
    pub fn stream(&self, what: &str) -> Result<Value, String> {
        let result = self.result(what)?;
        match &self.0["stream"] {
            Value::Null => Err(format!("{what} answered no stream but {result}")),
            stream => Ok(stream.clone()),
        }
    }

    /// The error.
    ///
    /// # Errors
    /// That there was none.
    pub fn error(&self, what: &str) -> Result<Value, String> {
        if self.0["ok"] == false {
            return Ok(self.0["error"].clone());
        }
        Err(format!("{what} did not fail but answered {}", self.0["result"]))
    }

    /// The meta of the caller after the call.
    pub fn meta(&self) -> &Value {
        &self.0["meta"]
    }
}

/// NodeID of the node at a place; 0 is the supervisor.
fn node_id(place: usize) -> String {
    if place == 0 { SUPERVISOR.into() } else { format!("node{place}") }
}

/// The services of the node at a place.
fn hosted(place: usize) -> &'static str {
    match place {
        0 => "conf,probe,scenario,users",
        1 => "conf,probe,echo,aes,test,users,payment",
        2 => "conf,probe,test,mail",
        _ => "conf,probe,test,payment",
    }
}

fn start(setup: &Setup, namespace: &str, ports: &[u16], place: usize) -> Result<NodeProcess, String> {
    let program = if place == 0 { setup.supervisor } else { setup.workers[place - 1] };
    let mut env = vec![
        ("NAMESPACE", namespace.to_owned()),
        ("TRANSPORTER", setup.url.clone()),
        ("SERIALIZER", setup.serializer.option().to_owned()),
        ("SERVICES", hosted(place).to_owned()),
        ("HEARTBEAT", "2".to_owned()),
    ];
    let old = setup.supervisor == Program::Js14 || setup.workers.contains(&Program::Js14);
    if !program.is_js() && old {
        env.push(("PROTOCOL", "4".to_owned()));
    }
    match setup.stage {
        Stage::Plain | Stage::RedisDiscovery | Stage::EtcdDiscovery => {}
        Stage::Balancer => env.push(("DISABLEBALANCER", "true".to_owned())),
        Stage::CompressionEncryption => env.push(("MIDDLEWARES", "compression,encryption".to_owned())),
        Stage::EncryptionCompression => env.push(("MIDDLEWARES", "encryption,compression".to_owned())),
    }
    if let Some(url) = &setup.discoverer {
        env.push(("DISCOVERER", url.clone()));
    }
    match setup.transporter {
        Transporter::Tcp => {
            let address = |(place, port)| format!("127.0.0.1:{port}/{}", node_id(place));
            let urls: Vec<_> = ports.iter().enumerate().map(address).collect();
            env.push(("URLS", urls.join(",")));
            env.push(("PORT", ports[place].to_string()));
        }
        // A consumer that takes one request at a time waits for ever for the next chunk of a stream.
        Transporter::Amqp if setup.stage != Stage::Balancer => env.push(("PREFETCH", "50".to_owned())),
        _ => {}
    }
    NodeProcess::start(program, &node_id(place), &env)
}
