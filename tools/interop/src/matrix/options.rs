//! The command line.

use std::{path::PathBuf, time::Duration};

use super::Run;
use crate::{
    cluster::{Serializer, Stage, Transporter},
    process::Program,
    scenario,
};

/// What is printed for `--help`.
const HELP: &str = "\
Runs clusters of Ligand and Moleculer nodes and prints which scenarios pass.

  --transporter LIST   nats, redis, mqtt, amqp, tcp, udp (default: all)
  --serializer LIST    json, jsonext, msgpack, notepack, cbor (default: all)
  --peer LIST          0.15, 0.14 (default: both)
  --stage LIST         plain, balancer, compression+encryption, encryption+compression, redis discovery,
                       etcd discovery (default: all; the others than plain with json and msgpack only)
  --scenario LIST      names; `--list` shows them (default: all)
  --supervisor NAME    rust, js15, js14: one layout of your own instead of three for each peer
  --workers LIST       its workers; the last is repeated until there are three
  --smoke              one cluster for each transporter, the most important scenarios
  --jobs N             clusters at once (default: 2)
  --record FILE        notes there which clusters passed, and leaves out those of which it says so
  --minutes N          starts no further cluster after this time
  --list               names of all scenarios

With INTEROP_LOGS=<folder> every node writes its log there.";

/// Which clusters and scenarios are to be run.
#[derive(Clone, Debug)]
pub struct Options {
    transporters: Vec<Transporter>,
    serializers: Vec<Serializer>,
    peers: Vec<Program>,
    stages: Option<Vec<Stage>>,
    scenarios: Option<Vec<String>>,
    supervisor: Option<Program>,
    workers: Option<Vec<Program>>,
    smoke: bool,
    /// Clusters at once.
    pub jobs: usize,
    /// Clusters that passed are noted here and left out next time.
    pub record: Option<PathBuf>,
    /// No cluster is started after this time.
    pub time: Option<Duration>,
}

impl Options {
    /// Reads the command line. `Ok(None)`: what was asked for has been printed.
    ///
    /// # Errors
    /// An option or name that is not known.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            transporters: Transporter::ALL.to_vec(),
            serializers: Serializer::ALL.to_vec(),
            peers: vec![Program::Js15, Program::Js14],
            stages: None,
            scenarios: None,
            supervisor: None,
            workers: None,
            smoke: false,
            jobs: 2,
            record: None,
            time: None,
        };
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--smoke" => {
                    options.smoke = true;
                    continue;
                }
                "--list" => {
                    scenario::ALL.iter().for_each(|scenario| println!("{}", scenario.name));
                    return Ok(None);
                }
                "--help" | "-h" => {
                    println!("{HELP}");
                    return Ok(None);
                }
                _ => {}
            }
            let value =
                arguments.next().ok_or_else(|| format!("{name} needs a value or is unknown; see --help"))?;
            match name.as_str() {
                "--transporter" => options.transporters = list(&value, transporter)?,
                "--serializer" => options.serializers = list(&value, serializer)?,
                "--peer" | "--peers" => options.peers = list(&value, peer)?,
                "--stage" => options.stages = Some(list(&value, stage)?),
                "--scenario" => options.scenarios = Some(list(&value, known_scenario)?),
                "--supervisor" => options.supervisor = list(&value, peer)?.pop(),
                "--workers" => options.workers = Some(list(&value, peer)?),
                "--record" => options.record = Some(value.into()),
                "--minutes" => {
                    let minutes: u64 =
                        value.parse().map_err(|_| format!("--minutes: '{value}' is no number"))?;
                    options.time = Some(Duration::from_secs(minutes.saturating_mul(60)));
                }
                "--jobs" => {
                    options.jobs = value.parse().map_err(|_| format!("--jobs: '{value}' is no number"))?;
                }
                _ => return Err(format!("unknown option {name}; see --help")),
            }
        }
        options.jobs = options.jobs.max(1);
        Ok(Some(options))
    }

    /// Whether a scenario is to be run.
    pub(super) fn wants(&self, name: &str, smoke: bool) -> bool {
        match &self.scenarios {
            Some(names) => names.iter().any(|wanted| wanted == name),
            None => smoke || !self.smoke,
        }
    }

    pub(super) fn runs(&self) -> Vec<Run> {
        if self.smoke { self.smoke_runs() } else { self.all_runs() }
    }

    fn all_runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for &transporter in &self.transporters {
            for &serializer in &self.serializers {
                for (supervisor, workers) in self.layouts() {
                    let old = supervisor == Program::Js14 || workers.contains(&Program::Js14);
                    if serializer == Serializer::JsonExt && old {
                        continue;
                    }
                    for stage in Stage::ALL {
                        let asked = match &self.stages {
                            Some(stages) => stages.contains(&stage),
                            None => {
                                stage == Stage::Plain
                                    || matches!(serializer, Serializer::Json | Serializer::MsgPack)
                            }
                        };
                        if asked && scenario::applies(stage, transporter) {
                            let workers = workers.clone();
                            runs.push(Run { transporter, serializer, stage, supervisor, workers });
                        }
                    }
                }
            }
        }
        runs
    }

    /// Rust asks JavaScript, JavaScript asks Rust, and both side by side.
    fn layouts(&self) -> Vec<(Program, Vec<Program>)> {
        if self.supervisor.is_some() || self.workers.is_some() {
            let mut workers = self.workers.clone().unwrap_or_else(|| vec![Program::Rust]);
            let last = workers.last().copied().unwrap_or(Program::Rust);
            workers.resize(workers.len().max(3), last);
            return vec![(self.supervisor.unwrap_or(Program::Rust), workers)];
        }
        let rust = Program::Rust;
        let mut layouts = Vec::new();
        for &peer in &self.peers {
            layouts.push((rust, vec![peer; 3]));
            layouts.push((peer, vec![rust; 3]));
            layouts.push((rust, vec![peer, rust, peer]));
        }
        layouts
    }

    /// Each transporter, each serializer, both peers and every stage at least once.
    fn smoke_runs(&self) -> Vec<Run> {
        use {
            Program::{Js14, Js15},
            Serializer::{Cbor, Json, JsonExt, MsgPack, Notepack},
            Transporter::{Amqp, Mqtt, Nats, Redis, Tcp, Udp},
        };
        let rust = Program::Rust;
        let plain = |transporter, serializer, supervisor, workers: [Program; 3]| Run {
            transporter,
            serializer,
            stage: Stage::Plain,
            supervisor,
            workers: workers.to_vec(),
        };
        let staged = |transporter, serializer, stage, peer| Run {
            transporter,
            serializer,
            stage,
            supervisor: peer,
            workers: vec![rust, peer, rust],
        };
        let runs = [
            plain(Nats, Json, rust, [Js15, rust, Js15]),
            plain(Redis, MsgPack, Js14, [rust, Js14, rust]),
            plain(Mqtt, Cbor, rust, [Js14, rust, Js14]),
            plain(Amqp, Notepack, Js15, [rust, Js15, rust]),
            plain(Tcp, JsonExt, Js15, [rust, rust, Js15]),
            plain(Udp, Json, rust, [Js14, rust, rust]),
            staged(Nats, Json, Stage::Balancer, Js15),
            staged(Amqp, Json, Stage::Balancer, Js14),
            staged(Redis, Json, Stage::CompressionEncryption, Js15),
            staged(Nats, MsgPack, Stage::EncryptionCompression, Js14),
            staged(Nats, Json, Stage::RedisDiscovery, Js15),
            staged(Nats, Json, Stage::EtcdDiscovery, Js14),
        ];
        let wanted = |run: &Run| {
            self.transporters.contains(&run.transporter)
                && self.peers.contains(&run.peer())
                && self.stages.as_ref().is_none_or(|stages| stages.contains(&run.stage))
        };
        runs.into_iter().filter(wanted).collect()
    }
}

fn list<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    text.split(',')
        .map(|name| read(name.trim()).ok_or_else(|| format!("'{name}' is not known; see --help")))
        .collect()
}

fn transporter(name: &str) -> Option<Transporter> {
    Transporter::ALL.into_iter().find(|transporter| transporter.name() == name)
}

fn serializer(name: &str) -> Option<Serializer> {
    Serializer::ALL.into_iter().find(|serializer| serializer.name() == name)
}

fn stage(name: &str) -> Option<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.name() == name)
}

fn known_scenario(name: &str) -> Option<String> {
    scenario::ALL.iter().find(|scenario| scenario.name == name).map(|scenario| scenario.name.into())
}

fn peer(name: &str) -> Option<Program> {
    match name {
        "0.15" => Some(Program::Js15),
        "0.14" => Some(Program::Js14),
        _ => Program::from_name(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Options {
        Options::read(text.split_whitespace().map(str::to_owned)).unwrap().unwrap()
    }

    #[test]
    fn the_whole_matrix_has_every_combination_once() {
        let plain = read("--stage plain").all_runs();
        // Six transporters, three layouts; five serializers with 0.15, four with 0.14.
        assert_eq!(plain.len(), 6 * 3 * (5 + 4));
        assert!(plain.iter().all(|run| run.serializer != Serializer::JsonExt || run.peer() == Program::Js15));
    }

    #[test]
    fn a_layout_of_ones_own_replaces_the_others() {
        let runs =
            read("--transporter nats --serializer json --stage plain --supervisor js15 --workers rust,js15")
                .runs();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].workers, [Program::Rust, Program::Js15, Program::Js15]);
    }

    #[test]
    fn unknown_names_are_refused() {
        let read = |text: &str| Options::read(text.split_whitespace().map(str::to_owned));
        for text in ["--transporter carrier-pigeon", "--scenario nothing", "--colour red", "--jobs"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
