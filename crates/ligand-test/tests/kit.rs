//! The test kit, tested.
#![allow(missing_docs, clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests")]

use std::time::Duration;

use ligand_core::{
    Action, ActionRef, Context, Error, Event, EventPayload, Payload, Result, ServiceDef, broker::State,
    cache::CacheRule, context::EventKind,
};
use ligand_test::{TestBroker, time};
use serde::{Deserialize, Serialize};
use serde_json::json;

const RESERVE: ActionRef<u32, u32> = ActionRef::new("stock.reserve");
const SEND: ActionRef<String, ()> = ActionRef::new("v2.mail.send");
const PLACE: ActionRef<u32, u32> = ActionRef::new("orders.place");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OrderPlaced {
    total: u32,
}

impl EventPayload for OrderPlaced {
    const NAME: &'static str = "orders.placed";
}

/// Places orders; sends a mail in the background when one is placed.
fn orders() -> ServiceDef {
    ServiceDef::new("orders")
        .dependency("stock")
        .action(Action::new("place", |ctx: Context, amount: u32| async move {
            let price = ctx.call(RESERVE, amount).retries(2).await?;
            ctx.emit(OrderPlaced { total: price * amount }).await?;
            Ok::<_, Error>(price * amount)
        }))
        .event(Event::new("orders.placed", |ctx: Context, placed: OrderPlaced| async move {
            let ctx2 = ctx.clone();
            ctx.broker().tasks().spawn(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let _ = ctx2.call(SEND, format!("total {}", placed.total)).await;
            });
            Ok::<_, Error>(())
        }))
}

#[tokio::test(start_paused = true)]
async fn mocks_answer_and_everything_is_recorded() {
    let broker = TestBroker::builder()
        .service(orders())
        .mock(RESERVE, |_| Ok(250))
        .mock(SEND, |_| Ok(()))
        .start()
        .await
        .unwrap();
    assert_eq!(broker.call(PLACE, 2).await.unwrap(), 500);
    assert_eq!(broker.calls(RESERVE), [2]);
    assert_eq!(broker.calls(PLACE), [2]);
    assert_eq!(broker.emitted::<OrderPlaced>(), [OrderPlaced { total: 500 }]);
    assert!(broker.calls(SEND).is_empty());
    time::advance(Duration::from_secs(1)).await;
    assert_eq!(broker.calls(SEND), ["total 500"]);
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn waits_answer_each_event_and_call_once() {
    let broker = TestBroker::builder()
        .service(orders())
        .mock(RESERVE, Ok)
        .mock(SEND, |_| Ok(()))
        .start()
        .await
        .unwrap();
    broker.call(PLACE, 2).await.unwrap();
    broker.call(PLACE, 3).await.unwrap();
    let events = broker.events();
    assert_eq!(events.wait_for::<OrderPlaced>().await.unwrap().total, 4);
    assert_eq!(events.wait_for::<OrderPlaced>().await.unwrap().total, 9);
    // The mails come a second later.
    assert_eq!(broker.wait_for_call(SEND).await.unwrap(), "total 4");
    assert_eq!(broker.wait_for_call(SEND).await.unwrap(), "total 9");
    let error = events.wait_for::<OrderPlaced>().await.unwrap_err();
    assert_eq!(error.kind(), "TEST_TIMEOUT");
    assert_eq!(error.message(), "no event 'orders.placed' within 5s; seen: orders.placed (2×)");
    let error = broker.wait_for_call(ActionRef::<(), ()>::new("no.body")).await.unwrap_err();
    assert!(
        error.message().contains("no call of 'no.body'") && error.message().contains("v2.mail.send (2×)"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn patience_can_be_shorter() {
    let broker = TestBroker::builder().patience(Duration::from_millis(20)).start().await.unwrap();
    let start = tokio::time::Instant::now();
    let error = broker.events().wait_for_named("x").await.unwrap_err();
    assert_eq!(error.message(), "no event 'x' within 20ms; seen: nothing");
    assert!(start.elapsed() < Duration::from_millis(100));
}

#[tokio::test]
async fn events_are_seen_whether_heard_or_not() {
    let broker = TestBroker::builder().start().await.unwrap();
    broker.broadcast_named("a", json!({ "n": 1 })).groups(["g"]).await.unwrap();
    let seen = broker.events().wait_for_named("a").await.unwrap();
    assert_eq!(
        (seen.kind, seen.groups, seen.payload.get("n")),
        (EventKind::Broadcast, vec!["g".into()], Some(json!(1)))
    );
    assert!(broker.events().seen().iter().any(|seen| seen.name == "$services.changed"));
}

#[tokio::test(start_paused = true)]
async fn mocks_fail_like_services_do() {
    let broker = TestBroker::builder()
        .service(orders())
        .mock(RESERVE, |amount| match amount {
            0 => Err(Error::bad_request("Nothing to reserve")),
            _ => Err(Error::transient(503, "BUSY", "busy")),
        })
        .start()
        .await
        .unwrap();
    assert_eq!(broker.call(PLACE, 0).await.unwrap_err().message(), "Nothing to reserve");
    assert_eq!(broker.call(PLACE, 1).await.unwrap_err().kind(), "BUSY");
    // Retries are made, and seen.
    assert_eq!(broker.calls(RESERVE), [0, 1, 1, 1]);
    assert!(broker.emitted::<OrderPlaced>().is_empty());
}

#[tokio::test(start_paused = true)]
async fn async_mocks_see_the_context_and_may_be_slow() {
    let broker = TestBroker::builder()
        .service(orders())
        .mock_async(RESERVE, |ctx, amount| async move {
            assert_eq!((ctx.caller(), ctx.level()), (Some("orders"), 2));
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(amount)
        })
        .start()
        .await
        .unwrap();
    assert_eq!(broker.call(PLACE, 2).await.unwrap(), 4);
    let error = broker.call(PLACE, 2).timeout(Duration::from_millis(10)).await.unwrap_err();
    assert_eq!(error.kind(), "REQUEST_TIMEOUT");
}

#[tokio::test]
async fn a_missing_dependency_names_the_mock_to_add() {
    let error = TestBroker::builder().service(orders()).start().await.unwrap_err();
    assert_eq!(error.kind(), "TEST_SETUP_ERROR");
    assert!(error.message().contains("'orders' waits for 'stock'"), "{error}");
    assert!(error.message().contains(r#".mock(ActionRef::new("stock.<action>")"#), "{error}");
    let broker = TestBroker::builder().service(orders()).stub("stock").start().await.unwrap();
    let error = broker.call(PLACE, 1).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (404, "SERVICE_NOT_FOUND"));
    assert!(error.message().starts_with("Service 'stock.reserve' is not found."), "{error}");
    assert!(error.message().contains(r#".mock(ActionRef::new("stock.reserve")"#), "{error}");
}

#[tokio::test]
async fn a_mock_stands_in_for_a_real_action() {
    let stock = ServiceDef::new("stock")
        .action(
            Action::new("reserve", |_: Context, _: u32| async { Err::<u32, _>(Error::new("no database")) })
                .cache(CacheRule::new()),
        )
        .action(Action::new("count", |_: Context, (): ()| async { Ok::<_, Error>(7) }));
    let builder = || TestBroker::builder().service(stock.clone()).configure(|broker| broker.memory_cache());
    let broker = builder().mock(RESERVE, |amount| Ok(amount + 1)).start().await.unwrap();
    assert_eq!(broker.call(RESERVE, 1).await.unwrap(), 2);
    assert_eq!(broker.call(RESERVE, 1).await.unwrap(), 2);
    assert_eq!(broker.calls(RESERVE), [1]);
    assert_eq!(broker.call(ActionRef::<(), u32>::new("stock.count"), ()).await.unwrap(), 7);
    let error = builder().mock(ActionRef::new("stock.rserve"), |(): ()| Ok(())).start().await.unwrap_err();
    assert!(
        error.message().contains("'stock.rserve'") && error.message().contains("reserve, count"),
        "{error}"
    );
}

#[tokio::test]
async fn mistakes_in_mocks_are_refused() {
    let twice = TestBroker::builder().mock(RESERVE, Ok).mock(RESERVE, Ok);
    assert!(twice.start().await.unwrap_err().message().contains("mocked twice"));
    let short = TestBroker::builder().mock(ActionRef::new("reserve"), |(): ()| Ok(()));
    assert!(short.start().await.unwrap_err().message().contains("no full action name"));
}

#[tokio::test]
async fn untyped_services_can_be_mocked() {
    let any: ActionRef<Payload, Payload> = ActionRef::new("js.sum");
    let broker = TestBroker::builder()
        .mock(any, |params: Payload| Ok(json!(params.to_value()?.as_array().map_or(0, Vec::len)).into()))
        .start()
        .await
        .unwrap();
    let answer: u32 = broker.call_named("js.sum", json!([1, 2])).await.unwrap().take().unwrap();
    assert_eq!(answer, 2);
    assert_eq!(broker.calls(any)[0].to_value().unwrap(), json!([1, 2]));
}

#[tokio::test]
#[should_panic(expected = "a call of 'stock.reserve' carried no")]
async fn calls_of_another_type_are_reported() {
    let broker = TestBroker::builder().mock(RESERVE, Ok).start().await.unwrap();
    broker.call(RESERVE, 1).await.unwrap();
    broker.calls(ActionRef::<String, u32>::new("stock.reserve"));
}

#[tokio::test]
async fn a_dropped_broker_stops() {
    let log = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
    let own = log.clone();
    let svc = ServiceDef::new("s").stopped(move |_| {
        own.lock().push("stopped");
        async { Ok(()) }
    });
    let broker = TestBroker::builder().service(svc).start().await.unwrap();
    broker.tasks().spawn_background(std::future::pending());
    let weak = broker.downgrade();
    drop(broker);
    time::settle().await;
    assert_eq!(*log.lock(), ["stopped"]);
    assert!(weak.upgrade().is_none());
}

#[tokio::test]
async fn a_stopped_broker_is_stopped() -> Result<()> {
    let broker = TestBroker::builder().mock(RESERVE, Ok).start().await?;
    broker.stop().await;
    assert_eq!(broker.state(), State::Stopped);
    assert_eq!(broker.call(RESERVE, 1).await.unwrap_err().kind(), "REQUEST_REJECTED");
    Ok(())
}

#[tokio::test]
#[should_panic(expected = "time is not frozen")]
async fn time_that_runs_cannot_be_advanced() {
    time::advance(Duration::from_secs(1)).await;
}
