//! Measures Ligand and, in the same run, the same workloads on Moleculer.
//!
//! ```text
//! cargo run --release -p ligand-bench              everything but the build times
//! cargo run --release -p ligand-bench -- --json    for machines
//! cargo run --release -p ligand-bench -- --quick   shorter measurements
//! cargo run --release -p ligand-bench -- --no-node without the Node.js half
//! cargo run --release -p ligand-bench -- --builds  build times as well (minutes)
//! ```
//!
//! Each workload runs several times, Ligand and Moleculer in turn; the medians count. The targets are printed
//! beside the values, reached or not.

mod builds;
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
    node: Option<Node>,
    builds: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if let Some(unknown) = arguments
        .iter()
        .find(|argument| !["--json", "--quick", "--no-node", "--builds"].contains(&argument.as_str()))
    {
        eprintln!("unknown argument '{unknown}'; there are --json, --quick, --no-node and --builds");
        return ExitCode::from(2);
    }
    let node = match has("--no-node") {
        true => Ok(None),
        false => Node::install().await.map(Some),
    };
    let plan = node.map(|node| Plan {
        time: if has("--quick") { Duration::from_millis(500) } else { Duration::from_secs(3) },
        rounds: if has("--quick") { 3 } else { 5 },
        node,
        builds: has("--builds"),
    });
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

async fn run(plan: &Plan) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let times = |times: f64| Target { times: Some(times), ..Target::default() };
    let none = Target::default();

    let call = plan.pair("local-call", || local::call(plan.time)).await?;
    rows.push(Row::less(
        "local call",
        "ns",
        call.0,
        call.1,
        Target { at_most: Some(300.0), times: Some(5.0), ..Target::default() },
    ));
    let five = plan.pair("local-call-5mw", || local::call_with_five_middlewares(plan.time)).await?;
    let limit = Target { at_most: Some((call.0 * 1.6).round()), ..Target::default() };
    rows.push(Row::less("local call, 5 middlewares", "ns", five.0, five.1, limit));
    let five = plan.single(|| local::call_with_five_async_middlewares(plan.time)).await?;
    rows.push(Row::less("local call, 5 async fn middlewares", "ns", five, None, none));
    let event = plan.pair("event-10", || local::event(plan.time)).await?;
    rows.push(Row::less("event to 10 listeners", "ns", event.0, event.1, times(5.0)));
    let cached = plan.pair("cached-call", || local::cached(plan.time)).await?;
    rows.push(Row::less("cached call, shared result", "ns", cached.0, cached.1, times(5.0)));
    let copied = plan.single(|| local::cached_copy(plan.time)).await?;
    rows.push(Row::less("cached call, own copy", "ns", copied, cached.1, none));

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
    rows.push(Row::more(
        "shop, GET a product, 64 connections",
        "req/s",
        own.rps,
        peer(other.rps),
        times(6.0),
    ));
    rows.push(Row::less("... median latency", "ms", own.p50_ms, peer(other.p50_ms), none));
    rows.push(Row::less("... 99th percentile", "ms", own.p99_ms, peer(other.p99_ms), none));

    let idle_peer = plan.value("idle-shop", "rss_bytes").await?;
    let at_most = |most: f64| Target { at_most: Some(most), ..Target::default() };
    rows.push(Row::less(
        "idle shop, resident",
        "MB",
        megabytes(idle),
        idle_peer.map(|b| b / 1e6),
        at_most(25.0),
    ));
    let hello = hello::start(plan.rounds).await?;
    let rss = plan.value("hello-node", "rss_bytes").await?.map(|bytes| bytes / 1e6);
    rows.push(Row::less("hello node, resident", "MB", megabytes(hello.rss), rss, at_most(12.0)));
    let ready = plan.value("hello-node", "ready_ms").await?;
    rows.push(Row::less("hello node, first answer after", "ms", hello.ready_ms, ready, at_most(50.0)));

    if plan.builds {
        rows.push(Row::less("cold debug build of ligand", "s", builds::cold()?, None, at_most(120.0)));
        rows.push(Row::less(
            "rebuild after a change in the shop",
            "s",
            builds::rebuild()?,
            None,
            at_most(8.0),
        ));
    }
    Ok(rows)
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
