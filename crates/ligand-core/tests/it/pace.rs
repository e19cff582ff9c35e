//! Throttle and debounce.

use ligand_core::ServiceDef;
use serde_json::json;

use crate::support::*;

fn numbers(log: &Log) -> ligand_core::Event {
    let log = log.clone();
    event("e", move |_, n: u32| {
        log.add(format!("{n}"));
        async { Ok(()) }
    })
}

#[tokio::test(start_paused = true)]
async fn throttle_takes_the_first_of_each_period() {
    let log = Log::default();
    let broker = start([ServiceDef::new("s").event(numbers(&log).throttle(ms(100)))]).await;
    for n in 0..10 {
        broker.emit_named("e", json!(n)).wait_for_listeners().await.unwrap();
        tokio::time::sleep(ms(30)).await;
    }
    assert_eq!(log.take(), ["0", "4", "8"]);
}

#[tokio::test(start_paused = true)]
async fn debounce_takes_the_last_of_each_burst() {
    let log = Log::default();
    let broker = start([ServiceDef::new("s").event(numbers(&log).debounce(ms(100)))]).await;
    for n in 0..1000 {
        broker.emit_named("e", json!(n)).wait_for_listeners().await.unwrap();
        if n % 100 == 0 {
            tokio::time::sleep(ms(99)).await;
        }
    }
    // One task watches the whole burst.
    assert_eq!((log.len(), broker.tasks().running()), (0, 1));
    tokio::time::sleep(ms(101)).await;
    assert_eq!((log.take(), broker.tasks().running()), (vec!["999".into()], 0));
    broker.emit_named("e", json!(1)).wait_for_listeners().await.unwrap();
    tokio::time::sleep(ms(101)).await;
    assert_eq!(log.take(), ["1"]);
    // What is pending at a stop is still handled.
    broker.emit_named("e", json!(2)).await.unwrap();
    broker.stop().await;
    assert_eq!(log.take(), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_pause_of_a_debounced_listener() {
    let log = Log::default();
    let broker = start([ServiceDef::new("s").event(numbers(&log).debounce(ms(3_600_000)))]).await;
    broker.emit_named("e", json!(1)).await.unwrap();
    broker.emit_named("e", json!(2)).await.unwrap();
    settle().await;
    assert!(log.take().is_empty());
    let start = tokio::time::Instant::now();
    let weak = broker.downgrade();
    broker.stop().await;
    assert!(start.elapsed() < ms(100), "{:?}", start.elapsed());
    assert_eq!(log.take(), ["2"]);
    drop(broker);
    settle().await;
    assert!(weak.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_waits_keeps_no_dropped_broker_alive() {
    let log = Log::default();
    let slow = ServiceDef::new("slow").stopping(|_| std::future::pending());
    let broker = start([ServiceDef::new("s").event(numbers(&log).debounce(ms(3_600_000))), slow]).await;
    broker.emit_named("e", json!(1)).wait_for_listeners().await.unwrap();
    let weak = broker.downgrade();
    // The stop is dropped before the pause could see it.
    let mut stop = Box::pin(broker.stop());
    assert!(futures_util::poll!(&mut stop).is_pending());
    drop(stop);
    drop(broker);
    settle().await;
    assert!(weak.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_debounced_listener_may_panic() {
    let svc = ServiceDef::new("s").event(
        ligand_core::Event::raw(
            "e",
            |_: &ligand_core::Context, _: ligand_core::Payload| -> ligand_core::future::Work<()> {
                panic!("no")
            },
        )
        .debounce(ms(10)),
    );
    let broker = start([svc]).await;
    for _ in 0..2 {
        broker.emit_named("e", json!(1)).wait_for_listeners().await.unwrap();
        tokio::time::sleep(ms(20)).await;
        assert_eq!(broker.tasks().running(), 0);
    }
}
