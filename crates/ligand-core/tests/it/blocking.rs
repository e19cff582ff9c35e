//! Handlers that block their thread.

use std::{
    sync::{Arc, mpsc},
    thread::ThreadId,
};

use ligand_core::{Action, Context, Error, Event, ServiceBroker, ServiceDef, service::Job};
use parking_lot::Mutex;
use serde_json::json;

use crate::support::*;

/// Blocks until something is sent, and counts those inside.
fn waits(name: &str, gate: &Arc<Mutex<mpsc::Receiver<()>>>, inside: &Counter) -> Action {
    let (gate, inside) = (gate.clone(), inside.clone());
    Action::blocking(name, move |_: &Context, (): ()| {
        inside.add();
        gate.lock().recv().map_err(|_| Error::new("nobody opened the gate"))
    })
}

async fn limited(service: ServiceDef, concurrency: usize, queue: usize) -> ServiceBroker {
    let builder = builder().service(service).options(move |options| {
        options.blocking.concurrency = concurrency;
        options.blocking.max_queue_size = queue;
    });
    builder.start().await.unwrap()
}

#[tokio::test]
async fn a_blocking_action_holds_up_nothing_else() {
    let (open, gate) = mpsc::channel();
    let (gate, inside) = (Arc::new(Mutex::new(gate)), Counter::default());
    // One thread runs all the rest.
    let broker = start([ServiceDef::new("s").action(waits("wait", &gate, &inside)), math()]).await;
    let waiting = broker.clone();
    let waiting = spawn(async move { call(&waiting, "s.wait", json!(null)).await });
    while inside.get() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(call(&broker, "math.add", json!([1, 2])).await.unwrap(), json!(3));
    open.send(()).unwrap();
    waiting.await.unwrap().unwrap();
    broker.stop().await;
}

#[tokio::test]
async fn what_blocks_has_a_context_and_another_thread() {
    let here: ThreadId = std::thread::current().id();
    let log = Log::default();
    let (heard, ticked) = (log.clone(), log.clone());
    let ask = Action::blocking("ask", move |ctx: &Context, n: i64| {
        assert_ne!(std::thread::current().id(), here);
        ctx.set_meta("seen", n);
        let sum: i64 = ctx.block_on(ctx.call_named("math.add", json!([n, 1])))?.take()?;
        ctx.block_on(ctx.emit_named("asked", json!(sum)).wait_for_listeners())?;
        Ok::<_, Error>(format!("{} {sum}", ctx.request_id()))
    });
    let ears = Event::blocking("asked", move |ctx: &Context, n: i64| {
        assert_ne!(std::thread::current().id(), here);
        heard.add(format!("{} {n}", ctx.request_id()));
        Ok::<_, Error>(())
    });
    let job = Job::blocking("tick", ms(3_600_000), move |ctx: &Context| {
        assert_ne!(std::thread::current().id(), here);
        ticked.add(ctx.service_full_name());
        Ok::<_, Error>(())
    });
    let broker = start([ServiceDef::new("s").action(ask).event(ears).job(job.start_now()), math()]).await;
    while log.len() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(log.take(), ["s"]);
    let root = broker.root_context_for("r1");
    let answer: String = root.call_named("s.ask", json!(2)).await.unwrap().take().unwrap();
    assert_eq!((answer.as_str(), log.take()), ("r1 3", vec!["r1 3".into()]));
    assert_eq!(root.meta::<i64>("seen").unwrap(), Some(2));
    broker.stop().await;
}

#[tokio::test]
async fn more_than_the_limit_wait_and_more_than_that_are_refused() {
    let (open, gate) = mpsc::channel();
    let (gate, inside) = (Arc::new(Mutex::new(gate)), Counter::default());
    let broker = limited(ServiceDef::new("s").action(waits("wait", &gate, &inside)), 1, 1).await;
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let broker = broker.clone();
            spawn(async move { call(&broker, "s.wait", json!(null)).await })
        })
        .collect();
    while inside.get() == 0 {
        tokio::task::yield_now().await;
    }
    settle().await;
    let error = call(&broker, "s.wait", json!(null)).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (429, "QUEUE_FULL"));
    assert_eq!(
        error.message(),
        "'s.wait' blocks its thread, and node 'n1' takes no more such work: 1 run and 1 wait. See \
         'blocking.concurrency' and 'blocking.max_queue_size'."
    );
    assert_eq!(inside.get(), 1);
    open.send(()).unwrap();
    open.send(()).unwrap();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    broker.stop().await;
}

#[tokio::test]
async fn work_that_nobody_waits_for_keeps_its_place_until_it_ends() {
    let (open, gate) = mpsc::channel();
    let (gate, inside) = (Arc::new(Mutex::new(gate)), Counter::default());
    let broker = limited(ServiceDef::new("s").action(waits("wait", &gate, &inside)), 1, 5).await;
    let first = broker.clone();
    let first = spawn(async move { call(&first, "s.wait", json!(null)).await });
    while inside.get() == 0 {
        tokio::task::yield_now().await;
    }
    let queued = broker.clone();
    let queued = spawn(async move { call(&queued, "s.wait", json!(null)).await });
    settle().await;
    // Both callers leave: the first runs on, the second never begins.
    first.abort();
    queued.abort();
    let third = broker.clone();
    let third = spawn(async move { call(&third, "s.wait", json!(null)).await });
    settle().await;
    assert_eq!(inside.get(), 1);
    open.send(()).unwrap();
    open.send(()).unwrap();
    third.await.unwrap().unwrap();
    assert_eq!(inside.get(), 2);
    broker.stop().await;
}

#[tokio::test]
async fn a_panic_on_such_a_thread_is_an_error_of_the_caller() {
    let bad = Action::blocking("bad", |_: &Context, (): ()| -> Result<(), Error> { panic!("secret text") });
    let broker = start([ServiceDef::new("s").action(bad)]).await;
    let error = call(&broker, "s.bad", json!(null)).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (500, "HANDLER_PANICKED"));
    broker.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_what_blocks() {
    let (open, gate) = mpsc::channel();
    let (gate, inside) = (Arc::new(Mutex::new(gate)), Counter::default());
    let broker = start([ServiceDef::new("s").action(waits("wait", &gate, &inside))]).await;
    let waiting = broker.clone();
    let waiting = spawn(async move { call(&waiting, "s.wait", json!(null)).await });
    while inside.get() == 0 {
        tokio::task::yield_now().await;
    }
    let stops = broker.clone();
    let stop = spawn(async move { stops.stop().await });
    settle().await;
    assert!(!stop.is_finished());
    open.send(()).unwrap();
    stop.await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_blocking_run_whose_time_is_over_works_until_it_ends() {
    let (open, gate) = mpsc::channel::<()>();
    let (gate, inside) = (Mutex::new(gate), Counter::default());
    let begun = inside.clone();
    let job = Job::blocking("scan", ms(1), move |_: &Context| {
        begun.add();
        gate.lock().recv().map_err(|_| Error::new("nobody opened the gate"))
    });
    let broker = start([ServiceDef::new("s").job(job.timeout(ms(1)).start_now())]).await;
    let job = || async {
        let services = call(&broker, "$node.services", json!({ "skipInternal": true })).await.unwrap();
        services[0]["jobs"][0].clone()
    };
    // On a busy machine the time of a run may be over before there is a thread for it.
    while inside.get() == 0 {
        tokio::task::yield_now().await;
    }
    let runs = job().await["runs"].clone();
    while job().await["failed"] != runs {
        tokio::task::yield_now().await;
    }
    // Its time is over, it is shown as working, and no other begins beside it.
    let shown = job().await;
    assert_eq!((&shown["runs"], &shown["running"], inside.get()), (&runs, &json!(1), 1));
    drop(open);
    while job().await["runs"] == runs {
        tokio::task::yield_now().await;
    }
    broker.stop().await;
}
