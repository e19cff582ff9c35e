//! Context: ids, levels, meta, deadlines.

use ligand_core::{ActionRef, Payload, ServiceDef};
use serde_json::{Value, json};

use crate::support::*;

fn who() -> ligand_core::Action {
    action("who", |ctx, (): ()| async move {
        Ok(json!({
            "id": ctx.id().to_string(),
            "request": ctx.request_id().to_string(),
            "parent": ctx.parent_id().map(|id| id.to_string()),
            "level": ctx.level(),
            "caller": ctx.caller(),
            "service": ctx.service_full_name(),
            "action": ctx.action(),
            "node": ctx.node_id(),
        }))
    })
}

#[tokio::test]
async fn a_root_call_starts_the_request() {
    let broker = start([ServiceDef::new("s").version(1).action(who())]).await;
    let me = call(&broker, "v1.s.who", json!(null)).await.unwrap();
    assert_eq!(me["id"], me["request"]);
    assert_eq!((&me["parent"], &me["caller"], &me["level"]), (&json!(null), &json!(null), &json!(1)));
    assert_eq!(
        (&me["service"], &me["action"], &me["node"]),
        (&json!("v1.s"), &json!("v1.s.who"), &json!("n1"))
    );
    let named = broker.call_named("v1.s.who", json!(null)).request_id("r7").await.unwrap();
    assert_eq!(named.get("request"), Some(json!("r7")));
}

#[tokio::test]
async fn children_inherit_the_request() {
    let outer = ServiceDef::new("outer").version(3).action(action("go", |ctx, (): ()| async move {
        let child: Value = ctx.call_named("s.who", json!(null)).await?.take()?;
        Ok((ctx.id().to_string(), ctx.request_id().to_string(), child))
    }));
    let broker = start([ServiceDef::new("s").action(who()), outer]).await;
    let answer = broker.call_named("v3.outer.go", json!(null)).request_id("r1").await.unwrap();
    let (id, request, child): (String, String, Value) = answer.take().unwrap();
    assert_eq!((request.as_str(), &child["request"]), ("r1", &json!("r1")));
    assert_eq!(
        (&child["parent"], &child["level"], &child["caller"]),
        (&json!(id), &json!(2), &json!("v3.outer"))
    );
}

#[tokio::test]
async fn meta_flows_down_and_back_also_with_errors() {
    let inner = action("inner", |ctx, fail: bool| async move {
        ctx.set_meta("seen", ctx.meta::<String>("user")?.unwrap_or_default());
        match fail {
            true => Err(ligand_core::Error::new("no")),
            false => Ok(()),
        }
    });
    let outer = action("outer", |ctx, fail: bool| async move {
        let _ = ctx.call_named("m.inner", json!(fail)).meta("extra", 1).await;
        Ok((ctx.meta::<String>("seen")?, ctx.meta::<i64>("extra")?))
    });
    let broker = start([ServiceDef::new("m").action(inner).action(outer)]).await;
    for fail in [false, true] {
        let root = broker.root_context();
        root.set_meta("user", "ada");
        let answer = root.call_named("m.outer", json!(fail)).await.unwrap();
        assert_eq!(answer.take::<Value>().unwrap(), json!(["ada", 1]));
        assert_eq!(root.meta::<String>("seen").unwrap().as_deref(), Some("ada"));
    }
}

#[tokio::test]
async fn calls_that_run_at_once_bring_back_only_what_they_changed() {
    let gate = Gate::default();
    let opens = gate.clone();
    let sets = action("sets", move |ctx, (): ()| {
        ctx.set_meta("k", 1);
        let gate = opens.clone();
        async move {
            tokio::task::yield_now().await;
            gate.open();
            Ok(())
        }
    });
    let waits = gate.clone();
    let idle = action("idle", move |ctx, other: bool| {
        let gate = waits.clone();
        async move {
            gate.pass().await;
            settle().await;
            if other {
                ctx.set_meta("other", 2);
            }
            Ok(())
        }
    });
    let broker = start([ServiceDef::new("m").action(sets).action(idle)]).await;
    for other in [false, true] {
        let root = broker.root_context();
        root.set_meta("k", 0);
        root.mcall([root.call_named("m.sets", json!(null)), root.call_named("m.idle", json!(other))])
            .await
            .unwrap();
        assert_eq!(
            (root.meta::<i64>("k").unwrap(), root.meta::<i64>("other").unwrap()),
            (Some(1), other.then_some(2))
        );
    }
    // What the caller sets meanwhile stays as well, also with a fallback and tries around the call.
    let root = broker.root_context();
    root.set_meta("k", 0);
    for retries in [None, Some(1)] {
        let request = root.call_named("m.idle", json!(true));
        let request = retries.into_iter().fold(request, |request, count| request.retries(count));
        let (result, ()) = futures_util::join!(request, async {
            tokio::task::yield_now().await;
            root.set_meta("k", 7);
        });
        result.unwrap();
        assert_eq!((root.meta::<i64>("k").unwrap(), root.meta::<i64>("other").unwrap()), (Some(7), Some(2)));
    }
}

#[tokio::test]
async fn calls_nest_up_to_the_limit() {
    let svc = ServiceDef::new("deep").action(action("down", |ctx, (): ()| async move {
        match ctx.call_named("deep.down", json!(null)).await {
            Err(error) if error.kind() == "MAX_CALL_LEVEL" && ctx.level() < 5 => Err(error),
            Err(error) => Ok(json!({ "level": ctx.level(), "error": error.data() })),
            Ok(answer) => answer.take(),
        }
    }));
    let broker = builder().service(svc.clone()).options(|o| o.max_call_level = 5).start().await.unwrap();
    let answer = call(&broker, "deep.down", json!(null)).await.unwrap();
    assert_eq!(answer, json!({ "level": 5, "error": { "nodeID": "n1", "level": 5 } }));
    // The default limit fits on a test's stack.
    let broker = start([svc]).await;
    let answer = call(&broker, "deep.down", json!(null)).await.unwrap();
    assert_eq!(answer["level"], 100);
}

#[tokio::test]
async fn events_that_cause_themselves_end() {
    let count = Counter::default();
    let own = count.clone();
    let svc = ServiceDef::new("loop").event(event("again", move |ctx, (): ()| {
        own.add();
        async move { ctx.emit_named("again", json!(null)).wait_for_listeners().await }
    }));
    let broker = builder().service(svc).options(|o| o.max_call_level = 10).start().await.unwrap();
    broker.emit_named("again", json!(null)).wait_for_listeners().await.unwrap();
    assert_eq!(count.get(), 10);
}

const NAP: ActionRef<u64, ()> = ActionRef::new("s.nap");

fn naps() -> ServiceDef {
    let nap = |name| {
        action(name, |_, millis: u64| async move {
            tokio::time::sleep(ms(millis)).await;
            Ok(())
        })
    };
    ServiceDef::new("s")
        .action(nap("nap"))
        .action(nap("bounded").timeout(ms(1000)))
        .action(nap("unbounded").timeout(ms(0)))
}

#[tokio::test(start_paused = true)]
async fn time_limits_call_over_action_over_broker() {
    let broker = builder().service(naps()).request_timeout(ms(100)).start().await.unwrap();
    let ends = async |request: ligand_core::broker::Request<Payload>| {
        let start = tokio::time::Instant::now();
        let result = request.await;
        (result.map_err(|e| e.kind().to_owned()).map(drop), start.elapsed())
    };
    let late = |millis| (Err("REQUEST_TIMEOUT".to_owned()), ms(millis));
    let call = |name: &'static str| broker.call_named(name, json!(5000));
    assert_eq!(ends(call("s.nap")).await, late(100));
    assert_eq!(ends(call("s.bounded")).await, late(1000));
    assert_eq!(ends(call("s.bounded").timeout(ms(50))).await, late(50));
    assert_eq!(ends(call("s.bounded").timeout(ms(2000))).await, late(2000));
    assert_eq!(ends(call("s.unbounded")).await, (Ok(()), ms(5000)));
    assert_eq!(ends(call("s.nap").timeout(ms(0))).await, (Ok(()), ms(5000)));
    assert_eq!(ends(call("s.nap").timeout(std::time::Duration::MAX)).await, (Ok(()), ms(5000)));
    let error = call("s.nap").await.unwrap_err();
    assert_eq!((error.name(), error.code(), error.retryable()), ("RequestTimeoutError", 504, true));
    assert_eq!(error.message(), "Request is timed out when call 's.nap' action on 'n1' node.");
    assert_eq!(error.data().unwrap(), &json!({ "action": "s.nap", "nodeID": "n1" }));
}

#[tokio::test(start_paused = true)]
async fn children_get_the_time_that_is_left() {
    let outer = ServiceDef::new("outer").action(action("go", |ctx, (): ()| async move {
        tokio::time::sleep(ms(30)).await;
        let start = tokio::time::Instant::now();
        let error = ctx.call(NAP, 5000).timeout(ms(1000)).await.unwrap_err();
        assert_eq!(error.kind(), "REQUEST_TIMEOUT");
        Ok(u64::try_from(start.elapsed().as_millis()).unwrap())
    }));
    let broker = start([naps(), outer]).await;
    let request = broker.call_named("outer.go", json!(null)).timeout(ms(100));
    // Both end at the same moment; which of the two is seen first does not matter.
    if let Ok(left) = request.await {
        assert_eq!(left.take::<u64>().unwrap(), 70);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_caller_calls_nobody() {
    let count = Counter::default();
    let own = count.clone();
    let svc = ServiceDef::new("s").action(action("ask", move |_, (): ()| {
        own.add();
        async { Ok(()) }
    }));
    let log = Log::default();
    let own = log.clone();
    let outer = ServiceDef::new("outer").action(action("go", move |ctx, (): ()| {
        let log = own.clone();
        async move {
            let ctx2 = ctx.clone();
            // Work that outlives its own call.
            ctx.broker().tasks().spawn(async move {
                tokio::time::sleep(ms(200)).await;
                let error = ctx2.call_named("s.ask", json!(null)).await.unwrap_err();
                log.add(format!("{} {} {}", error.code(), error.kind(), error.retryable()));
            });
            tokio::time::sleep(ms(500)).await;
            Ok(())
        }
    }));
    let broker = start([svc, outer]).await;
    broker.call_named("outer.go", json!(null)).timeout(ms(100)).await.unwrap_err();
    broker.tasks().idle().await;
    assert_eq!(log.take(), ["514 REQUEST_SKIPPED false"]);
    assert_eq!(count.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn many_calls_of_a_late_caller_are_skipped_each_by_its_name() {
    let count = Counter::default();
    let counted = |name: &'static str| {
        let own = count.clone();
        action(name, move |_, (): ()| {
            own.add();
            async { Ok(()) }
        })
    };
    let svc = ServiceDef::new("s").action(counted("one")).action(counted("two"));
    let log = Log::default();
    let own = log.clone();
    let outer = ServiceDef::new("outer").action(action("go", move |ctx, (): ()| {
        let log = own.clone();
        async move {
            let late = ctx.clone();
            ctx.broker().tasks().spawn(async move {
                tokio::time::sleep(ms(200)).await;
                let calls = || ["s.one", "s.two"].map(|name| late.call_named(name, json!(null)));
                for result in late.mcall(calls()).settled().await {
                    let error = result.unwrap_err();
                    log.add(format!("{} {}", error.kind(), error.data().unwrap()["action"]));
                }
                log.add(late.mcall(calls()).await.unwrap_err().kind());
                log.add(late.mcall(calls()).named(["a", "b"]).await.unwrap_err().kind());
            });
            tokio::time::sleep(ms(500)).await;
            Ok(())
        }
    }));
    let broker = start([svc, outer]).await;
    broker.call_named("outer.go", json!(null)).timeout(ms(100)).await.unwrap_err();
    broker.tasks().idle().await;
    let skipped = r#"REQUEST_SKIPPED "s.one"|REQUEST_SKIPPED "s.two"|REQUEST_SKIPPED|REQUEST_SKIPPED"#;
    assert_eq!(log.take().join("|"), skipped);
    assert_eq!(count.get(), 0);
}

#[tokio::test]
async fn locals_stay_in_one_context() {
    let inner = action("inner", |ctx, (): ()| async move { Ok(ctx.local::<u32>()) });
    let outer = action("outer", |ctx, (): ()| async move {
        ctx.set_local(7u32);
        Ok((ctx.local::<u32>(), ctx.call_named("l.inner", json!(null)).await?.take::<Option<u32>>()?))
    });
    let broker = start([ServiceDef::new("l").action(inner).action(outer)]).await;
    assert_eq!(call(&broker, "l.outer", json!(null)).await.unwrap(), json!([7, null]));
}

#[tokio::test]
async fn a_root_context_starts_a_request_of_its_own() {
    let broker = start([ServiceDef::new("s").action(who())]).await;
    let root = broker.root_context_for("http-1");
    let child: Value = root.call_named("s.who", json!(null)).await.unwrap().take().unwrap();
    assert_eq!(
        (&child["request"], &child["level"], &child["caller"]),
        (&json!("http-1"), &json!(2), &json!(null))
    );
}
