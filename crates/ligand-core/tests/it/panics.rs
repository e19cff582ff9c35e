//! A panic is an error of whoever caused it; the node lives.

use std::sync::Arc;

use ligand_core::{
    Action, Context, Error, Event, Payload, Result, ServiceDef,
    broker::{Outgoing, OutgoingEvent},
    future::{BoxFuture, Work},
    middleware::{DynCall, DynEmit, Fallback, Middleware},
    service::{ActionDef, DynAction},
};
use serde_json::json;

use crate::support::*;

fn panics() -> ServiceDef {
    ServiceDef::new("p")
        .action(action("later", |_, (): ()| async { panic!("secret text") as Result<()> }))
        .action(action("now", |_, (): ()| -> std::future::Ready<Result<()>> { panic!("secret text") }))
        .action(Action::raw("raw", |_: &Context, _: Payload| -> Work<Payload> {
            Work::new(async { panic!("secret text") })
        }))
        .action(action("pause", |_, (): ()| async {
            tokio::task::yield_now().await;
            panic!("secret text") as Result<()>
        }))
        .action(action("fine", |_, (): ()| async { Ok(1) }))
        .action(action("nested", |ctx, (): ()| async move { ctx.call_named("p.later", json!(null)).await }))
        .event(event("later", |_, (): ()| async { panic!("secret text") as Result<()> }))
        .event(event("pause", |_, (): ()| async {
            tokio::task::yield_now().await;
            panic!("secret text") as Result<()>
        }))
        .event(Event::raw("raw", |_: &Context, _: Payload| -> Work<()> { panic!("secret text") }))
}

fn assert_panicked(error: &Error) {
    assert_eq!((error.code(), error.kind()), (500, "HANDLER_PANICKED"));
    assert_eq!(error.message(), "Internal server error");
    assert!(error.internal().unwrap().contains("secret text"));
}

#[tokio::test]
async fn panics_are_errors_of_their_callers() {
    let broker = start([panics()]).await;
    for name in ["p.later", "p.now", "p.raw", "p.pause", "p.nested"] {
        assert_panicked(&call(&broker, name, json!(null)).await.unwrap_err());
        assert_eq!(call(&broker, "p.fine", json!(null)).await.unwrap(), json!(1));
    }
    for name in ["later", "pause", "raw"] {
        broker.emit_named(name, json!(null)).wait_for_listeners().await.unwrap();
        assert_panicked(&broker.emit_named(name, json!(null)).throw_error().await.unwrap_err());
    }
    assert_eq!(broker.tasks().running(), 0);
    broker.stop().await;
}

#[tokio::test]
async fn layers_outside_of_the_service_may_panic_too() {
    fn meta<'a>(call: &'a Outgoing, key: &str) -> Option<&'a serde_json::Value> {
        call.options()?.meta.get(key)
    }
    struct Bad;
    impl Middleware for Bad {
        fn name(&self) -> &str {
            "bad"
        }
        fn local_action(&self, _: &ActionDef, next: DynAction) -> DynAction {
            Arc::new(move |ctx: &Context, params: Payload| -> Work<Payload> {
                assert!(ctx.meta::<u8>("layer").unwrap().is_none(), "secret text");
                next.call(ctx, params)
            })
        }
        fn call(&self, next: DynCall) -> Option<DynCall> {
            Some(Arc::new(move |call: Outgoing| -> BoxFuture<Result<Payload>> {
                assert!(meta(&call, "call").is_none(), "secret text");
                let later = meta(&call, "later").is_some();
                let next = next.clone();
                Box::pin(async move {
                    assert!(!later, "secret text");
                    next.call(call).await
                })
            }))
        }
        fn emit(&self, next: DynEmit) -> Option<DynEmit> {
            Some(Arc::new(move |event: OutgoingEvent| -> BoxFuture<Result<()>> {
                assert!(event.name != "bad", "secret text");
                next.emit(event)
            }))
        }
    }
    let broker = builder().service(panics()).middleware(Bad).start().await.unwrap();
    for key in ["layer", "call", "later"] {
        let error = broker.call_named("p.fine", json!(null)).meta(key, 1).await.unwrap_err();
        assert_panicked(&error);
    }
    assert_panicked(&broker.emit_named("bad", json!(null)).await.unwrap_err());
    let fallback = Fallback::with(|_, _| async { panic!("secret text") as Result<Payload> });
    assert_panicked(&broker.call_named("p.later", json!(null)).fallback(fallback).await.unwrap_err());
    assert_eq!(call(&broker, "p.fine", json!(null)).await.unwrap(), json!(1));
}

#[tokio::test]
async fn a_lifecycle_handler_that_panics_fails_the_start() {
    let svc = ServiceDef::new("s").started(|_| async { panic!("secret text") });
    assert_panicked(&builder().service(svc).start().await.unwrap_err());
    let svc = ServiceDef::new("s").created(|_| panic!("secret text"));
    assert_panicked(&builder().service(svc).start().await.unwrap_err());
}
