//! Answers that are streams, and bytes that come from other nodes.

use std::time::Duration;

use bytes::Bytes;
use ligand_core::{
    Action, Context, Error, Payload, Result, ServiceBroker, ServiceDef, future::Work, stream::Streaming,
};
use ligand_transport::memory::MemoryBus;
use ligand_web::{Gateway, Route};
use ligand_wire::Binary;
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, sync::mpsc};

use crate::client::{Direct, Raw};

type Chunk = Result<Bytes>;

/// `s.feed` streams what is sent, `s.lines` values, `s.bytes` answers bytes; the gateway's node is another one.
struct Setup {
    near: ServiceBroker,
    far: ServiceBroker,
    gateway: Gateway,
}

/// A channel that becomes the answer of the next call. The sender learns when the stream is dropped.
fn feed() -> (mpsc::Sender<Chunk>, impl Fn() -> Action) {
    let (send, receive) = mpsc::channel::<Chunk>(1);
    let source = std::sync::Arc::new(parking_lot::Mutex::new(Some(receive)));
    let action = move || {
        let source = source.clone();
        Action::new("feed", move |ctx: Context, (): ()| {
            let taken = source.lock().take();
            async move {
                let mut receive = taken.ok_or_else(|| Error::new("taken"))?;
                ctx.set_meta("$responseType", "text/event-stream");
                Ok::<_, Error>(Streaming::bytes(futures_util::stream::poll_fn(move |cx| {
                    receive.poll_recv(cx)
                })))
            }
        })
    };
    (send, action)
}

async fn setup(feed: Action) -> Setup {
    let lines = |name, kind: Option<&'static str>| {
        Action::new(name, move |ctx: Context, (): ()| async move {
            if let Some(kind) = kind {
                ctx.set_meta("$responseType", kind);
            }
            let values = [json!({ "a": 1 }), json!("b\nc"), json!(3)].map(Ok::<Value, Error>);
            Ok::<_, Error>(Streaming::objects(futures_util::stream::iter(values)))
        })
    };
    let service = ServiceDef::new("s")
        .action(feed)
        .action(lines("lines", None))
        .action(lines("plain", Some("text/plain")))
        .action(Action::new("file", |_: Context, (): ()| async {
            Ok::<_, Error>(Streaming::from_bytes(vec![7; 3_000_000]))
        }))
        .action(Action::new("bytes", |_: Context, (): ()| async {
            Ok::<_, Error>(Binary::from(vec![0, 255, 10]))
        }))
        .action(Action::raw("image", |ctx: &Context, _: Payload| {
            ctx.set_meta("$responseType", "image/png");
            Work::done(Ok(Payload::binary(&b"\x89PNG"[..])))
        }));
    let bus = MemoryBus::new();
    let gateway = Gateway::builder().bind("127.0.0.1:0").route(Route::new("/").direct_calls()).build();
    let far = ServiceBroker::builder().node_id("far").transporter(bus.transporter()).service(service);
    let far = far.start().await.unwrap();
    let near =
        ServiceBroker::builder().node_id("near").transporter(bus.transporter()).service(gateway.clone());
    let near = near.start().await.unwrap();
    near.wait_for_services(&["s"], Duration::from_secs(5)).await.unwrap();
    Setup { near, far, gateway }
}

impl Setup {
    async fn stop(self) {
        self.near.stop().await;
        self.far.stop().await;
    }

    async fn ask(&self, path: &str) -> Raw {
        let mut raw = Raw::connect(self.gateway.local_addr().unwrap()).await;
        raw.write(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        raw
    }
}

/// Reads until `end` has come.
async fn until(raw: &mut Raw, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let mut room = [0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(10), raw.stream.read(&mut room));
        let count = read.await.unwrap_or_else(|_| panic!("only {text:?} came")).unwrap();
        assert!(count > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&room[..count]).unwrap());
    }
    text
}

#[tokio::test]
async fn chunks_go_out_as_they_come() {
    let (send, action) = feed();
    let setup = setup(action()).await;
    let mut raw = setup.ask("/s/feed").await;
    send.send(Ok("one".into())).await.unwrap();
    let head = until(&mut raw, "one").await;
    assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
    assert!(head.contains("transfer-encoding: chunked\r\n") && !head.contains("content-length"), "{head}");
    send.send(Ok(Bytes::new())).await.unwrap();
    send.send(Ok("two".into())).await.unwrap();
    until(&mut raw, "3\r\ntwo\r\n").await;
    drop(send);
    until(&mut raw, "0\r\n\r\n").await;
    // The connection goes on.
    raw.write("GET /s/bytes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let mut rest = Vec::new();
    raw.stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"\r\n\r\n\x00\xff\n"), "{rest:?}");
    setup.stop().await;
}

#[tokio::test]
async fn an_error_in_the_middle_cuts_the_connection() {
    let (send, action) = feed();
    let setup = setup(action()).await;
    let mut raw = setup.ask("/s/feed").await;
    send.send(Ok("one".into())).await.unwrap();
    until(&mut raw, "one").await;
    send.send(Err(Error::new("secret"))).await.unwrap();
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = raw.stream.read_to_end(&mut rest).await;
    assert!(!rest.ends_with(b"0\r\n\r\n") && !rest.windows(6).any(|part| part == b"secret"), "{rest:?}");
    setup.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_source() {
    let (send, action) = feed();
    let setup = setup(action()).await;
    let mut raw = setup.ask("/s/feed").await;
    send.send(Ok("one".into())).await.unwrap();
    until(&mut raw, "one").await;
    drop(raw);
    tokio::time::timeout(Duration::from_secs(10), send.closed()).await.expect("the source lives on");
    setup.stop().await;
}

#[tokio::test]
async fn streams_and_bytes_of_another_node_are_what_they_are() {
    let setup = setup(feed().1()).await;
    let http = Direct(&setup.gateway, &setup.near);
    let lines = http.get("/s/lines").await;
    assert_eq!(
        (lines.header("content-type"), &*lines.body),
        ("application/x-ndjson", "{\"a\":1}\n\"b\\nc\"\n3\n")
    );
    let plain = http.get("/s/plain").await;
    assert_eq!((plain.header("content-type"), &*plain.body), ("text/plain", "{\"a\":1}\nb\nc3\n"));
    let file = http.get("/s/file").await;
    assert_eq!((file.status, file.header("content-type")), (200, "application/octet-stream"));
    assert_eq!((file.body.len(), file.headers.contains_key("content-length")), (3_000_000, false));
    let image = http.get("/s/image").await;
    assert_eq!((image.header("content-type"), image.header("content-length")), ("image/png", "4"));
    let bytes = http.get("/s/bytes").await;
    assert_eq!(
        (bytes.header("content-type"), bytes.header("content-length")),
        ("application/octet-stream", "3")
    );
    let head = http.send("HEAD", "/s/file", &[], "").await;
    assert_eq!((head.status, &*head.body), (200, ""));
    setup.stop().await;
}

#[tokio::test]
async fn a_slow_client_slows_the_source() {
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = sent.clone();
    let endless = Action::new("endless", move |_: Context, (): ()| {
        let count = count.clone();
        async move {
            Ok::<_, Error>(Streaming::bytes(futures_util::stream::repeat_with(move || {
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Ok(Bytes::from(vec![1; 64 * 1024]))
            })))
        }
    });
    let gateway = Gateway::builder().route(Route::new("/").direct_calls()).build();
    let broker =
        ServiceBroker::builder().service(ServiceDef::new("s").action(endless)).start().await.unwrap();
    let request = http::Request::builder().uri("/s/endless").body(()).unwrap();
    let mut body = gateway.handle(&broker, request).await.into_body();
    assert_eq!(
        sent.load(std::sync::atomic::Ordering::SeqCst),
        0,
        "nothing is read before the client takes it"
    );
    for taken in 1..=3 {
        let frame =
            std::future::poll_fn(|cx| http_body::Body::poll_frame(std::pin::Pin::new(&mut body), cx)).await;
        assert_eq!(frame.unwrap().unwrap().into_data().unwrap().len(), 64 * 1024);
        assert_eq!(sent.load(std::sync::atomic::Ordering::SeqCst), taken);
    }
}

#[tokio::test]
async fn whoever_collects_a_stream_learns_that_it_failed() {
    let failing = Action::new("failing", |_: Context, (): ()| async {
        let chunks: [Chunk; 2] = [Ok("one".into()), Err(Error::new("broken"))];
        Ok::<_, Error>(Streaming::bytes(futures_util::stream::iter(chunks)))
    });
    let gateway = Gateway::builder().route(Route::new("/").direct_calls()).build();
    let broker =
        ServiceBroker::builder().service(ServiceDef::new("s").action(failing)).start().await.unwrap();
    let ask = || async {
        let request = http::Request::builder().uri("/s/failing").body(()).unwrap();
        gateway.handle(&broker, request).await.into_body()
    };
    assert_eq!(ask().await.collect().await.unwrap_err().message(), "broken");
    assert_eq!(&ask().await.bytes().await[..], b"one");
}
