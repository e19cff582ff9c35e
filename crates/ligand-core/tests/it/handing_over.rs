//! A send is over when the event is handed over: what listeners do takes none of the sender's time.

use std::{
    future::{Future as _, IntoFuture as _},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
};

use ligand_core::{Context, Error, Event, Payload, ServiceDef, future::Work};
use parking_lot::Mutex;
use serde_json::json;

use crate::support::*;

/// Waits for `gate` and writes the number.
fn gated(log: &Log, gate: &Gate) -> Event {
    let (log, gate) = (log.clone(), gate.clone());
    event("e", move |_, n: u32| {
        let (log, gate) = (log.clone(), gate.clone());
        async move {
            gate.pass().await;
            log.add(format!("{n}"));
            Ok(())
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_send_is_over_before_its_listeners_are() {
    let log = Log::default();
    let own = log.clone();
    let ears = ServiceDef::new("ears").event(event("e", move |ctx, (): ()| {
        let log = own.clone();
        async move {
            // The time of the sender is not that of the listener.
            assert!(ctx.deadline().is_none());
            tokio::time::sleep(ms(60_000)).await;
            log.add("heard");
            Ok(())
        }
    }));
    let mouth = ServiceDef::new("mouth").action(
        action("speak", |ctx, (): ()| async move {
            ctx.emit_named("e", json!(null)).await?;
            ctx.broadcast_named("e", json!(null)).await?;
            ctx.broadcast_local("e", json!(null)).await
        })
        .timeout(ms(50)),
    );
    let broker = start([ears, mouth]).await;
    let start = tokio::time::Instant::now();
    call(&broker, "mouth.speak", json!(null)).await.unwrap();
    assert_eq!((start.elapsed(), log.len()), (ms(0), 0));
    tokio::time::sleep(ms(60_000)).await;
    settle().await;
    assert_eq!(log.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_blocks_its_thread_does_not_block_the_sender() {
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let blocks = Event::raw("e", move |_: &Context, _: Payload| -> Work<()> {
        Work::done(gate.lock().recv().map_err(|_| Error::new("nobody opened the gate")))
    });
    let mouth = ServiceDef::new("mouth")
        .action(action("speak", |ctx, (): ()| async move { ctx.emit_named("e", json!(null)).await }));
    let broker = start([ServiceDef::new("ears").event(blocks), mouth]).await;
    call(&broker, "mouth.speak", json!(null)).await.unwrap();
    open.send(()).unwrap();
    broker.stop().await;
    assert_eq!(broker.listener_errors(), 0);
}

#[tokio::test]
async fn a_listener_gets_events_in_the_order_they_were_sent() {
    let log = Log::default();
    let own = log.clone();
    let ears = ServiceDef::new("ears").event(event("e", move |_, n: u32| {
        own.add(format!("{n}"));
        async { Ok(()) }
    }));
    let broker = start([ears]).await;
    for n in 0..500 {
        let sends = broker.emit_named("e", json!(n));
        if n % 7 == 0 { sends.wait_for_listeners().await.unwrap() } else { sends.await.unwrap() }
    }
    broker.stop().await;
    assert_eq!(log.take(), (0..500).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_waits_starts_the_handlers_itself() {
    let threads = Arc::new(Mutex::new(Vec::new()));
    let own = threads.clone();
    let ears = ServiceDef::new("ears").event(Event::raw("e", move |_: &Context, _: Payload| -> Work<()> {
        own.lock().push(thread::current().id());
        Work::done(Ok(()))
    }));
    let broker = start([ears]).await;
    broker.emit_named("e", json!(null)).wait_for_listeners().await.unwrap();
    broker.broadcast_named("e", json!(null)).throw_error().await.unwrap();
    // The test itself runs on a thread that no task ever runs on.
    assert_eq!(*threads.lock(), [thread::current().id(); 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_run_on_the_runtime_of_their_broker_whoever_sends() {
    let ears = ServiceDef::new("ears").event(event("e", |_, (): ()| async {
        // It needs the timers of a runtime.
        tokio::time::sleep(ms(1)).await;
        Ok(())
    }));
    let broker = start([ears]).await;
    let own = broker.clone();
    let outside = thread::spawn(move || {
        let sent = own.emit_named("e", json!(null)).throw_error();
        // No runtime is here: only a waker that wakes a thread.
        struct Unpark(thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Arc::new(Unpark(thread::current())).into();
        let mut sent = std::pin::pin!(sent.into_future());
        loop {
            match sent.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
                std::task::Poll::Ready(result) => return result,
                std::task::Poll::Pending => thread::park(),
            }
        }
    });
    let result = tokio::task::spawn_blocking(move || outside.join().unwrap()).await.unwrap();
    assert!(result.is_ok(), "{result:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handlers_start_one_after_the_other_whoever_starts_them() {
    const SENDERS: u32 = 4;
    const EVENTS: u32 = 2000;
    let heard = Arc::new(Mutex::new(vec![Vec::new(); SENDERS as usize]));
    let (own, at_once) = (heard.clone(), AtomicU32::new(0));
    let ears =
        ServiceDef::new("ears").event(Event::raw("e", move |_: &Context, payload: Payload| -> Work<()> {
            assert_eq!(at_once.fetch_add(1, Ordering::SeqCst), 0, "two handlers start at once");
            let event: Vec<u32> = payload.take().unwrap();
            own.lock()[event[0] as usize].push(event[1]);
            at_once.fetch_sub(1, Ordering::SeqCst);
            Work::done(Ok(()))
        }));
    let broker = start([ears]).await;
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let broker = broker.clone();
        senders.spawn(async move {
            for n in 0..EVENTS {
                let sent = broker.emit_named("e", vec![sender, n]);
                // Some wait, some do not.
                if n % 3 == sender % 3 { sent.wait_for_listeners().await } else { sent.await }.unwrap();
            }
        });
    }
    senders.join_all().await;
    broker.stop().await;
    assert_eq!(broker.listener_errors(), 0);
    for heard in heard.lock().iter() {
        assert!(heard.iter().copied().eq(0..EVENTS), "in the order in which they were sent");
    }
}

#[tokio::test]
async fn a_listener_may_send_and_wait_for_others() {
    let log = Log::default();
    let (outer, inner) = (log.clone(), log.clone());
    let ears = ServiceDef::new("ears").event(event("outer", move |ctx, n: u32| {
        let log = outer.clone();
        async move {
            ctx.emit_named("inner", n).wait_for_listeners().await?;
            log.add(format!("outer {n}"));
            Ok(())
        }
    }));
    let more = ServiceDef::new("more").event(event("inner", move |_, n: u32| {
        let log = inner.clone();
        async move {
            tokio::task::yield_now().await;
            log.add(format!("inner {n}"));
            Ok(())
        }
    }));
    let broker = start([ears, more]).await;
    broker.emit_named("outer", 1).wait_for_listeners().await.unwrap();
    assert_eq!(log.take(), ["inner 1", "outer 1"]);
}

#[tokio::test]
async fn a_stop_waits_for_what_was_handed_over() {
    let (log, gate) = (Log::default(), Gate::default());
    let broker = start([ServiceDef::new("ears").event(gated(&log, &gate))]).await;
    for n in 0..20 {
        broker.emit_named("e", json!(n)).await.unwrap();
    }
    let stops = broker.clone();
    let stop = spawn(async move { stops.stop().await });
    settle().await;
    assert_eq!(log.len(), 0);
    gate.open();
    stop.await.unwrap();
    assert_eq!(log.len(), 20);
}

#[tokio::test]
async fn a_service_that_goes_hears_what_was_handed_over() {
    let log = Log::default();
    let gate = Gate::default();
    gate.open();
    let broker = start([ServiceDef::new("ears").event(gated(&log, &gate))]).await;
    broker.emit_named("e", json!(1)).await.unwrap();
    broker.destroy_service("ears").await.unwrap();
    assert_eq!(log.take(), ["1"]);
    broker.emit_named("e", json!(2)).wait_for_listeners().await.unwrap();
    assert_eq!(log.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_costs_an_action_little_time_and_no_listener_its_turn() {
    let (log, gate, fine) = (Log::default(), Gate::default(), Log::default());
    let stuck = ServiceDef::new("stuck").event(gated(&log, &gate));
    let other = ServiceDef::new("other").event(listener("e", "fine", &fine));
    let mouth = ServiceDef::new("mouth")
        .action(action("speak", |ctx, n: u32| async move { ctx.emit_named("e", json!(n)).await }));
    let services = [stuck, other, mouth];
    let builder = services.into_iter().fold(builder(), ligand_core::broker::BrokerBuilder::service);
    let broker = builder.options(|options| options.events.max_queue_size = 2).start().await.unwrap();
    let start = tokio::time::Instant::now();
    for n in 0..3 {
        call(&broker, "mouth.speak", json!(n)).await.unwrap();
        settle().await;
    }
    assert_eq!((start.elapsed(), broker.listener_errors(), fine.len()), (ms(100), 1, 3));
    // Who has no time limit is more patient.
    let start = tokio::time::Instant::now();
    let error = broker.emit_named("e", json!(3)).throw_error().await.unwrap_err();
    assert_eq!((error.code(), start.elapsed()), (429, ms(10_000)));
    let text = "The listener of 'e' in service 'stuck' has 2 events in hand and takes no more.";
    assert_eq!((error.message(), broker.listener_errors()), (text, 2));
    // A place that becomes free is taken.
    let sends = broker.clone();
    let send = spawn(async move { sends.emit_named("e", json!(4)).await });
    settle().await;
    assert!(!send.is_finished());
    gate.open();
    send.await.unwrap().unwrap();
    broker.stop().await;
    assert_eq!(log.take(), ["0", "1", "4"]);
    assert_eq!(broker.listener_errors(), 2);
}

#[tokio::test]
async fn events_that_nobody_takes_out_any_more_keep_nothing_alive() {
    let (log, gate) = (Log::default(), Gate::default());
    let slow = ServiceDef::new("slow").stopping(|_| std::future::pending());
    let broker = start([ServiceDef::new("ears").event(gated(&log, &gate)), slow]).await;
    let weak = broker.downgrade();
    broker.emit_named("e", json!(1)).await.unwrap();
    // The stop is dropped before anything is taken out.
    let mut stop = Box::pin(broker.stop());
    assert!(futures_util::poll!(&mut stop).is_pending());
    drop(stop);
    broker.emit_named("e", json!(2)).await.unwrap();
    drop(broker);
    settle().await;
    assert!(weak.upgrade().is_none());
    assert_eq!(log.len(), 0);
}
