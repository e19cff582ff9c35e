//! A RabbitMQ of the tests' own. It takes seconds to start, so most tests share one, each with a virtual host.

use std::{
    fs,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, AtomicUsize, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OnceCell,
    time::{sleep, timeout},
};

/// Tests that share a server.
const HOSTS: usize = 60;

/// Ends when it is dropped, and when this process ends.
pub(crate) struct Rabbit {
    pub(crate) port: u16,
    epmd: u16,
    files: TempDir,
    process: Mutex<Option<Child>>,
}

impl Rabbit {
    /// The one that tests share, and a virtual host of the caller's own.
    pub(crate) async fn shared() -> (&'static Self, String) {
        static SHARED: OnceCell<Rabbit> = OnceCell::const_new();
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let server = SHARED.get_or_init(|| Self::start(HOSTS)).await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(number < HOSTS, "more tests than virtual hosts");
        (server, format!("t{number}"))
    }

    /// One with the virtual hosts `/` and `t0`, `t1`, …
    pub(crate) async fn start(hosts: usize) -> Self {
        let files = TempDir::new().unwrap();
        let port = free_port();
        let path = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
        let names: Vec<String> = (0..hosts).map(|number| format!("t{number}")).chain(["/".into()]).collect();
        let every = |line: &dyn Fn(&String) -> String| names.iter().map(line).collect::<Vec<_>>().join(",");
        let vhosts = every(&|name| format!("{{\"name\":\"{name}\"}}"));
        let rights = "\"configure\":\".*\",\"write\":\".*\",\"read\":\".*\"";
        let permissions = every(&|name| {
            ["guest", "eve"]
                .map(|user| format!("{{\"user\":\"{user}\",\"vhost\":\"{name}\",{rights}}}"))
                .join(",")
        });
        let definitions = format!(
            "{{\"vhosts\":[{vhosts}],\"permissions\":[{permissions}],\
             \"users\":[{{\"name\":\"guest\",\"password\":\"guest\",\"tags\":[]}},\
             {{\"name\":\"eve\",\"password\":\"one\",\"tags\":[]}}]}}"
        );
        fs::write(path("definitions.json"), definitions).unwrap();
        fs::write(path("plugins"), "[].").unwrap();
        let config =
            format!("listeners.tcp.1 = 127.0.0.1:{port}\nload_definitions = {}\n", path("definitions.json"));
        fs::write(path("rabbitmq.conf"), config).unwrap();
        let server = Self { port, epmd: free_port(), files, process: Mutex::new(None) };
        server.run().await;
        server
    }

    /// Starts it, and waits until it takes connections.
    pub(crate) async fn run(&self) {
        let path = |name: &str| self.files.path().join(name);
        let program = ["/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"]
            .into_iter()
            .find(|program| !program.starts_with('/') || Path::new(program).exists())
            .unwrap();
        // Its standard input is closed when this process ends. An epmd that the server starts would stay.
        let script = format!("epmd & {program} & read end; kill -9 -$$");
        let child = Command::new("sh")
            .args(["-c", &script])
            .env("HOME", self.files.path())
            .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
            .env("RABBITMQ_MNESIA_BASE", path("data"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            .env("RABBITMQ_PID_FILE", path("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_NODENAME", format!("ligand-{}@localhost", self.port))
            .env("ERL_EPMD_PORT", self.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_DIST_PORT", free_port().to_string())
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 2:2 +sbwt none")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("rabbitmq-server is installed");
        *self.process.lock() = Some(child);
        let up = async {
            while greet(self.port).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(90), up).await.expect("RabbitMQ starts");
    }

    /// Runs one command of its administrator.
    pub(crate) async fn control(&self, words: &[&str]) {
        let program = "/usr/lib/rabbitmq/bin/rabbitmqctl";
        let mut command = Command::new(if Path::new(program).exists() { program } else { "rabbitmqctl" });
        command
            .args(words)
            .env("HOME", self.files.path())
            .env("RABBITMQ_NODENAME", format!("ligand-{}@localhost", self.port))
            .env("ERL_EPMD_PORT", self.epmd.to_string());
        let done = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
        let done = done.expect("rabbitmqctl is installed");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Ends it without a word.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.process.lock().take() {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-9", "--", &group]).status();
            let _ = child.wait();
        }
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ends well when a server answers.
async fn greet(port: u16) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"AMQP\0\0\x09\x01").await?;
    stream.read_u8().await.map(drop)
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
