//! Services that come and go while the broker runs.

use ligand_core::{Error, ServiceDef};
use serde_json::json;

use crate::support::*;

fn svc(log: &Log) -> ServiceDef {
    let (stopping, stopped) = (log.clone(), log.clone());
    ServiceDef::new("s")
        .action(action("ping", |_, (): ()| async { Ok(1) }))
        .event(listener("e", "heard", log))
        .stopping(move |_| {
            stopping.add("stopping");
            async { Ok(()) }
        })
        .stopped(move |_| {
            stopped.add("stopped");
            async { Ok(()) }
        })
}

#[tokio::test]
async fn services_come_and_go() {
    let log = Log::default();
    let broker = start([]).await;
    assert!(call(&broker, "s.ping", json!(null)).await.is_err());
    broker.add_service(svc(&log)).await.unwrap();
    assert_eq!(call(&broker, "s.ping", json!(null)).await.unwrap(), json!(1));
    broker.emit_named("e", json!(null)).wait_for_listeners().await.unwrap();
    assert_eq!(log.take(), ["heard:e"]);
    assert_eq!(broker.add_service(svc(&log)).await.unwrap_err().kind(), "SERVICE_SCHEMA_ERROR");
    broker.destroy_service("s").await.unwrap();
    assert_eq!(log.take(), ["stopping", "stopped"]);
    let error = call(&broker, "s.ping", json!(null)).await.unwrap_err();
    assert_eq!(error.kind(), "SERVICE_NOT_FOUND");
    broker.emit_named("e", json!(null)).wait_for_listeners().await.unwrap();
    assert!(log.take().is_empty());
    let error = broker.destroy_service("s").await.unwrap_err();
    assert_eq!((error.code(), error.data().unwrap()), (404, &json!({ "service": "s" })));
    // The name is free again.
    broker.add_service(svc(&log)).await.unwrap();
    broker.stop().await;
    assert_eq!(broker.add_service(svc(&log)).await.unwrap_err().kind(), "SERVICE_SCHEMA_ERROR");
}

#[tokio::test(start_paused = true)]
async fn destroying_waits_for_the_service_and_for_nothing_else() {
    let (log, gate) = (Log::default(), Gate::default());
    let (own_log, own_gate) = (log.clone(), gate.clone());
    let slow = svc(&log).action(action("slow", move |_, (): ()| {
        let (log, gate) = (own_log.clone(), own_gate.clone());
        async move {
            gate.pass().await;
            log.add("done");
            Ok(())
        }
    }));
    let broker = start([slow]).await;
    // Somebody else's work.
    broker.tasks().spawn(std::future::pending());
    let calls = broker.clone();
    let running = spawn(async move { calls.call_named("s.slow", json!(null)).timeout(ms(0)).await });
    settle().await;
    let destroys = broker.clone();
    let destroy = spawn(async move { destroys.destroy_service("s").await });
    settle().await;
    assert!(!destroy.is_finished());
    let start = tokio::time::Instant::now();
    gate.open();
    destroy.await.unwrap().unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(log.take(), ["stopping", "done", "stopped"]);
    assert!(start.elapsed() < ms(200), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn destroying_waits_for_listeners_too() {
    let (log, gate) = (Log::default(), Gate::default());
    let (own_log, own_gate) = (log.clone(), gate.clone());
    let slow = svc(&log).event(event("slow", move |ctx, (): ()| {
        drop(ctx);
        let (log, gate) = (own_log.clone(), own_gate.clone());
        async move {
            gate.pass().await;
            log.add("done");
            Ok(())
        }
    }));
    let broker = start([slow]).await;
    let events = broker.clone();
    spawn(async move { events.emit_named("slow", json!(null)).await });
    settle().await;
    let destroys = broker.clone();
    let destroy = spawn(async move { destroys.destroy_service("s").await });
    settle().await;
    gate.open();
    destroy.await.unwrap().unwrap();
    assert_eq!(log.take(), ["stopping", "done", "stopped"]);
}

#[tokio::test]
async fn a_call_meets_the_services_of_the_moment_it_is_awaited() {
    let broker = start([]).await;
    let early = broker.call_named("s.ping", json!(null));
    broker.add_service(svc(&Log::default())).await.unwrap();
    assert_eq!(early.await.unwrap().take::<u8>().unwrap(), 1);
    let late = broker.call_named("s.ping", json!(null)).retries(0);
    let other = broker.call_named("s.ping", json!(null));
    let destroys = broker.clone();
    let destroy = spawn(async move { destroys.destroy_service("s").await });
    settle().await;
    assert_eq!(late.await.unwrap_err().kind(), "SERVICE_NOT_FOUND");
    assert_eq!(other.await.unwrap_err().kind(), "SERVICE_NOT_FOUND");
    destroy.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_service_that_cannot_start_leaves_nothing() {
    let broker = start([]).await;
    let bad = ServiceDef::new("s").started(|_| async { Err(Error::new("no")) });
    assert_eq!(broker.add_service(bad).await.unwrap_err().message(), "no");
    broker.add_service(svc(&Log::default())).await.unwrap();
}

#[tokio::test]
async fn of_two_services_of_one_name_added_at_once_one_stays() {
    let broker = start([]).await;
    let log = Log::default();
    let results = futures_util::join!(broker.add_service(svc(&log)), broker.add_service(svc(&log)));
    assert_eq!(u8::from(results.0.is_ok()) + u8::from(results.1.is_ok()), 1);
    assert!(broker.add_service(svc(&log)).await.is_err());
    assert_eq!(call(&broker, "s.ping", json!(null)).await.unwrap(), json!(1));
}

#[tokio::test]
async fn an_action_name_that_exists_is_refused() {
    let short = |name| {
        ServiceDef::new(name)
            .setting("$noServiceNamePrefix", true)
            .action(action("same", |_, (): ()| async { Ok(1) }))
    };
    let broker = start([short("a")]).await;
    let error = broker.add_service(short("b")).await.unwrap_err();
    assert!(error.message().contains("'same'") && error.message().contains("'b'"), "{error}");
    assert_eq!(call(&broker, "same", json!(null)).await.unwrap(), json!(1));
}
