//! What is in the key of a cached answer: all that the handler gets, and nothing else.

use std::collections::HashMap;

use ligand_core::{Action, ActionRef, Context, Error, Payload, ServiceBroker, ServiceDef, cache::CacheRule};
use ligand_wire::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::support::*;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    #[serde(alias = "q", alias = "query")]
    text: String,
    #[serde(default = "ten")]
    page_size: u32,
    #[serde(default)]
    filter: HashMap<String, String>,
    sort: Option<String>,
    #[serde(flatten)]
    range: Range,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Range {
    #[serde(default)]
    from: u32,
    #[serde(default)]
    to: u32,
}

fn ten() -> u32 {
    10
}

/// An action that answers what it got, with its runs counted.
fn find(count: &Counter, rule: CacheRule) -> Action {
    let count = count.clone();
    let run = move |_: Context, query: Query| {
        count.add();
        async move { Ok::<_, Error>(format!("{query:?}").len()) }
    };
    Action::new("find", run).cache(rule)
}

async fn with_cache(actions: impl IntoIterator<Item = Action>) -> ServiceBroker {
    let svc = actions.into_iter().fold(ServiceDef::new("s"), ServiceDef::action);
    builder().service(svc).memory_cache().start().await.unwrap()
}

async fn keys(broker: &ServiceBroker) -> Vec<String> {
    broker.cache().unwrap().keys().await.unwrap()
}

#[tokio::test]
async fn one_input_of_the_handler_is_one_entry_however_it_was_written() {
    let count = Counter::default();
    let broker = with_cache([find(&count, CacheRule::new())]).await;
    for params in [
        json!({ "text": "x" }),
        json!({ "q": "x" }),
        json!({ "query": "x", "pageSize": 10 }),
        json!({ "pageSize": 10, "text": "x", "sort": null }),
        json!({ "text": "x", "from": 0, "to": 0, "filter": {} }),
        json!({ "text": "x", "nobody": "asked", "for": ["this"] }),
    ] {
        call(&broker, "s.find", params.clone()).await.unwrap();
        broker.call_named("s.find", Payload::json(params.to_string())).await.unwrap();
    }
    const FIND: ActionRef<Query, usize> = ActionRef::new("s.find");
    let typed = || Query {
        text: "x".into(),
        page_size: 10,
        filter: HashMap::new(),
        sort: None,
        range: Range { from: 0, to: 0 },
    };
    broker.call(FIND, typed()).await.unwrap();
    assert_eq!(count.get(), 1, "{:?}", keys(&broker).await);
    // Nothing but the entry itself is needed to find it again.
    let cache = broker.cache().unwrap();
    assert!(cache.get_for(&broker, FIND, typed()).await.is_some());
    const UNTYPED: ActionRef<Value, usize> = ActionRef::new("s.find");
    assert!(cache.get_for(&broker, UNTYPED, json!({ "q": "x", "more": 1 })).await.is_some());
    cache.del_for(&broker, UNTYPED, json!({ "query": "x" })).await.unwrap();
    assert!(keys(&broker).await.is_empty());
}

#[tokio::test]
async fn different_inputs_are_different_entries() {
    let count = Counter::default();
    let broker = with_cache([find(&count, CacheRule::new())]).await;
    let inputs = [
        json!({ "text": "x" }),
        json!({ "text": "x", "pageSize": 11 }),
        json!({ "text": "x", "sort": "" }),
        json!({ "text": "x", "sort": "null" }),
        json!({ "text": "x", "from": 1 }),
        json!({ "text": "x", "to": 1 }),
        json!({ "text": "x", "filter": { "a": "1", "b": "2" } }),
        json!({ "text": "x", "filter": { "a": "1|b|2" } }),
        json!({ "text": "x\"|pageSize|10|\"" }),
    ];
    for (index, params) in inputs.iter().enumerate() {
        call(&broker, "s.find", params.clone()).await.unwrap();
        assert_eq!(count.get(), index + 1, "{params}");
    }
    for params in inputs {
        call(&broker, "s.find", params).await.unwrap();
    }
    assert_eq!(count.get(), 9);
}

#[tokio::test]
async fn named_keys_are_read_from_what_the_handler_gets() {
    let count = Counter::default();
    let broker = with_cache([find(&count, CacheRule::keys(["text", "pageSize"]))]).await;
    call(&broker, "s.find", json!({ "q": "x" })).await.unwrap();
    call(&broker, "s.find", json!({ "query": "x", "pageSize": 10, "sort": "y" })).await.unwrap();
    assert_eq!(keys(&broker).await, [r#"s.find:"x"|10"#]);
    assert_eq!(count.get(), 1);
}

#[tokio::test]
async fn a_list_fills_no_entry() {
    let count = Counter::default();
    let broker = with_cache([find(&count, CacheRule::keys(["text"]))]).await;
    for params in [json!(["x", 10]), json!([])] {
        let error = call(&broker, "s.find", params).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (422, "PAYLOAD_DECODE_ERROR"));
    }
    assert!(keys(&broker).await.is_empty());
    assert_eq!(count.get(), 0);
}

#[tokio::test]
async fn an_untyped_handler_of_a_cached_action_gets_an_empty_object_for_nothing() {
    let echo = action("echo", |_, params: Payload| async move { params.to_value() }).cache(CacheRule::new());
    let broker = with_cache([echo]).await;
    for nothing in [Payload::UNDEFINED, Payload::from(json!({}))] {
        let answer = broker.call_named("s.echo", nothing).await.unwrap().take::<Value>().unwrap();
        assert_eq!(answer, json!({}));
    }
    assert_eq!(keys(&broker).await, ["s.echo:"]);
    assert_eq!(call(&broker, "s.echo", json!(null)).await.unwrap(), json!(null));
    assert_eq!(keys(&broker).await, ["s.echo:", "s.echo:null"]);
}

#[tokio::test]
async fn without_parameters_there_is_one_entry() {
    let count = Counter::default();
    let own = count.clone();
    let action = action("count", move |_, (): ()| {
        let n = own.add();
        async move { Ok(n) }
    });
    let broker = with_cache([action.cache(CacheRule::new())]).await;
    for params in
        [Payload::UNDEFINED, Payload::NULL, Payload::typed(()), json!({}).into(), json!({ "x": 1 }).into()]
    {
        broker.call_named("s.count", params).await.unwrap();
    }
    assert_eq!(keys(&broker).await, ["s.count:"]);
    assert_eq!(count.get(), 1);
}

/// Values of meta and headers that are parts of each other.
#[tokio::test]
async fn meta_headers_and_parameters_do_not_run_together() {
    let mut rng = fastrand::Rng::with_seed(3);
    let words = ["a", "", "|", "\"", "a\"|\"b", "undefined", "null", "1", "a|undefined", "}"];
    let own = |_: Context, _: Payload| async move { Ok::<_, Error>(1) };
    let rule = CacheRule::keys(["id", "#user.id", "#tags", "@x-lang", "@x-more"]);
    let broker = with_cache([Action::new("own", own).cache(rule)]).await;
    let mut inputs: HashMap<String, Value> = HashMap::new();
    for _ in 0..2000 {
        let mut any = |text_only: bool| match rng.u8(..if text_only { 4 } else { 8 }) {
            0 => None,
            1..=3 => Some(json!(rng.choice(words).unwrap())),
            4 => Some(json!(1)),
            5 => Some(json!(null)),
            6 => Some(json!([rng.choice(words).unwrap(), 1])),
            _ => Some(json!({ "a": rng.choice(words).unwrap(), "b": 1 })),
        };
        let (id, user, tags) = (any(false), any(false), any(false));
        let (lang, more) = (any(true), any(true));
        let mut params = Map::new();
        params.extend(id.clone().map(|id| ("id".to_owned(), id)));
        let mut ask = broker.call_named("s.own", Value::Object(params));
        if let Some(id) = user.clone() {
            ask = ask.meta("user", json!({ "id": id }));
        }
        if let Some(tags) = tags.clone() {
            ask = ask.meta("tags", tags);
        }
        for (name, value) in [("x-lang", &lang), ("x-more", &more)] {
            if let Some(value) = value {
                ask = ask.header(name, value.as_str().unwrap());
            }
        }
        ask.await.unwrap();
        let cache = broker.cache().unwrap();
        let all = keys(&broker).await;
        assert_eq!(all.len(), 1);
        cache.clean("s.**").await.unwrap();
        // Missing is not null.
        let input = json!([id.map(|v| [v]), user.map(|v| [v]), tags.map(|v| [v]), lang, more]);
        let known = inputs.entry(all[0].clone()).or_insert_with(|| input.clone());
        assert_eq!(*known, input, "{}", all[0]);
    }
}

/// Parameters with rules and a schema, as `#[payload]` makes them.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    user_name: String,
    #[serde(skip_serializing, default)]
    #[allow(dead_code, reason = "read and never written")]
    password: String,
}

impl ligand_wire::validate::Validate for Credentials {}

#[tokio::test]
async fn a_list_in_the_meta_is_no_struct_either() {
    let own = |ctx: Context, (): ()| async move { ctx.require_meta::<Range>("range").map(|range| range.to) };
    let broker =
        builder().service(ServiceDef::new("s").action(Action::new("own", own))).start().await.unwrap();
    let ask = |range: Value| broker.call_named("s.own", Payload::UNDEFINED).meta("range", range);
    assert_eq!(ask(json!({ "to": 2 })).await.unwrap().take::<u32>().unwrap(), 2);
    assert_eq!(ask(json!([1, 2])).await.unwrap_err().kind(), "META_INVALID");
}

#[tokio::test]
async fn a_rule_that_would_mix_up_callers_does_not_start() {
    let checked = |rule: CacheRule| {
        action("a", |_, _: Credentials| async { Ok(1) }).params::<Credentials>().cache(rule)
    };
    let plain = |name: &str, rule: CacheRule| action(name, |_, _: Payload| async { Ok(1) }).cache(rule);
    for (action, why) in [
        (checked(CacheRule::keys(["user_name"])), "no parameter is named 'user_name', so the key"),
        (checked(CacheRule::keys(["user_name"])), "write 'userName'"),
        (checked(CacheRule::keys(["mail.host"])), "the parameters are password, userName"),
        (checked(CacheRule::keys(["userName", "password"])), "'password' is read and never written"),
        (checked(CacheRule::new()), "its parameter 'password' is read and never written"),
        (plain("a", CacheRule::keys(["id", "#"])), "its key '#' names nothing"),
        (plain("a:b", CacheRule::new()), "its name has a ':'"),
    ] {
        let error = builder().service(ServiceDef::new("s").action(action)).start().await.unwrap_err();
        assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
        assert!(error.message().contains(why), "{error}");
    }
    for action in [
        checked(CacheRule::keys(["userName", "#user.id", "@x-lang"])),
        checked(CacheRule::new().keygen(|_, _| String::new())),
        plain("a", CacheRule::keys(["whatever"])),
    ] {
        builder().service(ServiceDef::new("s").action(action)).start().await.unwrap();
    }
}

#[tokio::test]
async fn masks_find_every_entry_of_an_action() {
    let long = "x".repeat(2000);
    let params = [
        json!({ "id": 1 }),
        json!({ "id": 1.5 }),
        json!({ "mail": "ada@example.org" }),
        json!({ "filter": { "a.b": 1 }, "limit": 5 }),
        json!({ "text": "a\"b" }),
        json!({ "text": long.clone() }),
        json!({ "filter": { "a": long }, "limit": 5 }),
    ];
    let echo = |name| action(name, |_, _: Payload| async { Ok(1) }).cache(CacheRule::new());
    let broker = with_cache([echo("a"), echo("b")]).await;
    let cache = broker.cache().unwrap();
    for mask in ["s.a:*", "s.a*", "s.a**", "s.a:**"] {
        for params in &params {
            call(&broker, "s.a", params.clone()).await.unwrap();
            call(&broker, "s.b", params.clone()).await.unwrap();
        }
        assert_eq!(keys(&broker).await.len(), 14);
        // By default a key is bounded, whatever the parameters are.
        assert!(keys(&broker).await.iter().all(|key| key.len() <= 512 + "s.a:".len()));
        cache.clean(mask).await.unwrap();
        let left = keys(&broker).await;
        assert!(left.len() == 7 && left.iter().all(|key| key.starts_with("s.b:")), "{mask}: {left:?}");
    }
    const B: ActionRef<Value, i32> = ActionRef::new("s.b");
    for params in params {
        cache.del_for(&broker, B, params).await.unwrap();
    }
    assert!(keys(&broker).await.is_empty());
    call(&broker, "s.b", json!({ "x": 1.5 })).await.unwrap();
    cache.clean("s.*").await.unwrap();
    assert!(keys(&broker).await.is_empty());
}

#[tokio::test]
async fn parameters_that_change_nothing_do_not_fill_the_memory() {
    let count = Counter::default();
    let broker = with_cache([find(&count, CacheRule::new())]).await;
    for number in 0..1000 {
        let junk = json!({ "text": "x", format!("junk{number}"): "y".repeat(100) });
        call(&broker, "s.find", junk).await.unwrap();
    }
    assert_eq!((keys(&broker).await.len(), count.get()), (1, 1));
}

#[tokio::test]
async fn the_memory_of_a_cache_is_bounded() {
    let echo = action("echo", |_, params: Payload| async move { Ok(params) }).cache(CacheRule::new());
    let broker = builder()
        .service(ServiceDef::new("s").action(echo))
        .memory_cache()
        .options(|options| options.cacher.as_mut().unwrap().max_memory = 1 << 20)
        .start()
        .await
        .unwrap();
    for number in 0..2000 {
        call(&broker, "s.echo", json!({ "n": number, "text": "x".repeat(2000) })).await.unwrap();
    }
    let kept = keys(&broker).await.len();
    // Key and value, 2.5 kB, are there for some of them.
    assert!((100..450).contains(&kept), "{kept}");
    call(&broker, "s.echo", json!({ "text": "x".repeat(1 << 20) })).await.unwrap();
    assert!(keys(&broker).await.len() >= kept - 1);
}

#[tokio::test]
async fn a_date_has_one_key_in_a_local_call_and_in_one_that_came() {
    let count = Counter::default();
    let own = count.clone();
    let at = Action::new("at", move |_: Context, at: Date| {
        own.add();
        async move { Ok::<_, Error>(at) }
    });
    let raw = Action::new("raw", |_: Context, any: Payload| async move { Ok::<_, Error>(any) });
    let broker = with_cache([at.cache(CacheRule::new()), raw.cache(CacheRule::new())]).await;
    const TEXT: &str = "2026-01-31T12:00:00.000Z";
    const AT: ActionRef<Date, Date> = ActionRef::new("s.at");
    let date = Date::from_millis(1_769_860_800_000);
    broker.call(AT, date).await.unwrap();
    broker.call_named("s.at", json!(TEXT)).await.unwrap();
    broker.call_named("s.at", Payload::json(format!("\"{TEXT}\""))).await.unwrap();
    assert_eq!(keys(&broker).await, [format!("s.at:\"{TEXT}\"")]);
    assert_eq!(count.get(), 1);
    // Where nobody says what is meant a date is its text, and the milliseconds are a number.
    broker
        .call_named("s.raw", Payload::typed(HashMap::from([("at", date)].map(|(k, v)| (k.to_owned(), v)))))
        .await
        .unwrap();
    broker.call_named("s.raw", json!({ "at": TEXT })).await.unwrap();
    broker.call_named("s.raw", json!({ "at": 1_769_860_800_000_i64 })).await.unwrap();
    assert_eq!(keys(&broker).await.len(), 3);
}
