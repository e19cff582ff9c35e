//! Retries and fallbacks.

use ligand_core::{
    Action, ActionRef, Context, Error, Payload, Result, ServiceDef,
    broker::CallOptions,
    config::{CircuitBreakerOptions, ErrorCheck, RetryOptions},
    future::Work,
    middleware::{AfterHook, Fallback},
    service::Visibility,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::*;

/// Times of the runs of `s.busy`, which always fails with a retryable error.
fn busy(times: &std::sync::Arc<Mutex<Vec<tokio::time::Instant>>>) -> ligand_core::Action {
    let times = times.clone();
    action("busy", move |_, (): ()| {
        times.lock().push(tokio::time::Instant::now());
        async { Err::<(), _>(Error::transient(503, "BUSY", "busy")) }
    })
}

fn gaps(times: &Mutex<Vec<tokio::time::Instant>>) -> Vec<u128> {
    let times = std::mem::take(&mut *times.lock());
    times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect()
}

#[tokio::test(start_paused = true)]
async fn pauses_grow() {
    let times = std::sync::Arc::default();
    let broker = builder()
        .service(ServiceDef::new("s").action(busy(&times)))
        .options(|o| {
            o.retry_policy.enabled = true;
            o.retry_policy.retries = 3;
        })
        .start()
        .await
        .unwrap();
    let error = call(&broker, "s.busy", json!(null)).await.unwrap_err();
    assert_eq!((error.kind(), gaps(&times)), ("BUSY", vec![100, 200, 400]));
    broker.call_named("s.busy", json!(null)).retries(5).await.unwrap_err();
    assert_eq!(gaps(&times), [100, 200, 400, 800, 1000]);
    broker.call_named("s.busy", json!(null)).retries(0).await.unwrap_err();
    assert_eq!(times.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_of_one_call_work_without_a_policy() {
    let times = std::sync::Arc::default();
    let broker = start([ServiceDef::new("s").action(busy(&times))]).await;
    call(&broker, "s.busy", json!(null)).await.unwrap_err();
    assert_eq!(times.lock().len(), 1);
    times.lock().clear();
    broker.call_named("s.busy", json!(null)).retries(2).await.unwrap_err();
    assert_eq!(gaps(&times), [100, 200]);
}

#[tokio::test(start_paused = true)]
async fn an_action_has_a_policy_of_its_own() {
    let times = std::sync::Arc::default();
    let options =
        RetryOptions { retries: Some(2), delay: Some(ms(10)), factor: Some(1.0), ..RetryOptions::default() };
    let off = RetryOptions { enabled: Some(false), ..RetryOptions::default() };
    let broker = builder()
        .service(ServiceDef::new("s").action(busy(&times).retry(options)))
        .service(ServiceDef::new("off").action(busy(&times).retry(off)))
        .options(|o| o.retry_policy.enabled = true)
        .start()
        .await
        .unwrap();
    call(&broker, "s.busy", json!(null)).await.unwrap_err();
    assert_eq!(gaps(&times), [10, 10]);
    call(&broker, "off.busy", json!(null)).await.unwrap_err();
    assert_eq!(times.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_what_can_help_is_tried_again() {
    let runs = Counter::default();
    let own = runs.clone();
    let svc = ServiceDef::new("s").action(action("do", move |_, kind: String| {
        own.add();
        async move {
            Err::<(), _>(match kind.as_str() {
                "plain" => Error::new("x"),
                "client" => Error::bad_request("x"),
                "server" => Error::server(500, "S", "x"),
                _ => Error::validation(Vec::new()),
            })
        }
    }));
    let broker = start([svc.clone()]).await;
    for (kind, expected) in [("plain", 1), ("client", 1), ("validation", 1), ("server", 3)] {
        let before = runs.get();
        broker.call_named("s.do", json!(kind)).retries(2).await.unwrap_err();
        assert_eq!(runs.get() - before, expected, "{kind}");
    }
    // A check decides instead.
    let broker = builder()
        .service(svc)
        .options(|o| o.retry_policy.check = Some(ErrorCheck::new(|error| error.code() == 400)))
        .start()
        .await
        .unwrap();
    for (kind, expected) in [("client", 3), ("server", 1)] {
        let before = runs.get();
        broker.call_named("s.do", json!(kind)).retries(2).await.unwrap_err();
        assert_eq!(runs.get() - before, expected, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_try_may_succeed_and_each_has_its_own_time_and_id() {
    let log = Log::default();
    let own = log.clone();
    let svc = ServiceDef::new("s").action(action("flaky", move |ctx: Context, n: u32| {
        own.add(ctx.id().to_string());
        let runs = own.len();
        async move {
            if runs < 3 {
                std::future::pending::<()>().await;
            }
            Ok(n)
        }
    }));
    let broker = start([svc]).await;
    let start = tokio::time::Instant::now();
    let answer = broker.call_named("s.flaky", json!(7)).timeout(ms(50)).retries(5).await.unwrap();
    assert_eq!(answer.take::<u32>().unwrap(), 7);
    assert_eq!(start.elapsed(), ms(50 + 100 + 50 + 200));
    let mut ids = log.take();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_pause_is_longer_than_the_caller_has_time() {
    let times = std::sync::Arc::default();
    let outer = action("outer", |ctx, (): ()| async move {
        let start = tokio::time::Instant::now();
        let error = ctx.call_named("s.busy", json!(null)).retries(10).await.unwrap_err();
        Ok((error.kind().to_owned(), u64::try_from(start.elapsed().as_millis()).unwrap()))
    });
    let broker = start([ServiceDef::new("s").action(busy(&times)).action(outer)]).await;
    let answer = broker.call_named("s.outer", json!(null)).timeout(ms(500)).await.unwrap();
    assert_eq!(answer.take::<Value>().unwrap(), json!(["BUSY", 300]));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_comes_back_is_found_by_a_later_try() {
    let broker = start([]).await;
    let svc = || {
        ServiceDef::new("s").action(action("a", |ctx, (): ()| async move {
            if ctx.meta::<bool>("first")?.is_none() {
                return Err(Error::transient(503, "BUSY", "busy"));
            }
            Ok(())
        }))
    };
    broker.add_service(svc()).await.unwrap();
    let own = broker.clone();
    let running = spawn(async move { own.call_named("s.a", json!(null)).retries(3).await });
    settle().await;
    broker.destroy_service("s").await.unwrap();
    tokio::time::sleep(ms(150)).await;
    broker.add_service(ServiceDef::new("s").action(action("a", |_, (): ()| async { Ok(5) }))).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().take::<u32>().unwrap(), 5);
}

/// The answer of the course's example.
fn none() -> Value {
    json!({ "recommendations": [], "message": "Recommendations unavailable right now" })
}

fn recommendations() -> ServiceDef {
    let breaker = CircuitBreakerOptions { min_request_count: Some(1), ..CircuitBreakerOptions::default() };
    ServiceDef::new("r")
        .action(action("fails", |_, (): ()| async { Err::<Value, _>(Error::new("broken")) }))
        .action(
            action("slow", |_, (): ()| async { std::future::pending::<Result<Value>>().await })
                .timeout(ms(50)),
        )
        .action(
            action("open", |_, (): ()| async { Err::<Value, _>(Error::new("broken")) })
                .circuit_breaker(breaker),
        )
        .action(action("panics", |_, (): ()| async { panic!("no") as Result<Value> }))
        .action(action("cached", |ctx, params: Payload| async move {
            Ok((ctx.caller().map(str::to_owned), params.to_value()?))
        }))
        .action(
            action("secret", |_, (): ()| async { Ok("secret".to_owned()) }).visibility(Visibility::Private),
        )
}

#[tokio::test(start_paused = true)]
async fn a_fallback_answers_for_every_reason() {
    let broker = start([recommendations()]).await;
    for name in ["r.fails", "r.slow", "r.open", "r.open", "r.panics", "nobody.knows"] {
        let answer = broker.call_named(name, json!(null)).fallback(Fallback::value(none())).await.unwrap();
        assert_eq!(answer.take::<Value>().unwrap(), none(), "{name}");
    }
    // Empty values are values.
    for value in [json!(0), json!(""), json!(false), json!(null)] {
        let answer = broker.call_named("r.fails", json!(null)).fallback(Fallback::value(value.clone())).await;
        assert_eq!(answer.unwrap().to_value().unwrap(), value);
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_sees_context_and_error() {
    let broker = start([recommendations()]).await;
    let tell = Fallback::with(|ctx: Option<Context>, error| async move {
        let action = ctx.map(|ctx| ctx.action().to_owned());
        Ok(json!([action, error.kind(), error.message()]).into())
    });
    let ask = async |name: &'static str| {
        let request = broker.call_named(name, json!(null)).fallback(tell.clone());
        request.await.unwrap().take::<Value>().unwrap()
    };
    assert_eq!(ask("r.fails").await, json!(["r.fails", "", "broken"]));
    assert_eq!(ask("r.slow").await[1], "REQUEST_TIMEOUT");
    assert_eq!(ask("x.y").await, json!([null, "SERVICE_NOT_FOUND", "Service 'x.y' is not found."]));
    let refuses = Fallback::with(|_, error| async { Err(error) });
    let error = broker.call_named("r.fails", json!(null)).fallback(refuses).await.unwrap_err();
    assert_eq!(error.message(), "broken");
}

#[tokio::test(start_paused = true)]
async fn another_action_answers_also_after_a_time_out() {
    let broker = start([recommendations()]).await;
    for name in ["r.fails", "r.slow", "r.open", "r.open"] {
        let answer = broker.call_named(name, json!({ "n": 1 })).fallback(Fallback::action("r.cached")).await;
        assert_eq!(answer.unwrap().take::<Value>().unwrap(), json!(["r", { "n": 1 }]), "{name}");
    }
    // The action's service asks, so its private actions can answer.
    let answer = broker.call_named("r.slow", json!(null)).fallback(Fallback::action("r.secret")).await;
    assert_eq!(answer.unwrap().take::<String>().unwrap(), "secret");
    let answer = broker.call_named("x.y", json!({ "n": 1 })).fallback(Fallback::action("r.cached")).await;
    assert_eq!(answer.unwrap().take::<Value>().unwrap(), json!([null, { "n": 1 }]));
}

#[tokio::test(start_paused = true)]
async fn actions_have_fallbacks_and_calls_win_over_them() {
    let runs = Counter::default();
    let own = runs.clone();
    let fails = action("a", move |_, (): ()| {
        own.add();
        async { Err::<Value, _>(Error::transient(503, "BUSY", "busy")) }
    });
    let svc = ServiceDef::new("s").action(fails.fallback(Fallback::with(|ctx, _| async move {
        ctx.unwrap().set_meta("fallback", true);
        Ok(json!("action's").into())
    })));
    let broker = start([svc]).await;
    let root = broker.root_context();
    // Retries come first.
    let answer = root.call_named("s.a", json!(null)).retries(2).await.unwrap();
    assert_eq!((answer.take::<String>().unwrap().as_str(), runs.get()), ("action's", 3));
    assert_eq!(root.meta::<bool>("fallback").unwrap(), Some(true));
    let answer = broker.call_named("s.a", json!(null)).fallback(Fallback::value("call's".to_owned())).await;
    assert_eq!(answer.unwrap().take::<String>().unwrap(), "call's");
}

/// What the start says of an action that falls back to a value.
async fn start_with(action: Action) -> Result<(), String> {
    match builder().service(ServiceDef::new("s").action(action)).start().await {
        Ok(broker) => {
            broker.stop().await;
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn a_fallback_that_callers_cannot_read_stops_the_start() {
    let text = || action("do", |_, (): ()| async { Err::<String, _>(Error::new("no")) });
    let pair = || action("do", |_, (): ()| async { Err::<(u8, Option<bool>), _>(Error::new("no")) });
    let blocking = || Action::blocking("do", |_: &Context, (): ()| Err::<u8, _>(Error::new("no")));
    let of = || Action::of("do", |(): ()| async { Err::<Vec<u8>, _>(Error::new("no")) });
    let free = || action("do", |_, (): ()| async { Err::<Value, _>(Error::new("no")) });
    let bad = [
        (text(), json!(4711), "a number", "String"),
        (text(), json!(null), "null", "String"),
        (text(), json!({ "hunter2": 1 }), "an object", "String"),
        (pair(), json!([300, null]), "a list", "(u8, core::option::Option<bool>)"),
        (blocking(), json!("hunter2"), "a text", "u8"),
        (of(), json!(true), "a boolean", "Vec<u8>"),
    ];
    for (action, value, kind, name) in bad {
        let error = start_with(action.fallback(Fallback::value(&value))).await.unwrap_err();
        let named = error.contains("the fallback of the action 's.do'") && error.contains(name);
        assert!(named && error.contains(&format!("is {kind}, ")), "{error}");
        assert!(!error.contains("4711") && !error.contains("hunter2"), "{error}");
    }
    let good = [
        (text(), json!("")),
        (pair(), json!([3, null])),
        (blocking(), json!(3.0)),
        (of(), json!([])),
        (free(), json!({ "any": "thing" })),
        (free(), json!(null)),
    ];
    for (action, value) in good {
        start_with(action.fallback(Fallback::value(&value))).await.unwrap();
    }
    // What an after hook makes of the result is not known.
    let hook = AfterHook::raw(|_, result| async move { Ok(json!({ "data": result.to_value()? }).into()) });
    start_with(text().after(hook).fallback(Fallback::value(json!({ "data": "" })))).await.unwrap();
    let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = start_with(free().fallback(Fallback::value(unwritable))).await.unwrap_err();
    assert!(error.contains("the fallback of the action 's.do' cannot be written"), "{error}");
}

#[tokio::test]
async fn the_published_schema_says_what_a_fallback_may_be() {
    let raw = || {
        let fails = |_: &Context, _: Payload| Work::done(Err(Error::new("no")));
        Action::raw("do", fails).returns::<Vec<u8>>()
    };
    let error = start_with(raw().fallback(Fallback::value(json!([1, "hunter2"])))).await.unwrap_err();
    assert!(error.contains("'s.do' is a list, which the schema of the result refuses at '[1]'"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    start_with(raw().fallback(Fallback::value(json!([1, 2])))).await.unwrap();
}

#[tokio::test]
async fn a_constant_that_does_not_fit_a_call_fails_it_before_anything_runs() {
    const RATE: ActionRef<Value, f64> = ActionRef::new("s.rate");
    let runs = Counter::default();
    let own = runs.clone();
    let rate = action("rate", move |_, _: Value| {
        own.add();
        async { Err::<f64, _>(Error::new("no")) }
    });
    let broker = start([ServiceDef::new("s").action(rate)]).await;
    let text = || Fallback::value("hunter2");
    let unwritable = || Fallback::value(std::collections::BTreeMap::from([((1, 2), 3)]));
    let options = CallOptions { fallback: Some(text()), ..CallOptions::default() };
    let errors = [
        broker.call(RATE, json!(null)).fallback(text()).timeout(ms(5)).await.unwrap_err(),
        broker.call(RATE, json!(null)).with_options(options).await.unwrap_err(),
        broker.call_named("s.rate", json!(null)).fallback(text()).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.retryable()), ("INVALID_RESPONSE_TYPE", false));
        let expected = "The fallback given at the call of 's.rate' is a text, and callers read a f64; write a value that \
                        the action could answer.";
        assert_eq!(error.message(), expected);
    }
    let error = broker.call_named("s.rate", json!(null)).fallback(unwritable()).await.unwrap_err();
    assert!(error.message().ends_with("'s.rate' cannot be written as JSON."), "{error}");
    assert_eq!(runs.get(), 0);
    // What fits answers, and so does null where the caller reads whatever comes.
    assert_eq!(broker.call(RATE, json!(null)).fallback(Fallback::value(2)).await.unwrap(), 2.0);
    assert_eq!(broker.call(RATE, json!(null)).fallback_value(2.5).await.unwrap(), 2.5);
    let none = broker.call_named("s.rate", json!(null)).fallback(Fallback::value(json!(null))).await.unwrap();
    assert_eq!(none.to_value().unwrap(), json!(null));
    assert_eq!(runs.get(), 3);
}
