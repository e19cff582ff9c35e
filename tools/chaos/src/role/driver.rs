//! The node that makes calls and sends events on an absolute schedule: it never waits for answers, so a slow
//! cluster does not slow it down.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ligand::{Error, Result, ServiceBroker, Value, json};
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{Commands, Setup, load::Counted, say, used, view};
use crate::{
    clock,
    history::{Call, History},
};

/// Every so many calls one goes to the slow action.
const SLOW_EVERY: usize = 20;

/// How long the slow action takes, in milliseconds.
const SLOW: u64 = 20;

/// What became of calls and events.
#[derive(Default)]
struct Record {
    calls: Vec<Call>,
    fates: Vec<String>,
    numbers: HashMap<String, u32>,
    /// When each event was sent.
    events: Vec<f64>,
    open: usize,
}

impl Record {
    fn settle(&mut self, call: usize, result: std::result::Result<(), &Error>) {
        let fate = match result {
            Ok(()) => Call::OK,
            Err(error) => {
                let name = format!("{} {}", error.name(), error.code());
                let next = u32::try_from(self.fates.len()).unwrap_or(u32::MAX) + Call::FIRST_FAILURE;
                if !self.numbers.contains_key(&name) {
                    self.fates.push(name.clone());
                }
                *self.numbers.entry(name).or_insert(next)
            }
        };
        // A call may end after the record was handed over.
        let Some(call) = self.calls.get_mut(call) else { return };
        (call.1, call.2) = (clock::now() - call.0, fate);
        self.open -= 1;
    }
}

pub(super) async fn run(setup: &Setup) -> Result<()> {
    let mut commands = Commands::new()?;
    let broker = setup.broker()?.start().await?;
    say(&json!({ "ready": setup.node }));
    let record = Arc::new(Mutex::new(Record::default()));
    let mut load = None;
    while let Some(command) = commands.next().await {
        match command["do"].as_str() {
            Some("view") => say(&json!({ "view": view(&broker).await })),
            Some("used") => say(&json!({ "used": used(&broker) })),
            Some("load") => {
                let rate = |name: &str| command[name].as_u64().unwrap_or_default();
                let work = drive(broker.clone(), record.clone(), rate("calls"), rate("events"));
                load = broker.tasks().spawn_background(work);
            }
            Some("halt") => {
                if let Some(load) = load.take() {
                    load.abort();
                }
                drain(&record, command["drain"].as_u64().unwrap_or_default()).await;
                let mut record = record.lock();
                let history = History {
                    calls: std::mem::take(&mut record.calls),
                    fates: record.fates.clone(),
                    events: std::mem::take(&mut record.events),
                    used: used(&broker),
                };
                say(&json!({ "history": history }));
            }
            _ => break,
        }
    }
    broker.stop().await;
    Ok(())
}

async fn drive(broker: ServiceBroker, record: Arc<Mutex<Record>>, calls: u64, events: u64) {
    let start = Instant::now();
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut called, mut sent) = (0, 0);
    loop {
        ticks.tick().await;
        let elapsed = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        while called < elapsed * calls / 1_000_000 {
            call(&broker, &record);
            called += 1;
        }
        while sent < elapsed * events / 1_000_000 {
            let id = {
                let mut record = record.lock();
                record.events.push(clock::now());
                record.events.len() - 1
            };
            // It waits for nothing but the bus.
            let _ = broker.emit(Counted { id: id as u64 }).await;
            sent += 1;
        }
    }
}

fn call(broker: &ServiceBroker, record: &Arc<Mutex<Record>>) {
    let number = {
        let mut record = record.lock();
        record.calls.push(Call(clock::now(), 0.0, Call::UNSETTLED));
        record.open += 1;
        record.calls.len() - 1
    };
    let request = match number % SLOW_EVERY {
        0 => broker.call_named("load.work", json!({ "ms": SLOW })),
        _ => broker.call_named("load.echo", json!({ "id": number })),
    };
    let record = record.clone();
    broker.tasks().spawn_background(async move {
        let result = request.await;
        let result = result.and_then(|answer| answer.take::<Value>().map(drop));
        record.lock().settle(number, result.as_ref().map(|_| ()));
    });
}

/// Waits for calls that are open, at most so many milliseconds.
async fn drain(record: &Mutex<Record>, limit: u64) {
    let end = Instant::now() + Duration::from_millis(limit);
    while record.lock().open > 0 && Instant::now() < end {
        sleep(Duration::from_millis(5)).await;
    }
}
