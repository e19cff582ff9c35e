//! What callees cannot do to whoever called: change a sealed identity, or speak about an HTTP answer that is not
//! theirs.

use ligand_core::{
    Action, Context, Error, Payload, Reply, Result, ServiceBroker, ServiceDef,
    cache::CacheRule,
    context::{Meta, ReplyHead},
    edge::{Cookie, HttpRequest, HttpWants},
    middleware::Fallback,
    stream::Streaming,
};
use ligand_transport::memory::MemoryBus;
use serde_json::{Value, json};

use crate::support::*;

/// Says everything about the answer and takes another identity.
fn evil(ctx: &Context) {
    ctx.set_meta("user", "eve");
    ctx.set_meta("$statusCode", 202);
    ctx.set_meta("$statusMessage", "evil");
    ctx.set_meta("$location", "/evil");
    ctx.set_meta("$responseType", "text/evil");
    ctx.set_meta("$responseHeaders", json!({ "x-evil": 1 }));
}

/// `deep.evil`, `deep.fails`, and `deep.middle` that calls the first.
fn deep() -> ServiceDef {
    ServiceDef::new("deep")
        .action(action("evil", |ctx, (): ()| async move {
            evil(&ctx);
            ctx.set_meta("seen", true);
            ctx.meta::<Value>("user")
        }))
        .action(action("fails", |ctx, (): ()| async move {
            evil(&ctx);
            Err::<(), _>(Error::transient(503, "BUSY", "busy"))
        }))
        .action(action("middle", |ctx, (): ()| async move {
            ctx.call_named("deep.evil", json!(null)).await?;
            ctx.meta::<Value>("user")
        }))
        .action(
            action("cached", |ctx, (): ()| async move {
                evil(&ctx);
                Ok(1)
            })
            .cache(CacheRule::new()),
        )
        .event(event("evil.happens", |ctx, _: Payload| async move {
            evil(&ctx);
            ctx.call_named("deep.evil", json!(null)).await?;
            Ok(())
        }))
}

/// `front.<way>`: each way to call somebody else. Answers the user that it sees afterwards.
fn front() -> ServiceDef {
    let after = |ctx: Context| ctx.meta::<Value>("user");
    ServiceDef::new("front")
        .dependency("deep")
        .action(action("call", move |ctx, (): ()| async move {
            ctx.call_named("deep.middle", json!(null)).await?;
            ctx.call_named("deep.evil", json!(null)).await?;
            after(ctx)
        }))
        .action(action("mcall", move |ctx, (): ()| async move {
            ctx.mcall([ctx.call_named("deep.middle", json!(null)), ctx.call_named("deep.evil", json!(null))])
                .await?;
            after(ctx)
        }))
        .action(action("toTheEnd", move |ctx, (): ()| async move {
            ctx.run_to_end(|ctx| async move { ctx.call_named("deep.middle", json!(null)).await }).await?;
            after(ctx)
        }))
        .action(action("fallback", move |ctx, (): ()| async move {
            let other = Fallback::action("deep.evil");
            ctx.call_named("deep.fails", json!(null)).retries(1).fallback(other).await?;
            let own = Fallback::with(|ctx, _| async move {
                if let Some(ctx) = ctx {
                    evil(&ctx);
                }
                Ok(json!(1).into())
            });
            ctx.call_named("deep.fails", json!(null)).fallback(own).await?;
            after(ctx)
        }))
        .action(action("error", move |ctx, (): ()| async move {
            ctx.call_named("deep.fails", json!(null)).await.unwrap_err();
            after(ctx)
        }))
        .action(action("cached", move |ctx, (): ()| async move {
            ctx.call_named("deep.cached", json!(null)).await?;
            ctx.call_named("deep.cached", json!(null)).await?;
            after(ctx)
        }))
        .action(action("event", move |ctx, (): ()| async move {
            ctx.broadcast_named("evil.happens", json!(null)).wait_for_listeners().await?;
            after(ctx)
        }))
}

const WAYS: [&str; 7] = ["call", "mcall", "toTheEnd", "fallback", "error", "cached", "event"];

/// A gateway's context: ada has logged in.
fn edge(broker: &ServiceBroker) -> Context {
    let ctx = broker.root_context();
    ctx.set_meta("user", "ada");
    ctx.seal_identity();
    ctx
}

async fn ask(ctx: &Context, name: String) -> (Result<Payload>, Meta) {
    let head = ReplyHead::new();
    let result = ctx.call_named(name, json!(null)).reply_head(&head).await;
    (result, head.directives())
}

async fn nobody_is_eve(broker: &ServiceBroker) {
    for way in WAYS {
        let ctx = edge(broker);
        let (result, said) = ask(&ctx, format!("front.{way}")).await;
        assert_eq!(result.unwrap().to_value().unwrap(), json!("ada"), "{way}");
        assert_eq!(ctx.meta::<Value>("user").unwrap(), Some(json!("ada")), "{way}");
        assert!(said.is_empty(), "{way}: {said:?}");
        assert_eq!(ctx.metas().iter().filter(|(name, _)| name.starts_with('$')).count(), 0, "{way}");
    }
    // Everything else flows back.
    let ctx = edge(broker);
    ask(&ctx, "front.call".into()).await.0.unwrap();
    assert_eq!(ctx.meta("seen").unwrap(), Some(true));
}

#[tokio::test]
async fn callees_change_neither_identity_nor_answer() {
    let broker = builder().memory_cache().service(deep()).service(front()).start().await.unwrap();
    nobody_is_eve(&broker).await;
}

async fn node(bus: &MemoryBus, id: &str, services: Vec<ServiceDef>) -> ServiceBroker {
    let builder = ServiceBroker::builder().node_id(id).memory_cache().transporter(bus.transporter());
    services.into_iter().fold(builder, ligand_core::broker::BrokerBuilder::service).start().await.unwrap()
}

#[tokio::test]
async fn callees_on_other_nodes_change_neither_identity_nor_answer() {
    let bus = MemoryBus::new();
    let deep = node(&bus, "deep", vec![deep()]).await;
    let front = node(&bus, "front", vec![front()]).await;
    let gateway = node(&bus, "gateway", vec![]).await;
    gateway.wait_for_services(&["front", "deep"], std::time::Duration::from_secs(5)).await.unwrap();
    nobody_is_eve(&gateway).await;
    for broker in [gateway, front, deep] {
        broker.stop().await;
    }
}

#[tokio::test]
async fn another_meta_still_goes_down() {
    let outer = ServiceDef::new("outer").action(action("go", |ctx, (): ()| async move {
        let below: Value = ctx.call_named("inner.who", json!(null)).meta("user", "service").await?.take()?;
        Ok((below, ctx.meta::<Value>("user")?))
    }));
    let inner = ServiceDef::new("inner")
        .action(action("who", |ctx, (): ()| async move { ctx.meta::<Value>("user") }));
    let broker = start([outer, inner]).await;
    let (result, _) = ask(&edge(&broker), "outer.go".into()).await;
    assert_eq!(result.unwrap().to_value().unwrap(), json!(["service", "ada"]));
}

#[tokio::test]
async fn a_caller_that_logged_nobody_in_gets_nobody() {
    let broker = start([deep()]).await;
    let ctx = broker.root_context();
    ctx.seal_identity();
    ask(&ctx, "deep.evil".into()).await.0.unwrap();
    assert_eq!(ctx.meta::<Value>("user").unwrap(), None);
}

#[tokio::test]
async fn the_action_that_was_asked_is_heard() {
    let replies = || {
        ServiceDef::new("say")
            .action(action("hello", |ctx, (): ()| async move {
                let reply =
                    Reply::created("/x", 5).cookie(Cookie::new("a", "1")).cookie(Cookie::removal("b"));
                Ok(reply.content_type("text/x").settle(&ctx))
            }))
            .action(action("later", |ctx, (): ()| async move {
                ctx.run_to_end(|ctx| async move {
                    ctx.set_meta("$statusCode", 207);
                    Ok(())
                })
                .await
            }))
    };
    let bus = MemoryBus::new();
    let far = node(&bus, "far", vec![replies()]).await;
    let gateway = node(&bus, "gateway", vec![]).await;
    gateway.wait_for_services(&["say"], std::time::Duration::from_secs(5)).await.unwrap();
    let near = start([replies()]).await;
    for broker in [&near, &gateway] {
        let (result, said) = ask(&broker.root_context(), "say.hello".into()).await;
        assert_eq!(result.unwrap().take::<u8>().unwrap(), 5);
        assert_eq!(
            Value::Object(said.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
            json!({
                "$statusCode": 201, "$responseType": "text/x", "$responseHeaders": {
                    "location": "/x",
                    "set-cookie": [
                        "a=1; Path=/; Secure; HttpOnly; SameSite=Lax",
                        "b=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax",
                    ],
                },
            })
        );
        let (_, said) = ask(&broker.root_context(), "say.later".into()).await;
        assert_eq!(said.get("$statusCode"), Some(&json!(207)));
    }
    gateway.stop().await;
    far.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_try_leaves_nothing_behind() {
    let tries = Counter::default();
    let seen = tries.clone();
    let flaky = move |ctx: Context, (): ()| {
        let first = seen.add() % 2 == 1;
        async move {
            if first {
                ctx.set_meta("$statusCode", 500);
                ctx.set_meta("$location", "/failed");
                return Err(Error::transient(503, "BUSY", "busy"));
            }
            ctx.set_meta("$responseType", "text/plain");
            Ok(1)
        }
    };
    let rescue = Fallback::with(|_, _| async { Ok(json!(2).into()) });
    let service = || {
        let alone = |ctx: Context, (): ()| async move {
            ctx.set_meta("$statusCode", 500);
            Err::<u8, _>(Error::new("no"))
        };
        ServiceDef::new("f")
            .action(action("flaky", flaky.clone()))
            .action(action("rescued", alone).fallback(rescue.clone()))
    };
    let bus = MemoryBus::new();
    let far = node(&bus, "far", vec![service()]).await;
    let gateway = node(&bus, "gateway", vec![]).await;
    gateway.wait_for_services(&["f"], std::time::Duration::from_secs(5)).await.unwrap();
    let near = start([service()]).await;
    for broker in [&near, &gateway] {
        let head = ReplyHead::new();
        let ctx = broker.root_context();
        ctx.call_named("f.flaky", json!(null)).retries(1).reply_head(&head).await.unwrap();
        let said: Vec<String> = head.directives().iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(said, ["$responseType"]);
        let (result, said) = ask(&ctx, "f.rescued".into()).await;
        assert_eq!((result.unwrap().take::<u8>().unwrap(), said.is_empty()), (2, true));
    }
    gateway.stop().await;
    far.stop().await;
}

#[tokio::test]
async fn a_hit_answers_as_the_miss_did() {
    let runs = Counter::default();
    let count = runs.clone();
    let accepted = move |ctx: Context, (): ()| {
        count.add();
        async move { Ok::<_, Error>(Reply::html("<b>").status(202).header("x-a", "1").settle(&ctx)) }
    };
    let cached = Action::new("accepted", accepted).cache(CacheRule::new());
    let broker = builder().memory_cache().service(ServiceDef::new("c").action(cached)).start().await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (result, said) = ask(&broker.root_context(), "c.accepted".into()).await;
        answers.push((result.unwrap().to_value().unwrap(), said));
    }
    assert_eq!((runs.get(), &answers[0]), (1, &answers[1]));
    assert_eq!(answers[1].1.get("$statusCode"), Some(&json!(202)));
    // Who looks into the cache sees the result alone.
    let cache = broker.cache().unwrap();
    let keys = cache.keys().await.unwrap();
    assert_eq!(cache.get(&keys[0]).await.unwrap().to_value().unwrap(), json!("<b>"));
}

#[tokio::test]
async fn an_answer_that_sets_cookies_is_for_one_client_only() {
    let runs = Counter::default();
    let count = runs.clone();
    let login = move |ctx: Context, (): ()| {
        count.add();
        let number = count.get();
        async move {
            Ok::<_, Error>(Reply::new(number).cookie(Cookie::new("session", number.to_string())).settle(&ctx))
        }
    };
    let cached = Action::new("login", login).cache(CacheRule::new());
    let broker = builder().memory_cache().service(ServiceDef::new("c").action(cached)).start().await.unwrap();
    for number in 1..3 {
        let (result, said) = ask(&broker.root_context(), "c.login".into()).await;
        assert_eq!(result.unwrap().to_value().unwrap(), json!(number));
        assert!(said.get("$responseHeaders").is_some(), "{said:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_cached_is_refused_at_start() {
    let stream = || action("stream", |_, (): ()| async { Ok(Streaming::from_bytes("x")) });
    let asks = action("asks", |_, (): ()| async { Ok(1) }).http(HttpWants::new());
    for (def, why) in [
        (
            ServiceDef::new("s").action(stream().cache(CacheRule::new())),
            "'s.stream' cannot be cached: it answers a stream",
        ),
        (ServiceDef::new("s").setting("$cache", true).action(stream()), "'s.stream' cannot be cached"),
        (
            ServiceDef::new("s").action(asks.cache(CacheRule::new())),
            "'s.asks' cannot be cached: it asks for the HTTP",
        ),
    ] {
        let error = builder().memory_cache().service(def).start().await.unwrap_err();
        assert!(error.message().contains(why), "{error}");
    }
    let off = ServiceDef::new("s").setting("$cache", true).action(stream().no_cache());
    builder().memory_cache().service(off).start().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_no_type_tells_of_is_not_cached() {
    let raw = Action::raw("stream", |_: &Context, _: Payload| {
        ligand_core::future::Work::done(Ok(Payload::typed(Streaming::from_bytes("x"))))
    });
    let def = ServiceDef::new("s").action(raw.cache(CacheRule::new()));
    let broker = builder().memory_cache().service(def).start().await.unwrap();
    for _ in 0..2 {
        let stream: Streaming = broker.call_named("s.stream", json!(1)).await.unwrap().take().unwrap();
        assert_eq!(&stream.collect_bytes(9).await.unwrap()[..], b"x");
    }
}

#[tokio::test]
async fn the_request_reaches_the_action_that_asks_and_nobody_else() {
    fn sees(ctx: &Context) -> Value {
        json!(ctx.http().map(|http| (http.path(), http.header("x-a"), http.cookie("c"))))
    }
    let service = || {
        ServiceDef::new("h").action(action("below", |ctx, (): ()| async move { Ok(sees(&ctx)) })).action(
            action("asks", |ctx, (): ()| async move {
                let below = ctx.call_named("h.below", json!(null)).await?.to_value()?;
                let later = ctx.run_to_end(|ctx| async move { Ok(sees(&ctx)) }).await?;
                Ok(json!([sees(&ctx), later, below, ctx.metas().is_empty()]))
            }),
        )
    };
    let bus = MemoryBus::new();
    let far = node(&bus, "far", vec![service()]).await;
    let gateway = node(&bus, "gateway", vec![]).await;
    gateway.wait_for_services(&["h"], std::time::Duration::from_secs(5)).await.unwrap();
    let near = start([service()]).await;
    for broker in [&near, &gateway] {
        let wants = HttpWants::new().headers(["x-a"]).cookies(["c"]);
        let request: HttpRequest =
            wants.of("GET", "/p", None, [("x-a", "1"), ("cookie", "c=2"), ("x-b", "3")]);
        let seen = broker.root_context().call_named("h.asks", json!(null)).http(request).await.unwrap();
        let own = json!(["/p", "1", "2"]);
        assert_eq!(seen.to_value().unwrap(), json!([own, own, null, true]));
        let seen = broker.call_named("h.asks", json!(null)).await.unwrap().to_value().unwrap();
        assert_eq!(seen[0], json!(null));
    }
    gateway.stop().await;
    far.stop().await;
}

#[tokio::test]
async fn a_meta_value_is_there_missing_or_unfit() {
    let broker = start([]).await;
    let ctx = broker.root_context();
    ctx.set_meta("user", json!({ "id": "secret" }));
    ctx.set_meta("nobody", json!(null));
    assert_eq!(ctx.meta::<u64>("none").unwrap(), None);
    assert_eq!(ctx.meta::<u64>("nobody").unwrap(), None);
    assert_eq!(ctx.meta::<Value>("nobody").unwrap(), Some(json!(null)));
    let unfit = ctx.meta::<u64>("user").unwrap_err();
    assert_eq!((unfit.code(), unfit.kind()), (422, "META_INVALID"));
    assert!(!unfit.message().contains("secret"), "{unfit}");
    let missing = ctx.require_meta::<u64>("none").unwrap_err();
    assert_eq!((missing.code(), missing.kind()), (400, "META_MISSING"));
    assert_eq!(ctx.require_meta::<u64>("nobody").unwrap_err().kind(), "META_MISSING");
    assert_eq!(ctx.require_meta::<Value>("user").unwrap(), json!({ "id": "secret" }));
}
