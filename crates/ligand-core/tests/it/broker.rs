//! Brokers as a whole.

use ligand_core::{
    ActionRef, Contract, Service, ServiceDef,
    broker::Request,
    service::{Caller, Client},
};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn two_brokers_in_one_process_do_not_meet() {
    let (log_a, log_b) = (Log::default(), Log::default());
    let one = |node: &str, log: &Log| {
        let own = node.to_owned();
        let svc = ServiceDef::new("s")
            .action(action("where", move |ctx, (): ()| {
                let own = own.clone();
                async move {
                    assert_eq!(ctx.node_id(), own);
                    Ok(own)
                }
            }))
            .event(listener("e", "heard", log));
        ligand_core::ServiceBroker::builder().node_id(node).memory_cache().service(svc).start()
    };
    let (a, b) = (one("a", &log_a).await.unwrap(), one("b", &log_b).await.unwrap());
    assert_eq!(call(&a, "s.where", json!(null)).await.unwrap(), json!("a"));
    assert_eq!(call(&b, "s.where", json!(null)).await.unwrap(), json!("b"));
    a.broadcast_named("e", json!(null)).wait_for_listeners().await.unwrap();
    assert_eq!((log_a.len(), log_b.len()), (1, 0));
    a.cache().unwrap().set("k", json!(1).into(), None).await;
    assert!(b.cache().unwrap().get("k").await.is_none());
    a.stop().await;
    assert_eq!(call(&b, "s.where", json!(null)).await.unwrap(), json!("b"));
}

/// A service written by hand, as the macros do.
struct Users {
    greeting: String,
}

struct UsersClient(Caller);

const HELLO: ActionRef<String, String> = ActionRef::new("v1.users.hello");

impl Client for UsersClient {
    fn new(caller: Caller) -> Self {
        Self(caller)
    }
}

impl UsersClient {
    fn hello(&self, name: impl Into<String>) -> Request<String> {
        self.0.call(HELLO, name.into())
    }
}

impl Contract for Users {
    const NAME: &'static str = "v1.users";
    type Client = UsersClient;
}

impl Service for Users {
    fn define(self: std::sync::Arc<Self>) -> ServiceDef {
        ServiceDef::new("users").version(1).action(action("hello", move |_, name: String| {
            let me = self.clone();
            async move { Ok(format!("{} {name}", me.greeting)) }
        }))
    }
}

#[tokio::test]
async fn clients_call_from_brokers_and_contexts() {
    let other = ServiceDef::new("other").action(action("ask", |ctx, (): ()| async move {
        ctx.client::<Users>().hello(ctx.request_id().to_string()).await
    }));
    let users = std::sync::Arc::new(Users { greeting: "Hi".into() });
    let broker = builder().service(users).service(other).start().await.unwrap();
    assert_eq!(broker.client::<Users>().hello("Ada").await.unwrap(), "Hi Ada");
    let answer = broker.call_named("other.ask", json!(null)).request_id("r1").await.unwrap();
    assert_eq!(answer.take::<String>().unwrap(), "Hi r1");
}

#[tokio::test]
async fn debug_texts_show_no_content() {
    let broker = builder().service(math()).memory_cache().start().await.unwrap();
    let request = broker.call_named("math.add", json!(["hunter2", 1])).meta("token", "hunter3");
    let texts = format!("{broker:?} {request:?} {:?} {:?}", broker.registry(), broker.cache());
    assert!(texts.contains("math.add") && !texts.contains("hunter"), "{texts}");
    drop(request);
}
