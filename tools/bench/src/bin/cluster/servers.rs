//! Servers of the buses: each on a free port of this machine, ended with the handle or with this process.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::Read as _,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use ligand_bench::Failure;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The longest start of a server.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running bus.
pub(crate) struct Bus {
    /// Where it is; of TCP, which has no server, the ports of caller and callee: `tcp://<caller>,<callee>`.
    pub(crate) url: String,
    /// A process of this program that holds the server; see [`guard`].
    guard: Option<Child>,
    _folder: tempfile::TempDir,
}

impl Drop for Bus {
    fn drop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

/// A port where nobody listens.
fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts the server of a transport and waits until it answers.
pub(crate) async fn start(transport: &str) -> Result<Bus, Failure> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    if transport == "tcp" {
        return Ok(Bus { url: format!("tcp://{port},{}", free_port()?), guard: None, _folder: folder });
    }
    let server = Server::of(transport)?;
    let log = folder.path().join("server.log");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--role", "guard", "--"]).args(server.command(port, folder.path())?);
    command.envs(server.environment(folder.path(), port)?);
    command.current_dir(folder.path()).process_group(0);
    command
        .stdin(Stdio::piped())
        .stdout(File::create(&log)?)
        .stderr(File::options().append(true).open(&log)?);
    let guard = Some(command.spawn()?);
    let mut bus = Bus { url: format!("{transport}://127.0.0.1:{port}"), guard, _folder: folder };
    let end = Instant::now() + PATIENCE;
    while !server.answers(port).await {
        let ended = bus.guard.as_mut().and_then(|guard| guard.try_wait().ok().flatten());
        if ended.is_some() || Instant::now() > end {
            return Err(server.failed(ended, &fs::read_to_string(&log).unwrap_or_default()).into());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Ok(bus)
}

/// What the guard answers when the program of the server is not there, as a shell does.
const MISSING: u8 = 127;

/// Runs a server in the process group of this process, and kills the group when the input ends: also when whoever
/// started it was killed.
pub(crate) fn guard(command: &[OsString]) -> Result<u8, Failure> {
    let (program, arguments) = command.split_first().ok_or("the guard has nothing to run")?;
    let mut server = match Command::new(program).args(arguments).stdin(Stdio::null()).spawn() {
        Ok(server) => server,
        Err(error) => {
            eprintln!("{}: {error}", program.display());
            return Ok(MISSING);
        }
    };
    let group = std::process::id();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = Command::new("kill").args(["-9", "--", &format!("-{group}")]).status();
    });
    let status = server.wait()?;
    eprintln!("{} ended: {status}", program.display());
    Ok(1)
}

#[derive(Clone, Copy)]
enum Server {
    Nats,
    Redis,
    Mqtt,
    Amqp,
}

impl Server {
    fn of(transport: &str) -> Result<Self, Failure> {
        match transport {
            "nats" => Ok(Self::Nats),
            "redis" => Ok(Self::Redis),
            "mqtt" => Ok(Self::Mqtt),
            "amqp" => Ok(Self::Amqp),
            other => Err(format!("there is no transport '{other}'").into()),
        }
    }

    /// The program, and the Debian package that has it.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Nats => ("nats-server", "nats-server"),
            Self::Redis => ("redis-server", "redis-server"),
            Self::Mqtt => ("mosquitto", "mosquitto"),
            Self::Amqp => ("rabbitmq-server", "rabbitmq-server"),
        }
    }

    /// Why it did not start.
    fn failed(self, ended: Option<ExitStatus>, log: &str) -> String {
        let (program, package) = self.program();
        if ended.and_then(|status| status.code()) == Some(MISSING.into()) {
            return format!("{program} is not there; install the Debian package '{package}'");
        }
        let lines: Vec<_> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(15)..].join("\n");
        format!("{program} did not start; its last words:\n{last}")
    }

    /// Program and arguments, after the files it reads are written.
    fn command(self, port: u16, folder: &Path) -> Result<Vec<OsString>, Failure> {
        let port = port.to_string();
        let program = self.program().0;
        let words: Vec<&str> = match self {
            Self::Nats => vec!["-a", "127.0.0.1", "-p", &port],
            Self::Redis => vec!["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"],
            Self::Mqtt => {
                let lines = format!(
                    "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n\
                     max_queued_messages 0\n"
                );
                fs::write(folder.join("mosquitto.conf"), lines)?;
                vec!["-c", "mosquitto.conf"]
            }
            Self::Amqp => {
                fs::write(folder.join("plugins"), "[].")?;
                let lines = format!("listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users = none\n");
                fs::write(folder.join("rabbitmq.conf"), lines)?;
                // Debian's wrapper in /usr/sbin changes the user.
                let inner = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
                return Ok(vec![if inner.exists() { inner.into() } else { program.into() }]);
            }
        };
        Ok(std::iter::once(program).chain(words).map(OsString::from).collect())
    }

    fn environment(self, folder: &Path, port: u16) -> Result<Vec<(&'static str, OsString)>, Failure> {
        if !matches!(self, Self::Amqp) {
            return Ok(Vec::new());
        }
        let path = |name: &str| folder.join(name).into_os_string();
        Ok(vec![
            ("HOME", folder.into()),
            ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
            ("RABBITMQ_MNESIA_BASE", path("data")),
            ("RABBITMQ_LOG_BASE", path("log")),
            ("RABBITMQ_PID_FILE", path("pid")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
            ("RABBITMQ_NODENAME", format!("bench-{port}@localhost").into()),
            ("RABBITMQ_DIST_PORT", free_port()?.to_string().into()),
        ])
    }

    /// It takes connections and speaks.
    async fn answers(self, port: u16) -> bool {
        let hello: &[u8] = match self {
            Self::Nats => b"",
            Self::Redis => b"PING\r\n",
            Self::Mqtt => b"\x10\x0c\0\x04MQTT\x04\x02\0\x0f\0\0",
            Self::Amqp => b"AMQP\0\0\x09\x01",
        };
        let greet = async {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.write_all(hello).await?;
            stream.read_u8().await
        };
        matches!(tokio::time::timeout(Duration::from_secs(1), greet).await, Ok(Ok(_)))
    }
}
