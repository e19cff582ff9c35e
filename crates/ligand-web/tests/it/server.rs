//! Connections: start, stop, limits of time and number, clients that go away.

use std::time::{Duration, Instant};

use ligand_core::{ServiceBroker, config::Env};
use ligand_web::{Gateway, Route};
use serde_json::json;

use crate::{
    client::{Raw, get, once},
    fixture::{self, Running, serving},
};

fn gateway() -> Gateway {
    Gateway::builder().bind("127.0.0.1:0").route(Route::new("/api").direct_calls()).build()
}

#[tokio::test]
async fn requests_travel_over_real_connections() {
    let (broker, address) = serving(gateway(), &Running::default()).await;
    let answer = get(address, "/api/fx/hello").await;
    assert_eq!((answer.status, answer.json()), (200, json!("Hello World")));
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!((answer.header("content-length"), answer.header("x-content-type-options")), ("13", "nosniff"));
    assert_eq!(answer.header("x-request-id").len(), 36);
    let body = r#"{"name":"Ann"}"#;
    let post = format!(
        "POST /api/fx/greet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(once(address, post).await.unwrap().json(), "Hello Ann");
    let chunked = "POST /api/fx/greet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
                   8\r\n{\"name\":\r\n6\r\n\"Ann\"}\r\n0\r\n\r\n";
    assert_eq!(once(address, chunked).await.unwrap().json(), "Hello Ann");
    broker.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn connections_are_kept_and_pipelined() {
    let (_broker, address) = serving(gateway(), &Running::default()).await;
    let mut raw = Raw::connect(address).await;
    raw.write("GET /api/fx/num HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000)).await;
    for _ in 0..1000 {
        assert_eq!(raw.read().await.unwrap().json(), 123);
    }
    raw.write("HEAD /api/fx/obj HTTP/1.1\r\nHost: x\r\n\r\nGET /api/fx/created HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") || text.windows(4).filter(|w| w == b"\r\n\r\n").count() < 2 {
        let mut chunk = [0; 1024];
        let count = tokio::io::AsyncReadExt::read(&mut raw.stream, &mut chunk).await.unwrap();
        assert!(count > 0);
        text.extend_from_slice(&chunk[..count]);
    }
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("content-length: 23\r\n"), "{text}");
    assert!(text.contains("HTTP/1.1 201 Entity created\r\n"), "{text}");
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call() {
    let running = Running::default();
    let (_broker, address) = serving(gateway(), &running).await;
    let mut raw = Raw::connect(address).await;
    raw.write("GET /api/fx/slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    running.reaches(1).await;
    drop(raw);
    running.reaches(0).await;
}

#[tokio::test]
async fn a_stop_ends_what_runs_and_closes_what_idles() {
    let running = Running::default();
    let (broker, address) = serving(gateway(), &running).await;
    let mut idle = Raw::connect(address).await;
    idle.write("GET /api/fx/num HTTP/1.1\r\nHost: x\r\n\r\n").await;
    idle.read().await.unwrap();
    let mut silent = Raw::connect(address).await;
    let mut busy = Raw::connect(address).await;
    busy.write("GET /api/fx/slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    running.reaches(1).await;
    let stop = tokio::spawn({
        let broker = broker.clone();
        async move { broker.stop().await }
    });
    assert!(idle.is_closed().await);
    assert!(silent.is_closed().await);
    assert_eq!(running.count(), 1, "idle connections must not wait");
    running.end();
    assert_eq!(busy.read().await.unwrap().json(), "slow done");
    assert!(busy.is_closed().await);
    tokio::time::timeout(Duration::from_secs(3), stop).await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_that_were_sent_before_a_stop_are_answered() {
    let (broker, address) = serving(gateway(), &Running::default()).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut kept = Raw::connect(address).await;
        kept.write("GET /api/fx/num HTTP/1.1\r\nHost: x\r\n\r\n").await;
        kept.read().await.unwrap();
        clients.push(kept);
    }
    for _ in 0..8 {
        clients.push(Raw::connect(address).await);
    }
    for client in &mut clients {
        client.write("GET /api/fx/num HTTP/1.1\r\nHost: x\r\n\r\n").await;
    }
    // Nothing of the gateway has run since: it finds the requests after the stop has begun.
    let answers = async {
        for client in &mut clients {
            let answer = client.read().await.expect("an answer");
            assert_eq!((answer.json(), answer.header("connection")), (json!(123), "close"));
            assert!(client.is_closed().await);
        }
    };
    tokio::join!(broker.stop(), answers);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn half_a_head_does_not_hold_up_a_stop() {
    let gateway = gateway();
    let broker = ServiceBroker::builder()
        .options(|options| options.tracking.shutdown_timeout = Duration::from_secs(3600))
        .service(gateway.clone())
        .start()
        .await
        .unwrap();
    let mut half = Raw::connect(gateway.local_addr().unwrap()).await;
    half.write("GET /api/fx/num HTTP/1.1\r\nHo").await;
    let stop = tokio::time::timeout(Duration::from_secs(20), broker.stop());
    stop.await.expect("the stop waits for a request that never comes");
    assert!(half.read().await.is_none());
}

#[tokio::test]
async fn silent_connections_make_room_for_others() {
    let gateway = Gateway::builder()
        .bind("127.0.0.1:0")
        .limits(|limits| {
            limits.connections = 3;
            limits.header_timeout = Duration::from_secs(3600);
        })
        .route(Route::new("/api").direct_calls())
        .build();
    let running = Running::default();
    let (_broker, address) = serving(gateway, &running).await;
    let mut silent = Raw::connect(address).await;
    let mut half = Raw::connect(address).await;
    half.write("GET /api/fx/num HTTP/1.1\r\nHo").await;
    let mut busy = Raw::connect(address).await;
    busy.write("GET /api/fx/slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    running.reaches(1).await;
    assert_eq!(get(address, "/api/fx/num").await.json(), 123);
    assert_eq!(get(address, "/api/fx/num").await.json(), 123);
    assert!(silent.is_closed().await || half.is_closed().await);
    running.end();
    assert_eq!(busy.read().await.unwrap().json(), "slow done", "a running request keeps its place");
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_it_may() {
    let running = Running::default();
    let gateway = gateway();
    let broker = ServiceBroker::builder()
        .options(|options| options.tracking.shutdown_timeout = Duration::from_millis(200))
        .service(fixture::fx(&running))
        .service(gateway.clone())
        .start()
        .await
        .unwrap();
    let mut busy = Raw::connect(gateway.local_addr().unwrap()).await;
    busy.write("GET /api/fx/slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    running.reaches(1).await;
    let start = Instant::now();
    broker.stop().await;
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(busy.read().await.is_none());
    assert_eq!(running.count(), 0);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let second = Gateway::builder().bind(&*address).build();
    let error = ServiceBroker::builder().service(second).start().await.unwrap_err();
    assert_eq!(error.kind(), "LISTEN_FAILED");
    assert!(error.message().contains(&address), "{error}");
}

#[tokio::test]
async fn address_and_port_come_from_code_or_environment() {
    let start = |gateway: Gateway, env: Env| ServiceBroker::builder().env(env).service(gateway).start();
    let gateway = Gateway::builder().build();
    let broker = start(gateway.clone(), Env::from_pairs([("IP", "127.0.0.1"), ("PORT", "0")])).await.unwrap();
    let address = gateway.local_addr().unwrap();
    assert!(address.ip().is_loopback() && address.port() != 0);
    broker.stop().await;
    assert_eq!(gateway.local_addr(), None);
    let gateway = Gateway::builder().bind("127.0.0.1:3000").port(0).build();
    let _broker = start(gateway.clone(), Env::from_pairs([("PORT", "77777")])).await.unwrap();
    assert_ne!(gateway.local_addr().unwrap().port(), 3000);
    let error = start(Gateway::builder().build(), Env::from_pairs([("PORT", "77777")])).await.unwrap_err();
    assert!(error.message().contains("77777"), "{error}");
}

/// Each row: what code does, `ligand.toml`, the environment; the address that is listened on ends in this, and is not the
/// port that others said.
#[tokio::test]
async fn an_address_and_a_port_may_come_from_different_places() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = taken.local_addr().unwrap().port();
    let text = other.to_string();
    let toml = |text: String| {
        let file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    };
    let builder = Gateway::builder;
    let nothing = || toml(String::new());
    let both = format!("127.0.0.1:{other}");
    for (gateway, file, env) in [
        (builder().bind("127.0.0.1").port(0), nothing(), vec![("PORT", &*text)]),
        (builder().port(0).bind("127.0.0.1"), nothing(), vec![]),
        (builder().port(0).bind(&*both), nothing(), vec![("IP", "0.0.0.0")]),
        (builder().bind("127.0.0.1").bind(":0"), nothing(), vec![("PORT", &*text)]),
        (builder().bind("127.0.0.1"), toml("[gateway]\nport = 0\n".into()), vec![]),
        (builder().bind("127.0.0.1"), toml(format!("[gateway]\nport = {other}\n")), vec![("PORT", "0")]),
        (builder().port(0), toml("[gateway]\nbind = \"127.0.0.1:3\"\n".into()), vec![]),
        (
            builder(),
            toml(format!("[gateway]\nbind = \"{both}\"\n")),
            vec![("LIGAND_GATEWAY__PORT", "0"), ("PORT", "x")],
        ),
        (builder().port(0), toml("[gateway]\nbind = \"0.0.0.0\"\n".into()), vec![("IP", "127.0.0.1")]),
        (builder(), nothing(), vec![("LIGAND_GATEWAY__BIND", "127.0.0.1:0"), ("IP", "0.0.0.0")]),
    ] {
        let gateway = gateway.build();
        let broker = ServiceBroker::builder().config(file.path()).unwrap().env(Env::from_pairs(env));
        let broker = broker.service(gateway.clone()).start().await.unwrap();
        let address = gateway.local_addr().unwrap();
        assert!(address.ip().is_loopback() && address.port() != other, "{address}");
        broker.stop().await;
    }
    let gateway = builder().build();
    let change =
        |options: &mut ligand_core::config::Options| options.gateway = "127.0.0.1:0".parse().unwrap();
    let broker = ServiceBroker::builder().env(Env::from_pairs([("PORT", &*text)])).options(change);
    let broker = broker.service(gateway.clone()).start().await.unwrap();
    assert!(gateway.local_addr().unwrap().ip().is_loopback());
    broker.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let gateway = Gateway::builder()
        .bind("127.0.0.1:0")
        .limits(|limits| limits.connections = 1)
        .route(Route::new("/api").direct_calls())
        .build();
    let running = Running::default();
    let (_broker, address) = serving(gateway, &running).await;
    let mut first = Raw::connect(address).await;
    first.write("GET /api/fx/num HTTP/1.1\r\nHost: x\r\n\r\n").await;
    first.read().await.unwrap();
    let mut second = Raw::connect(address).await;
    second.write("GET /api/fx/slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    // While the first is served again and again, the second is not.
    for _ in 0..50 {
        first.write("GET /api/fx/num HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(first.read().await.unwrap().json(), 123);
        assert_eq!(running.count(), 0);
    }
    drop(first);
    running.reaches(1).await;
    running.end();
    assert_eq!(second.read().await.unwrap().json(), "slow done");
}

#[tokio::test]
async fn a_node_that_starts_says_so() {
    let gateway = gateway();
    let (seen, known) = (std::sync::Arc::new(std::sync::Mutex::new(Vec::new())), gateway.clone());
    let slow = {
        let seen = seen.clone();
        ligand_core::ServiceDef::new("slow").dependency("api").started(move |_| {
            let (seen, known) = (seen.clone(), known.clone());
            async move {
                let address = known.local_addr().unwrap();
                for path in ["/health", "/ready", "/api/fx/later"] {
                    let status = get(address, path).await.status;
                    seen.lock().unwrap().push(status);
                }
                Ok(())
            }
        })
    };
    let broker = ServiceBroker::builder().service(gateway.clone()).service(slow).start().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [200, 503, 503]);
    // A service that is taken out of a running broker stops to listen too.
    let address = gateway.local_addr().unwrap();
    broker.destroy_service("api").await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
