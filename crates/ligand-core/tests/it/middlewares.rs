//! Middlewares: order, staying out, wrapping calls and events, the printed pipeline.

use std::sync::Arc;

use ligand_core::{
    Action, Context, Error, Payload, Result, ServiceDef,
    broker::{Outgoing, OutgoingEvent},
    cache::CacheRule,
    config::{BulkheadOptions, CircuitBreakerOptions, RetryOptions},
    future::{BoxFuture, Work},
    middleware::{self, DynCall, DynEmit, Fallback, Middleware},
    service::{ActionDef, ActionHandler, DynAction, DynEvent, EventDef},
};
use serde_json::json;

use crate::support::*;

/// Logs around everything it may wrap.
struct Trace(&'static str, Log);

impl Middleware for Trace {
    fn name(&self) -> &str {
        self.0
    }

    fn local_action(&self, action: &ActionDef, next: DynAction) -> DynAction {
        if action.metadata("plain").is_some() {
            return next;
        }
        let (tag, log) = (self.0, self.1.clone());
        Arc::new(move |ctx: &Context, params: Payload| -> Work<Payload> {
            log.add(format!("{tag} action in"));
            let (log, work) = (log.clone(), next.call(ctx, params));
            Work::new(async move {
                let result = work.await;
                log.add(format!("{tag} action out"));
                result
            })
        })
    }

    fn local_event(&self, _: &EventDef, next: DynEvent) -> DynEvent {
        let (tag, log) = (self.0, self.1.clone());
        Arc::new(move |ctx: &Context, payload: Payload| -> Work<()> {
            log.add(format!("{tag} event"));
            next.call(ctx, payload)
        })
    }

    fn call(&self, next: DynCall) -> Option<DynCall> {
        let (tag, log) = (self.0, self.1.clone());
        Some(Arc::new(move |call: Outgoing| -> BoxFuture<Result<Payload>> {
            log.add(format!("{tag} call {} level {:?}", call.action(), call.context().map(Context::level)));
            next.call(call)
        }))
    }

    fn emit(&self, next: DynEmit) -> Option<DynEmit> {
        let (tag, log) = (self.0, self.1.clone());
        Some(Arc::new(move |event: OutgoingEvent| -> BoxFuture<Result<()>> {
            log.add(format!("{tag} emit {}", event.name));
            next.emit(event)
        }))
    }
}

#[tokio::test]
async fn the_first_registered_is_innermost() {
    let log = Log::default();
    let own = log.clone();
    let svc = ServiceDef::new("s")
        .action(action("a", move |_, (): ()| {
            own.add("handler");
            async { Ok(()) }
        }))
        .event(listener("e", "heard", &log));
    let broker = builder()
        .middleware(Trace("m1", log.clone()))
        .middleware(Trace("m2", log.clone()))
        .service(svc)
        .start()
        .await
        .unwrap();
    log.take();
    call(&broker, "s.a", json!(null)).await.unwrap();
    assert_eq!(
        log.take(),
        [
            "m2 call s.a level None",
            "m1 call s.a level None",
            "m2 action in",
            "m1 action in",
            "handler",
            "m1 action out",
            "m2 action out"
        ]
    );
    broker.root_context().call_named("s.a", json!(null)).await.unwrap();
    assert_eq!(log.take()[0], "m2 call s.a level Some(1)");
    broker.emit_named("e", json!(null)).wait_for_listeners().await.unwrap();
    assert_eq!(log.take(), ["m2 emit e", "m1 emit e", "m2 event", "m1 event", "heard:e"]);
    broker.broadcast_local("e", json!(null)).wait_for_listeners().await.unwrap();
    assert_eq!(log.take()[0], "m2 emit e");
}

/// A handler whose address can be compared.
struct Raw;

impl ActionHandler for Raw {
    fn call(&self, _: &Context, params: Payload) -> Work<Payload> {
        Work::done(Ok(params))
    }
}

#[tokio::test]
async fn who_stays_out_is_not_in_the_pipeline_and_is_asked_once() {
    struct Asked(Counter);
    impl Middleware for Asked {
        fn name(&self) -> &str {
            "asked"
        }
        fn local_action(&self, _: &ActionDef, next: DynAction) -> DynAction {
            self.0.add();
            next
        }
    }
    let (log, asked) = (Log::default(), Counter::default());
    let svc = ServiceDef::new("s")
        .action(Action::raw("plain", Raw).metadata("plain", true))
        .action(Action::raw("wrapped", Raw));
    let broker = builder()
        .options(|o| {
            o.internal_services = false;
            o.request_timeout = ms(0);
        })
        .middleware(Asked(asked.clone()))
        .middleware(Trace("trace", log))
        .service(svc)
        .start()
        .await
        .unwrap();
    let print = |name| broker.pipeline(name).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(print("s.plain"), ["handler"]);
    assert_eq!(print("s.wrapped"), ["trace (yours)", "handler"]);
    assert!(print("s.none").is_empty());
    assert_eq!(asked.get(), 2);
}

#[tokio::test]
async fn the_pipeline_lists_every_active_layer() {
    let svc = ServiceDef::new("s").action(
        action("a", |_, (): ()| async { Ok(()) })
            .fallback(Fallback::value(1))
            .retry(RetryOptions { retries: Some(2), ..RetryOptions::default() })
            .timeout(ms(1500))
            .circuit_breaker(CircuitBreakerOptions { min_request_count: Some(3), ..Default::default() })
            .cache(CacheRule::keys(["id", "#user.id"]).with_ttl(ms(30_000)))
            .bulkhead(BulkheadOptions { concurrency: Some(3), ..Default::default() })
            .params_schema(ligand_wire::schema::Schema::from_json(json!({ "type": "object" })).unwrap())
            .after(ligand_core::middleware::AfterHook::new(|_, (): ()| async { Ok(()) })),
    );
    let broker = builder()
        .memory_cache()
        .options(|o| o.tracing = true)
        .middleware(middleware::from_fn("audit", |ctx, params, next: DynAction| async move {
            next.call(&ctx, params).await
        }))
        .service(svc)
        .start()
        .await
        .unwrap();
    let steps: Vec<_> = broker.pipeline("s.a").iter().map(ToString::to_string).collect();
    assert_eq!(
        steps,
        [
            "fallback (the action's)",
            "retry (2 times, from 100ms to 1s)",
            "timeout (1.5s)",
            "span",
            "circuit_breaker (from 3 calls, 0.5 failed)",
            "validator",
            "cacher (keys id, #user.id; 30s)",
            "bulkhead (3 at once, 100 waiting)",
            "hooks (0 before, 1 after, 0 error)",
            "audit (yours)",
            "handler"
        ]
    );
}

#[tokio::test]
async fn a_function_is_a_middleware() {
    let log = Log::default();
    let own = log.clone();
    let audit = middleware::from_fn("audit", move |ctx: Context, params, next: DynAction| {
        let log = own.clone();
        async move {
            let name = ctx.action().to_owned();
            let result = next.call(&ctx, params).await;
            match &result {
                Ok(_) => log.add(format!("{name} completed")),
                Err(error) => log.add(format!("{name} failed: {error}")),
            }
            result
        }
    });
    let broker = builder().service(math()).middleware(audit).start().await.unwrap();
    call(&broker, "math.add", json!([1, 2])).await.unwrap();
    call(&broker, "math.fail", json!("no")).await.unwrap_err();
    assert_eq!(log.take(), ["math.add completed", "math.fail failed: no"]);
}

#[tokio::test]
async fn a_middleware_may_answer_itself() {
    struct Deny;
    impl Middleware for Deny {
        fn name(&self) -> &str {
            "deny"
        }
        fn call(&self, next: DynCall) -> Option<DynCall> {
            Some(Arc::new(move |call: Outgoing| -> BoxFuture<Result<Payload>> {
                if call.action().starts_with("math.")
                    && call.options().is_none_or(|o| o.meta.get("user").is_none())
                {
                    return Box::pin(async { Err(Error::unauthorized("Unauthorized")) });
                }
                next.call(call)
            }))
        }
        fn created(&self, _: &ligand_core::ServiceBroker) -> Result<()> {
            Ok(())
        }
    }
    let broker = builder().service(math()).middleware(Deny).start().await.unwrap();
    assert_eq!(call(&broker, "math.add", json!([1, 2])).await.unwrap_err().code(), 401);
    broker.call_named("math.add", json!([1, 2])).meta("user", 1).await.unwrap();
}

#[tokio::test]
async fn a_middleware_that_fails_stops_the_start() {
    struct Bad;
    impl Middleware for Bad {
        fn name(&self) -> &str {
            "bad"
        }
        fn service_creating(&self, _: ServiceDef) -> Result<ServiceDef> {
            Err(Error::service_schema("not this one"))
        }
    }
    assert_eq!(builder().middleware(Bad).start().await.unwrap_err().message(), "not this one");
}

#[tokio::test]
async fn handlers_run_in_the_span_of_their_call() {
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry());
    let current = || tracing::Span::current().metadata().map(|span| span.name());
    let svc = ServiceDef::new("s")
        .action(Action::raw("now", move |_: &Context, _: Payload| -> Work<Payload> {
            Work::done(Ok(Payload::typed(current().map(str::to_owned))))
        }))
        .action(action("later", move |_, (): ()| async move {
            tokio::task::yield_now().await;
            Ok(current().map(str::to_owned))
        }));
    let broker = builder().service(svc).options(|o| o.tracing = true).start().await.unwrap();
    for name in ["s.now", "s.later"] {
        assert_eq!(call(&broker, name, json!(null)).await.unwrap(), json!("action"), "{name}");
    }
}
