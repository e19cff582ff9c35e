//! Circuit breaker.

use ligand_core::{
    Error, Payload, ServiceBroker, ServiceDef,
    config::{CircuitBreakerOptions, ErrorCheck},
};
use serde_json::{Value, json};

use crate::support::*;

/// A broker as in the course: three calls, half of them failed; five seconds of rest.
async fn breaking(services: impl IntoIterator<Item = ServiceDef>) -> ServiceBroker {
    let builder = builder().options(|o| {
        o.circuit_breaker.enabled = true;
        o.circuit_breaker.threshold = 0.5;
        o.circuit_breaker.min_request_count = 3;
        o.circuit_breaker.half_open_time = ms(5000);
        o.request_timeout = ms(1000);
    });
    services.into_iter().fold(builder, ligand_core::broker::BrokerBuilder::service).start().await.unwrap()
}

/// `s.do` answers what it is told: `"ok"`, `"error"`, `"client"`, `"late"`, `"panic"`, `"raw panic"`.
fn svc(runs: &Counter) -> ServiceDef {
    let runs = runs.clone();
    ServiceDef::new("s").action(ligand_core::Action::raw(
        "do",
        move |_: &ligand_core::Context, params: Payload| -> ligand_core::future::Work<Payload> {
            runs.add();
            let what: String = params.take().unwrap();
            assert!(what != "panic", "at once");
            ligand_core::future::Work::new(async move {
                match what.as_str() {
                    "error" => Err(Error::new("I am always broken")),
                    "client" => Err(Error::bad_request("no")),
                    "late" => std::future::pending().await,
                    "later panic" => panic!("later"),
                    _ => Ok(json!("fine").into()),
                }
            })
        },
    ))
}

fn watcher(log: &Log) -> ServiceDef {
    let own = log.clone();
    ServiceDef::new("watcher").event(event("$circuit-breaker.*", move |ctx, data: serde_json::Value| {
        own.add(format!("{} {}", ctx.event_name().trim_start_matches("$circuit-breaker."), data["action"]));
        async { Ok(()) }
    }))
}

async fn ask(broker: &ServiceBroker, what: &str) -> Result<(), Error> {
    broker.call_named("s.do", json!(what)).await.map(drop)
}

/// Until the circuit is half open.
async fn rest() {
    tokio::time::sleep(ms(5000)).await;
    settle().await;
}

async fn opened(broker: &ServiceBroker) {
    for _ in 0..3 {
        assert_eq!(ask(broker, "error").await.unwrap_err().message(), "I am always broken");
    }
}

#[tokio::test(start_paused = true)]
async fn three_plain_errors_open_it_and_one_trial_closes_it() {
    let (runs, log) = (Counter::default(), Log::default());
    let broker = breaking([svc(&runs), watcher(&log)]).await;
    opened(&broker).await;
    for _ in 0..5 {
        let error = ask(&broker, "ok").await.unwrap_err();
        assert_eq!(
            (error.name(), error.code(), error.kind()),
            ("CircuitBreakerOpenError", 503, "CIRCUIT_BREAKER_OPEN")
        );
        assert!(error.message().starts_with("Circuit breaker is open"));
    }
    assert_eq!(runs.get(), 3);
    settle().await;
    assert_eq!(log.take(), [r#"opened "s.do""#]);
    tokio::time::sleep(ms(4999)).await;
    assert!(ask(&broker, "ok").await.is_err());
    tokio::time::sleep(ms(1)).await;
    settle().await;
    assert_eq!(log.take(), [r#"half-opened "s.do""#]);
    ask(&broker, "ok").await.unwrap();
    settle().await;
    assert_eq!(log.take(), [r#"closed "s.do""#]);
    ask(&broker, "ok").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn events_carry_the_counts() {
    let log = Log::default();
    let own = log.clone();
    let watcher = ServiceDef::new("w").event(event("$circuit-breaker.opened", move |_, data: Payload| {
        own.add(data.to_value().unwrap().to_string());
        async { Ok(()) }
    }));
    let broker = breaking([svc(&Counter::default()), watcher]).await;
    opened(&broker).await;
    settle().await;
    let data: serde_json::Value = log.take()[0].parse().unwrap();
    assert_eq!(
        data,
        json!({ "failures": 3, "count": 3, "rate": 1.0, "nodeID": "n1", "service": "s", "action": "s.do" })
    );
}

#[tokio::test(start_paused = true)]
async fn exactly_one_trial_is_let_through() {
    let runs = Counter::default();
    let broker = breaking([svc(&runs)]).await;
    opened(&broker).await;
    rest().await;
    let own = broker.clone();
    let trial = spawn(async move { ask(&own, "late").await });
    settle().await;
    for _ in 0..3 {
        assert_eq!(ask(&broker, "ok").await.unwrap_err().kind(), "CIRCUIT_BREAKER_OPEN");
    }
    assert_eq!(runs.get(), 4);
    // The trial times out, which is a failure: the rest starts again.
    assert_eq!(trial.await.unwrap().unwrap_err().kind(), "REQUEST_TIMEOUT");
    tokio::time::sleep(ms(4990)).await;
    assert!(ask(&broker, "ok").await.is_err());
    tokio::time::sleep(ms(10)).await;
    settle().await;
    ask(&broker, "ok").await.unwrap();
    assert_eq!(runs.get(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_trial_leaves_the_next_call_to_try() {
    let runs = Counter::default();
    let broker = breaking([svc(&runs)]).await;
    opened(&broker).await;
    rest().await;
    let mut trial = broker.call_named("s.do", json!("late"));
    assert!(futures_util::poll!(&mut trial).is_pending());
    drop(trial);
    ask(&broker, "ok").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_hangs_does_not_keep_it_open() {
    let broker = breaking([svc(&Counter::default())]).await;
    opened(&broker).await;
    rest().await;
    let mut trial = broker.call_named("s.do", json!("late")).timeout(ms(0));
    assert!(futures_util::poll!(&mut trial).is_pending());
    assert!(ask(&broker, "ok").await.is_err());
    rest().await;
    ask(&broker, "ok").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_from_before_the_rest_decides_nothing() {
    let (runs, gate) = (Counter::default(), Gate::default());
    let own = gate.clone();
    let svc = ServiceDef::new("s").action(action("do", move |_, what: String| {
        runs.add();
        let gate = own.clone();
        async move {
            match what.as_str() {
                "error" => Err(Error::new("I am always broken")),
                "gate" => {
                    gate.pass().await;
                    Ok(())
                }
                _ => Ok(()),
            }
        }
    }));
    let broker = breaking([svc]).await;
    let mut old = broker.call_named("s.do", json!("gate")).timeout(ms(0));
    assert!(futures_util::poll!(&mut old).is_pending());
    opened(&broker).await;
    rest().await;
    let mut trial = broker.call_named("s.do", json!("gate")).timeout(ms(0));
    assert!(futures_util::poll!(&mut trial).is_pending());
    gate.open();
    old.await.unwrap();
    // The trial still runs, so others are still refused.
    assert_eq!(ask(&broker, "ok").await.unwrap_err().kind(), "CIRCUIT_BREAKER_OPEN");
    trial.await.unwrap();
    ask(&broker, "ok").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn time_outs_and_panics_count_and_clients_mistakes_do_not() {
    for what in ["late", "panic", "later panic"] {
        let broker = breaking([svc(&Counter::default())]).await;
        for _ in 0..3 {
            assert!(ask(&broker, what).await.unwrap_err().code() >= 500);
        }
        assert_eq!(ask(&broker, "ok").await.unwrap_err().kind(), "CIRCUIT_BREAKER_OPEN", "{what}");
    }
    let broker = breaking([svc(&Counter::default())]).await;
    for _ in 0..10 {
        assert_eq!(ask(&broker, "client").await.unwrap_err().code(), 400);
    }
    ask(&broker, "ok").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn successes_count_too_and_windows_end() {
    let broker = breaking([svc(&Counter::default())]).await;
    // 2 of 5 are below the threshold.
    for what in ["ok", "ok", "ok", "error", "error"] {
        let _ = ask(&broker, what).await;
    }
    ask(&broker, "ok").await.unwrap();
    tokio::time::sleep(ms(60_000)).await;
    // A new window: the two failures are forgotten.
    let _ = ask(&broker, "error").await;
    let _ = ask(&broker, "error").await;
    // The third call reaches the number and the share, although it succeeds.
    ask(&broker, "ok").await.unwrap();
    assert_eq!(ask(&broker, "ok").await.unwrap_err().kind(), "CIRCUIT_BREAKER_OPEN");
}

#[tokio::test(start_paused = true)]
async fn an_action_has_options_and_a_check_of_its_own() {
    let check = ErrorCheck::new(|error| error.kind() == "BAD_REQUEST");
    let options = CircuitBreakerOptions {
        min_request_count: Some(1),
        check: Some(check),
        ..CircuitBreakerOptions::default()
    };
    let own = ServiceDef::new("s").action(
        action("do", |_, what: String| async move {
            match what.as_str() {
                "client" => Err(Error::bad_request("no")),
                "late" => std::future::pending().await,
                _ => Err::<(), _>(Error::new("broken")),
            }
        })
        .circuit_breaker(options),
    );
    let broker = builder().service(own).request_timeout(ms(10)).start().await.unwrap();
    for what in ["error", "error", "late", "late"] {
        assert_ne!(ask(&broker, what).await.unwrap_err().kind(), "CIRCUIT_BREAKER_OPEN");
    }
    assert_eq!(ask(&broker, "client").await.unwrap_err().code(), 400);
    assert_eq!(ask(&broker, "error").await.unwrap_err().kind(), "CIRCUIT_BREAKER_OPEN");
}

#[tokio::test(start_paused = true)]
async fn retries_do_not_wait_for_an_open_circuit() {
    let broker = breaking([svc(&Counter::default())]).await;
    opened(&broker).await;
    let start = tokio::time::Instant::now();
    let error = broker.call_named("s.do", json!("ok")).retries(5).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), ("CIRCUIT_BREAKER_OPEN", ms(0)));
}

#[tokio::test(start_paused = true)]
async fn the_state_is_visible() {
    let broker = breaking([svc(&Counter::default())]).await;
    let state = async || {
        let actions =
            call(&broker, "$node.actions", json!({ "skipInternal": true, "withEndpoints": true })).await;
        actions.unwrap()[0]["endpoints"][0]["state"].clone()
    };
    assert_eq!(state().await, json!(true));
    opened(&broker).await;
    assert_eq!(state().await, json!(false));
    tokio::time::sleep(ms(5001)).await;
    assert_eq!(state().await, json!(true));
}

#[tokio::test]
async fn wrong_thresholds_are_refused() {
    for threshold in [0.0, 1.5, -1.0, f64::NAN] {
        let error =
            builder().options(move |o| o.circuit_breaker.threshold = threshold).start().await.unwrap_err();
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        assert!(error.message().contains("circuit_breaker.threshold"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_trial_counts_on() {
    let told = Log::default();
    let heard = told.clone();
    let opened = event("$circuit-breaker.opened", move |_, data: Value| {
        heard.add(format!("{}/{} {}", data["failures"], data["count"], data["rate"]));
        async { Ok::<_, Error>(()) }
    });
    let fails = action("do", |_, (): ()| async { Err::<(), _>(Error::new("no")) });
    let broker = builder().options(|options| {
        options.circuit_breaker.enabled = true;
        options.circuit_breaker.min_request_count = 3;
    });
    let broker = broker.service(ServiceDef::new("s").action(fails).event(opened)).start().await.unwrap();
    for pause in [0, 0, 0, 10_100, 61_000] {
        tokio::time::sleep(ms(pause)).await;
        let _ = broker.call_named("s.do", json!(null)).await;
        settle().await;
    }
    // The last one is in a new window.
    assert_eq!(told.take(), ["3/3 1.0", "4/4 1.0", "1/1 1.0"]);
    broker.stop().await;
}

#[tokio::test]
async fn a_text_is_a_fallback_too() {
    let fails = action("do", |_, (): ()| async { Err::<String, _>(Error::new("no")) });
    let fails = fails.fallback(ligand_core::middleware::Fallback::value("text"));
    let broker = start([ServiceDef::new("s").action(fails)]).await;
    let text: String = broker.call_named("s.do", json!(null)).await.unwrap().take().unwrap();
    assert_eq!(text, "text");
    broker.stop().await;
}
