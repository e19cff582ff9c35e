//! Servers that the nodes meet at, each on a free loopback port with its data in a folder of its own.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Command as Program, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

/// How long a server may take to start; RabbitMQ takes longest.
const START: Duration = Duration::from_secs(60);

/// What can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `nats-server`
    Nats,
    /// `redis-server`
    Redis,
    /// `mosquitto`
    Mqtt,
    /// `rabbitmq-server`
    Amqp,
    /// `etcd`
    Etcd,
}

/// A running server; it ends with this value, and when this program is killed.
#[derive(Debug)]
pub struct Server {
    url: String,
    child: Child,
    _folder: TempDir,
}

/// Runs a program until the standard input ends, then ends the whole group: RabbitMQ is a shell that starts another
/// process.
const GUARD: &str = "\"$@\" & read end; kill -9 -$$";

impl Server {
    /// Starts a server and waits until it takes connections.
    ///
    /// # Errors
    /// When its program is not on the path, ends, or takes no connections within a minute.
    pub async fn start(kind: Kind) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| format!("no folder for {kind:?}: {error}"))?;
        let port = free_port();
        let program = command(kind, port, folder.path())?;
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "sh"]).arg(program.get_program()).args(program.get_args());
        let set = program.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.envs(set).current_dir(folder.path()).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| format!("{kind:?} does not start: {error}"))?;
        let end = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("{kind:?} ended with {status}"));
            }
            if Instant::now() > end {
                return Err(format!("{kind:?} takes no connections after {START:?}"));
            }
            sleep(Duration::from_millis(50)).await;
        }
        let scheme = match kind {
            Kind::Nats => "nats",
            Kind::Redis => "redis",
            Kind::Mqtt => "mqtt",
            Kind::Amqp => "amqp",
            Kind::Etcd => "etcd3",
        };
        Ok(Self { url: format!("{scheme}://127.0.0.1:{port}"), child, _folder: folder })
    }

    /// Where it is: `nats://127.0.0.1:4321`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends the server at once, as a crash does.
    pub fn kill(&mut self) {
        if let Some(group) = self.child.id() {
            // It may have ended already.
            let _ = program("kill", &["-9", "--", &format!("-{group}")]).status();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nothing listens on.
pub fn free_port() -> u16 {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .and_then(|listener| listener.local_addr())
        .map_or(0, |address| address.port())
}

fn command(kind: Kind, port: u16, folder: &Path) -> Result<Program, String> {
    let port = port.to_string();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).map_err(|error| format!("{name} cannot be written: {error}"))
    };
    Ok(match kind {
        Kind::Nats => program("nats-server", &["-a", "127.0.0.1", "-p", &port]),
        Kind::Redis => {
            let mut command = program("redis-server", &["--bind", "127.0.0.1", "--port", &port]);
            command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(folder);
            command
        }
        Kind::Mqtt => {
            write("mosquitto.conf", &format!("listener {port} 127.0.0.1\nallow_anonymous true\n"))?;
            let mut command = program("mosquitto", &["-c"]);
            command.arg(folder.join("mosquitto.conf"));
            command
        }
        Kind::Amqp => {
            write("rabbitmq.conf", &format!("listeners.tcp.1 = 127.0.0.1:{port}\n"))?;
            write("plugins", "[].")?;
            rabbitmq(&port, folder)
        }
        Kind::Etcd => {
            let (own, peers) =
                (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{}", free_port()));
            let mut command =
                program("etcd", &["--listen-client-urls", &own, "--advertise-client-urls", &own]);
            command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
            command.args(["--initial-cluster", &format!("default={peers}"), "--data-dir"]).arg(folder);
            command
        }
    })
}

fn program(name: &str, arguments: &[&str]) -> Program {
    let mut command = Program::new(name);
    command.args(arguments);
    command
}

/// RabbitMQ as the current user (the wrapper on the path changes the user), without a port mapper for Erlang.
fn rabbitmq(port: &str, folder: &Path) -> Program {
    let inner = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    let mut command = Program::new(if inner.exists() { inner } else { Path::new("rabbitmq-server") });
    let erlang = free_port();
    command
        .env("HOME", folder)
        .env("RABBITMQ_NODENAME", format!("interop{port}@localhost"))
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_DIST_PORT", erlang.to_string())
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            format!(
                "-start_epmd false -erl_epmd_port {erlang} -kernel inet_dist_use_interface {{127,0,0,1}}"
            ),
        );
    command
}
