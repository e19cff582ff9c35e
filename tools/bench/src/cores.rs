//! What two cores make of what one makes: two threads that do the same, against one alone.
//!
//! How well it goes is decided when a process starts, by what comes to lie beside what: so it is measured in several
//! starts, and the worst counts.

use std::{hint::black_box, process::Stdio, time::Duration};

use ligand::{future::BoxFuture, prelude::*};
use ligand_bench::{
    Failure,
    measure::{self, median},
    report::{Row, Target},
};
use serde_json::Value;
use tokio::{process::Command, runtime::Handle};

use crate::local::{self, Add, ById, Catalogue, ID, Math, Times};

/// The argument of the process that measures one start.
pub(crate) const ONE: &str = "--one-start";

const STARTS: usize = 10;

/// Two cores make so many times what one makes, at least.
const LEAST: f64 = 1.8;

type Work = fn(ServiceBroker, Duration) -> BoxFuture<f64>;

const WORK: [(&str, Work); 4] = [
    ("local call", |broker, time| {
        Box::pin(async move {
            rate(1, time, || async {
                black_box(broker.call(Math::ADD, Add { a: 1.0, b: 2.0 }).await.expect("math.add answers"));
            })
            .await
        })
    }),
    ("local call of an async method", |broker, time| {
        Box::pin(async move {
            rate(1, time, || async {
                black_box(broker.call(Math::ADD_LATER, Add { a: 1.0, b: 2.0 }).await.expect("it answers"));
            })
            .await
        })
    }),
    ("call from an action", |broker, time| {
        Box::pin(async move {
            rate(local::NESTED, time, || async {
                let times = Times { count: local::NESTED };
                black_box(broker.call(Math::NESTED, times).await.expect("math.nested answers"));
            })
            .await
        })
    }),
    ("cached call", |broker, time| {
        Box::pin(async move {
            rate(1, time, || async {
                let product = broker.call(Catalogue::GET, ById { id: ID.into() }).shared().await;
                black_box(product.expect("product.get answers"));
            })
            .await
        })
    }),
];

/// Operations in a second; `operation` makes `count` of them.
async fn rate<F, Fut>(count: u32, time: Duration, operation: F) -> f64
where
    F: FnMut() -> Fut,
    Fut: Future<Output = ()>,
{
    1e9 / measure::sequential_of(count, time, operation).await.median_ns
}

/// Measures in this process and prints for each workload what two threads make of what one makes.
pub(crate) async fn one_start(time: Duration) -> Result<(), Failure> {
    let broker = ServiceBroker::builder().memory_cache().service(Math).service(Catalogue).start().await;
    let broker = broker.map_err(ligand::Error::into_std)?;
    let mut found = serde_json::Map::new();
    for (name, work) in WORK {
        // Threads of their own: where a runtime puts two tasks is not what is measured.
        let tasks = |count: usize| {
            let begin = |_| {
                let (runtime, work) = (Handle::current(), work(broker.clone(), time));
                std::thread::spawn(move || runtime.block_on(work))
            };
            let threads: Vec<_> = (0..count).map(begin).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| "a workload panicked"))
                .sum::<Result<f64, _>>()
        };
        // One alone before and after: what else the machine does in between counts for both.
        let before = tasks(1)?;
        let both = tasks(2)?;
        let after = tasks(1)?;
        found.insert(name.into(), (both / before.midpoint(after)).into());
    }
    println!("{}", Value::Object(found));
    broker.stop().await;
    Ok(())
}

/// The worst and the middle of several starts.
pub(crate) async fn rows(quick: bool) -> Result<Vec<Row>, Failure> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ONE).stderr(Stdio::inherit());
        if quick {
            command.arg("--quick");
        }
        let output = command.output().await?;
        if !output.status.success() {
            return Err("a process that measures two cores failed".into());
        }
        starts.push(serde_json::from_slice::<Value>(&output.stdout)?);
    }
    let mut rows = Vec::new();
    for (name, _) in WORK {
        let mut values: Vec<f64> = starts.iter().filter_map(|start| start[name].as_f64()).collect();
        let middle = median(&mut values);
        let worst = values.first().copied().unwrap_or(f64::NAN);
        let target = Target { at_least: Some(LEAST), ..Target::default() };
        rows.push(Row::more(
            format!("{name}: two cores of one, worst of {STARTS} starts"),
            "times",
            worst,
            None,
            target,
        ));
        rows.push(Row::more("... median", "times", middle, None, Target::default()));
    }
    Ok(rows)
}
