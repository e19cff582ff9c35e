//! A load of keep-alive connections on one URL, and the few single requests that prepare it.

use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use ligand_bench::Failure;

/// What a load showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Answers per second.
    pub(crate) rps: f64,
    /// Median latency, milliseconds.
    pub(crate) p50_ms: f64,
    /// 99th percentile, milliseconds.
    pub(crate) p99_ms: f64,
}

/// The request that a load repeats.
#[derive(Clone, Debug)]
pub(crate) struct Wanted(String);

impl Wanted {
    /// Reads.
    pub(crate) fn get(path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    /// Reads as somebody.
    pub(crate) fn get_with_token(path: &str, token: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"))
    }

    /// Sends JSON.
    pub(crate) fn post(path: &str, body: &Value) -> Self {
        let body = body.to_string();
        Self(format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }
}

/// Closed loop: each of `connections` sends its next request when the last one is answered.
pub(crate) async fn load(
    port: u16,
    wanted: &Wanted,
    connections: usize,
    time: Duration,
) -> Result<Load, Failure> {
    let warm_up = Instant::now() + time / 4;
    let end = warm_up + time;
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let request = wanted.0.clone();
        tasks.spawn(async move {
            connection(port, request.as_bytes(), warm_up, end).await.map_err(|e| e.to_string())
        });
    }
    let mut latencies = Vec::new();
    while let Some(result) = tasks.join_next().await {
        latencies.extend(result??);
    }
    latencies.sort_unstable();
    let at =
        |share: usize| latencies.get(latencies.len() * share / 100).map_or(0.0, |l| f64::from(*l) / 1000.0);
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 answers")]
    let rps = latencies.len() as f64 / time.as_secs_f64();
    Ok(Load { rps, p50_ms: at(50), p99_ms: at(99) })
}

/// Latencies in microseconds of the requests answered between `start` and `end`.
async fn connection(port: u16, request: &[u8], start: Instant, end: Instant) -> Result<Vec<u32>, Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    let mut latencies = Vec::with_capacity(64 * 1024);
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok(latencies);
        }
        stream.write_all(request).await?;
        answer(&mut stream, &mut buffer).await?;
        if sent >= start {
            latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
}

/// Reads one answer with status 200 and the length of its body.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<(), Failure> {
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            return Err("the answer is longer than the benchmark expects".into());
        }
        let count = stream.read(&mut buffer[filled..]).await?;
        if count == 0 {
            return Err("the server closed the connection".into());
        }
        filled += count;
        let Some(head) = find(&buffer[..filled], b"\r\n\r\n") else { continue };
        let text = &buffer[..head];
        if !text.starts_with(b"HTTP/1.1 200") {
            return Err(String::from_utf8_lossy(text).into_owned().into());
        }
        if has_all(text, head + 4, &buffer[..filled]) {
            return Ok(());
        }
    }
}

fn has_all(head: &[u8], body: usize, all: &[u8]) -> bool {
    match length(head) {
        Some(length) => all.len() >= body + length,
        None => all.ends_with(b"0\r\n\r\n"),
    }
}

fn length(head: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(head).ok()?;
    let line =
        text.lines().find(|line| line.len() > 15 && line[..15].eq_ignore_ascii_case("content-length:"))?;
    line[15..].trim().parse().ok()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// One request on a connection of its own; answers status, head and body.
pub(crate) async fn send(
    port: u16,
    method: &str,
    path: &str,
    token: &str,
    body: &Value,
) -> Result<(u16, String, Value), Failure> {
    let body = body.to_string();
    let auth = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{auth}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no end of its head")?;
    let status =
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("the answer has no status")?;
    Ok((status, head.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null)))
}
