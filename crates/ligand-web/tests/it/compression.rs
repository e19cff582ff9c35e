//! Answers and bodies in fewer bytes.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::{read::GzDecoder, write::GzEncoder};
use http::Request;
use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef, stream::Streaming};
use ligand_web::{Compression, Gateway, Route};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::client::Direct;

fn service() -> ServiceDef {
    let typed = |name, kind: &'static str, size: usize| {
        Action::new(name, move |ctx: Context, (): ()| async move {
            ctx.set_meta("$responseType", kind);
            ctx.set_meta("$responseHeaders", json!({"ETag": "\"mine\""}));
            Ok::<_, Error>("ab".repeat(size / 2))
        })
    };
    let plain = Action::new("plain", |ctx: Context, (): ()| async move {
        ctx.set_meta("$responseHeaders", json!({"Cache-Control": "no-transform"}));
        Ok::<_, Error>("x".repeat(5000))
    });
    ServiceDef::new("s")
        .action(typed("page", "text/html", 200_000))
        .action(typed("picture", "image/png", 5000))
        .action(typed("small", "text/html", 100))
        .action(plain)
        .action(Action::new("echo", |_: Context, params: Value| async move { Ok::<_, Error>(params) }))
}

fn gateway() -> Gateway {
    let compression = Compression::new().bodies();
    Gateway::builder().compression(compression).route(Route::new("/").direct_calls()).build()
}

#[tokio::test]
async fn answers_are_compressed_where_it_is_wanted_and_worth_it() {
    let broker = ServiceBroker::builder().service(service()).start().await.unwrap();
    let gateway = gateway();
    for (path, accepted, coding, vary) in [
        ("/s/page", "gzip", Some("gzip"), true),
        ("/s/page", "deflate", Some("deflate"), true),
        ("/s/page", "br", Some("br"), true),
        ("/s/page", "zstd", Some("zstd"), true),
        ("/s/page", "", None, true),
        ("/s/page", "identity", None, true),
        ("/s/small", "gzip", None, false),
        ("/s/picture", "gzip", None, false),
        ("/s/plain", "gzip", None, false),
    ] {
        let request = Request::get(path).header("accept-encoding", accepted).body(()).unwrap();
        let (parts, body) = gateway.handle(&broker, request).await.into_parts();
        let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!((parts.status.as_u16(), text("content-encoding")), (200, coding), "{path} {accepted}");
        assert_eq!(text("vary").is_some(), vary, "{path} {accepted}");
        let bytes = body.collect().await.unwrap();
        if coding.is_some() {
            assert!(
                bytes.len() < 5000 && text("content-length").is_none(),
                "{path} {accepted}: {}",
                bytes.len()
            );
            assert_eq!(text("etag"), Some("W/\"mine\""));
        }
        if coding == Some("gzip") {
            let mut plain = String::new();
            GzDecoder::new(&bytes[..]).read_to_string(&mut plain).unwrap();
            assert_eq!(plain, "ab".repeat(100_000));
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_stream_goes_out_chunk_by_chunk() {
    let (send, receive) = mpsc::channel::<Result<Bytes, Error>>(1);
    let receive = std::sync::Arc::new(parking_lot::Mutex::new(Some(receive)));
    let feed = Action::new("feed", move |ctx: Context, (): ()| {
        let taken = receive.lock().take();
        async move {
            let mut receive = taken.unwrap();
            ctx.set_meta("$responseType", "text/event-stream");
            Ok::<_, Error>(Streaming::bytes(futures_util::stream::poll_fn(move |cx| receive.poll_recv(cx))))
        }
    });
    let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(feed)).start().await.unwrap();
    let request = Request::get("/s/feed").header("accept-encoding", "gzip").body(()).unwrap();
    let mut body = gateway().handle(&broker, request).await.into_body();
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    for chunk in ["data: 1\n\n", "data: 2\n\n"] {
        send.send(Ok(chunk.into())).await.unwrap();
        // Nothing more is sent: what comes now is this chunk.
        while decoder.get_ref().len() < chunk.len() {
            let frame = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
            decoder.write_all(&frame.into_data().unwrap()).unwrap();
            decoder.flush().unwrap();
        }
        assert_eq!(std::mem::take(decoder.get_mut()), chunk.as_bytes());
    }
    broker.stop().await;
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn bodies_are_read_within_their_limit_where_that_is_said() {
    let broker = ServiceBroker::builder().service(service()).start().await.unwrap();
    let gateway = gateway();
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let http = Direct(&gateway, &broker);
    let answer = http.send("POST", "/s/echo", &headers, zipped(b"{\"a\":1}")).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"a": 1})));
    let bomb = zipped(format!("{{\"a\":\"{}\"}}", "0".repeat(50 << 20)).as_bytes());
    assert!(bomb.len() < 100_000);
    assert_eq!(http.send("POST", "/s/echo", &headers, bomb).await.error(), (413, "entity.too.large".into()));
    let nested = zipped(&zipped(b"{}"));
    assert_eq!(
        http.send("POST", "/s/echo", &headers, nested).await.error(),
        (400, "entity.parse.failed".into())
    );
    assert_eq!(
        http.send("POST", "/s/echo", &headers, "{}").await.error(),
        (400, "INVALID_REQUEST_BODY".into())
    );
    let closed =
        Gateway::builder().compression(Compression::new()).route(Route::new("/").direct_calls()).build();
    let answer = Direct(&closed, &broker).send("POST", "/s/echo", &headers, zipped(b"{}")).await;
    assert_eq!(answer.error(), (415, "ENCODING_UNSUPPORTED".into()));
    broker.stop().await;
}
