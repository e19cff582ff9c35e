//! What hostile clients send: a clear refusal, and the node lives on.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use ligand_core::Error;
use ligand_web::{Gateway, Route, error};
use serde_json::json;

use crate::{
    client::{Direct, Raw, get, once},
    fixture::{self, Running, one, serving},
};

fn gateway() -> Gateway {
    Gateway::builder()
        .bind("127.0.0.1:0")
        .limits(|limits| {
            limits.header_timeout = Duration::from_millis(300);
            limits.body_timeout = Duration::from_millis(300);
        })
        .route(Route::new("/api").direct_calls())
        .build()
}

async fn alive(address: SocketAddr) {
    assert_eq!(get(address, "/api/fx/num").await.json(), 123);
}

#[tokio::test]
async fn framings_that_can_be_read_in_two_ways_are_refused() {
    let (_broker, address) = serving(gateway(), &Running::default()).await;
    let smuggled = "GET /api/fx/num HTTP/1.1\r\nHost: x\r\n\r\n";
    let chunked = format!("0\r\n\r\n{smuggled}");
    for (name, head, body) in [
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6", "aaaaaa"),
        ("plus", "Content-Length: +5", "aaaaa"),
        ("hex", "Content-Length: 0x5", "aaaaa"),
        ("negative", "Content-Length: -5", "aaaaa"),
        ("list", "Content-Length: 5, 6", "aaaaa"),
        ("20 digits", "Content-Length: 99999999999999999999", "a"),
        ("unknown coding", "Transfer-Encoding: xchunked", &chunked),
        ("identity last", "Transfer-Encoding: chunked, identity", &chunked),
        ("space before colon", "Transfer-Encoding : chunked", &chunked),
        ("space in name", "Content Length: 5", "aaaaa"),
        ("folded", "X-A: b\r\n c: d", ""),
        ("NUL", "X-A: b\0c", ""),
        ("bare CR", "X-A: b\rX-B: c", ""),
    ] {
        let request = format!(
            "POST /api/fx/params HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}\r\n\r\n{body}"
        );
        let mut raw = Raw::connect(address).await;
        raw.write(request).await;
        let answer = raw.read().await.unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(answer.status / 100, 4, "{name}: {answer:?}");
        assert!(raw.read().await.is_none(), "{name}: the connection must end");
    }
    alive(address).await;
}

#[tokio::test]
async fn a_length_beside_chunks_smuggles_nothing() {
    let (_broker, address) = serving(gateway(), &Running::default()).await;
    for head in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let body = "2\r\n{}\r\n0\r\n\r\n";
        let request = format!(
            "POST /api/fx/params HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}\r\n\r\n{body}"
        );
        let mut raw = Raw::connect(address).await;
        raw.write(request).await;
        // Either a refusal, or chunks win as RFC 9112 says; never a second request made of the rest.
        let answer = raw.read().await.unwrap();
        assert!(answer.status == 400 || (answer.status == 200 && answer.json() == json!({})), "{answer:?}");
        let more = tokio::time::timeout(Duration::from_millis(100), raw.read()).await;
        assert!(!matches!(more, Ok(Some(_))), "{more:?}");
    }
    for chunk in [
        "0x2\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "fffffffffffffffff\r\n{}",
        "zz\r\n{}",
    ] {
        let request = format!(
            "POST /api/fx/params HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
        );
        let mut raw = Raw::connect(address).await;
        raw.write(request).await;
        let answer = raw.read().await;
        assert!(answer.as_ref().is_none_or(|answer| answer.status / 100 == 4), "{chunk:?}: {answer:?}");
    }
    alive(address).await;
}

#[tokio::test]
async fn odd_request_lines_are_refused() {
    let (_broker, address) = serving(gateway(), &Running::default()).await;
    for line in [
        "GET /api/fx/num HTTP/3.0",
        "GET /api/fx/num HTTP/0.9",
        "GET  /api/fx/num HTTP/1.1",
        "GET /api/fx/num\0 HTTP/1.1",
        "G@T /api/fx/num HTTP/1.1",
        "GET /api/fx/num junk",
        "\x16\x03\x01\x02\x00",
        "PRI * HTTP/2.0",
    ] {
        let answer = once(address, format!("{line}\r\nHost: x\r\n\r\n")).await;
        assert!(answer.as_ref().is_none_or(|answer| answer.status >= 400), "{line:?}: {answer:?}");
    }
    for (target, status) in [("*", 404), ("http://elsewhere/api/fx/num", 200)] {
        let answer = once(address, format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await.unwrap();
        assert_eq!(answer.status, status, "{target}");
    }
    let connect = once(address, "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(connect.status, 404);
    alive(address).await;
}

#[tokio::test]
async fn heads_are_bounded() {
    let (_broker, address) = serving(gateway(), &Running::default()).await;
    let many: String = (0..1000).map(|i| format!("X-{i}: v\r\n")).collect();
    let cookie = "c".repeat(64 * 1024);
    let url = "u".repeat(100 * 1024);
    for (name, request) in [
        ("headers", format!("GET /api/fx/num HTTP/1.1\r\nHost: x\r\n{many}\r\n")),
        ("cookie", format!("GET /api/fx/num HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n")),
        ("url", format!("GET /{url} HTTP/1.1\r\nHost: x\r\n\r\n")),
        // Just beyond the limit: the reader of the connection takes it.
        ("40 kB", format!("GET /api/fx/num HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "c".repeat(40_000))),
        ("40 kB in the path", format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "u".repeat(40_000))),
    ] {
        let answer = once(address, request).await.unwrap_or_else(|| panic!("{name}: no answer"));
        assert!(matches!(answer.status, 431 | 414), "{name}: {answer:?}");
    }
    let fits = format!("GET /api/fx/num HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "c".repeat(32_000));
    assert_eq!(once(address, fits).await.unwrap().status, 200);
    alive(address).await;
}

#[tokio::test]
async fn slow_clients_lose_their_connection() {
    let (_broker, address) = serving(gateway(), &Running::default()).await;
    let start = Instant::now();
    let mut silent = Raw::connect(address).await;
    let mut half = Raw::connect(address).await;
    half.write("GET /api/fx/num HTTP/1.1\r\nHost: x\r\nX-A: ").await;
    let mut body = Raw::connect(address).await;
    body.write("POST /api/fx/params HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{").await;
    let mut idle = Raw::connect(address).await;
    idle.write("GET /api/fx/num HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(idle.read().await.unwrap().json(), 123);
    let answer = body.read().await.unwrap();
    assert_eq!(answer.error(), (408, "BODY_TIMEOUT".into()));
    assert!(half.read().await.is_none_or(|answer| answer.status == 408));
    assert!(silent.is_closed().await);
    assert!(idle.is_closed().await);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    alive(address).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_connection() {
    let gateway = Gateway::builder()
        .bind("127.0.0.1:0")
        .limits(|limits| {
            limits.write_timeout = Duration::from_millis(300);
            limits.connections = 1;
        })
        .route(Route::new("/api").direct_calls())
        .build();
    let (_broker, address) = serving(gateway, &Running::default()).await;
    let mut deaf = Raw::connect(address).await;
    deaf.write("GET /api/fx/big HTTP/1.1\r\nHost: x\r\n\r\n").await;
    // Connections are taken in their order: this one waits until the first is gone.
    alive(address).await;
    drop(deaf);
}

#[tokio::test]
async fn chunk_extensions_and_trailers_change_nothing() {
    let (_broker, address) = serving(gateway(), &Running::default()).await;
    let head = "POST /api/fx/whoami HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let extension = "e".repeat(1 << 20);
    let answer = once(address, format!("{head}2;x={extension}\r\n{{}}\r\n0\r\n\r\n")).await;
    assert!(answer.as_ref().is_none_or(|answer| answer.status / 100 == 4), "{answer:?}");
    let trailers = "0\r\nAuthorization: Bearer x\r\nX-Request-ID: forged\r\nContent-Length: 5\r\n\r\n";
    let answer = once(address, format!("{head}2\r\n{{}}\r\n{trailers}")).await.unwrap();
    assert_eq!((answer.status, answer.header("x-request-id").len()), (200, 36), "{answer:?}");
    alive(address).await;
}

#[tokio::test]
async fn bodies_that_are_too_large_are_answered() {
    let (_broker, address) = serving(gateway(), &Running::default()).await;
    let head = "POST /api/fx/params HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let big = "x".repeat(2 << 20);
    let answer = once(address, format!("{head}Content-Length: {}\r\n\r\n{big}", big.len())).await.unwrap();
    assert_eq!(answer.error(), (413, "entity.too.large".into()));
    let chunk = format!("{:x}\r\n{}\r\n", 64 << 10, "x".repeat(64 << 10));
    let chunks = chunk.repeat(16) + "0\r\n\r\n";
    let answer = once(address, format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}")).await.unwrap();
    assert_eq!(answer.error(), (413, "entity.too.large".into()));
    // A gigabyte is only announced.
    let mut raw = Raw::connect(address).await;
    raw.write(format!("{head}Content-Length: 1073741824\r\n\r\nx")).await;
    assert_eq!(raw.read().await.unwrap().status, 413);
    // One that waits for permission to send never sends.
    let mut raw = Raw::connect(address).await;
    raw.write(format!("{head}Content-Length: 10\r\nExpect: 100-continue\r\n\r\n")).await;
    assert_eq!(raw.read().await.unwrap().status, 100);
    assert_eq!(raw.read().await.unwrap().status, 408);
    let mut raw = Raw::connect(address).await;
    raw.write(format!("{head}Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")).await;
    assert_eq!(raw.read().await.unwrap().status, 413);
    alive(address).await;
}

#[tokio::test]
async fn an_early_answer_reaches_clients_that_still_send() {
    let gateway = Gateway::builder()
        .bind("127.0.0.1:0")
        .route(
            Route::new("/api")
                .direct_calls()
                .authenticate(|_, _| async { Err::<(), Error>(error::unauthorized(error::NO_TOKEN)) }),
        )
        .build();
    let (_broker, address) = serving(gateway, &Running::default()).await;
    let body = "x".repeat(4 << 20);
    let head = "POST /api/fx/params HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let mut raw = Raw::connect(address).await;
    for _ in 0..2 {
        raw.write(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
        assert_eq!(raw.read().await.unwrap().error(), (401, "NO_TOKEN".into()));
    }
}

#[tokio::test]
async fn a_request_names_one_host() {
    let (_broker, address) = serving(gateway(), &Running::default()).await;
    for hosts in ["", "Host: a\r\nHost: b\r\n"] {
        let answer = once(address, format!("GET /api/fx/num HTTP/1.1\r\n{hosts}\r\n")).await.unwrap();
        assert_eq!(answer.error(), (400, "INVALID_HOST".into()), "{hosts}");
    }
    // A hook that panics on that refusal harms nothing.
    let panics = Gateway::builder().bind("127.0.0.1:0").on_error(|_, error| panic!("{error}")).build();
    let (_other, other) = serving(panics, &Running::default()).await;
    let mut raw = Raw::connect(other).await;
    for _ in 0..2 {
        raw.write("GET /api/fx/num HTTP/1.1\r\n\r\n").await;
        assert_eq!(raw.read().await.unwrap().status, 500);
    }
    assert_eq!(once(address, "GET /api/fx/num HTTP/1.0\r\n\r\n").await.unwrap().status, 200);
}

#[tokio::test]
async fn hostile_contents_are_refused() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls().body_limit(16 << 20).forms());
    let http = Direct(&gateway, &broker);
    let deep = |open: &str, close: &str, n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
    for (name, body) in [
        ("65 levels", deep("[", "]", 65)),
        ("100k levels", deep("[", "]", 100_000)),
        ("a million levels", deep("{\"a\":[", "]}", 1_000_000)),
        ("unclosed", "[".repeat(100_000)),
        ("trailing", "{} x".into()),
        ("NaN", "[NaN]".into()),
        ("cut", "{\"a\":\"".into()),
    ] {
        let answer = http.post("/fx/params", &body).await;
        assert_eq!(answer.error(), (400, "entity.parse.failed".into()), "{name}");
        let answer = http.post("/fx/params?merge=1", &body).await;
        assert_eq!(answer.error(), (400, "entity.parse.failed".into()), "{name}, merged");
    }
    for body in [&b"[\"\xff\xfe\"]"[..], b"{\"a\":\"\xc0\xaf\"}", b"\x00\x00", b"[\"\xed\xa0\x80\"]"] {
        let answer = http.send("POST", "/fx/params", &[("content-type", "application/json")], body).await;
        assert_eq!(answer.error(), (400, "entity.parse.failed".into()), "{body:?}");
    }
    for body in [r#"{"a":"\ud800"}"#, r#"{"a":1e400}"#] {
        for path in ["/fx/params", "/fx/params?merge=1"] {
            assert_eq!(http.post(path, body).await.status / 100, 4, "{path} {body}");
        }
    }
    let text = format!("{{\"a\":\"{}\"}}", "x".repeat(10 << 20));
    assert_eq!(http.post("/fx/typed", &text).await.status, 422);
}

#[tokio::test]
async fn hostile_queries_are_refused_or_harmless() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls());
    let http = Direct(&gateway, &broker);
    let many: Vec<_> = (0..10_000).map(|i| format!("{i}")).collect();
    let lists = vec!["a[]=1"; 10_000].join("&");
    for query in [many.join("&"), lists] {
        assert_eq!(
            http.get(&format!("/fx/params?{query}")).await.error(),
            (400, "TOO_MANY_PARAMETERS".into())
        );
    }
    let deep = format!("a{}=1", "[b]".repeat(5_000));
    assert_eq!(http.get(&format!("/fx/params?{deep}")).await.status, 200);
    let answer = http
        .get("/fx/params?__proto__[admin]=1&constructor[prototype][x]=1&a[__proto__]=1&a[999999999]=x")
        .await;
    assert_eq!(answer.json(), json!({"a": {"999999999": "x"}}));
    assert_eq!(http.get(&format!("/fx/params?a={}", ",".repeat(20_000))).await.status, 200);
}
