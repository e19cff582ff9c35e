//! What can be started, and how.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
};

use crate::{guard::Program, port::free_port_at};

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `nats-server`
    Nats,
    /// `redis-server`, without files
    Redis,
    /// `mosquitto`; takes everybody unless lines are given
    Mqtt,
    /// `rabbitmq-server`; takes `guest` from everywhere
    Amqp,
    /// `etcd`
    Etcd,
}

impl Kind {
    /// Schemes of the addresses that clients of Ligand and Moleculer take.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Redis => "redis",
            Self::Mqtt => "mqtt",
            Self::Amqp => "amqp",
            Self::Etcd => "etcd3",
        }
    }

    /// The program, which must be on the path.
    pub fn program(self) -> &'static str {
        match self {
            Self::Nats => "nats-server",
            Self::Redis => "redis-server",
            Self::Mqtt => "mosquitto",
            Self::Amqp => "rabbitmq-server",
            Self::Etcd => "etcd",
        }
    }

    /// True when it is not installed and `LIGAND_SKIP_SERVERS` is set: whoever would start it is to go without, which is said on
    /// standard error. Without the variable, starting it fails.
    pub fn is_skipped(self) -> bool {
        let skipped = std::env::var_os("LIGAND_SKIP_SERVERS").is_some() && !self.is_installed();
        if skipped {
            // Not by a macro: the text of those is shown for failed tests only.
            let _ = writeln!(io::stderr(), "SKIPPED: {} is not installed", self.program());
        }
        skipped
    }

    fn is_installed(self) -> bool {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders).any(|folder| folder.join(self.program()).is_file())
    }

    /// What makes it say something: a server that takes connections may not serve yet.
    pub(crate) fn hello(self) -> &'static [u8] {
        match self {
            // It speaks first.
            Self::Nats => b"",
            Self::Redis => b"PING\r\n",
            Self::Mqtt => b"\x10\x0c\0\x04MQTT\x04\x02\0\x0f\0\0",
            Self::Amqp => b"AMQP\0\0\x09\x01",
            // Answered as soon as there is a leader.
            Self::Etcd => {
                b"POST /v3/kv/range HTTP/1.0\r\nHost: x\r\nContent-Length: 14\r\n\r\n{\"key\":\"eA==\"}"
            }
        }
    }

    /// How it is run, after the files that it reads are written. The same again after it was ended.
    pub(crate) fn prepare(
        self,
        address: SocketAddr,
        folder: &Path,
        lines: &str,
        arguments: &[String],
        tls: bool,
    ) -> io::Result<Program> {
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let lines = lines.replace("{dir}", &folder.display().to_string());
        let mut environment = Vec::new();
        let mut name = OsString::from(self.program());
        let mut words: Vec<OsString> = Vec::new();
        let mut put = |more: &[&str]| words.extend(more.iter().map(OsString::from));
        match self {
            Self::Nats => {
                fs::write(folder.join("nats.conf"), format!("listen: {address}\n{lines}\n"))?;
                put(&["-c", "nats.conf"]);
            }
            Self::Redis => {
                fs::write(folder.join("redis.conf"), format!("{lines}\n"))?;
                put(&["redis.conf", "--bind", &ip, "--port", &port, "--save", "", "--appendonly", "no"]);
                put(&["--protected-mode", "no"]);
            }
            Self::Mqtt => {
                let lines = if lines.is_empty() { "allow_anonymous true" } else { &lines };
                // As root it would change to a user who may not read this folder.
                let head =
                    format!("listener {port} {ip}\npersistence false\nuser root\nmax_queued_messages 0");
                fs::write(folder.join("mosquitto.conf"), format!("{head}\n{lines}\n"))?;
                put(&["-c", "mosquitto.conf"]);
            }
            Self::Amqp => {
                fs::write(folder.join("plugins"), "[].")?;
                let head = format!("listeners.tcp.1 = {address}\nloopback_users = none");
                fs::write(folder.join("rabbitmq.conf"), format!("{head}\n{lines}\n"))?;
                // The wrapper that Debian puts on the path changes the user.
                let inner = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
                if inner.exists() {
                    name = inner.into();
                }
                environment = rabbitmq(address, folder)?;
            }
            Self::Etcd => {
                let own = format!("{}://{address}", if tls { "https" } else { "http" });
                let peers = format!("http://{}:{}", ip, free_port_at(address.ip())?);
                put(&["--data-dir", "data", "--unsafe-no-fsync", "--initial-cluster"]);
                put(&[&format!("default={peers}")]);
                put(&["--listen-client-urls", &own, "--advertise-client-urls", &own]);
                put(&["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
            }
        }
        words.extend(arguments.iter().map(OsString::from));
        Ok(Program { name, arguments: words, environment })
    }
}

/// RabbitMQ in a folder of its own, without the port mapper of Erlang: that one would stay when all else has ended.
fn rabbitmq(address: SocketAddr, folder: &Path) -> io::Result<Vec<(&'static str, OsString)>> {
    let path = |name: &str| folder.join(name).into_os_string();
    let erlang = free_port_at([127, 0, 0, 1].into())?;
    let own = format!("-start_epmd false -erl_epmd_port {erlang}");
    Ok(vec![
        ("HOME", folder.into()),
        ("RABBITMQ_NODENAME", format!("ligand{}@localhost", address.port()).into()),
        ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
        ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
        ("RABBITMQ_MNESIA_BASE", path("data")),
        ("RABBITMQ_LOG_BASE", path("log")),
        ("RABBITMQ_PID_FILE", path("pid")),
        ("RABBITMQ_DIST_PORT", erlang.to_string().into()),
        // Two schedulers that do not spin: a server on a small machine would take it from those who use it.
        (
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            format!("{own} -kernel inet_dist_use_interface {{127,0,0,1}} +S 2:2 +sbwt none").into(),
        ),
        ("RABBITMQ_CTL_ERL_ARGS", format!("{own} -dist_listen false").into()),
    ])
}
