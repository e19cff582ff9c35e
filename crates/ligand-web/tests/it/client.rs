//! Two clients: one that calls the gateway directly, one that writes bytes into a socket.

use std::{net::SocketAddr, time::Duration};

use http::{HeaderMap, Request, StatusCode};
use ligand_core::ServiceBroker;
use ligand_web::Gateway;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A response, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `type` of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.json()["type"].as_str().unwrap_or("").to_owned())
    }
}

/// Calls the gateway without a connection.
pub(crate) struct Direct<'a>(pub(crate) &'a Gateway, pub(crate) &'a ServiceBroker);

impl Direct<'_> {
    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.0.handle(self.1, request.body(body.into()).unwrap()).await;
        let (parts, body) = response.into_parts();
        let body = String::from_utf8_lossy(&body.bytes().await).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], "").await
    }

    pub(crate) async fn post(&self, target: &str, body: &str) -> Answer {
        self.send("POST", target, &[("content-type", "application/json")], body).await
    }
}

/// A connection that is written to byte by byte.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), buffer: Vec::new() }
    }

    pub(crate) async fn write(&mut self, text: impl AsRef<[u8]>) {
        // The server may have closed: what it answered is read afterwards.
        let _ = self.stream.write_all(text.as_ref()).await;
    }

    /// The next response; `None` when the connection ends first.
    pub(crate) async fn read(&mut self) -> Option<Answer> {
        tokio::time::timeout(PATIENCE, self.read_one()).await.expect("the server does not answer")
    }

    async fn read_one(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            self.fill().await?;
        };
        let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
        let mut lines = head.lines();
        let status: StatusCode = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            headers.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        let length: usize = headers.get("content-length").map_or(0, |v| v.to_str().unwrap().parse().unwrap());
        while self.buffer.len() < length {
            self.fill().await?;
        }
        let body = String::from_utf8(self.buffer.drain(..length).collect()).unwrap();
        Some(Answer { status: status.as_u16(), headers, body })
    }

    async fn fill(&mut self) -> Option<()> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Some(())
            }
        }
    }

    /// Whether the server closes without a further byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        tokio::time::timeout(PATIENCE, self.fill()).await.expect("the connection stays open").is_none()
    }
}

/// One request on a connection of its own.
pub(crate) async fn once(address: SocketAddr, request: impl AsRef<[u8]>) -> Option<Answer> {
    let mut raw = Raw::connect(address).await;
    raw.write(request).await;
    raw.read().await
}

/// A GET without anything.
pub(crate) async fn get(address: SocketAddr, target: &str) -> Answer {
    once(address, format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await.unwrap()
}
