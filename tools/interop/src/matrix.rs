//! The command: which clusters are to be run, running them, and the table of what passed.

mod options;
mod record;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::{Duration, Instant},
};

use futures_util::stream::{self, StreamExt};
use ligand_servers::{Kind, Server};

pub use options::Options;

use self::record::Record;
use crate::{
    check::Stop,
    cluster::{Cluster, Serializer, Setup, Stage, Transporter},
    process::{self, Program},
    scenario::{self, Scenario},
};

/// How long one scenario may take.
const LIMIT: Duration = Duration::from_secs(90);

/// One cluster to be run.
#[derive(Clone, Debug)]
struct Run {
    transporter: Transporter,
    serializer: Serializer,
    stage: Stage,
    supervisor: Program,
    workers: Vec<Program>,
}

impl Run {
    /// The servers it needs.
    fn servers(&self) -> impl Iterator<Item = Kind> + use<> {
        [self.transporter.server(), discovery(self.stage)].into_iter().flatten()
    }

    /// The JavaScript release in it, or `rust` when there is none.
    fn peer(&self) -> Program {
        let mut all = self.workers.iter().chain([&self.supervisor]);
        *all.find(|program| program.is_js()).unwrap_or(&Program::Rust)
    }

    fn scenarios(&self, options: &Options) -> Vec<&'static Scenario> {
        let wanted = |scenario: &&Scenario| {
            scenario.stages.contains(&self.stage) && options.wants(scenario.name, scenario.smoke)
        };
        scenario::ALL.iter().filter(wanted).collect()
    }
}

/// What became of one cluster.
#[derive(Debug)]
struct Report {
    run: Run,
    passed: usize,
    skipped: usize,
    /// Scenario and reason.
    failed: Vec<(&'static str, String)>,
    took: Duration,
}

/// Runs what the options ask for and prints the table. Fails when a scenario does.
pub async fn run(options: Options) -> ExitCode {
    match run_all(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

async fn run_all(options: &Options) -> Result<bool, String> {
    let start = Instant::now();
    let mut runs: Vec<_> =
        options.runs().into_iter().filter(|run| !run.scenarios(options).is_empty()).collect();
    let skipped: BTreeSet<_> = kinds(&runs).into_iter().filter(|kind| kind.is_skipped()).collect();
    runs.retain(|run| run.servers().all(|kind| !skipped.contains(&kind)));
    if runs.is_empty() && !skipped.is_empty() {
        println!("everything that was asked for needs a server that is not installed");
        return Ok(true);
    }
    if runs.is_empty() {
        return Err("no scenario fits these options; `--list` shows all".into());
    }
    let record = options.record.as_deref().map(Record::open).transpose()?;
    let mut reports = Vec::new();
    if let Some(record) = &record {
        runs.retain(|run| match record.of(run, options) {
            Some(report) => {
                reports.push(report);
                false
            }
            None => true,
        });
        println!("{} clusters passed before, {} are left", reports.len(), runs.len());
    }
    prepare(&runs).await?;
    let servers = servers(&runs).await?;
    let in_time = || options.time.is_none_or(|time| start.elapsed() < time);
    let all = runs.len();
    let new: Vec<_> = stream::iter(runs)
        .take_while(|_| std::future::ready(in_time()))
        .map(|run| async {
            let report = one(run, &servers, options).await;
            table::progress(&report);
            let noted = record.as_ref().map_or(Ok(()), |record| record.note(&report, options));
            (report, noted)
        })
        .buffer_unordered(options.jobs)
        .collect::<Vec<_>>()
        .await;
    let left = all - new.len();
    let mut noted = Ok(());
    for (report, result) in new {
        reports.push(report);
        noted = noted.and(result);
    }
    reports.sort_by_key(|report| (report.run.transporter, report.run.serializer, report.run.peer()));
    table::print(&reports, start.elapsed());
    if left > 0 {
        println!("{left} clusters are left: the time is over");
    }
    noted?;
    Ok(left == 0 && reports.iter().all(|report| report.failed.is_empty()))
}

/// Builds the Rust node and installs the JavaScript ones.
async fn prepare(runs: &[Run]) -> Result<(), String> {
    let programs = || runs.iter().flat_map(|run| run.workers.iter().chain([&run.supervisor]));
    if programs().any(|program| !program.is_js()) {
        process::build("node").await?;
    }
    if programs().any(|program| program.is_js()) {
        process::install().await?;
    }
    Ok(())
}

/// The servers of these runs.
fn kinds(runs: &[Run]) -> BTreeSet<Kind> {
    runs.iter().flat_map(Run::servers).collect()
}

async fn servers(runs: &[Run]) -> Result<BTreeMap<Kind, Server>, String> {
    let started = kinds(runs).into_iter().map(|kind| async move { Ok((kind, Server::start(kind).await?)) });
    let servers = futures_util::future::try_join_all(started).await;
    servers.map(|servers| servers.into_iter().collect()).map_err(|error: std::io::Error| error.to_string())
}

fn discovery(stage: Stage) -> Option<Kind> {
    match stage {
        Stage::RedisDiscovery => Some(Kind::Redis),
        Stage::EtcdDiscovery => Some(Kind::Etcd),
        _ => None,
    }
}

async fn one(run: Run, servers: &BTreeMap<Kind, Server>, options: &Options) -> Report {
    let start = Instant::now();
    let url = |kind: Kind| servers.get(&kind).map(|server| server.url());
    let setup = Setup {
        transporter: run.transporter,
        url: run.transporter.server().and_then(url).unwrap_or_else(|| "TCP".into()),
        serializer: run.serializer,
        stage: run.stage,
        discoverer: discovery(run.stage).and_then(url),
        supervisor: run.supervisor,
        workers: run.workers.clone(),
    };
    let mut report = Report { run, passed: 0, skipped: 0, failed: Vec::new(), took: Duration::ZERO };
    match Cluster::start(setup).await {
        Err(reason) => report.failed.push(("start", reason)),
        Ok(cluster) => {
            for scenario in report.run.scenarios(options) {
                let outcome = tokio::time::timeout(LIMIT, scenario.run(&cluster)).await;
                match outcome {
                    Ok(Ok(())) => report.passed += 1,
                    Ok(Err(Stop::Skipped(_))) => report.skipped += 1,
                    Ok(Err(Stop::Failed(reason))) => report.failed.push((scenario.name, reason)),
                    Err(_) => report.failed.push((scenario.name, format!("not done after {LIMIT:?}"))),
                }
            }
            cluster.end().await;
        }
    }
    report.took = start.elapsed();
    report
}
