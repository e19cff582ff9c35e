//! Bulkhead.

use ligand_core::{Action, ServiceDef, config::BulkheadOptions};
use serde_json::json;

use crate::support::*;

fn limited(concurrency: usize, max_queue_size: usize) -> BulkheadOptions {
    BulkheadOptions {
        concurrency: Some(concurrency),
        max_queue_size: Some(max_queue_size),
        ..Default::default()
    }
}

/// `bk.x` logs its number and naps for 100 ms.
fn napping(log: &Log, most: &Counter) -> Action {
    let (log, most, active) = (log.clone(), most.clone(), std::sync::Arc::new(parking_lot::Mutex::new(0)));
    action("x", move |_, n: u32| {
        let (log, most, active) = (log.clone(), most.clone(), active.clone());
        async move {
            log.add(format!("start {n}"));
            *active.lock() += 1;
            if *active.lock() > most.get() {
                most.add();
            }
            tokio::time::sleep(ms(100)).await;
            *active.lock() -= 1;
            Ok(())
        }
    })
}

#[tokio::test(start_paused = true)]
async fn seven_calls_through_two_places_and_three_seats() {
    let (log, most) = (Log::default(), Counter::default());
    let broker = start([ServiceDef::new("bk").action(napping(&log, &most).bulkhead(limited(2, 3)))]).await;
    let calls = (0..7).map(|n| broker.call_named("bk.x", json!(n)));
    let results = broker.mcall(calls).settled().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 5);
    let error = results[6].as_ref().unwrap_err();
    assert_eq!((error.name(), error.code(), error.kind()), ("QueueIsFullError", 429, "QUEUE_FULL"));
    assert_eq!(error.message(), "Queue is full. Request 'bk.x' action on 'n1' node is rejected.");
    assert_eq!(error.data().unwrap(), &json!({ "action": "bk.x", "nodeID": "n1" }));
    assert_eq!(most.get(), 2);
    // First come, first served.
    assert_eq!(log.take(), ["start 0", "start 1", "start 2", "start 3", "start 4"]);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_frees_the_place() {
    let (log, most) = (Log::default(), Counter::default());
    let broker = start([ServiceDef::new("bk").action(napping(&log, &most).bulkhead(limited(1, 1)))]).await;
    let ask = |n: u32| broker.call_named("bk.x", json!(n));
    let (mut first, mut waits) = (ask(1), ask(2));
    assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut waits).is_pending());
    assert_eq!(ask(3).await.unwrap_err().code(), 429);
    drop(waits);
    let mut waits = ask(4);
    assert!(futures_util::poll!(&mut waits).is_pending());
    drop(first);
    waits.await.unwrap();
    // Waiting counts into the time limit.
    let (mut first, late) = (ask(5), ask(6).timeout(ms(50)));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert_eq!(late.await.unwrap_err().kind(), "REQUEST_TIMEOUT");
    first.await.unwrap();
    ask(7).await.unwrap();
    assert_eq!(log.take(), ["start 1", "start 4", "start 5", "start 7"]);
}

#[tokio::test(start_paused = true)]
async fn the_broker_limits_all_actions_one_by_one() {
    let (log, most) = (Log::default(), Counter::default());
    let broker = builder()
        .service(ServiceDef::new("a").action(napping(&log, &most)))
        .service(ServiceDef::new("b").action(napping(&log, &most)))
        .service(ServiceDef::new("free").action(
            napping(&log, &most).bulkhead(BulkheadOptions { enabled: Some(false), ..Default::default() }),
        ))
        .options(|o| {
            o.bulkhead.enabled = true;
            o.bulkhead.concurrency = 10;
            o.bulkhead.max_queue_size = 100;
        })
        .start()
        .await
        .unwrap();
    let ok = async |name: &'static str| {
        let calls = (0..111).map(|n| broker.call_named(name, json!(n)));
        broker.mcall(calls).settled().await.iter().filter(|result| result.is_ok()).count()
    };
    assert_eq!(futures_util::join!(ok("a.x"), ok("b.x")), (110, 110));
    assert_eq!(ok("free.x").await, 111);
}

#[tokio::test(start_paused = true)]
async fn no_limit_on_waiting_with_zero() {
    let (log, most) = (Log::default(), Counter::default());
    let broker = start([ServiceDef::new("bk").action(napping(&log, &most).bulkhead(limited(1, 0)))]).await;
    let calls = (0..50).map(|n| broker.call_named("bk.x", json!(n)));
    assert!(broker.mcall(calls).settled().await.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn listeners_can_be_limited() {
    let log = Log::default();
    let own = log.clone();
    let svc = ServiceDef::new("s").event(
        event("e", move |_, n: u32| {
            let log = own.clone();
            async move {
                tokio::time::sleep(ms(100)).await;
                log.add(format!("{n}"));
                Ok(())
            }
        })
        .bulkhead(limited(1, 1)),
    );
    let broker = start([svc]).await;
    let emit = |n: u32| broker.emit_named("e", json!(n)).throw_error().into_future();
    let (a, b, c) = futures_util::join!(emit(1), emit(2), emit(3));
    assert!(a.is_ok() && b.is_ok());
    let error = c.unwrap_err();
    assert_eq!(error.code(), 429);
    let node = broker.node_id();
    assert_eq!(error.data(), Some(&json!({ "event": "e", "service": "s", "nodeID": node })));
    assert_eq!(log.take(), ["1", "2"]);
}

#[tokio::test]
async fn a_bulkhead_for_nobody_is_refused() {
    let svc = ServiceDef::new("s").action(action("a", |_, (): ()| async { Ok(()) }).bulkhead(limited(0, 1)));
    let error = builder().service(svc).start().await.unwrap_err();
    assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
    let error = builder().options(|o| o.bulkhead.concurrency = 0).start().await.unwrap_err();
    assert!(error.message().contains("bulkhead.concurrency"));
}
