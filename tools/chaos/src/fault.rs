//! What breaks, and when it did.

use std::time::Duration;

use ligand::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    Outcome,
    bench::Bench,
    clock,
    plan::{Fault, Plan},
};

/// When something broke, and what was seen of it.
#[derive(Default)]
pub(crate) struct Marks {
    /// From when to when each fault was made, in milliseconds since 1970.
    pub(crate) faults: Vec<(f64, f64)>,
    /// When it was over.
    pub(crate) over: Option<f64>,
    /// What is worth to be known.
    pub(crate) notes: Vec<String>,
    /// What should have been otherwise.
    pub(crate) misses: Vec<String>,
}

/// Time that a stop may take.
const STOP: Duration = Duration::from_secs(10);

/// How long nodes may take to agree after a partition.
const AGREEMENT: Duration = Duration::from_secs(5);

/// Within this time a node says that its name is taken. On AMQP it waits for two heartbeats of 15 s: an earlier run would be gone then.
const REFUSED: Duration = Duration::from_secs(45);

/// How long joining nodes may be unknown, from the start of the first.
const JOINED: Duration = Duration::from_secs(10);

/// Makes the fault of this run; ends when its consequences should be over.
///
/// # Errors
/// The fault could not be made.
pub(crate) async fn inject(bench: &mut Bench, plan: &Plan) -> Outcome<Marks> {
    let mut marks = Marks::default();
    match bench.run.fault {
        Fault::Kill => kill(bench, plan, &mut marks).await?,
        Fault::Term => term(bench, &mut marks).await?,
        Fault::Stop => stop(bench, plan, &mut marks).await?,
        Fault::Bus => bus(bench, plan, &mut marks).await?,
        Fault::Partition => partition(bench, plan, &mut marks).await?,
        Fault::Double => double(bench, &mut marks).await?,
        Fault::Join => join(bench, plan, &mut marks).await?,
    }
    sleep(plan.after()).await;
    Ok(marks)
}

/// Kills the workers in turn; each is started again before the next is killed.
async fn kill(bench: &mut Bench, plan: &Plan, marks: &mut Marks) -> Outcome {
    for round in 0..plan.kills() {
        let worker = round % bench.workers.len();
        if round > 0 {
            sleep(Duration::from_secs(2)).await;
        }
        let from = clock::now();
        bench.workers[worker].kill().await?;
        marks.faults.push((from, clock::now()));
        sleep(Duration::from_secs(2)).await;
        bench.replace(worker).await?;
    }
    Ok(())
}

/// Restarts the workers one after the other, each when the one before is back.
async fn term(bench: &mut Bench, marks: &mut Marks) -> Outcome {
    for worker in 0..bench.workers.len() {
        let (from, start) = (clock::now(), Instant::now());
        bench.workers[worker].signal("TERM").await?;
        match bench.workers[worker].ended(STOP).await {
            Ok(status) if status.success() => {
                marks.notes.push(format!("stop took {} ms", start.elapsed().as_millis()));
            }
            Ok(status) => marks.misses.push(format!("a stop ended with {status}")),
            Err(error) => marks.misses.push(error.to_string()),
        }
        marks.faults.push((from, clock::now()));
        bench.replace(worker).await?;
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Lets a worker do nothing for a while.
async fn stop(bench: &mut Bench, plan: &Plan, marks: &mut Marks) -> Outcome {
    let from = clock::now();
    bench.workers[0].signal("STOP").await?;
    marks.faults.push((from, clock::now()));
    sleep(plan.frozen()).await;
    bench.workers[0].signal("CONT").await?;
    marks.over = Some(clock::now());
    Ok(())
}

/// Kills the server and starts it again after a while.
async fn bus(bench: &mut Bench, plan: &Plan, marks: &mut Marks) -> Outcome {
    let Some(server) = &bench.server else { return Err("there is no server".into()) };
    let from = clock::now();
    server.kill();
    marks.faults.push((from, clock::now()));
    sleep(plan.down()).await;
    server.run().await?;
    marks.over = Some(clock::now());
    sleep(Duration::from_secs(4)).await;
    Ok(())
}

/// Cuts a worker off and lets it come back.
async fn partition(bench: &mut Bench, plan: &Plan, marks: &mut Marks) -> Outcome {
    let Some(network) = &bench.network else { return Err("there is no network".into()) };
    let from = clock::now();
    network.cut(1).await?;
    marks.faults.push((from, clock::now()));
    sleep(plan.apart()).await;
    network.heal(1).await?;
    marks.over = Some(clock::now());
    match bench.assembled(AGREEMENT).await {
        Ok(time) => marks.notes.push(format!("nodes agreed after {} ms", time.as_millis())),
        Err(error) => {
            marks.misses.push(error.to_string());
            let more = bench.assembled(Duration::from_secs(60)).await;
            let more = more
                .map_or("never in another minute".into(), |time| format!("{} ms later", time.as_millis()));
            marks.notes.push(format!("nodes agreed {more}"));
        }
    }
    Ok(())
}

/// Starts another node under the name of a worker.
async fn double(bench: &mut Bench, marks: &mut Marks) -> Outcome {
    let from = clock::now();
    let mut second = bench.double()?.spawn(&bench.heard)?;
    match second.answer("ready", REFUSED).await {
        Ok(_) => marks.misses.push("the second node started".into()),
        Err(error) => {
            let error = error.to_string();
            if !error.contains("refused") || !error.contains(&format!("'{}'", second.node)) {
                marks.misses.push(format!("the second node did not say what is wrong: {error}"));
            }
            marks.notes.push(error);
            match second.ended(STOP).await {
                Ok(status) if status.success() => marks.misses.push("the second node ended well".into()),
                Ok(_) => {}
                Err(error) => marks.misses.push(error.to_string()),
            }
        }
    }
    marks.faults.push((from, clock::now()));
    Ok(())
}

/// Lets many nodes join.
async fn join(bench: &mut Bench, plan: &Plan, marks: &mut Marks) -> Outcome {
    let (count, within) = plan.crowd();
    let before = cpu(bench).await?;
    let (from, start) = (clock::now(), Instant::now());
    let mut crowd = bench.crowd(count, within.mul_f64(0.8))?.start(&bench.heard).await?;
    let known = loop {
        let known: Vec<_> = bench.views().await?.iter().map(ghosts).collect();
        if known.iter().all(|known| *known == count) || start.elapsed() > JOINED * 6 {
            break known;
        }
        sleep(Duration::from_millis(100)).await;
    };
    let took = start.elapsed();
    marks.faults.push((from, clock::now()));
    marks.notes.push(format!("{count} nodes joined; known: {known:?} after {} ms", took.as_millis()));
    if known.iter().any(|known| *known < count) || took > JOINED {
        marks.misses.push(format!("not all of {count} nodes were known after {JOINED:?}"));
    }
    let after = cpu(bench).await?;
    let percent: Vec<_> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| format!("{:.0} %", (after - before) / took.as_secs_f64() * 100.0))
        .collect();
    marks.notes.push(format!("processor of driver and workers meanwhile: {}", percent.join(", ")));
    sleep(Duration::from_secs(2)).await;
    crowd.tell(&json!({ "do": "stop" })).await?;
    crowd.ended(Duration::from_secs(30)).await?;
    Ok(())
}

fn ghosts(view: &Value) -> usize {
    let nodes = view["nodes"].as_array().into_iter().flatten();
    nodes.filter(|node| node.as_str().is_some_and(|node| node.starts_with("ghost-"))).count()
}

/// Processor time of the driver and the workers, in seconds.
async fn cpu(bench: &mut Bench) -> Outcome<Vec<f64>> {
    let mut used = vec![bench.driver.used().await?];
    for worker in &mut bench.workers {
        used.push(worker.used().await?);
    }
    Ok(used.iter().filter_map(|used| used["cpu"].as_f64()).collect())
}
