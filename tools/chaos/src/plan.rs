//! The command line.

use std::time::Duration;

use crate::role::{Role, Setup};

pub(crate) const USAGE: &str = "\
ligand-chaos [--transporter nats,redis,mqtt,amqp,tcp] [--fault kill,term,stop,bus,partition,double,join]
             [--peer ligand|moleculer|both] [--short] [--logs FOLDER]";

/// What the process is to do.
pub(crate) enum Command {
    /// Be one node of a run.
    Role(Role, Box<Setup>),
    /// Run the faults.
    Run(Plan),
}

macro_rules! names {
    ($(#[$doc:meta])* $kind:ident { $($item:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $kind { $($item,)* }

        impl $kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$item,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$item => $name,)* }
            }

            fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|item| item.name() == name)
            }
        }
    };
}

names! {
    /// What carries the packets.
    Transporter { Nats = "nats", Redis = "redis", Mqtt = "mqtt", Amqp = "amqp", Tcp = "tcp", }
}

impl Transporter {
    /// The server it needs.
    pub(crate) fn server(self) -> Option<ligand_servers::Kind> {
        use ligand_servers::Kind;
        match self {
            Self::Nats => Some(Kind::Nats),
            Self::Redis => Some(Kind::Redis),
            Self::Mqtt => Some(Kind::Mqtt),
            Self::Amqp => Some(Kind::Amqp),
            Self::Tcp => None,
        }
    }
}

names! {
    /// What breaks.
    Fault {
        Kill = "kill", Term = "term", Stop = "stop", Bus = "bus", Partition = "partition", Double = "double",
        Join = "join",
    }
}

names! {
    /// What the nodes run.
    Kind { Ligand = "ligand", Moleculer = "moleculer", }
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) transporter: Transporter,
    pub(crate) fault: Fault,
    pub(crate) peer: Kind,
}

/// All runs and how long their phases last.
pub(crate) struct Plan {
    transporters: Vec<Transporter>,
    faults: Vec<Fault>,
    peers: Vec<Kind>,
    short: bool,
    /// Where the logs of the nodes go.
    pub(crate) logs: Option<std::path::PathBuf>,
}

impl Plan {
    /// Every combination that makes sense, by transporter and fault.
    pub(crate) fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for &transporter in &self.transporters {
            for &fault in &self.faults {
                // Nodes on TCP have no server that could be lost.
                if (transporter, fault) == (Transporter::Tcp, Fault::Bus) {
                    continue;
                }
                runs.extend(self.peers.iter().map(|&peer| Run { transporter, fault, peer }));
            }
        }
        runs
    }

    fn pick(&self, long: u64, short: u64) -> Duration {
        Duration::from_millis(if self.short { short } else { long })
    }

    /// Load before the fault.
    pub(crate) fn before(&self) -> Duration {
        self.pick(5000, 3000)
    }

    /// Load after the fault.
    pub(crate) fn after(&self) -> Duration {
        self.pick(8000, 4000)
    }

    /// How often a worker is killed.
    pub(crate) fn kills(&self) -> usize {
        if self.short { 2 } else { 6 }
    }

    /// How long a worker is stopped.
    pub(crate) fn frozen(&self) -> Duration {
        self.pick(8000, 3000)
    }

    /// How long the server is away.
    pub(crate) fn down(&self) -> Duration {
        self.pick(2000, 1000)
    }

    /// How long the cluster is cut in two.
    pub(crate) fn apart(&self) -> Duration {
        self.pick(30_000, 5000)
    }

    /// How many nodes join, and within which time.
    pub(crate) fn crowd(&self) -> (usize, Duration) {
        (if self.short { 100 } else { 500 }, self.pick(10_000, 4000))
    }
}

/// Reads the command line.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut plan = Plan {
        transporters: Transporter::ALL.to_vec(),
        faults: Fault::ALL.to_vec(),
        peers: vec![Kind::Ligand],
        short: false,
        logs: None,
    };
    let (mut role, mut setup) = (None, None);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match &*word {
            "--transporter" => plan.transporters = list(&value()?, Transporter::parse)?,
            "--fault" => plan.faults = list(&value()?, Fault::parse)?,
            "--peer" => {
                let value = value()?;
                plan.peers = if value == "both" { Kind::ALL.to_vec() } else { list(&value, Kind::parse)? };
            }
            "--short" => plan.short = true,
            "--logs" => plan.logs = Some(value()?.into()),
            "--role" => role = Some(value()?.parse()?),
            "--setup" => {
                let text = value()?;
                setup = Some(serde_json::from_str(&text).map_err(|error| format!("--setup: {error}"))?);
            }
            _ => return Err(format!("unknown argument '{word}'")),
        }
    }
    match (role, setup) {
        (None, None) => Ok(Command::Run(plan)),
        (Some(role), Some(setup)) => Ok(Command::Role(role, Box::new(setup))),
        _ => Err("--role and --setup belong together".into()),
    }
}

fn list<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    text.split(',').map(|name| parse(name).ok_or_else(|| format!("'{name}' is unknown"))).collect()
}
