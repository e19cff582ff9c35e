//! Several places to listen.

use ligand_core::ServiceBroker;
use ligand_web::{Gateway, Listener, Route, TrustedProxies};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use crate::{
    client::{get, once},
    fixture::{Running, serving},
};

#[tokio::test]
async fn a_proxy_of_connections_says_whose_they_are() {
    let gateway = Gateway::builder()
        .bind("127.0.0.1:0")
        .listener(Listener::tcp("127.0.0.1:0").proxy_protocol())
        .route(Route::new("/api").direct_calls().on_response(|req, _, headers| {
            let peer = req.peer.map(|peer| peer.to_string()).unwrap_or_default();
            headers.insert("x-peer", peer.parse().unwrap());
        }))
        .build();
    let (broker, _) = serving(gateway.clone(), &Running::default()).await;
    let address = gateway.local_addrs()[1];
    let ask = "GET /api/fx/num HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = once(address, format!("PROXY TCP4 7.7.7.7 127.0.0.1 99 80\r\n{ask}")).await.unwrap();
    assert_eq!((answer.status, answer.header("x-peer")), (200, "7.7.7.7:99"));
    assert!(once(address, ask).await.is_none());
    broker.stop().await;
}

#[tokio::test]
async fn a_gateway_listens_at_several_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sock");
    // One that nobody listens to is no hindrance.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let gateway = Gateway::builder()
        .bind("127.0.0.1:0")
        .listener(Listener::tcp("127.0.0.1:0"))
        .listener(Listener::unix(&path))
        .trusted_proxies(TrustedProxies::x_forwarded(["127.0.0.1"]))
        .route(Route::new("/api").direct_calls().on_response(|req, _, headers| {
            let peer = req.peer.map(|peer| peer.ip().to_string()).unwrap_or_default();
            headers.insert("x-peer", peer.parse().unwrap());
        }))
        .build();
    let (broker, address) = serving(gateway.clone(), &Running::default()).await;
    let all = gateway.local_addrs();
    assert_eq!((all.len(), all[0]), (2, address));
    for address in all {
        assert_eq!(get(address, "/api/fx/num").await.json(), 123);
    }
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let ask = "GET /api/fx/num HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 7.7.7.7\r\nConnection: close\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("x-peer: 7.7.7.7\r\n"), "{answer}");
    let taken = Gateway::builder().bind("127.0.0.1:0").listener(Listener::unix(&path)).build();
    let error = ServiceBroker::builder().service(taken).start().await.unwrap_err();
    assert!(error.message().contains("gateway.sock"), "{error}");
    broker.stop().await;
    assert!(UnixStream::connect(&path).await.is_err() && !path.exists());
    let wrong = Gateway::builder().bind("127.0.0.1:0").listener(Listener::tcp("127.0.0.1")).build();
    let error = ServiceBroker::builder().service(wrong).start().await.unwrap_err();
    assert!(error.message().contains("has no port"), "{error}");
}
