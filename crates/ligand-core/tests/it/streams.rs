//! Streams between nodes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef, stream::Streaming};
use ligand_transport::memory::MemoryBus;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(10);

fn files(produced: &Arc<AtomicUsize>) -> ServiceDef {
    let produced = produced.clone();
    ServiceDef::new("files")
        .action(Action::new("save", |ctx: Context, params: Value| async move {
            let mut stream = ctx.stream().ok_or_else(|| Error::bad_request("no stream"))?;
            let (mut size, mut sum) = (0usize, 0u64);
            while let Some(chunk) = stream.next_bytes().await {
                let chunk = chunk?;
                size += chunk.len();
                sum = chunk.iter().fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
            }
            Ok::<_, Error>(json!({ "size": size, "sum": sum, "params": params }))
        }))
        .action(Action::new("load", |_: Context, size: usize| async move {
            let chunks = (0..size.div_ceil(100_000)).map(move |part| {
                let len = (size - part * 100_000).min(100_000);
                Ok(Bytes::from((0..len).map(|at| pattern(part * 100_000 + at)).collect::<Vec<u8>>()))
            });
            Ok::<_, Error>(Streaming::bytes(stream::iter(chunks)))
        }))
        .action(Action::new("count", |_: Context, to: u64| async move {
            Ok::<_, Error>(Streaming::objects(stream::iter((0..to).map(|i| Ok(json!({ "i": i }))))))
        }))
        .action(Action::new("broken", |_: Context, (): ()| async move {
            let chunks = vec![Ok(json!(1)), Err(Error::client(410, "GONE", "It is gone"))];
            Ok::<_, Error>(Streaming::objects(stream::iter(chunks)))
        }))
        .action(Action::new("endless", move |_: Context, (): ()| {
            let produced = produced.clone();
            async move {
                let chunks = stream::repeat_with(move || {
                    produced.fetch_add(1, Ordering::SeqCst);
                    Ok(Bytes::from(vec![7u8; 10_000]))
                });
                Ok::<_, Error>(Streaming::bytes(chunks))
            }
        }))
}

#[allow(clippy::cast_possible_truncation)]
fn pattern(at: usize) -> u8 {
    (31 * at + 7) as u8
}

struct Pair {
    a: ServiceBroker,
    b: ServiceBroker,
    produced: Arc<AtomicUsize>,
}

async fn pair(bus: &MemoryBus) -> Pair {
    let produced = Arc::new(AtomicUsize::new(0));
    let start = |id: &str| ServiceBroker::builder().node_id(id).transporter(bus.transporter());
    let b = start("b").service(files(&produced)).start().await.unwrap();
    let a = start("a").start().await.unwrap();
    a.wait_for_services(&["files"], LIMIT).await.unwrap();
    Pair { a, b, produced }
}

impl Pair {
    async fn end(self) {
        self.a.stop().await;
        self.b.stop().await;
    }
}

async fn loads_and_saves(bus: MemoryBus, size: usize) {
    let pair = pair(&bus).await;
    let got: Streaming = pair.a.call_named("files.load", json!(size)).await.unwrap().take().unwrap();
    let bytes = got.collect_bytes(size).await.unwrap();
    assert_eq!(bytes.len(), size);
    assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == pattern(at)));
    let sum = bytes.iter().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let saved: Value = pair
        .a
        .call_named("files.save", json!({ "name": "x" }))
        .stream(Streaming::from_bytes(bytes))
        .await
        .unwrap()
        .take()
        .unwrap();
    assert_eq!(saved, json!({ "size": size, "sum": sum, "params": { "name": "x" } }));
    let mut objects: Streaming = pair.a.call_named("files.count", json!(500)).await.unwrap().take().unwrap();
    for i in 0..500 {
        let object: Value = objects.next_as().await.unwrap().unwrap();
        assert_eq!(object, json!({ "i": i }));
    }
    assert!(objects.next().await.is_none());
    pair.end().await;
}

#[tokio::test]
async fn bytes_and_objects_arrive_whole_and_in_order() {
    loads_and_saves(MemoryBus::new(), 3_000_001).await;
}

#[tokio::test]
async fn packets_out_of_order_are_put_in_order() {
    let bus = MemoryBus::new().seed(3).reordering(0.3).delay(Duration::ZERO..Duration::from_millis(3));
    loads_and_saves(bus, 300_000).await;
}

#[tokio::test]
async fn an_error_ends_the_stream() {
    let bus = MemoryBus::new();
    let pair = pair(&bus).await;
    let mut got: Streaming = pair.a.call_named("files.broken", json!(null)).await.unwrap().take().unwrap();
    assert_eq!(got.next_as::<Value>().await.unwrap().unwrap(), json!(1));
    let error = got.next().await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.kind()), (410, "GONE"));
    assert!(got.next().await.is_none());
    let chunks = vec![Ok(Bytes::from_static(b"x")), Err(Error::client(499, "UP", "broken pipe"))];
    let upload = Streaming::bytes(stream::iter(chunks));
    let error = pair.a.call_named("files.save", json!({})).stream(upload).await.unwrap_err();
    assert_eq!(error.kind(), "UP");
    pair.end().await;
}

#[tokio::test]
async fn a_slow_reader_slows_the_sender_and_a_gone_one_stops_it() {
    let bus = MemoryBus::new();
    let pair = pair(&bus).await;
    let mut got: Streaming = pair.a.call_named("files.endless", json!(null)).await.unwrap().take().unwrap();
    for _ in 0..10 {
        got.next_bytes().await.unwrap().unwrap();
    }
    // Whatever runs now may go on until the window is full.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    let produced = pair.produced.load(Ordering::SeqCst);
    assert!(produced * 10_000 < 3 * 1024 * 1024, "{produced} chunks were sent");
    for _ in 0..300 {
        got.next_bytes().await.unwrap().unwrap();
    }
    assert!(pair.produced.load(Ordering::SeqCst) >= 300);
    drop(got);
    let start = std::time::Instant::now();
    while pair.b.tasks().running() > 0 {
        assert!(start.elapsed() < LIMIT, "the sender goes on");
        tokio::task::yield_now().await;
    }
    pair.end().await;
}

#[tokio::test]
async fn a_stream_ends_when_its_node_is_lost() {
    let bus = MemoryBus::new();
    let pair = pair(&bus).await;
    let mut got: Streaming = pair.a.call_named("files.endless", json!(null)).await.unwrap().take().unwrap();
    got.next_bytes().await.unwrap().unwrap();
    bus.isolate("b");
    // A message that reaches nobody tells.
    let _ = pair.a.call_named("files.count", json!(1)).await;
    let error = loop {
        match tokio::time::timeout(LIMIT, got.next()).await.unwrap() {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("the stream ended as if it were whole"),
        }
    };
    assert!(error.message().contains("Stream closed by b"), "{}", error.message());
    pair.end().await;
}

#[tokio::test]
async fn local_streams_are_handed_over() {
    let produced = Arc::new(AtomicUsize::new(0));
    let broker = ServiceBroker::builder().service(files(&produced)).start().await.unwrap();
    let got: Streaming = broker.call_named("files.load", json!(250_000)).await.unwrap().take().unwrap();
    let sizes: Vec<_> = got.into_byte_stream().map(|chunk| chunk.unwrap().len()).collect().await;
    assert_eq!(sizes, [100_000, 100_000, 50_000]);
    let saved: Value = broker
        .call_named("files.save", json!({}))
        .stream(Streaming::from_bytes(vec![1, 2]))
        .await
        .unwrap()
        .take()
        .unwrap();
    assert_eq!(saved["size"], 2);
    broker.stop().await;
}

/// A source that never gives anything, and notes that it was released.
fn source(released: &Arc<AtomicUsize>) -> Streaming {
    struct Released(Arc<AtomicUsize>);
    impl Drop for Released {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let guard = Released(released.clone());
    Streaming::bytes(stream::poll_fn(move |_| {
        let _ = &guard;
        std::task::Poll::Pending
    }))
}

#[tokio::test(start_paused = true)]
async fn the_source_of_a_call_that_ends_is_released_whatever_comes_first() {
    for rush in [0.0, 0.5, 1.0] {
        for seed in 0..20 {
            let bus = MemoryBus::new().seed(seed);
            let refuse = ServiceDef::new("door")
                .action(Action::new("refuse", |_: Context, (): ()| async move {
                    Err::<(), _>(Error::bad_request("no"))
                }))
                .action(Action::new("ignore", |_: Context, (): ()| async move { Ok::<_, Error>(()) }));
            let start = |id: &str| ServiceBroker::builder().node_id(id).transporter(bus.transporter());
            let b = start("b").service(refuse).start().await.unwrap();
            let a = start("a").start().await.unwrap();
            a.wait_for_services(&["door"], LIMIT).await.unwrap();
            let _ = bus.clone().rush(rush);
            let released = Arc::new(AtomicUsize::new(0));
            a.call_named("door.refuse", json!(null)).stream(source(&released)).await.unwrap_err();
            a.call_named("door.ignore", json!(null)).stream(source(&released)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert_eq!(released.load(Ordering::SeqCst), 2, "rush {rush}, seed {seed}");
            for broker in [&a, &b] {
                assert_eq!((broker.in_flight().unwrap(), broker.tasks().running()), Default::default());
            }
            a.stop().await;
            b.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_source_of_a_stream_is_released_when_the_news_that_nobody_reads_are_lost() {
    let bus = MemoryBus::new();
    let released = Arc::new(AtomicUsize::new(0));
    let own = released.clone();
    let service = ServiceDef::new("door")
        .action(Action::new("open", move |_: Context, (): ()| {
            let stream = source(&own);
            async move { Ok::<_, Error>(stream) }
        }))
        .action(Action::new("ignore", |_: Context, (): ()| async move { Ok::<_, Error>(()) }));
    let start = |id: &str| ServiceBroker::builder().node_id(id).transporter(bus.transporter());
    let b = start("b").service(service).start().await.unwrap();
    let a = start("a").start().await.unwrap();
    a.wait_for_services(&["door"], LIMIT).await.unwrap();
    let stream: Streaming = a.call_named("door.open", json!(null)).await.unwrap().take().unwrap();
    bus.mute("a");
    drop(stream);
    tokio::time::sleep(Duration::from_millis(100)).await;
    bus.rejoin("a");
    assert_eq!(released.load(Ordering::SeqCst), 0);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(released.load(Ordering::SeqCst), 1);
    // A caller that gives up while the answer is on its way.
    let _ = bus.clone().delay(Duration::from_millis(50)..Duration::from_millis(50));
    for patience in [20, 60, 110, 160] {
        let before = released.load(Ordering::SeqCst);
        let call = a.call_named("door.open", json!(null)).timeout(Duration::from_millis(patience));
        let _ = call.await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let ran = released.load(Ordering::SeqCst) > before;
        let left = (a.in_flight().unwrap(), b.in_flight().unwrap());
        assert_eq!(left, Default::default(), "given up after {patience} ms, ran: {ran}");
    }
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn a_stream_as_parameters_stops_the_start() {
    let async_one = Action::new("put", |_: Context, _: Streaming| async { Ok::<_, Error>(1) });
    let plain = Action::of("put", |_: Streaming| async { Ok::<_, Error>(1) });
    let blocking = Action::blocking("put", |_: &Context, _: Streaming| Ok::<_, Error>(1));
    for action in [async_one, plain, blocking] {
        let error = ServiceBroker::builder()
            .service(ServiceDef::new("files").action(action))
            .start()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
        assert!(
            error.message().contains("'files.put'") && error.message().contains("`ctx.stream()`"),
            "{error}"
        );
    }
}
