//! How many allocations the hot paths make. The numbers are printed; the limits are promises.
//!
//! The counter is per thread and a `current_thread` runtime polls on this one.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::{future::Future, sync::Arc};

use ligand_core::{
    __private::{generated, probe::Probe},
    Action, ActionRef, Context, Error, Event, EventPayload, ServiceBroker, ServiceDef,
    cache::CacheRule,
};
use serde::{Deserialize, Serialize};

const ADD: ActionRef<(u64, u64), u64> = ActionRef::new("math.add");
const NOW: ActionRef<(u64, u64), u64> = ActionRef::new("math.now");
const LATER: ActionRef<(u64, u64), u64> = ActionRef::new("math.later");
const NESTED: ActionRef<u64, u64> = ActionRef::new("math.nested");
const CACHED: ActionRef<u64, u64> = ActionRef::new("math.cached");

#[derive(Clone, Serialize, Deserialize)]
struct Happened {
    id: u64,
}

impl EventPayload for Happened {
    const NAME: &'static str = "happened";
}

async fn broker() -> ServiceBroker {
    let (pair, sum) = (Probe::<(u64, u64)>::new().form(), Probe::<u64>::new().form());
    let now = |_: &_, (a, b): (u64, u64)| Ok::<_, Error>(a + b);
    let math = ServiceDef::new("math")
        .action(Action::of("later", |(a, b): (u64, u64)| async move { Ok::<_, Error>(a + b) }))
        .action(generated::action_now_of("now", &Arc::new(()), pair, sum, now))
        .action(Action::new("add", |_: Context, (a, b): (u64, u64)| async move { Ok::<_, Error>(a + b) }))
        .action(Action::new("nested", |ctx: Context, n: u64| async move { ctx.call(ADD, (n, 1)).await }))
        .action(
            Action::new("cached", |_: Context, n: u64| async move { Ok::<_, Error>(n) })
                .cache(CacheRule::new()),
        );
    let listen = || {
        Event::new("happened", |_: Context, e: Happened| async move {
            std::hint::black_box(e.id);
            Ok::<_, Error>(())
        })
    };
    let listeners = (0..10).map(|n| ServiceDef::new(format!("listener{n}")).event(listen()));
    listeners
        .fold(
            ServiceBroker::builder().service(math).memory_cache(),
            ligand_core::broker::BrokerBuilder::service,
        )
        .start()
        .await
        .unwrap()
}

/// Allocations of one run after a first one has filled what is filled once.
fn count<F: Future>(what: &str, run: impl Fn(ServiceBroker) -> F) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let count = runtime.block_on(async {
        let broker = broker().await;
        run(broker.clone()).await;
        let mut work = Box::pin(run(broker));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let info = allocation_counter::measure(|| {
            assert!(work.as_mut().poll(&mut cx).is_ready(), "nothing here waits");
        });
        info.count_total
    });
    println!("{what}: {count} allocations");
    count
}

#[test]
fn a_local_typed_call() {
    let count = count("local typed call", |broker| async move {
        assert_eq!(broker.call(ADD, (2, 3)).await.unwrap(), 5);
    });
    // The context, and the future of an async handler: small parameters and results need none.
    assert!(count <= 2, "{count}");
}

/// Of a method that is not async and does not ask for its context.
#[test]
fn a_local_typed_call_that_ends_at_once() {
    let count = count("local typed call that ends at once", |broker| async move {
        assert_eq!(broker.call(NOW, (2, 3)).await.unwrap(), 5);
    });
    assert_eq!(count, 0);
}

/// Its context is not asked for and it does not wait.
#[test]
fn a_local_typed_call_of_a_future() {
    let count = count("local typed call of a future", |broker| async move {
        assert_eq!(broker.call(LATER, (2, 3)).await.unwrap(), 5);
    });
    assert!(count <= 1, "{count}");
}

#[test]
fn a_nested_call() {
    let count = count("call that calls", |broker| async move {
        assert_eq!(broker.call(NESTED, 2).await.unwrap(), 3);
    });
    assert!(count <= 4, "{count}");
}

#[test]
fn a_cached_answer() {
    let count = count("cached answer", |broker| async move {
        assert_eq!(broker.call(CACHED, 7).await.unwrap(), 7);
    });
    assert_eq!(count, 0);
}

/// The listeners run after the sender, on the same thread.
#[test]
fn an_event_to_ten_listeners() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let broker = runtime.block_on(broker());
    let send = || {
        runtime.block_on(async {
            broker.emit(Happened { id: 1 }).await.unwrap();
            tokio::task::yield_now().await;
        });
    };
    send();
    // What the runtime itself needs for one more run of it.
    let idle = || runtime.block_on(tokio::task::yield_now());
    let own = allocation_counter::measure(idle).count_total;
    let count = allocation_counter::measure(send).count_total - own;
    println!("event to 10 listeners: {count} allocations");
    assert!(count <= 25, "{count}");
    // They have run by now.
    assert!((20..).contains(&count), "{count}");
}
