//! A mosquitto of a test's own.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Ends when it is dropped.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    pub(crate) files: TempDir,
    process: Mutex<Option<Child>>,
}

impl Mosquitto {
    /// Takes everybody.
    pub(crate) async fn start() -> Self {
        Self::with("allow_anonymous true").await
    }

    /// With these lines in its configuration; `{dir}` stands for its directory.
    pub(crate) async fn with(lines: &str) -> Self {
        Self::prepared(TempDir::new().unwrap(), lines).await
    }

    /// As [`Mosquitto::with`], with files that are there already.
    pub(crate) async fn prepared(files: TempDir, lines: &str) -> Self {
        let port = free_port();
        let lines = lines.replace("{dir}", files.path().to_str().unwrap());
        let config = format!(
            "listener {port} 127.0.0.1\npersistence false\nuser root\nmax_queued_messages 0\n{lines}\n"
        );
        fs::write(files.path().join("mosquitto.conf"), config).unwrap();
        let server = Self { port, files, process: Mutex::new(None) };
        server.run().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Starts it, and waits until it takes connections.
    pub(crate) async fn run(&self) {
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(self.files.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed");
        *self.process.lock() = Some(child);
        let up = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), up).await.expect("mosquitto starts");
    }

    /// Ends it without a word.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.process.lock().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it without closing connections.
    pub(crate) fn freeze(&self) {
        let id = self.process.lock().as_ref().map(Child::id).unwrap().to_string();
        assert!(Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
    }

    /// Publishes as a stranger with version 3.1.1, at QoS 1, and waits for the acknowledgement.
    pub(crate) async fn publish(&self, topic: &str, body: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(b"\x10\x0c\0\x04MQTT\x04\x02\0\x0f\0\0").await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, *b"\x20\x02\0\0");
        let mut rest = Vec::from(u16::try_from(topic.len()).unwrap().to_be_bytes());
        rest.extend_from_slice(topic.as_bytes());
        rest.extend_from_slice(b"\0\x01");
        rest.extend_from_slice(body);
        let mut packet = vec![0x32];
        let mut length = rest.len();
        while length > 127 {
            packet.push((length % 128) as u8 | 0x80);
            length /= 128;
        }
        packet.push(length as u8);
        packet.extend_from_slice(&rest);
        stream.write_all(&packet).await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, *b"\x40\x02\0\x01");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody uses, below those that the system gives to outgoing connections: it stays free while the server
/// is down.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let number = std::process::id() as u16 % 500 * 20 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + number % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
