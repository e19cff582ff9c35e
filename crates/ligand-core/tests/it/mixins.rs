//! Mixins: what wins, what adds up.

use ligand_core::{
    Context, ServiceDef,
    cache::CacheRule,
    middleware::{AfterHook, BeforeHook},
};
use serde_json::{Value, json};

use crate::support::*;

fn says(name: &str, what: &'static str) -> ligand_core::Action {
    action(name, move |_, (): ()| async move { Ok(what.to_owned()) })
}

fn life(def: ServiceDef, tag: &'static str, log: &Log) -> ServiceDef {
    let (a, b, c) = (log.clone(), log.clone(), log.clone());
    def.created(move |_| {
        a.add(format!("{tag} created"));
        Ok(())
    })
    .started(move |_| {
        b.add(format!("{tag} started"));
        async { Ok(()) }
    })
    .stopped(move |_| {
        c.add(format!("{tag} stopped"));
        async { Ok(()) }
    })
}

#[tokio::test]
async fn the_service_wins_over_mixins_the_first_over_later_ones() {
    let first = ServiceDef::new("m1").action(says("a", "first")).action(says("b", "first"));
    let second = ServiceDef::new("m2")
        .action(says("a", "second"))
        .action(says("b", "second"))
        .action(says("c", "second"));
    let svc = ServiceDef::new("s").action(says("a", "own")).mixin(first).mixin(second).without_action("none");
    let broker = start([svc]).await;
    for (name, who) in [("s.a", "own"), ("s.b", "first"), ("s.c", "second")] {
        assert_eq!(call(&broker, name, json!(null)).await.unwrap(), json!(who));
    }
}

#[tokio::test]
async fn actions_of_mixins_can_be_left_out() {
    let svc = ServiceDef::new("s").without_action("a").mixin(ServiceDef::new("m").action(says("a", "x")));
    let broker = start([svc]).await;
    assert_eq!(call(&broker, "s.a", json!(null)).await.unwrap_err().code(), 404);
}

#[tokio::test]
async fn lifecycle_handlers_add_up() {
    let log = Log::default();
    let svc = life(ServiceDef::new("s"), "own", &log).mixin(life(ServiceDef::new("m"), "mixin", &log));
    let broker = start([svc]).await;
    broker.stop().await;
    assert_eq!(
        log.take(),
        ["mixin created", "own created", "mixin started", "own started", "own stopped", "mixin stopped"]
    );
}

#[tokio::test]
async fn hooks_add_up_around_the_service() {
    let log = Log::default();
    let before = |tag: &'static str| {
        let log = log.clone();
        BeforeHook::raw(move |_: Context, params| {
            log.add(tag);
            async { Ok(params) }
        })
    };
    let after = |tag: &'static str| {
        let log = log.clone();
        AfterHook::raw(move |_, result| {
            log.add(tag);
            async { Ok(result) }
        })
    };
    let mixin = ServiceDef::new("m").before("*", before("mixin before")).after("*", after("mixin after"));
    let svc = ServiceDef::new("s")
        .action(says("a", "x"))
        .before("*", before("own before"))
        .after("*", after("own after"))
        .mixin(mixin);
    let broker = start([svc]).await;
    call(&broker, "s.a", json!(null)).await.unwrap();
    assert_eq!(log.take(), ["mixin before", "own before", "own after", "mixin after"]);
}

#[tokio::test]
async fn settings_are_deep_defaults() {
    let mixin = ServiceDef::new("m")
        .setting("db", json!({ "host": "mixin", "port": 1 }))
        .setting("page", 10)
        .setting("secret", "s3cret")
        .setting("$secureSettings", json!(["secret"]))
        .metadata("scale", true);
    let svc = ServiceDef::new("s")
        .setting("db", json!({ "host": "own" }))
        .setting("token", "t0ken")
        .setting("$secureSettings", json!(["token"]))
        .mixin(mixin);
    let broker = start([svc]).await;
    let services = call(&broker, "$node.services", json!({ "skipInternal": true })).await.unwrap();
    assert_eq!(services[0]["settings"], json!({ "db": { "host": "own", "port": 1 }, "page": 10 }));
    assert_eq!(services[0]["metadata"], json!({ "scale": true }));
}

#[tokio::test]
async fn options_that_an_action_leaves_open_come_from_the_mixin() {
    let mixin = ServiceDef::new("m")
        .action(says("a", "x").rest("GET /a").unwrap().cache(CacheRule::new()).timeout(ms(5)).doc("Mixin's."))
        .action(says("b", "x").no_cache());
    let svc = ServiceDef::new("s")
        .setting("$cache", true)
        .action(says("a", "own"))
        .action(says("b", "own"))
        .mixin(mixin);
    let broker = builder().service(svc).memory_cache().start().await.unwrap();
    let snapshot = broker.registry().snapshot();
    let a = snapshot.endpoint("s.a").unwrap().action().clone();
    assert_eq!((a.rest()[0].to_string(), a.doc()), ("GET /a".into(), "Mixin's."));
    let steps = |name| broker.pipeline(name).iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    assert_eq!(steps("s.a"), ["timeout", "cacher", "handler"]);
    assert_eq!(steps("s.b"), ["timeout", "handler"]);
    assert_eq!(call(&broker, "s.a", Value::Null).await.unwrap(), json!("own"));
}
