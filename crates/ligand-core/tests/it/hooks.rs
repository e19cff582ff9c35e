//! Hooks: order, masks, changes, recovery, refused names.

use ligand_core::{
    Context, Error, Payload, ServiceDef,
    middleware::{AfterHook, BeforeHook, ErrorHook},
};
use serde_json::{Value, json};

use crate::support::*;

fn before(log: &Log, tag: &'static str) -> BeforeHook {
    let log = log.clone();
    BeforeHook::raw(move |_: Context, params| {
        log.add(tag);
        async { Ok(params) }
    })
}

fn after(log: &Log, tag: &'static str) -> AfterHook {
    let log = log.clone();
    AfterHook::raw(move |_, result| {
        log.add(tag);
        async { Ok(result) }
    })
}

fn on_error(log: &Log, tag: &'static str) -> ErrorHook {
    let log = log.clone();
    ErrorHook::raw(move |_, error| {
        log.add(tag);
        async { Err(error) }
    })
}

#[tokio::test]
async fn hooks_run_around_the_handler_in_order() {
    let log = Log::default();
    let (ok, bad) = (log.clone(), log.clone());
    let svc = ServiceDef::new("s")
        .action(
            action("get", move |_, (): ()| {
                ok.add("handler");
                async { Ok(()) }
            })
            .before(before(&log, "before action"))
            .after(after(&log, "after action"))
            .on_error(on_error(&log, "error action")),
        )
        .action(
            action("getBad", move |_, (): ()| {
                bad.add("handler");
                async { Err::<(), _>(Error::new("bad")) }
            })
            .on_error(on_error(&log, "error action")),
        )
        .before("get*", before(&log, "before mask"))
        .before("*", before(&log, "before *"))
        .after("*", after(&log, "after *"))
        .after("get | getBad", after(&log, "after names"))
        .on_error("*", on_error(&log, "error *"))
        .on_error("getBad", on_error(&log, "error name"));
    let broker = start([svc]).await;
    call(&broker, "s.get", json!(null)).await.unwrap();
    assert_eq!(
        log.take(),
        ["before *", "before mask", "before action", "handler", "after action", "after names", "after *"]
    );
    call(&broker, "s.getBad", json!(null)).await.unwrap_err();
    assert_eq!(log.take(), ["before *", "before mask", "handler", "error action", "error name", "error *"]);
}

#[tokio::test]
async fn names_are_separated_by_bars_and_commas() {
    let log = Log::default();
    let named = |name| action(name, |_, (): ()| async { Ok(()) });
    for mask in ["update|remove", "update,remove", " update , remove "] {
        let svc = ServiceDef::new("s")
            .action(named("update"))
            .action(named("remove"))
            .action(named("list"))
            .before(mask, before(&log, "guard"));
        let broker = start([svc]).await;
        for name in ["s.update", "s.remove", "s.list"] {
            call(&broker, name, json!(null)).await.unwrap();
        }
        assert_eq!(log.take().len(), 2, "{mask}");
    }
}

#[tokio::test]
async fn a_guard_for_nobody_is_refused() {
    let log = Log::default();
    let svc = || ServiceDef::new("s").action(action("update", |_, (): ()| async { Ok(()) }));
    for mask in ["remove", "update|remove", "update,delete*", "", " | "] {
        let bad = [
            svc().before(mask, before(&log, "x")),
            svc().after(mask, after(&log, "x")),
            svc().on_error(mask, on_error(&log, "x")),
        ];
        for def in bad {
            let error = builder().service(def).start().await.unwrap_err();
            assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR", "{mask}");
        }
    }
    let error = builder().service(svc().before("remove", before(&log, "x"))).start().await.unwrap_err();
    assert!(error.message().contains("'remove'") && error.message().contains("update"), "{error}");
    // Nothing to do is no mistake, and neither is an action that the service does without.
    let mixin = svc().before("update", before(&log, "x"));
    start([
        ServiceDef::new("none").before("*", before(&log, "x")),
        ServiceDef::new("m").without_action("update").mixin(mixin),
    ])
    .await;
}

#[tokio::test]
async fn a_guard_blocks_and_the_handler_does_not_run() {
    let count = Counter::default();
    let own = count.clone();
    let guard = BeforeHook::raw(|ctx: Context, params| async move {
        match ctx.meta::<String>("role")?.as_deref() {
            Some("admin") => Ok(params),
            _ => Err(Error::forbidden("Admin required")),
        }
    });
    let svc = ServiceDef::new("s")
        .action(action("remove", move |_, (): ()| {
            own.add();
            async { Ok(()) }
        }))
        .before("remove", guard);
    let broker = start([svc]).await;
    let error = call(&broker, "s.remove", json!(null)).await.unwrap_err();
    assert_eq!((error.code(), error.message(), count.get()), (403, "Admin required", 0));
    broker.call_named("s.remove", json!(null)).meta("role", "admin").await.unwrap();
    assert_eq!(count.get(), 1);
}

#[tokio::test]
async fn hooks_change_parameters_and_results() {
    let svc = ServiceDef::new("s").action(
        action("echo", |_, params: Value| async move { Ok(params) })
            .before(BeforeHook::raw(|_, mut params: Payload| async move {
                params.value_mut()?["by"] = json!("ada");
                Ok(params)
            }))
            .after(AfterHook::new(|_, mut result: Value| async move {
                result["seen"] = json!(true);
                Ok(result)
            })),
    );
    let broker = start([svc]).await;
    let answer = call(&broker, "s.echo", json!({ "n": 1 })).await.unwrap();
    assert_eq!(answer, json!({ "n": 1, "by": "ada", "seen": true }));
}

#[tokio::test]
async fn error_hooks_recover_or_replace() {
    let fail = || action("get", |_, (): ()| async { Err::<Value, _>(Error::new("bad")) });
    let recover = ErrorHook::raw(|_, error: Error| async move { Ok(json!(error.message()).into()) });
    let replace = ErrorHook::raw(|_, _| async { Err(Error::not_found("gone")) });
    let log = Log::default();
    let broker = start([
        ServiceDef::new("a").action(fail().on_error(recover)).on_error("*", on_error(&log, "not reached")),
        ServiceDef::new("b").action(fail().on_error(replace)).on_error("*", on_error(&log, "reached")),
    ])
    .await;
    assert_eq!(call(&broker, "a.get", json!(null)).await.unwrap(), json!("bad"));
    assert_eq!(call(&broker, "b.get", json!(null)).await.unwrap_err().code(), 404);
    assert_eq!(log.take(), ["reached"]);
}

#[tokio::test]
async fn errors_of_hooks_reach_the_error_hooks() {
    let log = Log::default();
    let svc = ServiceDef::new("s")
        .action(action("get", |_, (): ()| async { Ok(()) }))
        .before("*", BeforeHook::new(|_, (): ()| async { Err(Error::new("before")) }))
        .on_error("*", on_error(&log, "error"));
    let broker = start([svc]).await;
    assert_eq!(call(&broker, "s.get", json!(null)).await.unwrap_err().message(), "before");
    assert_eq!(log.take(), ["error"]);
}
