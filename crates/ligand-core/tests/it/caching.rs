//! Caching: keys, expiry, single flight, cleaning.

use std::sync::Arc;

use ligand_core::{
    Action, ActionRef, Context, Error, Payload, Result, ServiceBroker, ServiceDef,
    cache::{CacheRule, Cacher, Lookup},
    config::CacherOptions,
    future::BoxFuture,
};
use ligand_wire::pattern::Pattern;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::*;

/// An action that counts its runs and answers the count.
fn counted(name: &str, count: &Counter) -> Action {
    let count = count.clone();
    action(name, move |_, _: Payload| {
        let n = count.add();
        async move { Ok(n) }
    })
}

async fn with_cache(actions: impl IntoIterator<Item = Action>) -> ServiceBroker {
    let svc = actions.into_iter().fold(ServiceDef::new("s"), ServiceDef::action);
    builder().service(svc).memory_cache().start().await.unwrap()
}

#[tokio::test]
async fn the_second_equal_call_skips_the_handler() {
    let count = Counter::default();
    let broker = with_cache([counted("a", &count).cache(CacheRule::new()), counted("b", &count)]).await;
    for _ in 0..3 {
        assert_eq!(call(&broker, "s.a", json!({ "id": 1 })).await.unwrap(), json!(1));
    }
    assert_eq!(call(&broker, "s.a", json!({ "id": 2 })).await.unwrap(), json!(2));
    call(&broker, "s.b", json!({})).await.unwrap();
    call(&broker, "s.b", json!({})).await.unwrap();
    assert_eq!(count.get(), 4);
}

#[tokio::test]
async fn keys_have_the_text_of_the_reference() {
    let count = Counter::default();
    let long = "x".repeat(80);
    let cached = |name, rule: CacheRule| counted(name, &count).cache(rule);
    let actions = || {
        [
            cached("find", CacheRule::new()),
            cached("none", CacheRule::keys(Vec::<String>::new())),
            cached("one", CacheRule::keys(["id"])),
            cached("two", CacheRule::keys(["page", "limit"])),
            cached("user", CacheRule::keys(["id", "#user.id", "@X-Lang"])),
            cached("deep", CacheRule::keys(["a.b", "list"])),
            cached(
                "own",
                CacheRule::new().keygen(|params, ctx| {
                    format!(
                        "{}-{}",
                        params.get("id").unwrap(),
                        ctx.meta::<String>("user").ok().flatten().unwrap_or("anon".into())
                    )
                }),
            ),
        ]
    };
    let broker = with_cache(actions()).await;
    let calls = [
        (
            "s.find",
            json!({ "id": 5, "name": "a b", "f": 1.50, "t": true, "n": null }),
            r#"s.find:id|5|name|"a b"|f|1.5|t|true|n|null"#,
        ),
        (
            "s.find",
            json!({ "z": [], "a": { "b": { "c": [1, "x", { "d": null }] } } }),
            r#"s.find:z|[]|a|b|c|[1|"x"|d|null]"#,
        ),
        ("s.find", json!({}), "s.find:"),
        ("s.find", json!(null), "s.find:null"),
        ("s.find", json!(7), "s.find:7"),
        ("s.none", json!({ "id": 5 }), "s.none"),
        ("s.one", json!({ "id": "1" }), r#"s.one:"1""#),
        ("s.two", json!({ "page": 1, "limit": 10, "x": 1 }), "s.two:1|10"),
        ("s.two", json!({ "page": 1 }), "s.two:1|undefined"),
        ("s.user", json!({ "id": 5 }), "s.user:5|undefined|undefined"),
        ("s.deep", json!({ "a": { "b": true }, "list": [1, 2] }), "s.deep:true|[1|2]"),
        ("s.own", json!({ "id": 5 }), "s.own:5-anon"),
    ];
    for (name, params, key) in calls {
        broker.cache().unwrap().clean("**").await.unwrap();
        call(&broker, name, params).await.unwrap();
        assert_eq!(broker.cache().unwrap().keys().await.unwrap(), [key]);
    }
    broker.cache().unwrap().clean("**").await.unwrap();
    let user = broker.call_named("s.user", json!({ "id": 5 })).meta("user", json!({ "id": "u1" }));
    user.header("x-lang", "de").await.unwrap();
    assert_eq!(broker.cache().unwrap().keys().await.unwrap(), [r#"s.user:5|"u1"|"de""#]);
    broker.cache().unwrap().clean("**").await.unwrap();
    broker.call_named("s.find", Payload::UNDEFINED).await.unwrap();
    assert_eq!(broker.cache().unwrap().keys().await.unwrap(), ["s.find:"]);

    let svc = actions().into_iter().fold(ServiceDef::new("posts"), ServiceDef::action);
    let short = builder().service(svc).memory_cache().options(|o| {
        o.cacher.as_mut().unwrap().max_params_length = 60;
    });
    let broker = short.start().await.unwrap();
    call(&broker, "posts.find", json!({ "a": long })).await.unwrap();
    assert_eq!(
        broker.cache().unwrap().keys().await.unwrap(),
        [r#"posts.find:a|"xxxxxxxxxxxxxigYZ6sLsJzdAPA/oHF4ibrfsAP1aIN/E81TlyKH75jM="#]
    );
    // Of several keys each list is shortened on its own, then the whole.
    broker.cache().unwrap().clean("**").await.unwrap();
    call(&broker, "posts.deep", json!({ "a": { "b": 1 }, "list": [long] })).await.unwrap();
    let part = ligand_wire::key::limit(format!(r#"["{long}"]"#), Some(60));
    let whole = ligand_wire::key::limit(format!("1|{part}"), Some(60));
    assert_eq!(broker.cache().unwrap().keys().await.unwrap(), [format!("posts.deep:{whole}")]);
}

#[tokio::test]
async fn typed_and_dynamic_callers_share_entries() {
    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    struct Page {
        page: u32,
        limit: u32,
    }
    let count = Counter::default();
    let broker = with_cache([counted("list", &count).cache(CacheRule::new())]).await;
    const LIST: ActionRef<Page, usize> = ActionRef::new("s.list");
    broker.call(LIST, Page { page: 1, limit: 10 }).await.unwrap();
    call(&broker, "s.list", json!({ "page": 1, "limit": 10 })).await.unwrap();
    broker.call_named("s.list", Payload::json(r#"{"page":1,"limit":10}"#)).await.unwrap();
    assert_eq!(count.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn entries_expire_the_action_before_the_broker() {
    let count = Counter::default();
    let svc = ServiceDef::new("s")
        .action(counted("short", &count).cache(CacheRule::new().with_ttl(ms(1000))))
        .action(counted("long", &count).cache(CacheRule::new()))
        .action(counted("endless", &count).cache(CacheRule::new().with_ttl(std::time::Duration::MAX)));
    let broker = builder()
        .service(svc)
        .memory_cache()
        .options(|o| o.cacher.as_mut().unwrap().ttl = ms(30_000))
        .start()
        .await
        .unwrap();
    for name in ["s.short", "s.long", "s.endless"] {
        call(&broker, name, json!({})).await.unwrap();
    }
    tokio::time::advance(ms(999)).await;
    call(&broker, "s.short", json!({})).await.unwrap();
    assert_eq!(count.get(), 3);
    tokio::time::advance(ms(1)).await;
    call(&broker, "s.short", json!({})).await.unwrap();
    call(&broker, "s.long", json!({})).await.unwrap();
    assert_eq!(count.get(), 4);
    tokio::time::advance(ms(29_000)).await;
    call(&broker, "s.long", json!({})).await.unwrap();
    call(&broker, "s.endless", json!({})).await.unwrap();
    assert_eq!(count.get(), 5);
}

/// An action that waits at a gate; its runs are counted.
fn gated(count: &Counter, gate: &Arc<Mutex<Gate>>, answer: Result<&'static str, &'static str>) -> Action {
    let (count, gate) = (count.clone(), gate.clone());
    action("slow", move |_, _: Payload| {
        let (n, gate) = (count.add(), gate.lock().clone());
        async move {
            gate.pass().await;
            answer.map(|text| format!("{text} {n}")).map_err(Error::new)
        }
    })
    .cache(CacheRule::new())
}

#[tokio::test]
async fn concurrent_misses_run_the_handler_once() {
    let (count, gate) = (Counter::default(), Arc::default());
    let broker = with_cache([gated(&count, &gate, Ok("run"))]).await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let broker = broker.clone();
            spawn(async move { call(&broker, "s.slow", json!({})).await })
        })
        .collect();
    settle().await;
    assert_eq!(count.get(), 1);
    gate.lock().open();
    for answer in calls {
        assert_eq!(answer.await.unwrap().unwrap(), json!("run 1"));
    }
    assert_eq!(count.get(), 1);
}

#[tokio::test]
async fn a_cancelled_leader_hands_its_turn_on() {
    let (count, gate) = (Counter::default(), Arc::<Mutex<Gate>>::default());
    let broker = with_cache([gated(&count, &gate, Ok("run"))]).await;
    let ask = || {
        let broker = broker.clone();
        spawn(async move { call(&broker, "s.slow", json!({})).await })
    };
    let leader = ask();
    settle().await;
    let (second, third) = (ask(), ask());
    settle().await;
    leader.abort();
    settle().await;
    assert_eq!(count.get(), 2);
    third.abort();
    gate.lock().open();
    assert_eq!(second.await.unwrap().unwrap(), json!("run 2"));
    assert_eq!(call(&broker, "s.slow", json!({})).await.unwrap(), json!("run 2"));
}

#[tokio::test]
async fn after_a_failure_callers_do_not_queue_up() {
    let (count, gate) = (Counter::default(), Arc::<Mutex<Gate>>::default());
    let broker = with_cache([gated(&count, &gate, Err("down"))]).await;
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let broker = broker.clone();
            spawn(async move { call(&broker, "s.slow", json!({})).await })
        })
        .collect();
    settle().await;
    assert_eq!(count.get(), 1);
    let first = std::mem::take(&mut *gate.lock());
    first.open();
    settle().await;
    // All others work now, side by side.
    assert_eq!(count.get(), 5);
    gate.lock().open();
    for answer in calls {
        assert_eq!(answer.await.unwrap().unwrap_err().message(), "down");
    }
    // Nothing was stored.
    assert!(broker.cache().unwrap().keys().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_read_before_a_clean_is_not_stored() {
    for how in 0..3 {
        let (count, gate) = (Counter::default(), Arc::<Mutex<Gate>>::default());
        let broker = with_cache([gated(&count, &gate, Ok("run"))]).await;
        let own = broker.clone();
        let running = spawn(async move { call(&own, "s.slow", json!({})).await });
        settle().await;
        let cache = broker.cache().unwrap();
        match how {
            0 => cache.clean("s.**").await.unwrap(),
            1 => cache.del("s.slow:").await.unwrap(),
            _ => cache.clean("other.**").await.unwrap(),
        }
        gate.lock().open();
        assert_eq!(running.await.unwrap().unwrap(), json!("run 1"));
        // A clean of something else changes nothing.
        let stored = if how == 2 { vec!["s.slow:".to_owned()] } else { vec![] };
        assert_eq!(cache.keys().await.unwrap(), stored);
    }
}

#[tokio::test]
async fn null_is_a_hit_and_an_error_is_not() {
    let count = Counter::default();
    let (nothing, fails) = (count.clone(), count.clone());
    let broker = with_cache([
        action("nothing", move |_, (): ()| {
            nothing.add();
            async { Ok(None::<u32>) }
        })
        .cache(CacheRule::new()),
        action("fails", move |_, (): ()| {
            fails.add();
            async { Err::<(), _>(Error::new("no")) }
        })
        .cache(CacheRule::new()),
    ])
    .await;
    for _ in 0..2 {
        assert_eq!(call(&broker, "s.nothing", json!({})).await.unwrap(), Value::Null);
    }
    assert_eq!(count.get(), 1);
    for _ in 0..2 {
        call(&broker, "s.fails", json!({})).await.unwrap_err();
    }
    assert_eq!(count.get(), 3);
}

#[tokio::test]
async fn masks_clean_and_keys_delete() {
    let count = Counter::default();
    let cached = |name| counted(name, &count).cache(CacheRule::new());
    let broker = with_cache([cached("a"), cached("b")]).await;
    let cache = broker.cache().unwrap();
    for params in [json!({ "x": 1 }), json!({ "x": 1.5 })] {
        call(&broker, "s.a", params.clone()).await.unwrap();
        call(&broker, "s.b", params).await.unwrap();
    }
    cache.clean("s.a:*").await.unwrap();
    assert_eq!(cache.keys().await.unwrap(), ["s.b:x|1", "s.b:x|1.5"]);
    cache.del("s.b:x|1").await.unwrap();
    assert_eq!(cache.keys().await.unwrap(), ["s.b:x|1.5"]);
    const B: ActionRef<Value, usize> = ActionRef::new("s.b");
    assert_eq!(cache.get_for(&broker, B, json!({ "x": 1.5 })).await, Some(4));
    assert_eq!(cache.get_for(&broker, B, json!({ "x": 9 })).await, None);
    cache.del_for(&broker, B, json!({ "x": 1.5 })).await.unwrap();
    assert!(cache.keys().await.unwrap().is_empty());
    cache.set("own", json!(1).into(), None).await;
    assert_eq!(cache.get("own").await.unwrap().take::<u8>().unwrap(), 1);
}

#[tokio::test]
async fn every_user_has_an_own_entry() {
    let salary = action("salary", |ctx: Context, _: Payload| async move {
        Ok(ctx.meta::<Value>("user")?.and_then(|user| user["role"].as_str().map(str::to_owned)))
    })
    .cache(CacheRule::keys(["#user.role"]));
    let broker = with_cache([salary]).await;
    let ask = async |role: &str| {
        let call = broker.call_named("s.salary", json!({})).meta("user", json!({ "role": role }));
        call.await.unwrap().take::<Option<String>>().unwrap()
    };
    assert_eq!(ask("admin").await.as_deref(), Some("admin"));
    assert_eq!(ask("user").await.as_deref(), Some("user"));
    assert_eq!(broker.cache().unwrap().keys().await.unwrap().len(), 2);
}

#[tokio::test]
async fn calls_can_go_round_the_cache() {
    let count = Counter::default();
    let broker = with_cache([
        counted("a", &count).cache(CacheRule::new()),
        counted("b", &count)
            .cache(CacheRule::new().enabled_if(|ctx| !matches!(ctx.meta("cached"), Ok(Some(false))))),
        counted("never", &count).cache(CacheRule::new()).no_cache(),
    ])
    .await;
    let ask = |name| broker.call_named(name, json!({}));
    ask("s.a").await.unwrap();
    ask("s.a").no_cache().await.unwrap();
    ask("s.a").meta("$cache", false).await.unwrap();
    assert_eq!(count.get(), 3);
    ask("s.b").meta("cached", false).await.unwrap();
    ask("s.b").meta("cached", false).await.unwrap();
    assert_eq!(count.get(), 5);
    ask("s.never").await.unwrap();
    ask("s.never").await.unwrap();
    assert_eq!(count.get(), 7);
    assert_eq!(broker.cache().unwrap().keys().await.unwrap(), ["s.a:"]);
}

#[tokio::test]
async fn without_a_cacher_nothing_is_cached_and_services_can_ask_for_all() {
    let count = Counter::default();
    let broker = start([ServiceDef::new("s").action(counted("a", &count).cache(CacheRule::new()))]).await;
    call(&broker, "s.a", json!({})).await.unwrap();
    call(&broker, "s.a", json!({})).await.unwrap();
    assert_eq!(count.get(), 2);
    let svc = ServiceDef::new("s").setting("$cache", true).action(counted("a", &count));
    let broker = builder().service(svc).memory_cache().start().await.unwrap();
    call(&broker, "s.a", json!({})).await.unwrap();
    call(&broker, "s.a", json!({})).await.unwrap();
    assert_eq!(count.get(), 3);
}

#[tokio::test]
async fn a_changed_result_does_not_change_the_entry() {
    let svc = ServiceDef::new("s")
        .action(action("list", |_, _: Payload| async { Ok(vec![1, 2, 3]) }).cache(CacheRule::new()));
    let broker = builder().service(svc).memory_cache().start().await.unwrap();
    const LIST: ActionRef<(), Vec<u8>> = ActionRef::new("s.list");
    let mut mine = broker.call(LIST, ()).await.unwrap();
    mine.clear();
    assert_eq!(broker.call(LIST, ()).await.unwrap(), [1, 2, 3]);
}

/// A store of the user's own, whose answers take a moment.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    entries: std::collections::BTreeMap<String, (Payload, Option<std::time::Duration>)>,
    asked: Vec<String>,
    closed: bool,
}

impl Shelf {
    fn done(&self, work: impl FnOnce(&mut Entries)) -> BoxFuture<Result<()>> {
        let mut entries = self.0.lock();
        let result = if entries.closed { Err(Error::new("the store is away")) } else { Ok(()) };
        if result.is_ok() {
            work(&mut entries);
        }
        Box::pin(async { result })
    }
}

impl Cacher for Shelf {
    fn get(&self, key: &str) -> Lookup {
        let (shelf, key) = (self.clone(), key.to_owned());
        Lookup::Later(Box::pin(async move {
            tokio::task::yield_now().await;
            let mut entries = shelf.0.lock();
            let found = entries.entries.get(&key).map(|(value, _)| value.clone());
            entries.asked.push(key);
            found
        }))
    }

    fn set(&self, key: String, value: Payload, ttl: Option<std::time::Duration>) -> BoxFuture<()> {
        let done = self.done(|entries| drop(entries.entries.insert(key, (value, ttl))));
        Box::pin(async { drop(done.await) })
    }

    fn del(&self, keys: Vec<String>) -> BoxFuture<Result<()>> {
        self.done(|entries| entries.entries.retain(|key, _| !keys.contains(key)))
    }

    fn clean(&self, masks: Vec<Pattern>) -> BoxFuture<Result<()>> {
        self.done(|entries| entries.entries.retain(|key, _| !masks.iter().any(|mask| mask.matches(key))))
    }

    fn keys(&self) -> BoxFuture<Result<Vec<String>>> {
        let keys = self.0.lock().entries.keys().cloned().collect();
        Box::pin(async { Ok(keys) })
    }
}

#[tokio::test]
async fn a_cacher_of_the_users_own_keeps_results() {
    let (count, shelf) = (Counter::default(), Shelf::default());
    let own = counted("own", &count).cache(CacheRule::keys(["id"]).with_ttl(ms(5000)));
    let svc = ServiceDef::new("s").action(own).action(counted("all", &count).cache(CacheRule::keys(["id"])));
    let broker = builder()
        .service(svc)
        .cacher(shelf.clone())
        .options(|o| o.cacher = Some(CacherOptions { ttl: ms(60_000), ..CacherOptions::default() }))
        .start()
        .await
        .unwrap();
    for (name, id, answer) in
        [("s.own", 1, 1), ("s.own", 1, 1), ("s.all", 1, 2), ("s.own", 2, 3), ("s.all", 1, 2)]
    {
        assert_eq!(call(&broker, name, json!({ "id": id })).await.unwrap(), json!(answer));
    }
    let ttls: Vec<_> = shelf.0.lock().entries.iter().map(|(key, (_, ttl))| (key.clone(), *ttl)).collect();
    let ttl = |millis| Some(ms(millis));
    let expected = [("s.all:1", ttl(60_000)), ("s.own:1", ttl(5000)), ("s.own:2", ttl(5000))];
    assert_eq!(ttls, expected.map(|(key, ttl)| (key.to_owned(), ttl)));
    assert!(shelf.0.lock().asked.contains(&"s.own:1".to_owned()));

    // What somebody else put there is answered.
    let cache = broker.cache().unwrap();
    cache.set("s.own:9", json!(90).into(), None).await;
    assert_eq!(call(&broker, "s.own", json!({ "id": 9 })).await.unwrap(), json!(90));
    cache.del("s.own:2").await.unwrap();
    cache.clean("s.all*").await.unwrap();
    assert_eq!(cache.keys().await.unwrap(), ["s.own:1", "s.own:9"]);
    assert_eq!(call(&broker, "s.own", json!({ "id": 2 })).await.unwrap(), json!(4));

    // Without the store everything is computed; whoever cleans is told.
    shelf.0.lock().entries.clear();
    shelf.0.lock().closed = true;
    for answer in [5, 6] {
        assert_eq!(call(&broker, "s.own", json!({ "id": 1 })).await.unwrap(), json!(answer));
    }
    assert_eq!(cache.clean("s.*").await.unwrap_err().message(), "the store is away");
}
