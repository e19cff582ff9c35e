//! Many callers on several threads while services come and go.

use ligand_core::{ActionRef, ServiceDef, cache::CacheRule, config::BulkheadOptions};
use serde_json::json;

use crate::support::*;

const ADD: ActionRef<(i64, i64), i64> = ActionRef::new("math.add");

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_calls_at_once_all_answer() {
    let svc = ServiceDef::new("s")
        .action(action("nested", |ctx, n: i64| async move {
            tokio::task::yield_now().await;
            ctx.set_meta("n", n);
            ctx.call(ADD, (n, 1)).await
        }))
        .action(
            action("limited", |_, n: i64| async move {
                tokio::task::yield_now().await;
                Ok(n)
            })
            .bulkhead(BulkheadOptions {
                concurrency: Some(3),
                max_queue_size: Some(0),
                ..Default::default()
            }),
        )
        .action(
            action("cached", |_, n: i64| async move {
                tokio::task::yield_now().await;
                Ok(n)
            })
            .cache(CacheRule::new()),
        );
    let broker = builder().service(math()).service(svc).memory_cache().start().await.unwrap();
    let workers: Vec<_> = (0..16)
        .map(|_| {
            let broker = broker.clone();
            spawn(async move {
                for n in 0..300i64 {
                    assert_eq!(broker.call(ADD, (n, n)).await.unwrap(), 2 * n);
                    let nested = broker.call_named("s.nested", json!(n)).await.unwrap();
                    assert_eq!(nested.take::<i64>().unwrap(), n + 1);
                    let limited = broker.call_named("s.limited", json!(n)).await.unwrap();
                    assert_eq!(limited.take::<i64>().unwrap(), n);
                    let cached = broker.call_named("s.cached", json!(n % 10)).await.unwrap();
                    assert_eq!(cached.take::<i64>().unwrap(), n % 10);
                    if n % 50 == 0 {
                        broker.cache().unwrap().clean("s.**").await.unwrap();
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn services_come_and_go_under_load() {
    let heard = Counter::default();
    let broker = start([math()]).await;
    let svc = |heard: &Counter| {
        let heard = heard.clone();
        ServiceDef::new("temp")
            .action(action("get", |_, (): ()| async {
                tokio::task::yield_now().await;
                Ok(1)
            }))
            .event(event("e.*", move |_, (): ()| {
                let heard = heard.clone();
                async move {
                    tokio::task::yield_now().await;
                    heard.add();
                    Ok(())
                }
            }))
    };
    let (done, answered, missing) = (Counter::default(), Counter::default(), Counter::default());
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (broker, done) = (broker.clone(), done.clone());
            let (answered, missing) = (answered.clone(), missing.clone());
            spawn(async move {
                while done.get() == 0 {
                    // Calls of what is missing never wait; other tasks need a chance.
                    tokio::task::yield_now().await;
                    assert_eq!(broker.call(ADD, (1, 1)).await.unwrap(), 2);
                    match broker.call_named("temp.get", json!(null)).await {
                        Ok(_) => answered.add(),
                        Err(error) => {
                            assert_eq!(error.kind(), "SERVICE_NOT_FOUND");
                            missing.add()
                        }
                    };
                    broker.emit_named("e.x", json!(null)).throw_error().await.unwrap();
                }
            })
        })
        .collect();
    let more = async |counter: &Counter| {
        let before = counter.get();
        while counter.get() == before {
            tokio::task::yield_now().await;
        }
    };
    for _ in 0..40 {
        broker.add_service(svc(&heard)).await.unwrap();
        more(&answered).await;
        more(&heard).await;
        broker.destroy_service("temp").await.unwrap();
        more(&missing).await;
    }
    done.add();
    for worker in workers {
        worker.await.unwrap();
    }
    broker.stop().await;
    assert_eq!(broker.tasks().running(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stop_under_load_ends() {
    let broker = start([
        math(),
        ServiceDef::new("s").action(action("nested", |ctx, n: i64| async move {
            tokio::task::yield_now().await;
            ctx.call(ADD, (n, 1)).await
        })),
    ])
    .await;
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let broker = broker.clone();
            spawn(async move {
                loop {
                    match broker.call_named("s.nested", json!(1)).await {
                        Ok(answer) => assert_eq!(answer.take::<i64>().unwrap(), 2),
                        Err(error) => return error,
                    }
                }
            })
        })
        .collect();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let start = std::time::Instant::now();
    broker.stop().await;
    assert!(start.elapsed() < ms(4000), "the stop must not wait for ever new calls");
    for worker in workers {
        assert_eq!(worker.await.unwrap().kind(), "REQUEST_REJECTED");
    }
}
