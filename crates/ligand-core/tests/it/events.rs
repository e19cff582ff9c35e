//! Events: groups, masks, broadcast, listeners that wait, errors.

use ligand_core::{Error, EventPayload, Payload, ServiceDef, context::EventKind};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn an_emit_reaches_one_service_of_each_group_a_broadcast_all() {
    let log = Log::default();
    let broker = start([
        ServiceDef::new("mail").event(listener("user.created", "mail-a", &log).group("mail")),
        ServiceDef::new("mail2").event(listener("user.created", "mail-b", &log).group("mail")),
        ServiceDef::new("stats").event(listener("user.created", "stats", &log)),
    ])
    .await;
    for _ in 0..4 {
        broker.emit_named("user.created", json!({})).wait_for_listeners().await.unwrap();
    }
    let lines = log.take();
    let count = |tag: &str| lines.iter().filter(|line| line.starts_with(tag)).count();
    assert_eq!((count("mail-a"), count("mail-b"), count("stats")), (2, 2, 4));
    broker.broadcast_named("user.created", json!({})).wait_for_listeners().await.unwrap();
    broker.broadcast_local("user.created", json!({})).wait_for_listeners().await.unwrap();
    assert_eq!(log.take().len(), 6);
    broker
        .emit_named("user.created", json!({}))
        .groups(["stats", "nobody"])
        .wait_for_listeners()
        .await
        .unwrap();
    broker.broadcast_named("user.created", json!({})).groups(["mail"]).wait_for_listeners().await.unwrap();
    assert_eq!(log.take().len(), 3);
}

#[tokio::test]
async fn masks_stop_at_dots_or_do_not() {
    let log = Log::default();
    let broker = start([ServiceDef::new("s")
        .event(listener("order.*", "one", &log))
        .event(listener("order.**", "all", &log))
        .event(listener("*.created", "created", &log))])
    .await;
    broker.emit_named("order.created", json!({})).wait_for_listeners().await.unwrap();
    assert_eq!(log.take(), ["one:order.created", "all:order.created", "created:order.created"]);
    broker.emit_named("order.item.added", json!({})).wait_for_listeners().await.unwrap();
    assert_eq!(log.take(), ["all:order.item.added"]);
    assert!(broker.has_event_listener("order.x") && !broker.has_event_listener("other"));
    assert_eq!(broker.event_groups("order.created"), ["s"]);
}

#[tokio::test]
async fn two_listeners_of_one_service_hear_the_same_event() {
    let log = Log::default();
    let mixin = ServiceDef::new("mixin").event(listener("a", "mixin", &log));
    let broker = start([ServiceDef::new("s")
        .event(listener("a", "first", &log))
        .event(listener("a", "second", &log))
        .mixin(mixin)])
    .await;
    for _ in 0..2 {
        broker.emit_named("a", json!({})).wait_for_listeners().await.unwrap();
        assert_eq!(log.take(), ["mixin:a", "first:a", "second:a"]);
    }
}

#[tokio::test]
async fn versions_of_a_service_share_its_group() {
    let log = Log::default();
    let broker = start([
        ServiceDef::new("s").version(1).event(listener("a", "v1", &log)),
        ServiceDef::new("s").version(2).event(listener("a", "v2", &log)),
    ])
    .await;
    broker.emit_named("a", json!({})).wait_for_listeners().await.unwrap();
    broker.emit_named("a", json!({})).wait_for_listeners().await.unwrap();
    assert_eq!(log.take(), ["v1:a", "v2:a"]);
}

#[tokio::test]
async fn names_without_end_are_still_shared_fairly() {
    let log = Log::default();
    let broker = start([
        ServiceDef::new("a").event(listener("e.**", "a", &log).group("g")),
        ServiceDef::new("b").event(listener("e.**", "b", &log).group("g")),
    ])
    .await;
    for i in 0..3000 {
        broker.emit_named(format!("e.{i}"), json!({})).wait_for_listeners().await.unwrap();
    }
    log.take();
    for i in 0..200 {
        broker.emit_named(format!("e.more.{i}"), json!({})).wait_for_listeners().await.unwrap();
    }
    let lines = log.take();
    let a = lines.iter().filter(|line| line.starts_with("a:")).count();
    assert!((50..=150).contains(&a), "{a}");
}

#[tokio::test]
async fn typed_events_carry_context() {
    #[derive(Clone, Serialize, Deserialize)]
    struct Created {
        id: u32,
    }
    impl EventPayload for Created {
        const NAME: &'static str = "user.created";
    }
    let log = Log::default();
    let own = log.clone();
    let listener = ServiceDef::new("mail").event(event("user.*", move |ctx, created: Created| {
        own.add(format!(
            "{} {:?} {} {:?} {} {:?} {}",
            created.id,
            ctx.event_kind().unwrap(),
            ctx.request_id(),
            ctx.caller(),
            ctx.level(),
            ctx.meta::<String>("by").unwrap(),
            ctx.service_full_name(),
        ));
        assert_eq!(ctx.action(), "");
        async { Ok(()) }
    }));
    let users = ServiceDef::new("users").action(action("create", |ctx, id: u32| async move {
        ctx.emit(Created { id }).meta("by", "ada").wait_for_listeners().await
    }));
    let broker = start([listener, users]).await;
    broker.call_named("users.create", json!(5)).request_id("r1").await.unwrap();
    assert_eq!(log.take(), [r#"5 Emit r1 Some("users") 2 Some("ada") mail"#]);
    broker.broadcast(Created { id: 1 }).wait_for_listeners().await.unwrap();
    assert!(log.take()[0].contains(&format!("{:?}", EventKind::Broadcast)));
}

#[tokio::test(start_paused = true)]
async fn a_send_waits_for_its_listeners_on_demand() {
    let log = Log::default();
    let slow = |tag: &'static str, millis: u64| {
        let log = log.clone();
        event("a", move |_, (): ()| {
            let log = log.clone();
            async move {
                tokio::time::sleep(ms(millis)).await;
                log.add(tag);
                Ok(())
            }
        })
    };
    let broker = start([
        ServiceDef::new("x").event(slow("x", 100)),
        ServiceDef::new("y").event(slow("y", 50)),
        ServiceDef::new("z").event(listener("a", "z", &log)),
    ])
    .await;
    let start = tokio::time::Instant::now();
    broker.emit_named("a", json!(null)).wait_for_listeners().await.unwrap();
    assert_eq!((start.elapsed(), log.take()), (ms(100), vec!["z:a".into(), "y".into(), "x".into()]));
}

#[tokio::test(start_paused = true)]
async fn listeners_end_also_when_the_sender_is_cancelled() {
    let log = Log::default();
    let own = log.clone();
    let svc = ServiceDef::new("s").event(event("a", move |_, (): ()| {
        let log = own.clone();
        async move {
            tokio::time::sleep(ms(100)).await;
            log.add("done");
            Ok(())
        }
    }));
    let broker = start([svc]).await;
    let mut emit = std::pin::pin!(broker.emit_named("a", json!(null)).wait_for_listeners().into_future());
    assert!(futures_util::poll!(emit.as_mut()).is_pending());
    #[allow(clippy::drop_non_drop, reason = "the pinned future is replaced below")]
    {
        emit.set(broker.emit_named("nobody", json!(null)).into_future());
    }
    settle().await;
    assert_eq!(broker.tasks().running(), 1);
    // A stop waits for it.
    broker.stop().await;
    assert_eq!(log.take(), ["done"]);
}

#[tokio::test(start_paused = true)]
async fn errors_of_listeners_are_thrown_only_on_demand() {
    let log = Log::default();
    let broker = start([
        ServiceDef::new("now").event(event("a", |_, (): ()| async { Err(Error::new("first")) })),
        ServiceDef::new("late").event(event("a", |_, (): ()| async {
            tokio::time::sleep(ms(1)).await;
            Err(Error::new("second"))
        })),
        ServiceDef::new("fine").event(listener("a", "fine", &log)),
        ServiceDef::new("typed").event(event("b", |_, _: u32| async { Ok(()) })),
    ])
    .await;
    broker.emit_named("a", json!(null)).wait_for_listeners().await.unwrap();
    let error = broker.emit_named("a", json!(null)).throw_error().await.unwrap_err();
    assert_eq!(error.message(), "first");
    assert_eq!(log.take().len(), 2);
    let error = broker.emit_named("b", json!("x")).throw_error().await.unwrap_err();
    assert_eq!(error.code(), 422);
    broker.emit_named("nobody.listens", json!(null)).throw_error().await.unwrap();
}

#[tokio::test]
async fn listeners_do_not_share_changes_of_the_payload() {
    let log = Log::default();
    let changing = |tag: &'static str| {
        let log = log.clone();
        event("a", move |_, mut payload: Payload| {
            log.add(format!("{tag}{}", payload.get("n").unwrap()));
            payload.value_mut().unwrap()["n"] = json!(9);
            async { Ok(()) }
        })
    };
    let broker =
        start([ServiceDef::new("x").event(changing("x")), ServiceDef::new("y").event(changing("y"))]).await;
    broker.emit_named("a", json!({ "n": 1 })).wait_for_listeners().await.unwrap();
    assert_eq!(log.take(), ["x1", "y1"]);
}
