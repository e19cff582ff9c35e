//! What is to be measured, and for how long.

use std::{ffi::OsString, time::Duration};

use ligand_bench::node::Node;

const TRANSPORTERS: [&str; 5] = ["nats", "tcp", "redis", "mqtt", "amqp"];
const OTHERS: [&str; 3] = ["codec", "registry", "streams"];
const FLAGS: &str = "--only <parts>, --quick, --no-node and --json";

/// What is to be measured, and for how long.
pub(crate) struct Plan {
    /// Parts that were asked for; empty = all.
    only: Vec<String>,
    /// Whether Moleculer is to be measured too.
    pub(crate) with_node: bool,
    /// Where Moleculer is, once it is installed.
    pub(crate) node: Option<Node>,
    /// Of one measurement.
    pub(crate) time: Duration,
    /// How often each is made.
    pub(crate) rounds: usize,
    /// Bytes of a long stream.
    pub(crate) stream: u64,
    /// How long an idle node is watched.
    pub(crate) idle: Duration,
}

impl Plan {
    /// Reads the arguments; answers also whether the report is for machines.
    pub(crate) fn parse(arguments: &[OsString]) -> Result<(Self, bool), String> {
        let (mut only, mut quick, mut with_node, mut json) = (Vec::new(), false, true, false);
        let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--quick" => quick = true,
                "--no-node" => with_node = false,
                "--json" => json = true,
                "--only" => {
                    let parts = arguments.next().unwrap_or_default();
                    only.extend(parts.split(',').map(|part| part.trim().to_owned()));
                }
                unknown => return Err(format!("unknown argument '{unknown}'; there are {FLAGS}")),
            }
        }
        let known = |part: &&String| TRANSPORTERS.iter().chain(&OTHERS).any(|known| known == part);
        if let Some(unknown) = only.iter().find(|part| !known(part)) {
            let parts = [&TRANSPORTERS[..], &OTHERS].concat().join(", ");
            return Err(format!("unknown part '{unknown}' after --only; there are {parts}"));
        }
        let plan = Self {
            only,
            with_node,
            node: None,
            time: if quick { Duration::from_millis(800) } else { Duration::from_secs(5) },
            rounds: if quick { 1 } else { 3 },
            stream: if quick { 100_000_000 } else { 1_000_000_000 },
            idle: if quick { Duration::from_secs(3) } else { Duration::from_secs(10) },
        };
        Ok((plan, json))
    }

    /// Whether a part is to be measured.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }

    /// The transporters over which calls are to be measured.
    pub(crate) fn transporters(&self) -> impl Iterator<Item = &'static str> {
        TRANSPORTERS.into_iter().filter(|name| self.has(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<(Plan, bool), String> {
        Plan::parse(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn parts_are_chosen() {
        let (plan, json) = parse(&["--only", "tcp, codec", "--json"]).unwrap();
        assert!(json && plan.has("codec") && !plan.has("streams"));
        assert_eq!(plan.transporters().collect::<Vec<_>>(), ["tcp"]);
        assert_eq!(parse(&[]).unwrap().0.transporters().count(), TRANSPORTERS.len());
    }

    #[test]
    fn what_is_unknown_is_named() {
        assert!(parse(&["--fast"]).err().unwrap().contains("--fast"));
        assert!(parse(&["--only", "udp"]).err().unwrap().contains("'udp'"));
        assert!(parse(&["--only"]).is_err());
    }
}
