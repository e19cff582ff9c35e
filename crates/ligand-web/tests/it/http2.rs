//! HTTP/2: what it carries, how it ends, and what hostile clients do with it.

use std::{net::SocketAddr, time::Duration};

use http::Request;
use ligand_web::{Gateway, Route};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    client,
    fixture::{Running, serving},
};

fn gateway() -> Gateway {
    Gateway::builder()
        .bind("127.0.0.1:0")
        .limits(|limits| {
            limits.write_timeout = Duration::from_millis(500);
            limits.header_timeout = Duration::from_secs(2);
        })
        .route(Route::new("/api").direct_calls())
        .build()
}

/// One GET on a connection of its own.
pub(crate) async fn get<S>(stream: S, target: &str) -> (u16, String)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(target).body(()).unwrap();
    let (answer, _) = client.send_request(request, true).unwrap();
    read(answer).await.unwrap()
}

async fn read(answer: h2::client::ResponseFuture) -> Result<(u16, String), h2::Error> {
    let (parts, mut body) = answer.await?.into_parts();
    let mut text = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        text.extend_from_slice(&chunk);
    }
    Ok((parts.status.as_u16(), String::from_utf8(text).unwrap()))
}

async fn alive(address: SocketAddr) {
    assert_eq!(client::get(address, "/api/fx/num").await.json(), 123);
    let stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(get(stream, "http://x/api/fx/num").await, (200, "123".into()));
}

#[tokio::test]
async fn many_requests_share_a_connection() {
    let (broker, address) = serving(gateway(), &Running::default()).await;
    let (client, connection) =
        h2::client::handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
    tokio::spawn(connection);
    for round in 0..10 {
        let mut answers = Vec::new();
        for at in 0..50 {
            let mut client = client.clone().ready().await.unwrap();
            let request = Request::post("http://x/api/fx/greet").header("content-type", "application/json");
            let (answer, mut body) = client.send_request(request.body(()).unwrap(), false).unwrap();
            body.send_data(format!("{{\"name\":\"{round} {at}\"}}").into(), true).unwrap();
            answers.push((at, tokio::spawn(read(answer))));
        }
        for (at, answer) in answers {
            assert_eq!(answer.await.unwrap().unwrap(), (200, format!("\"Hello {round} {at}\"")));
        }
    }
    // An old one of the same port is served as before.
    alive(address).await;
    broker.stop().await;
}

#[tokio::test]
async fn what_runs_when_the_gateway_stops_is_answered() {
    let running = Running::default();
    let (broker, address) = serving(gateway(), &running).await;
    let (mut client, connection) =
        h2::client::handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
    let ended = tokio::spawn(connection);
    let mut answers = Vec::new();
    for _ in 0..20 {
        let request = Request::get("http://x/api/fx/slow").body(()).unwrap();
        answers.push(tokio::spawn(read(client.send_request(request, true).unwrap().0)));
    }
    running.reaches(20).await;
    let stop = tokio::spawn(async move { broker.stop().await });
    // New ones are told to go elsewhere as soon as the stop has begun.
    tokio::time::timeout(Duration::from_secs(5), async {
        loop {
            let request = Request::get("http://x/api/fx/num").body(()).unwrap();
            let Ok((answer, _)) = client.send_request(request, true) else { break };
            if read(answer).await.is_err() {
                break;
            }
        }
    })
    .await
    .expect("no GOAWAY");
    running.end();
    for answer in answers {
        assert_eq!(answer.await.unwrap().unwrap(), (200, "\"slow done\"".into()));
    }
    drop(client);
    stop.await.unwrap();
    let _ = tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the connection stays open");
}

/// A client that writes frames as it likes.
struct Frames(TcpStream);

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

/// `GET http://x/api/fx/slow`, or another path, in HPACK without a table.
fn head(path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend_from_slice(path.as_bytes());
    block.extend_from_slice(&[0x01, 0x01, b'x']);
    block
}

impl Frames {
    async fn connect(address: SocketAddr) -> Self {
        let mut frames = Self(TcpStream::connect(address).await.unwrap());
        assert!(frames.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await);
        frames.send(SETTINGS, 0, 0, &[]).await;
        frames
    }

    async fn write(&mut self, bytes: &[u8]) -> bool {
        matches!(tokio::time::timeout(Duration::from_secs(5), self.0.write_all(bytes)).await, Ok(Ok(())))
    }

    /// False when the server takes no more.
    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.write(&frame).await
    }

    /// Whether the server ends the connection by itself.
    async fn is_closed(&mut self) -> bool {
        let mut rest = [0; 4096];
        let read = async { while matches!(self.0.read(&mut rest).await, Ok(count) if count > 0) {} };
        tokio::time::timeout(Duration::from_secs(10), read).await.is_ok()
    }
}

#[tokio::test]
async fn a_rapid_reset_ends_the_connection() {
    let running = Running::default();
    let (broker, address) = serving(gateway(), &running).await;
    let mut frames = Frames::connect(address).await;
    for at in 0..10_000_u32 {
        let stream = at * 2 + 1;
        let taken = frames.send(HEADERS, 0x05, stream, &head("/api/fx/slow")).await
            && frames.send(RST_STREAM, 0, stream, &8_u32.to_be_bytes()).await;
        if !taken {
            break;
        }
    }
    assert!(frames.is_closed().await, "10 000 resets were taken");
    assert!(running.count() <= 100, "{}", running.count());
    alive(address).await;
    running.end();
    broker.stop().await;
}

#[tokio::test]
async fn endless_headers_end_the_connection() {
    let (broker, address) = serving(gateway(), &Running::default()).await;
    // CONTINUATION without an end.
    let mut frames = Frames::connect(address).await;
    frames.send(HEADERS, 0x01, 1, &head("/api/fx/num")).await;
    let mut more = vec![0x40, 1, b'a', 126];
    more.extend_from_slice(&[b'b'; 126]);
    for _ in 0..20_000 {
        if !frames.send(CONTINUATION, 0, 1, &more).await {
            break;
        }
    }
    assert!(frames.is_closed().await, "CONTINUATION without an end");
    // One byte for a header of a kilobyte, many times.
    let mut frames = Frames::connect(address).await;
    let mut bomb = head("/api/fx/num");
    bomb.extend_from_slice(&[0x40, 1, b'a', 0x7f, 0xe1, 0x06]);
    bomb.extend_from_slice(&[b'b'; 992]);
    bomb.extend_from_slice(&[0xbe; 10_000]);
    frames.send(HEADERS, 0x05, 1, &bomb).await;
    let mut answer = vec![0; 65_536];
    let read = tokio::time::timeout(Duration::from_secs(5), frames.0.read(&mut answer)).await;
    assert!(read.is_ok(), "no answer to a bomb");
    alive(address).await;
    broker.stop().await;
}

#[tokio::test]
async fn floods_of_control_frames_do_not_grow_the_memory_or_stop_others() {
    let (broker, address) = serving(gateway(), &Running::default()).await;
    for (kind, payload) in [(PING, &[0; 8][..]), (SETTINGS, &[])] {
        let mut frames = Frames::connect(address).await;
        // Nothing of what comes back is read: the server must not keep it.
        let mut sent = 0;
        let frame = {
            let mut one = vec![0, 0, u8::try_from(payload.len()).unwrap(), kind, 0, 0, 0, 0, 0];
            one.extend_from_slice(payload);
            one.repeat(10_000)
        };
        while sent < 200 && frames.write(&frame).await {
            sent += 1;
        }
        assert!(sent < 200, "two million frames of kind {kind} were taken without an answer being read");
        alive(address).await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_client_that_opens_no_window_is_given_up() {
    let (broker, address) = serving(gateway(), &Running::default()).await;
    let mut frames = Frames::connect(address).await;
    // SETTINGS_INITIAL_WINDOW_SIZE 0.
    frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]).await;
    frames.send(HEADERS, 0x05, 1, &head("/api/fx/big")).await;
    assert!(frames.is_closed().await, "a stream without a window stays open");
    // One that takes a byte, and then nothing more.
    let mut frames = Frames::connect(address).await;
    frames.send(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]).await;
    frames.send(HEADERS, 0x05, 1, &head("/api/fx/big")).await;
    assert!(frames.is_closed().await, "a stream of one byte stays open");
    alive(address).await;
    broker.stop().await;
}

#[tokio::test]
async fn a_host_that_differs_from_the_authority_is_refused() {
    let (broker, address) = serving(gateway(), &Running::default()).await;
    let (mut client, connection) =
        h2::client::handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
    tokio::spawn(connection);
    for (host, status) in [("x", 200), ("elsewhere", 400)] {
        let request = Request::get("http://x/api/fx/num").header("host", host).body(()).unwrap();
        assert_eq!(read(client.send_request(request, true).unwrap().0).await.unwrap().0, status, "{host}");
    }
    broker.stop().await;
}
