//! An etcd server of a test.

use std::{net::Ipv4Addr, ops::Deref};

use ligand_servers::{Kind, Server as Process};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Ends when it is dropped.
pub(crate) struct Server {
    process: Process,
    scheme: &'static str,
}

impl Server {
    /// Starts one and waits until it answers.
    pub(crate) async fn start() -> Self {
        Self { process: Process::start(Kind::Etcd).await.expect("an etcd server"), scheme: "http" }
    }

    /// Starts one with certificates and waits until it takes connections.
    pub(crate) async fn start_encrypted(arguments: &[&str]) -> Self {
        let setup = Process::setup(Kind::Etcd).tls().arguments(arguments.iter().copied());
        Self { process: setup.start().await.expect("an etcd server"), scheme: "https" }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port())
    }

    /// Asks its JSON gateway.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Value {
        self.try_post(path, body).await.expect("etcd answers")
    }

    async fn try_post(&self, path: &str, body: &str) -> Option<Value> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).await.ok()?;
        let head = format!("POST {path} HTTP/1.0\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(body.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str(body).ok()
    }
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}
