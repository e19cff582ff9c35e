//! An etcd server in a directory of its own.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::{Child, Command, Stdio},
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// An etcd server; ends when it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    scheme: &'static str,
    peer_port: u16,
    arguments: Vec<String>,
    directory: TempDir,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// Starts one and waits until it answers.
    pub(crate) async fn start() -> Self {
        let server = Self::new("http", &[]);
        server.restart().await;
        server
    }

    /// Starts one with certificates and waits until it takes connections.
    pub(crate) async fn start_encrypted(arguments: &[&str]) -> Self {
        let server = Self::new("https", arguments);
        server.spawn();
        server.until(async || server.connect().await.is_some()).await;
        server
    }

    fn new(scheme: &'static str, arguments: &[&str]) -> Self {
        Self {
            port: free_port(),
            scheme,
            peer_port: free_port(),
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            directory: TempDir::new().expect("a directory"),
            child: Mutex::new(None),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// Starts it again at the same port, with what it knew.
    pub(crate) async fn restart(&self) {
        self.spawn();
        self.until(async || self.try_post("/v3/kv/range", r#"{"key":"eA=="}"#).await.is_some()).await;
    }

    fn spawn(&self) {
        let (client, peer) = (self.url(), format!("http://127.0.0.1:{}", self.peer_port));
        let child = Command::new("etcd")
            .args(["--data-dir", &self.directory.path().display().to_string()])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("default={peer}"), "--unsafe-no-fsync"])
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd must be on the PATH");
        *self.child.lock() = Some(child);
    }

    async fn until(&self, test: impl AsyncFn() -> bool) {
        let up = async {
            while !test().await {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(20), up).await.expect("etcd must start");
    }

    /// Ends it without a word.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child.lock().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks its JSON gateway.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Value {
        self.try_post(path, body).await.expect("etcd answers")
    }

    async fn connect(&self) -> Option<TcpStream> {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.ok()
    }

    async fn try_post(&self, path: &str, body: &str) -> Option<Value> {
        let mut stream = self.connect().await?;
        let head = format!("POST {path} HTTP/1.0\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(body.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str(body).ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody uses now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}
