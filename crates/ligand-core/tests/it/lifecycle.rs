//! Start and stop: order, failures, dependencies, draining.

use ligand_core::{
    Error, Payload, Result, ServiceBroker, ServiceDef, broker::State, future::BoxFuture,
    middleware::Middleware,
};
use serde_json::json;

use crate::support::*;

/// A service that logs its life.
fn svc(name: &'static str, log: &Log) -> ServiceDef {
    let line = move |what: &'static str| {
        let log = log.clone();
        move |_ctx| {
            log.add(format!("{name} {what}"));
            async { Ok(()) }
        }
    };
    let created = log.clone();
    ServiceDef::new(name)
        .created(move |_| {
            created.add(format!("{name} created"));
            Ok(())
        })
        .started(line("started"))
        .stopping(line("stopping"))
        .stopped(line("stopped"))
        .action(action("ping", |_, (): ()| async { Ok("pong".to_owned()) }))
}

struct Life(Log);

impl Life {
    fn line(&self, what: &str) -> BoxFuture<Result<()>> {
        self.0.add(format!("mw {what}"));
        Box::pin(async { Ok(()) })
    }
}

impl Middleware for Life {
    fn name(&self) -> &str {
        "life"
    }
    fn created(&self, broker: &ServiceBroker) -> Result<()> {
        assert!(broker.registry().snapshot().services().is_empty());
        self.0.add("mw created");
        Ok(())
    }
    fn starting(&self, _: &ServiceBroker) -> BoxFuture<Result<()>> {
        self.line("starting")
    }
    fn started(&self, _: &ServiceBroker) -> BoxFuture<Result<()>> {
        self.line("started")
    }
    fn stopping(&self, _: &ServiceBroker) -> BoxFuture<Result<()>> {
        self.line("stopping")
    }
    fn stopped(&self, _: &ServiceBroker) -> BoxFuture<Result<()>> {
        self.line("stopped")
    }
    fn service_creating(&self, def: ServiceDef) -> Result<ServiceDef> {
        self.0.add(format!("mw creating {}", def.full_name()));
        Ok(def.setting("seen", true))
    }
    fn service_created(&self, def: &ServiceDef) {
        self.0.add(format!("mw created {}", def.full_name()));
    }
    fn service_starting(&self, def: &ServiceDef) -> BoxFuture<Result<()>> {
        self.line(&format!("starting {}", def.full_name()))
    }
    fn service_started(&self, def: &ServiceDef) -> BoxFuture<Result<()>> {
        self.line(&format!("started {}", def.full_name()))
    }
    fn service_stopping(&self, def: &ServiceDef) -> BoxFuture<Result<()>> {
        self.line(&format!("stopping {}", def.full_name()))
    }
    fn service_stopped(&self, def: &ServiceDef) -> BoxFuture<Result<()>> {
        self.line(&format!("stopped {}", def.full_name()))
    }
}

#[tokio::test]
async fn everything_happens_in_order() {
    let log = Log::default();
    let broker = builder()
        .options(|o| o.internal_services = false)
        .middleware(Life(log.clone()))
        .service(svc("a", &log))
        .start()
        .await
        .unwrap();
    assert_eq!(
        log.take(),
        [
            "mw created",
            "mw creating a",
            "a created",
            "mw created a",
            "mw starting",
            "mw starting a",
            "a started",
            "mw started a",
            "mw started",
        ]
    );
    assert_eq!(broker.state(), State::Started);
    broker.stop().await;
    assert_eq!(
        log.take(),
        ["mw stopping", "a stopping", "mw stopping a", "a stopped", "mw stopped a", "mw stopped"]
    );
    assert_eq!(broker.state(), State::Stopped);
    broker.stop().await;
    assert!(log.take().is_empty());
}

#[tokio::test]
async fn services_stop_in_reverse_order() {
    let log = Log::default();
    let broker =
        start([svc("a", &log), svc("b", &log).dependency("a"), svc("c", &log).dependency("b")]).await;
    log.take();
    broker.stop().await;
    let lines = log.take();
    assert_eq!(lines[3..], ["c stopped", "b stopped", "a stopped"]);
}

#[tokio::test]
async fn a_dependency_starts_first_whatever_the_order_of_names() {
    let log = Log::default();
    let asks = svc("z", &log).dependency("y").started(|ctx| async move {
        assert_eq!(ctx.call_named("y.ping", json!(null)).await?.take::<String>()?, "pong");
        Ok(())
    });
    start([asks, svc("y", &log)]).await;
    assert_eq!(log.take(), ["z created", "y created", "y started", "z started"]);
}

#[tokio::test]
async fn any_of_several_versions_is_enough() {
    let log = Log::default();
    let either = ligand_core::service::Dependency { any_of: vec!["v1.y".into(), "v2.y".into()] };
    start([svc("z", &log).dependency(either), svc("y", &log).version(2)]).await;
    assert_eq!(log.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_missing_dependency_ends_the_start_after_its_time() {
    let log = Log::default();
    let start = builder()
        .service(svc("a", &log))
        .service(svc("z", &log).dependency("y").setting("$dependencyTimeout", 1500));
    let error = start.start().await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (500, "WAITFOR_SERVICES"));
    assert_eq!(
        error.data().unwrap(),
        &json!({ "services": ["y"], "statuses": [{ "name": "y", "available": false }] })
    );
    assert!(log.take().ends_with(&["a started".into(), "a stopping".into(), "a stopped".into()]));
}

#[tokio::test(start_paused = true)]
async fn a_service_waits_for_one_that_comes_later() {
    let log = Log::default();
    let broker = start([]).await;
    let (late, later) = (broker.clone(), svc("late", &log).dependency("early"));
    let task = spawn(async move { late.add_service(later).await });
    tokio::time::sleep(ms(60_000)).await;
    assert_eq!(log.take(), ["late created"]);
    assert!(broker.call_named("late.ping", json!(null)).await.is_err());
    broker.add_service(svc("early", &log)).await.unwrap();
    task.await.unwrap().unwrap();
    assert_eq!(call(&broker, "late.ping", json!(null)).await.unwrap(), "pong");
    broker.wait_for_services(&["early", "late"], ms(10)).await.unwrap();
    let error = broker.wait_for_services(&["early", "never"], ms(10)).await.unwrap_err();
    assert_eq!(error.data().unwrap()["statuses"][1], json!({ "name": "never", "available": false }));
}

#[tokio::test]
async fn a_failed_start_stops_what_was_started() {
    let log = Log::default();
    let fails = ServiceDef::new("bad").dependency("a").started(|_| async { Err(Error::new("no database")) });
    let error = builder().service(svc("a", &log)).service(fails).start().await.unwrap_err();
    assert_eq!(error.message(), "no database");
    assert_eq!(log.take(), ["a created", "a started", "a stopping", "a stopped"]);
    let bad = svc("bad", &log).created(|_| Err(Error::new("not like this")));
    let error = builder().service(svc("a", &log)).service(bad).start().await.unwrap_err();
    assert_eq!(error.message(), "not like this");
    assert_eq!(log.take(), ["a created", "bad created"]);
}

#[tokio::test]
async fn failures_while_stopping_do_not_end_the_stop() {
    let log = Log::default();
    let fails = svc("bad", &log)
        .stopping(|_| async { Err(Error::new("x")) })
        .stopped(|_| async { panic!("y") })
        .stopped({
            let log = log.clone();
            move |_| {
                log.add("bad still stopped");
                async { Ok(()) }
            }
        });
    let broker = start([svc("a", &log), fails]).await;
    log.take();
    broker.stop().await;
    let lines = log.take();
    assert!(lines.contains(&"bad still stopped".into()) && lines.contains(&"a stopped".into()), "{lines:?}");
}

#[tokio::test]
async fn two_services_of_one_name_are_refused() {
    let log = Log::default();
    let own = ServiceDef::new("v2.a").of_type::<Life>();
    let error = builder().service(own.clone()).service(svc("a", &log).version(2)).start().await.unwrap_err();
    assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
    let start =
        "two services of this node have the name 'v2.a': `it::lifecycle::Life` and the definition at ";
    assert!(error.message().starts_with(start), "{error}");
    assert!(error.message().contains("lifecycle.rs:"), "{error}");
    let broker = start_with(own.clone()).await;
    let error = broker.add_service(own).await.unwrap_err();
    assert!(error.message().contains("`it::lifecycle::Life` and `it::lifecycle::Life`; rename"), "{error}");
    let twice = svc("a", &log).action(action("ping", |_, (): ()| async { Ok(()) }));
    let error = builder().service(twice).start().await.unwrap_err();
    assert!(error.message().contains("'ping' twice"), "{error}");
    for def in [
        ServiceDef::new(" "),
        ServiceDef::new("a").action(action("", |_, (): ()| async { Ok(()) })),
        ServiceDef::new("a").event(event("", |_, (): ()| async { Ok(()) })),
    ] {
        assert_eq!(builder().service(def).start().await.unwrap_err().kind(), "SERVICE_SCHEMA_ERROR");
    }
}

async fn start_with(service: ServiceDef) -> ServiceBroker {
    start([service]).await
}

#[tokio::test]
async fn two_actions_of_one_full_name_are_refused() {
    let with = |service: &str, name: &str| {
        ServiceDef::new(service).action(action(name, |_, (): ()| async { Ok(()) }))
    };
    let short = |service: &str| with(service, "ping").setting("$noServiceNamePrefix", true);
    for (one, other, text) in [
        (
            with("a.b", "c"),
            with("a", "b.c"),
            "the services 'a.b' and 'a' of this node both have the action 'a.b.c'",
        ),
        (short("x"), short("y"), "the services 'x' and 'y' of this node both have the action 'ping'"),
    ] {
        let error = builder().service(one).service(other).start().await.unwrap_err();
        assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
        assert!(error.message().starts_with(text), "{error}");
    }
}

/// `slow.work` passes when the gate opens and logs it.
fn slow(log: &Log, gate: &Gate) -> ServiceDef {
    let work = |log: &Log, gate: &Gate| {
        let (log, gate) = (log.clone(), gate.clone());
        move |ctx: ligand_core::Context, _: Payload| {
            let (log, gate) = (log.clone(), gate.clone());
            async move {
                gate.pass().await;
                log.add(format!("{}{} done", ctx.action(), ctx.event_name()));
                Ok(())
            }
        }
    };
    svc("slow", log).action(action("work", work(log, gate))).event(event("work", work(log, gate)))
}

#[tokio::test]
async fn a_stop_waits_for_calls_and_listeners() {
    let (log, gate) = (Log::default(), Gate::default());
    let broker = start([slow(&log, &gate)]).await;
    log.take();
    let calls = broker.clone();
    let running = spawn(async move { calls.call_named("slow.work", json!(null)).await });
    let events = broker.clone();
    spawn(async move { events.emit_named("work", json!(null)).await });
    settle().await;
    let stops = broker.clone();
    let stop = spawn(async move { stops.stop().await });
    settle().await;
    assert_eq!(broker.state(), State::Stopping);
    assert_eq!(log.take(), ["slow stopping"]);
    // New requests are refused, so that the stop has an end.
    let error = broker.call_named("slow.ping", json!(null)).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (503, "REQUEST_REJECTED"));
    gate.open();
    stop.await.unwrap();
    running.await.unwrap().unwrap();
    let mut lines = log.take();
    lines[..2].sort();
    assert_eq!(lines, ["slow.work done", "work done", "slow stopped"]);
    let error = broker.call_named("slow.ping", json!(null)).await.unwrap_err();
    assert_eq!(error.kind(), "REQUEST_REJECTED");
}

#[tokio::test]
async fn running_work_may_still_call_while_the_broker_stops() {
    let (log, gate) = (Log::default(), Gate::default());
    let own = gate.clone();
    let outer = ServiceDef::new("outer").action(action("go", move |ctx, (): ()| {
        let gate = own.clone();
        async move {
            gate.pass().await;
            ctx.call_named("a.ping", json!(null)).await
        }
    }));
    let broker = start([svc("a", &log), outer]).await;
    let calls = broker.clone();
    let running = spawn(async move { calls.call_named("outer.go", json!(null)).await });
    settle().await;
    let stops = broker.clone();
    let stop = spawn(async move { stops.stop().await });
    settle().await;
    gate.open();
    assert_eq!(running.await.unwrap().unwrap().take::<String>().unwrap(), "pong");
    stop.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_up_after_its_time() {
    let (log, gate) = (Log::default(), Gate::default());
    let broker = builder()
        .service(slow(&log, &gate))
        .service(ServiceDef::new("own").setting("$shutdownTimeout", 100))
        .options(|o| o.tracking.shutdown_timeout = ms(700))
        .start()
        .await
        .unwrap();
    log.take();
    let calls = broker.clone();
    spawn(async move { calls.call_named("slow.work", json!(null)).timeout(ms(0)).await });
    broker.tasks().spawn(std::future::pending());
    settle().await;
    let start = tokio::time::Instant::now();
    broker.stop().await;
    assert!(start.elapsed() >= ms(700) && start.elapsed() < ms(800), "{:?}", start.elapsed());
    assert_eq!(log.take(), ["slow stopping", "slow stopped"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_may_have_less_time_to_stop() {
    let (log, gate) = (Log::default(), Gate::default());
    let broker = start([slow(&log, &gate).setting("$shutdownTimeout", 100)]).await;
    let calls = broker.clone();
    spawn(async move { calls.call_named("slow.work", json!(null)).timeout(ms(0)).await });
    settle().await;
    let start = tokio::time::Instant::now();
    broker.stop().await;
    assert!(start.elapsed() >= ms(100) && start.elapsed() < ms(200), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_tracking_a_stop_does_not_wait() {
    let (log, gate) = (Log::default(), Gate::default());
    let broker =
        builder().service(slow(&log, &gate)).options(|o| o.tracking.enabled = false).start().await.unwrap();
    let calls = broker.clone();
    spawn(async move { calls.call_named("slow.work", json!(null)).await });
    settle().await;
    let start = tokio::time::Instant::now();
    broker.stop().await;
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn everybody_who_stops_waits_also_after_a_cancelled_stop() {
    let (log, gate) = (Log::default(), Gate::default());
    let broker = start([slow(&log, &gate)]).await;
    let calls = broker.clone();
    spawn(async move { calls.call_named("slow.work", json!(null)).timeout(ms(0)).await });
    settle().await;
    assert!(tokio::time::timeout(ms(10), broker.stop()).await.is_err());
    broker.stop().await;
    assert_eq!(broker.state(), State::Stopped);
}

#[tokio::test]
async fn a_stop_during_the_start_gives_the_start_up() {
    let log = Log::default();
    let stops = ServiceDef::new("stops").dependency("a").started(|ctx| async move {
        ctx.broker().stop().await;
        Ok(())
    });
    let error = builder().service(svc("a", &log)).service(stops).start().await.unwrap_err();
    assert!(error.message().contains("stopped while it started"), "{error}");
    assert_eq!(log.take(), ["a created", "a started", "a stopping", "a stopped"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stops_its_own_broker_does_not_hang_it() {
    let svc = ServiceDef::new("s").action(action("stop", |ctx, (): ()| async move {
        ctx.broker().stop().await;
        Ok(())
    }));
    let broker = start([svc]).await;
    broker.call_named("s.stop", json!(null)).await.unwrap();
    assert_eq!(broker.state(), State::Stopped);
}

#[tokio::test]
async fn nothing_keeps_a_stopped_broker_alive() {
    let log = Log::default();
    let broker = builder()
        .service(svc("a", &log))
        .middleware(Life(log.clone()))
        .memory_cache()
        .options(|o| {
            o.circuit_breaker.enabled = true;
            o.bulkhead.enabled = true;
        })
        .start()
        .await
        .unwrap();
    call(&broker, "a.ping", json!(null)).await.unwrap();
    let weak = broker.downgrade();
    broker.stop().await;
    drop(broker);
    assert!(weak.upgrade().is_none());
}

#[tokio::test]
async fn a_stopped_broker_starts_no_task() {
    /// Starts work when it is dropped.
    struct Late(ServiceBroker, Log);
    impl Drop for Late {
        fn drop(&mut self) {
            let log = self.1.clone();
            self.0.tasks().spawn(async move { log.add("ran") });
        }
    }

    let log = Log::default();
    let broker = start([]).await;
    drop(Late(broker.clone(), log.clone()));
    broker.stop().await;
    assert_eq!(log.take(), ["ran"]);
    let (held, late) = (OnDrop(log.clone(), "dropped"), Late(broker.clone(), log.clone()));
    broker.tasks().spawn(async move {
        let _all = (held, late);
        std::future::pending::<()>().await;
    });
    broker.tasks().spawn_background(std::future::pending());
    broker.tasks().idle().await;
    settle().await;
    assert_eq!((log.take(), broker.tasks().running()), (vec!["dropped".into()], 0));
}

#[tokio::test]
async fn a_service_that_started_half_is_stopped() {
    let log = Log::default();
    let half = || svc("half", &log).dependency("a").started(|_| async { Err(Error::new("no queue")) });
    let error = builder().service(svc("a", &log)).service(half()).start().await.unwrap_err();
    assert_eq!(error.message(), "no queue");
    let lines = log.take();
    assert_eq!(
        lines[2..],
        ["a started", "half started", "a stopping", "half stopped", "a stopped"],
        "{lines:?}"
    );
    // Also when another one fails meanwhile.
    let waits = svc("waits", &log).started(|_| std::future::pending());
    let fails = ServiceDef::new("fails").started(|_| async {
        settle().await;
        Err(Error::new("no disk"))
    });
    let error = builder().service(waits).service(fails).start().await.unwrap_err();
    assert_eq!(error.message(), "no disk");
    assert_eq!(log.take(), ["waits created", "waits started", "waits stopped"]);
    // Also when it comes later.
    let broker = start([svc("a", &log)]).await;
    log.take();
    assert_eq!(broker.add_service(half()).await.unwrap_err().message(), "no queue");
    assert_eq!(log.take(), ["half created", "half started", "half stopped"]);
    broker.stop().await;
    assert_eq!(log.take(), ["a stopping", "a stopped"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_nobody_waits_for_any_more_is_taken_back() {
    let log = Log::default();
    let broker = start([]).await;
    let waits = svc("s", &log).started(|_| std::future::pending());
    assert!(tokio::time::timeout(ms(10), broker.add_service(waits)).await.is_err());
    broker.tasks().idle().await;
    assert_eq!(log.take(), ["s created", "s started", "s stopped"]);
    // The name is free again.
    broker.add_service(svc("s", &log)).await.unwrap();
    broker.stop().await;
    assert_eq!(log.take(), ["s created", "s started", "s stopping", "s stopped"]);
}

/// A service whose action writes a line when it is dropped, with a second one that never comes up.
fn half_up(
    log: &Log,
    weak: &std::sync::Arc<parking_lot::Mutex<ligand_core::broker::WeakBroker>>,
) -> [ServiceDef; 2] {
    let (held, weak) = (std::sync::Arc::new(OnDrop(log.clone(), "dropped")), weak.clone());
    let up = ServiceDef::new("up")
        .action(action("held", move |_, (): ()| {
            let _held = &held;
            async { Ok(()) }
        }))
        .started(move |ctx| {
            *weak.lock() = ctx.broker().downgrade();
            ctx.broker().tasks().spawn(std::future::pending());
            async { Ok(()) }
        });
    let never = ServiceDef::new("never").dependency("up").started(|_| std::future::pending());
    [up, never]
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_leaves_nothing() {
    let (log, weak) = (Log::default(), std::sync::Arc::default());
    let [up, never] = half_up(&log, &weak);
    let start = builder().service(up).service(never).start();
    assert!(tokio::time::timeout(ms(1000), start).await.is_err());
    settle().await;
    assert_eq!(log.take(), ["dropped"]);
    assert!(weak.lock().upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_start_ends_for_those_who_hold_the_broker() {
    let held = std::sync::Arc::new(parking_lot::Mutex::new(None));
    let own = held.clone();
    let svc = ServiceDef::new("s").started(move |ctx| {
        *own.lock() = Some(ctx.broker().clone());
        std::future::pending()
    });
    assert!(tokio::time::timeout(ms(10), builder().service(svc).start()).await.is_err());
    let broker = held.lock().take().unwrap();
    assert_eq!(broker.state(), State::Stopped);
    broker.stop().await;
    let error = broker.call_named("$node.list", json!(null)).await.unwrap_err();
    assert_eq!(error.kind(), "REQUEST_REJECTED");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_dropped_leaves_nothing() {
    let (log, weak) = (Log::default(), std::sync::Arc::default());
    let [up, _] = half_up(&log, &weak);
    let broker = start([up, ServiceDef::new("slow").stopping(|_| std::future::pending())]).await;
    assert!(tokio::time::timeout(ms(1000), broker.stop()).await.is_err());
    assert!(broker.registry().snapshot().services().is_empty());
    drop(broker);
    settle().await;
    assert_eq!(log.take(), ["dropped"]);
    assert!(weak.lock().upgrade().is_none());
}

#[tokio::test]
async fn local_events_tell_about_the_life() {
    let log = Log::default();
    let broker = start([ServiceDef::new("s")
        .event(listener("$broker.started", "heard", &log))
        .event(listener("$services.changed", "heard", &log))])
    .await;
    settle().await;
    let lines = log.take();
    assert_eq!(lines.last().unwrap(), "heard:$broker.started");
    broker.add_service(svc("a", &Log::default())).await.unwrap();
    broker.destroy_service("a").await.unwrap();
    settle().await;
    assert_eq!(log.take(), ["heard:$services.changed", "heard:$services.changed"]);
}

#[tokio::test(start_paused = true)]
async fn services_that_wait_for_each_other_are_refused() {
    let log = Log::default();
    let services = [
        svc("a", &log).dependency("v2.b"),
        svc("b", &log).version(2).dependency("c"),
        svc("c", &log).dependency("a"),
        svc("d", &log),
    ];
    let builder = services.into_iter().fold(builder(), ligand_core::broker::BrokerBuilder::service);
    let error = builder.start().await.unwrap_err();
    assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
    assert!(error.message().contains(": a → v2.b → c → a;"), "{error}");
    let broker = start([svc("d", &log)]).await;
    let error = broker.add_service(svc("e", &log).dependency("e")).await.unwrap_err();
    assert!(error.message().contains(": e → e;"), "{error}");
    broker.add_service(svc("e", &log).dependency("d")).await.unwrap();
    broker.stop().await;
}
