//! Calls and events within one process.

use std::{hint::black_box, time::Duration};

use ligand::{
    Action, ActionRef, CacheRule, Context, Error, Event, Payload, Result, ServiceBroker, ServiceDef,
    middleware,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::measure::{Timing, sequential};

#[derive(Clone, Serialize, Deserialize)]
struct Add {
    a: f64,
    b: f64,
}

const ADD: ActionRef<Add, f64> = ActionRef::new("math.add");

fn math() -> ServiceDef {
    ServiceDef::new("math").action(Action::of("add", |p: Add| async move { Ok::<_, Error>(p.a + p.b) }))
}

/// A typed call with the default middlewares.
pub(crate) async fn call(time: Duration) -> Result<Timing> {
    let broker = ServiceBroker::builder().service(math()).start().await?;
    let timing = sequential(time, || async {
        let sum = broker.call(ADD, Add { a: 1.0, b: 2.0 }).await;
        black_box(sum.expect("math.add answers"));
    })
    .await;
    broker.stop().await;
    Ok(timing)
}

pub(crate) async fn count() {
    let broker = ServiceBroker::builder().service(math()).start().await.unwrap();
    for _ in 0..100_000 {
        black_box(broker.call(ADD, Add { a: 1.0, b: 2.0 }).await.unwrap());
    }
}
