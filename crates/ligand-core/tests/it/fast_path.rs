//! Typed calls that meet no layer: they do what layers would have done.

use std::{sync::Arc, time::Duration};

use ligand_core::{
    __private::{generated, probe::Probe},
    Action, ActionRef, Context, Data, Error, Result, ServiceBroker, ServiceDef, middleware,
};
use ligand_wire::validate::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Half {
    number: i64,
}

/// Only even numbers have a half.
impl Validate for Half {
    const CHECKS: bool = true;
    fn is_valid(&self) -> bool {
        self.number % 2 == 0
    }
}

struct Math;

fn half(params: &Half) -> Result<i64> {
    match params.number {
        0 => Err(Error::client(400, "ZERO", "Nothing to share.")),
        13 | 14 => panic!("superstition"),
        number => Ok(number / 2),
    }
}

/// The same action in every form that a handler can have.
fn math() -> ServiceDef {
    let this = Arc::new(Math);
    let (params, result) = (Probe::<Half>::new().form(), Probe::<i64>::new().form());
    ServiceDef::new("math")
        .action(generated::action_now_of("now_of", &this, params, result, |_, params: Half| half(&params)))
        .action(generated::action_now("now", &this, params, result, |_, ctx, params: Half| {
            ctx.set_meta("seen", true);
            half(&params)
        }))
        .action(generated::action_of("later_of", &this, params, result, |_, params: Half| async move {
            tokio::task::yield_now().await;
            half(&params)
        }))
        .action(generated::action("later", &this, params, result, |_, ctx, params: Half| {
            let ctx = ctx.clone();
            async move {
                ctx.set_meta("seen", true);
                half(&params)
            }
        }))
        .action(
            Action::new("new", |ctx: Context, params: Half| async move {
                tokio::task::yield_now().await;
                ctx.set_meta("seen", true);
                half(&params)
            })
            .params::<Half>(),
        )
        .action(Action::of("of", |params: Half| async move { half(&params) }).params::<Half>())
        .action(Action::new("callers", |ctx: Context, name: String| async move {
            let action = HALVES.into_iter().find(|action| action.name() == name).unwrap();
            let half = ctx.call(action, Half { number: 8 }).await?;
            Ok::<_, Error>((half, ctx.meta::<bool>("seen")?))
        }))
}

const HALVES: [ActionRef<Half, i64>; 6] = [
    ActionRef::new("math.now_of"),
    ActionRef::new("math.now"),
    ActionRef::new("math.later"),
    ActionRef::new("math.new"),
    ActionRef::new("math.of"),
    ActionRef::new("math.later_of"),
];

const CALLERS: ActionRef<String, (i64, Option<bool>)> = ActionRef::new("math.callers");

/// What a caller sees of an outcome.
fn told<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{} {} {:?}", error.code(), error.kind(), error.data()),
    }
}

async fn asked<P: Data, R: Data + std::fmt::Debug>(
    broker: &ServiceBroker,
    name: &'static str,
    params: P,
) -> String {
    told(broker.call(ActionRef::<P, R>::new(name), params).await)
}

#[tokio::test]
async fn calls_without_layers_answer_as_those_with_layers() {
    let pass = middleware::from_fn("pass", |ctx, params, next| async move { next.call(&ctx, params).await });
    let without = ServiceBroker::builder().node_id("node").service(math()).start().await.unwrap();
    let with =
        ServiceBroker::builder().node_id("node").service(math()).middleware(pass).start().await.unwrap();
    for action in HALVES {
        let name = action.name();
        let mut answers = Vec::new();
        for broker in [&without, &with] {
            let mut told_here = Vec::new();
            for number in [8, 0, 14, 5, 13] {
                told_here.push(told(broker.call(action, Half { number }).await));
            }
            // Other types than the handler's, on both sides.
            told_here.push(asked::<_, f64>(broker, name, Half { number: 8 }).await);
            told_here.push(asked::<_, String>(broker, name, Half { number: 8 }).await);
            told_here.push(asked::<_, i64>(broker, name, json!({ "number": 6 })).await);
            told_here.push(asked::<_, i64>(broker, name, json!({ "number": "six" })).await);
            told_here.push(told(broker.call(action, Half { number: 8 }).shared().await));
            told_here.push(told(broker.call(action, Half { number: 8 }).meta("a", 1).await));
            told_here.push(told(broker.call(CALLERS, name.to_owned()).await));
            answers.push(told_here);
        }
        assert_eq!(answers[0], answers[1], "{name}");
        assert_eq!(answers[0][0], "4");
        assert!(answers[0][1].starts_with("400 ZERO"), "{}", answers[0][1]);
        assert!(answers[0][2].starts_with("500 HANDLER_PANICKED"), "{}", answers[0][2]);
        assert!(answers[0][3].starts_with("422 VALIDATION_ERROR"), "{}", answers[0][3]);
        let seen = !name.ends_with("of");
        assert_eq!(answers[0][11], told(Ok((4, seen.then_some(true)))), "{name}");
    }
    without.stop().await;
    with.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_holds_without_layers() {
    const WAIT: ActionRef<(), ()> = ActionRef::new("slow.wait");
    let wait = Action::of("wait", |(): ()| async { std::future::pending::<Result<()>>().await });
    let slow = ServiceDef::new("slow").action(wait.timeout(Duration::from_secs(3)));
    let broker = start([slow]).await;
    let begun = tokio::time::Instant::now();
    let error = broker.call(WAIT, ()).await.unwrap_err();
    assert_eq!((error.code(), begun.elapsed()), (504, Duration::from_secs(3)));
    broker.stop().await;
}

#[tokio::test]
async fn a_dropped_call_drops_its_handler() {
    const WAIT: ActionRef<(), ()> = ActionRef::new("slow.wait");
    let held = Arc::new(());
    let own = held.clone();
    let wait = Action::of("wait", move |(): ()| {
        let own = own.clone();
        async move {
            std::future::pending::<()>().await;
            drop(own);
            Ok::<_, Error>(())
        }
    });
    let broker = start([ServiceDef::new("slow").action(wait)]).await;
    let before = Arc::strong_count(&held);
    let mut call = Box::pin(broker.call(WAIT, ()));
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    assert_eq!(Arc::strong_count(&held), before + 1);
    drop(call);
    assert_eq!(Arc::strong_count(&held), before);
    broker.stop().await;
}

/// Between the caller and an entry of the cache stand the same checks as before the handler.
#[tokio::test]
async fn hits_without_layers_ask_what_the_layers_ask() {
    const GET: ActionRef<Half, i64> = ActionRef::new("cached.get");
    const THROUGH: ActionRef<bool, i64> = ActionRef::new("cached.through");
    let (runs, outside) = (Counter::default(), Counter::default());
    let counted = runs.clone();
    let get = Action::new("get", move |_: Context, params: Half| {
        let run = counted.add();
        async move { Ok::<_, Error>(params.number + i64::try_from(run).unwrap_or_default()) }
    });
    let through = Action::new("through", |ctx: Context, fresh: bool| async move {
        if fresh {
            ctx.set_meta("$cache", false);
        }
        ctx.call(GET, Half { number: 100 }).await
    });
    let cached = ServiceDef::new("cached")
        .action(get.params::<Half>().cache(ligand_core::cache::CacheRule::new()))
        .action(through);
    let seen = outside.clone();
    let count = middleware::from_fn("count", move |ctx, params, next| {
        let counts = ctx.action() == "cached.get";
        counts.then(|| seen.add());
        async move { next.call(&ctx, params).await }
    });
    let builder = ServiceBroker::builder().memory_cache().middleware(count);
    let broker = builder.service(cached).start().await.unwrap();
    let ask = |number| broker.call(GET, Half { number });
    for _ in 0..3 {
        assert_eq!(ask(100).await.unwrap(), 101);
        assert_eq!(*ask(100).shared().await.unwrap(), 101);
        let untyped = broker.call_named("cached.get", json!({ "number": 100 })).await.unwrap();
        assert_eq!(untyped.take::<i64>().unwrap(), 101);
    }
    assert_eq!((runs.get(), outside.get()), (1, 1), "middlewares stand behind the cache");
    assert_eq!(broker.call(THROUGH, false).await.unwrap(), 101);
    assert_eq!(broker.call(THROUGH, true).await.unwrap(), 102, "the caller wants a new answer");
    assert_eq!(ask(100).no_cache().await.unwrap(), 103);
    assert_eq!(ask(100).await.unwrap(), 101);
    assert_eq!(ask(5).await.unwrap_err().code(), 422);
    broker.cache().unwrap().clean("cached.*").await.unwrap();
    assert_eq!(ask(100).await.unwrap(), 104);
    broker.stop().await;
}

/// A thread remembers where the constant led.
#[tokio::test(start_paused = true)]
async fn a_constant_leads_to_the_service_that_is_there_now() {
    const WHO: ActionRef<(), u32> = ActionRef::new("who.am_i");
    let who = |answer: u32| {
        ServiceDef::new("who").action(Action::of("am_i", move |(): ()| async move { Ok::<_, Error>(answer) }))
    };
    let (one, other) = (start([who(1)]).await, start([who(2)]).await);
    for _ in 0..3 {
        assert_eq!(one.call(WHO, ()).await.unwrap(), 1);
        assert_eq!(other.call(WHO, ()).await.unwrap(), 2);
    }
    let early = one.call(WHO, ());
    one.destroy_service("who").await.unwrap();
    assert_eq!(one.call(WHO, ()).await.unwrap_err().kind(), "SERVICE_NOT_FOUND");
    one.add_service(who(3)).await.unwrap();
    assert_eq!(one.call(WHO, ()).await.unwrap(), 3);
    assert_eq!(early.await.unwrap(), 3);
    assert_eq!(other.call(WHO, ()).await.unwrap(), 2);
    one.stop().await;
    assert_eq!(one.call(WHO, ()).await.unwrap_err().kind(), "REQUEST_REJECTED");
    other.stop().await;
}

/// What is remembered does not count as running work, or a stop would wait for it.
#[tokio::test(start_paused = true)]
async fn what_a_thread_remembers_keeps_no_service_from_stopping() {
    const WHO: ActionRef<(), u32> = ActionRef::new("who.am_i");
    let held = Arc::new(());
    let own = held.clone();
    let who = ServiceDef::new("who").action(Action::of("am_i", move |(): ()| {
        let _ = &own;
        async move { Ok::<_, Error>(1) }
    }));
    let broker = start([who]).await;
    assert_eq!(broker.call(WHO, ()).await.unwrap(), 1);
    let begun = tokio::time::Instant::now();
    broker.stop().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    drop(broker);
    assert_eq!(Arc::strong_count(&held), 1);
}
