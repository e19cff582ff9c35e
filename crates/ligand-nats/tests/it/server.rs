//! A NATS server of a test.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    time::{Instant, sleep},
};

/// A NATS server on a port of its own; killed when it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) dir: TempDir,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// Starts a server with these lines of configuration; `{dir}` stands for its directory.
    pub(crate) async fn start(configuration: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), configuration).await
    }

    pub(crate) async fn start_in(dir: TempDir, configuration: &str) -> Self {
        let port = free_port();
        let path = dir.path().display().to_string();
        let text = format!("listen: 127.0.0.1:{port}\n{}\n", configuration.replace("{dir}", &path));
        std::fs::write(dir.path().join("nats.conf"), text).unwrap();
        let server = Self { port, dir, child: Mutex::new(None) };
        server.restart().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Lets the running server read these lines.
    pub(crate) fn reload(&self, configuration: &str) {
        let text = format!("listen: 127.0.0.1:{}\n{configuration}\n", self.port);
        std::fs::write(self.dir.path().join("nats.conf"), text).unwrap();
        let child = self.child.lock().unwrap().as_ref().map(Child::id).expect("it runs");
        let sent = Command::new("kill").args(["-HUP", &child.to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    pub(crate) async fn restart(&self) {
        let file = self.dir.path().join("nats.conf");
        let child = Command::new("nats-server")
            .arg("-c")
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server is installed");
        *self.child.lock().unwrap() = Some(child);
        let end = Instant::now() + Duration::from_secs(10);
        while !greets(self.port).await {
            assert!(Instant::now() < end, "the server does not start");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port where nobody listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.is_ok() && line.starts_with("INFO ")
}
