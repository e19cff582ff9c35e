//! Measures Ligand and, in the same run, the same workloads on Moleculer.
//!
//! ```text
//! cargo run --release -p ligand-bench              everything but the build times
//! cargo run --release -p ligand-bench -- --json    for machines
//! cargo run --release -p ligand-bench -- --quick   shorter measurements
//! cargo run --release -p ligand-bench -- --no-node without the Node.js half
//! cargo run --release -p ligand-bench -- --builds  build times as well (minutes)
//! cargo run --release -p ligand-bench -- --count call 1000   so many operations, for `scripts/instructions`
//! cargo run --release -p ligand-bench -- --only call,cores   parts: call, event, cache, cores, gateway, shop, memory
//! ```
//!
//! Each workload runs several times, Ligand and Moleculer in turn; the medians count. The targets are printed
//! beside the values, reached or not.

mod builds;
mod cores;
mod count;
mod gateway;
mod hello;
mod http;
mod local;
mod shop;

use std::{future::Future, process::ExitCode, time::Duration};

use ligand_bench::{
    Failure,
    measure::{Timing, median},
    node::Node,
    report::{self, Row, Target},
};

struct Plan {
    time: Duration,
    rounds: usize,
    quick: bool,
    node: Option<Node>,
    builds: bool,
    /// Parts to run; all when there are none.
    only: Vec<String>,
}

const PARTS: [&str; 7] = ["call", "event", "cache", "cores", "gateway", "shop", "memory"];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == count::COUNT) {
        return match count::run(&arguments[1..]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(2)
            }
        };
    }
    measure(arguments)
}

#[tokio::main]
async fn measure(mut arguments: Vec<String>) -> ExitCode {
    if arguments.first().is_some_and(|first| first == gateway::SERVE) {
        return match gateway::serve(arguments.get(1).map_or("", String::as_str)).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let only = match parts(&mut arguments) {
        Ok(only) => only,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let known = ["--json", "--quick", "--no-node", "--builds", cores::ONE];
    if let Some(unknown) = arguments.iter().find(|argument| !known.contains(&argument.as_str())) {
        eprintln!(
            "unknown argument '{unknown}'; there are --json, --quick, --no-node, --builds, --only and --count"
        );
        return ExitCode::from(2);
    }
    let quick = has("--quick");
    let time = if quick { Duration::from_millis(500) } else { Duration::from_secs(3) };
    if has(cores::ONE) {
        return match cores::one_start(time / 4).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let node = match has("--no-node") {
        true => Ok(None),
        false => Node::install().await.map(Some),
    };
    let (rounds, builds) = (if quick { 3 } else { 5 }, has("--builds"));
    let plan = node.map(|node| Plan { time, rounds, quick, node, builds, only });
    let rows = match plan {
        Ok(plan) => run(&plan).await,
        Err(error) => Err(error),
    };
    match rows {
        Ok(rows) if has("--json") => println!("{}", serde_json::json!(rows)),
        Ok(rows) => report::table(&rows),
        Err(error) => {
            eprintln!("the benchmark failed: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Takes `--only a,b` out of the arguments.
fn parts(arguments: &mut Vec<String>) -> Result<Vec<String>, String> {
    let Some(at) = arguments.iter().position(|argument| argument == "--only") else { return Ok(Vec::new()) };
    let list = arguments.get(at + 1).ok_or("--only wants parts, for example --only call,cores")?;
    let parts: Vec<String> = list.split(',').map(str::to_owned).collect();
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        return Err(format!("there is no part '{unknown}'; there are {}", PARTS.join(", ")));
    }
    arguments.drain(at..=at + 1);
    Ok(parts)
}

async fn run(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    if plan.wants("call") {
        calls(plan, &mut rows).await?;
    }
    if plan.wants("event") {
        let event = plan.pair("event-10", || local::event(plan.time)).await?;
        rows.push(Row::less("event to 10 listeners", "ns", event.0, event.1, times(8.0)));
    }
    if plan.wants("cache") {
        let cached = plan.pair("cached-call", || local::cached(plan.time)).await?;
        let target = Target { at_most: Some(150.0), ..times(4.0) };
        rows.push(Row::less("cached call, shared result", "ns", cached.0, cached.1, target));
        let copied = plan.single(|| local::cached_copy(plan.time)).await?;
        rows.push(Row::less("cached call, own copy", "ns", copied, cached.1, Target::default()));
    }
    if plan.wants("cores") {
        rows.extend(cores::rows(plan.quick).await?);
    }
    if plan.wants("gateway") {
        rows.extend(gateway::rows(plan.node.as_ref(), plan.rounds, plan.time).await?);
    }
    let idle = if plan.wants("shop") { Some(shop(plan, &mut rows).await?) } else { None };
    if plan.wants("memory") {
        memory(plan, idle, &mut rows).await?;
    }
    if plan.builds {
        rows.push(Row::less("cold debug build of ligand", "s", builds::cold()?, None, at_most(120.0)));
        let rebuild = builds::rebuild()?;
        rows.push(Row::less("rebuild after a change in the shop", "s", rebuild, None, at_most(8.0)));
    }
    Ok(rows)
}

fn times(times: f64) -> Target {
    Target { times: Some(times), ..Target::default() }
}

fn at_most(most: f64) -> Target {
    Target { at_most: Some(most), ..Target::default() }
}

async fn calls(plan: &Plan, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let call = plan.pair("local-call", || local::call(plan.time)).await?;
    let target = Target { at_most: Some(90.0), ..times(3.0) };
    rows.push(Row::less("local call", "ns", call.0, call.1, target));
    let nested = plan.single(|| local::nested(plan.time)).await?;
    let limit = at_most((call.0 * 1.2).round());
    rows.push(Row::less("local call from an action", "ns", nested, None, limit));
    let five = plan.pair("local-call-5mw", || local::call_with_five_middlewares(plan.time)).await?;
    let limit = at_most((call.0 * 1.6).round());
    rows.push(Row::less("local call, 5 middlewares", "ns", five.0, five.1, limit));
    let five = plan.single(|| local::call_with_five_async_middlewares(plan.time)).await?;
    let limit = at_most((call.0 + 100.0).round());
    rows.push(Row::less("local call, 5 async fn middlewares", "ns", five, None, limit));
    Ok(())
}

/// Answers how much memory the shop takes before its first request.
async fn shop(plan: &Plan, rows: &mut Vec<Row>) -> Result<u64, Failure> {
    let mut loads = (Loads::default(), Loads::default());
    let shop = shop::Shop::start().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = shop.rss()?;
    let product = shop.prepare().await?;
    for _ in 0..plan.rounds {
        loads.0.add(product.load(plan.time).await?);
        if let Some(node) = &plan.node {
            loads.1.add(shop::product_load_on_node(node, plan.time).await?);
        }
    }
    drop(shop);
    let peer = |value: f64| plan.node.as_ref().map(|_| value);
    let (own, other) = (loads.0.medians(), loads.1.medians());
    let (none, name) = (Target::default(), "shop, GET a product, 64 connections");
    rows.push(Row::more(name, "req/s", own.rps, peer(other.rps), times(6.0)));
    rows.push(Row::less("... median latency", "ms", own.p50_ms, peer(other.p50_ms), none));
    rows.push(Row::less("... 99th percentile", "ms", own.p99_ms, peer(other.p99_ms), none));
    Ok(idle)
}

async fn memory(plan: &Plan, idle: Option<u64>, rows: &mut Vec<Row>) -> Result<(), Failure> {
    if let Some(idle) = idle {
        let peer = plan.value("idle-shop", "rss_bytes").await?.map(|bytes| bytes / 1e6);
        rows.push(Row::less("idle shop, resident", "MB", megabytes(idle), peer, at_most(25.0)));
    }
    let hello = hello::start(plan.rounds).await?;
    let rss = plan.value("hello-node", "rss_bytes").await?.map(|bytes| bytes / 1e6);
    rows.push(Row::less("hello node, resident", "MB", megabytes(hello.rss), rss, at_most(8.0)));
    let ready = plan.value("hello-node", "ready_ms").await?;
    rows.push(Row::less("hello node, first answer after", "ms", hello.ready_ms, ready, at_most(50.0)));
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "sizes of processes are far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Several loads of the same kind.
#[derive(Default)]
struct Loads(Vec<http::Load>);

impl Loads {
    fn add(&mut self, load: http::Load) {
        self.0.push(load);
    }

    fn medians(&self) -> http::Load {
        let middle =
            |value: fn(&http::Load) -> f64| median(&mut self.0.iter().map(value).collect::<Vec<_>>());
        http::Load { rps: middle(|l| l.rps), p50_ms: middle(|l| l.p50_ms), p99_ms: middle(|l| l.p99_ms) }
    }
}

impl Plan {
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }

    /// Medians over the rounds of Ligand's and of Moleculer's median.
    async fn pair<F, Fut>(&self, workload: &str, ligand: F) -> Result<(f64, Option<f64>), Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = ligand::Result<Timing>>,
    {
        let (mut own, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            own.push(ligand().await.map_err(ligand::Error::into_std)?.median_ns);
            if let Some(node) = &self.node {
                let result = node.run(workload, self.time).await?;
                peer.push(result["median_ns"].as_f64().ok_or("the workload printed no median_ns")?);
            }
        }
        Ok((median(&mut own), self.node.as_ref().map(|_| median(&mut peer))))
    }

    async fn single<F, Fut>(&self, ligand: F) -> Result<f64, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = ligand::Result<Timing>>,
    {
        let mut own = Vec::new();
        for _ in 0..self.rounds {
            own.push(ligand().await.map_err(ligand::Error::into_std)?.median_ns);
        }
        Ok(median(&mut own))
    }

    /// One number that a Node.js workload prints.
    async fn value(&self, workload: &str, key: &str) -> Result<Option<f64>, Failure> {
        let Some(node) = &self.node else { return Ok(None) };
        let result = node.run(workload, self.time).await?;
        Ok(Some(result[key].as_f64().ok_or("the workload did not print the number")?))
    }
}
