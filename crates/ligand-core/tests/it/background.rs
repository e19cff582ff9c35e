//! Work that goes on when its handler has answered.

use ligand_core::{Error, ServiceDef};
use serde_json::json;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn spawned_work_keeps_request_and_meta_and_has_all_the_time() {
    let log = Log::default();
    let own = log.clone();
    let service = ServiceDef::new("s").action(
        action("begin", move |ctx, (): ()| {
            let log = own.clone();
            async move {
                ctx.set_meta("by", "ada");
                ctx.spawn(|ctx| async move {
                    tokio::time::sleep(ms(1000)).await;
                    let by: Option<String> = ctx.meta("by")?;
                    log.add(format!("{} {by:?} {}", ctx.request_id(), ctx.service_full_name()));
                    ctx.call_named("math.add", json!([1, 2])).await.map(drop)
                });
                Ok(())
            }
        })
        .timeout(ms(50)),
    );
    let broker = start([service, math()]).await;
    let start = tokio::time::Instant::now();
    broker.call_named("s.begin", json!(null)).request_id("r1").await.unwrap();
    assert_eq!(start.elapsed(), ms(0));
    // A stop waits for it.
    broker.stop().await;
    assert_eq!((log.take(), broker.background_errors()), (vec![r#"r1 Some("ada") s"#.into()], 0));
}

#[tokio::test(start_paused = true)]
async fn spawned_work_answers_whoever_waits() {
    let broker = start([]).await;
    let ctx = broker.root_context();
    assert_eq!(ctx.spawn(|_| async { Ok(5) }).await.unwrap(), 5);
    let error = ctx.spawn(|_| async { Err::<(), _>(Error::conflict("no")) }).await.unwrap_err();
    assert_eq!(error.code(), 409);
    let error = ctx.spawn::<(), _>(|_| async { panic!("oh") }).await.unwrap_err();
    assert_eq!(error.kind(), "HANDLER_PANICKED");
    let endless = ctx.spawn(|_| std::future::pending::<ligand_core::Result<()>>());
    endless.abort();
    assert_eq!(endless.await.unwrap_err().kind(), "WORK_ABORTED");
    assert_eq!(broker.background_errors(), 0);
    broker.stop().await;
    assert_eq!(ctx.spawn(|_| async { Ok(()) }).await.unwrap_err().kind(), "WORK_ABORTED");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_nobody_waits_for_is_counted_once() {
    let broker = start([]).await;
    let ctx = broker.root_context();
    // Dropped before its end, and after it.
    drop(ctx.spawn(|_| async { Err::<(), _>(Error::conflict("no")) }));
    let late = ctx.spawn(|_| async { Err::<(), _>(Error::conflict("no")) });
    settle().await;
    assert!(late.is_finished());
    assert_eq!(broker.background_errors(), 1);
    drop(late);
    assert_eq!(broker.background_errors(), 2);
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_is_kept_does_not_hold_its_service() {
    let kept = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
    let own = kept.clone();
    let service = ServiceDef::new("s").action(action("begin", move |ctx, (): ()| {
        own.lock().push(ctx.spawn(|_| async { Err::<(), _>(Error::conflict("no")) }));
        async { Ok(()) }
    }));
    let broker = start([service]).await;
    call(&broker, "s.begin", json!(null)).await.unwrap();
    let start = tokio::time::Instant::now();
    broker.destroy_service("s").await.unwrap();
    assert!(start.elapsed() < ms(100), "{:?}", start.elapsed());
    broker.stop().await;
    assert_eq!(kept.lock().len(), 1);
}
