//! Calls: names, results, options, visibility, versions, many at once, cancelling.

use ligand_core::{
    ActionRef, Context, Error, Event, Payload, ServiceDef, broker::CallOptions, service::Visibility,
};
use serde_json::{Value, json};

use crate::support::*;

const ADD: ActionRef<(i64, i64), i64> = ActionRef::new("math.add");

#[tokio::test]
async fn typed_and_named_calls_answer_the_same() {
    let broker = start([math()]).await;
    assert_eq!(broker.call(ADD, (2, 3)).await.unwrap(), 5);
    assert_eq!(call(&broker, "math.add", json!([2, 3])).await.unwrap(), json!(5));
    let text = broker.call_named("math.add", Payload::json("[2,3]")).await.unwrap();
    assert_eq!(text.take::<i64>().unwrap(), 5);
}

#[tokio::test]
async fn an_unknown_action_is_404_and_names_the_versioned_one() {
    let users = ServiceDef::new("users").version(2).action(action("list", |_, (): ()| async { Ok(1) }));
    let broker = start([users]).await;
    let error = broker.call_named("users.list", json!({})).await.unwrap_err();
    assert_eq!(
        (error.name(), error.code(), error.kind()),
        ("ServiceNotFoundError", 404, "SERVICE_NOT_FOUND")
    );
    assert_eq!(error.message(), "Service 'users.list' is not found.");
    assert_eq!(error.data().unwrap()["hint"], "did you mean 'v2.users.list'?");
    let error = broker.call_named("nobody.x", json!({})).await.unwrap_err();
    assert_eq!(error.data().unwrap(), &json!({ "action": "nobody.x" }));
    assert!(error.retryable());
}

#[tokio::test]
async fn versions_and_prefixes_make_the_names() {
    let one = |name| action(name, |ctx, (): ()| async move { Ok(ctx.action().to_owned()) });
    let broker = start([
        ServiceDef::new("a").version(0).action(one("x")),
        ServiceDef::new("a").version("staging").action(one("x")),
        ServiceDef::new("b").version(1).setting("$noVersionPrefix", true).action(one("x")),
        ServiceDef::new("c").setting("$noServiceNamePrefix", true).action(one("short")),
    ])
    .await;
    for name in ["v0.a.x", "staging.a.x", "b.x", "short"] {
        assert_eq!(call(&broker, name, json!(null)).await.unwrap(), json!(name));
    }
}

#[tokio::test]
async fn errors_keep_name_code_type_and_data_through_nested_calls() {
    let stock = ServiceDef::new("stock").action(action("reserve", |_, (): ()| async {
        Err::<(), _>(
            Error::client(422, "INSUFFICIENT_STOCK", "Insufficient stock")
                .with_data(json!({ "available": 1 })),
        )
    }));
    let order = ServiceDef::new("order").action(action("create", |ctx, (): ()| async move {
        ctx.call_named("stock.reserve", json!({})).await
    }));
    let broker = start([stock, order]).await;
    let error = broker.call_named("order.create", json!({})).await.unwrap_err();
    assert_eq!(
        (error.code(), error.kind(), error.message()),
        (422, "INSUFFICIENT_STOCK", "Insufficient stock")
    );
    assert_eq!(error.data().unwrap(), &json!({ "available": 1 }));
}

#[tokio::test]
async fn std_errors_in_handlers_stay_inside() {
    let parse = ServiceDef::new("parse")
        .action(action("number", |_, text: String| async move { Ok(text.parse::<u8>()?) }));
    let broker = start([parse]).await;
    let error = broker.call_named("parse.number", json!("x")).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (500, "Internal server error"));
    assert!(error.internal().unwrap().contains("invalid digit"));
}

#[tokio::test]
async fn visibility_is_enforced() {
    let svc = ServiceDef::new("svc")
        .action(action("private", |_, (): ()| async { Ok(1) }).visibility(Visibility::Private))
        .action(action("protected", |_, (): ()| async { Ok(2) }).visibility(Visibility::Protected))
        .action(action("own", |ctx, (): ()| async move { ctx.call_named("svc.private", json!({})).await }))
        .event(event("ask", |ctx, (): ()| async move {
            ctx.call_named("svc.private", json!({})).await.map(drop)
        }));
    let other = ServiceDef::new("other")
        .action(action("ask", |ctx, (): ()| async move { ctx.call_named("svc.private", json!({})).await }));
    let broker = start([svc, other]).await;
    assert_eq!(call(&broker, "svc.protected", json!({})).await.unwrap(), json!(2));
    assert_eq!(call(&broker, "svc.own", json!({})).await.unwrap(), json!(1));
    broker.emit_named("ask", json!(null)).throw_error().await.unwrap();
    for name in ["svc.private", "other.ask"] {
        let error = broker.call_named(name, json!({})).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (404, "SERVICE_NOT_FOUND"), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_private_action_is_refused_without_retries() {
    let svc = ServiceDef::new("svc")
        .action(action("private", |_, (): ()| async { Ok(1) }).visibility(Visibility::Private));
    let broker = start([svc]).await;
    let start = tokio::time::Instant::now();
    broker.call_named("svc.private", json!({})).retries(3).await.unwrap_err();
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test]
async fn the_node_option_is_this_node_or_nobody() {
    let broker = start([math()]).await;
    assert_eq!(broker.call(ADD, (1, 1)).node("n1").await.unwrap(), 2);
    let error = broker.call(ADD, (1, 1)).node("n2").await.unwrap_err();
    assert_eq!(error.message(), "Service 'math.add' is not found on 'n2' node.");
    assert_eq!(error.data().unwrap(), &json!({ "action": "math.add", "nodeID": "n2" }));
}

#[tokio::test]
async fn headers_belong_to_one_call() {
    let inner = action("inner", |ctx, (): ()| async move { Ok(ctx.header("x-lang").map(str::to_owned)) });
    let outer = action("outer", |ctx, (): ()| async move {
        let inner: Option<String> = ctx.call_named("h.inner", json!(null)).await?.take()?;
        Ok((ctx.header("x-lang").map(str::to_owned), inner))
    });
    let broker = start([ServiceDef::new("h").action(inner).action(outer)]).await;
    let answer = broker.call_named("h.outer", json!(null)).header("X-Lang", "de").await.unwrap();
    assert_eq!(answer.take::<Value>().unwrap(), json!(["de", null]));
}

#[tokio::test]
async fn all_options_at_once() {
    let svc = ServiceDef::new("s").action(action("who", |ctx, (): ()| async move {
        Ok(format!("{} {:?}", ctx.request_id(), ctx.meta::<String>("user")?))
    }));
    let broker = start([svc]).await;
    let mut options = CallOptions { request_id: Some("r1".into()), ..CallOptions::default() };
    options.meta.set("user", "ada");
    let answer = broker.call_named("s.who", json!(null)).with_options(options).await.unwrap();
    assert_eq!(answer.take::<String>().unwrap(), r#"r1 Some("ada")"#);
}

#[tokio::test]
async fn shared_answers_are_not_copied() {
    let svc = ServiceDef::new("big").action(
        action("get", |_, (): ()| async { Ok(vec![1u8; 1000]) }).cache(ligand_core::cache::CacheRule::new()),
    );
    let broker = builder().service(svc).memory_cache().start().await.unwrap();
    const GET: ActionRef<(), Vec<u8>> = ActionRef::new("big.get");
    broker.call(GET, ()).await.unwrap();
    let (a, b) = (broker.call(GET, ()).shared().await.unwrap(), broker.call(GET, ()).shared().await.unwrap());
    assert!(std::sync::Arc::ptr_eq(&a, &b));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_cancels_the_callee() {
    let log = Log::default();
    let own = log.clone();
    let svc = ServiceDef::new("slow").action(action("wait", move |_, (): ()| {
        let dropped = OnDrop(own.clone(), "dropped");
        async move {
            let _dropped = dropped;
            std::future::pending::<()>().await;
            Ok(())
        }
    }));
    let outer = ServiceDef::new("outer")
        .action(action("wait", |ctx, (): ()| async move { ctx.call_named("slow.wait", json!(null)).await }));
    let broker = start([svc, outer]).await;
    let mut request = broker.call_named("outer.wait", json!(null));
    assert!(futures_util::poll!(&mut request).is_pending());
    assert_eq!(log.len(), 0);
    drop(request);
    assert_eq!(log.take(), ["dropped"]);
    // The service is idle again: a stop does not wait.
    let start = tokio::time::Instant::now();
    broker.stop().await;
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test]
async fn many_calls_at_once() {
    let broker = start([math()]).await;
    let adds = |n: i64| (0..n).map(|i| broker.call(ADD, (i, 1))).collect::<Vec<_>>();
    assert_eq!(broker.mcall(adds(3)).await.unwrap(), [1, 2, 3]);
    let named = broker.mcall(adds(2)).named(["a", "b"]).await.unwrap();
    assert_eq!((named["a"], named["b"]), (1, 2));
    for names in [vec!["a"], vec!["a", "a"], vec!["a", "b", "c"]] {
        let error = broker.mcall(adds(2)).named(names).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (500, "INVALID_PARAMETERS"));
    }
    let calls =
        || [broker.call_named("math.add", json!([1, 1])), broker.call_named("math.fail", json!("no"))];
    assert_eq!(broker.mcall(calls()).await.unwrap_err().message(), "no");
    let settled = broker.mcall(calls()).settled().await;
    assert!(settled[0].is_ok() && settled[1].is_err());
}

#[tokio::test(start_paused = true)]
async fn many_calls_run_side_by_side() {
    let svc = ServiceDef::new("s").action(action("nap", |_, (): ()| async {
        tokio::time::sleep(ms(100)).await;
        Ok(())
    }));
    let broker = start([svc]).await;
    let start = tokio::time::Instant::now();
    broker.mcall((0..10).map(|_| broker.call_named("s.nap", json!(null)))).await.unwrap();
    assert_eq!(start.elapsed(), ms(100));
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_client_errors() {
    let broker = start([math()]).await;
    let error = broker.call_named("math.add", json!({ "a": 1 })).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (422, "PAYLOAD_DECODE_ERROR"));
    let error = broker.call(ActionRef::<(i64, i64), String>::new("math.add"), (1, 1)).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (500, "INVALID_RESPONSE_TYPE"));
}

#[tokio::test]
async fn work_that_runs_to_its_end_survives_its_call() {
    let (gate, log) = (Gate::default(), Log::default());
    let (own_gate, own_log) = (gate.clone(), log.clone());
    let steps = action("steps", move |ctx, (): ()| {
        let (gate, log) = (own_gate.clone(), own_log.clone());
        async move {
            ctx.run_to_end(|_| async move {
                log.add("first");
                gate.pass().await;
                log.add("last");
                Ok(5)
            })
            .await
        }
    });
    let panics = action("panics", |ctx, (): ()| async move {
        ctx.run_to_end::<i64, _>(|_| async { panic!("boom") }).await
    });
    let broker = start([ServiceDef::new("s").action(steps).action(panics)]).await;
    assert_eq!(call(&broker, "s.panics", json!(null)).await.unwrap_err().code(), 500);
    let call = spawn(broker.call_named("s.steps", json!(null)).into_future());
    while log.len() == 0 {
        settle().await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let stop = spawn({
        let broker = broker.clone();
        async move { broker.stop().await }
    });
    settle().await;
    assert!(!stop.is_finished());
    gate.open();
    stop.await.unwrap();
    assert_eq!(log.take(), ["first", "last"]);
}

#[tokio::test(start_paused = true)]
async fn work_that_runs_to_its_end_may_call_when_the_time_is_over() {
    let log = Log::default();
    let own = log.clone();
    let undo = action("undo", move |ctx, (): ()| {
        own.add(format!("undo level {} for {:?}", ctx.level(), ctx.caller()));
        async { Ok(()) }
    });
    let nap = action("nap", |_, (): ()| async {
        tokio::time::sleep(ms(500)).await;
        Ok(())
    });
    let own = log.clone();
    let steps = action("steps", move |ctx, (): ()| {
        let log = own.clone();
        async move {
            ctx.set_local(7u32);
            ctx.run_to_end(move |inner| async move {
                assert_eq!((inner.deadline(), inner.action(), inner.local()), (None, "s.steps", Some(7u32)));
                // Its own limit holds.
                let late = inner.call_named("s.nap", json!(null)).timeout(ms(200)).await.unwrap_err();
                log.add(late.kind());
                inner.call_named("s.undo", json!(null)).await?;
                inner.set_meta("undone", true);
                Ok(())
            })
            .await?;
            Ok((ctx.meta::<bool>("undone")?, ctx.deadline().is_some()))
        }
    });
    let broker = start([ServiceDef::new("s").action(steps).action(nap).action(undo)]).await;
    let late = broker.call_named("s.steps", json!(null)).timeout(ms(100)).await.unwrap_err();
    assert_eq!(late.kind(), "REQUEST_TIMEOUT");
    broker.tasks().idle().await;
    let lines = ["REQUEST_TIMEOUT", "undo level 2 for Some(\"s\")"];
    assert_eq!(log.take(), lines);
    let steps = broker.call_named("s.steps", json!(null)).timeout(ms(60_000)).await.unwrap();
    assert_eq!(steps.take::<serde_json::Value>().unwrap(), json!([true, true]));
    assert_eq!(log.take(), lines);
}

/// Travels between services of one node only: it cannot be written.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
struct Unwritten {
    id: u64,
}

impl serde::Serialize for Unwritten {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("this should have been moved"))
    }
}

#[tokio::test]
async fn names_in_text_take_typed_payloads_and_move_them() {
    let log = Log::default();
    let heard = log.clone();
    let service = ServiceDef::new("things")
        .action(action("get", |_, thing: Unwritten| async move { Ok(thing) }))
        .event(Event::new("seen", move |_: Context, thing: Unwritten| {
            heard.add(thing.id.to_string());
            async { Ok::<_, Error>(()) }
        }));
    let broker = start([service]).await;
    let got = broker.call_named("things.get", Unwritten { id: 1 }).await.unwrap();
    assert_eq!(got.peek::<Unwritten>(), Some(&Unwritten { id: 1 }));
    let ctx = broker.root_context();
    ctx.emit_named("seen", Unwritten { id: 2 }).wait_for_listeners().await.unwrap();
    ctx.broadcast_named("seen", Unwritten { id: 3 }).wait_for_listeners().await.unwrap();
    broker.broadcast_local("seen", Unwritten { id: 4 }).wait_for_listeners().await.unwrap();
    assert_eq!(log.take(), ["2", "3", "4"]);
    // What is no payload of its own is one all the same.
    for params in [Payload::of(&("a", 1)).unwrap(), Payload::json("[1]"), Payload::NULL] {
        let wanted = params.to_value().unwrap();
        let echo = ServiceDef::new("echo").action(action("it", |_, params: Value| async move { Ok(params) }));
        let broker = start([echo]).await;
        assert_eq!(broker.call_named("echo.it", params).await.unwrap().to_value().unwrap(), wanted);
    }
}
