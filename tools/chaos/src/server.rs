//! The server of a run: started on a port of its own, killed and started again.

use std::{
    fs,
    net::{IpAddr, SocketAddr, TcpListener},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{Outcome, plan::Transporter};

/// A server; ends when it is dropped.
pub(crate) struct Server {
    transporter: Transporter,
    address: SocketAddr,
    files: TempDir,
    child: Option<Child>,
}

impl Server {
    /// Starts one that listens at `ip`, and waits until it answers.
    ///
    /// # Errors
    /// The program is missing or does not start.
    pub(crate) async fn start(transporter: Transporter, ip: IpAddr) -> Outcome<Self> {
        let address = SocketAddr::new(ip, free_port(ip)?);
        let mut server = Self { transporter, address, files: TempDir::new()?, child: None };
        server.run().await?;
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.transporter.name(), self.address)
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    /// The program is missing or does not start.
    pub(crate) async fn run(&mut self) -> Outcome {
        let mut command = self.command()?;
        let program = command.get_program().to_string_lossy().into_owned();
        let log = fs::File::create(self.files.path().join("server.log"))?;
        command.stdout(log.try_clone()?).stderr(log).process_group(0);
        self.child = Some(command.spawn().map_err(|error| format!("{program}: {error}"))?);
        let end = Instant::now() + Duration::from_secs(90);
        while !answers(self.transporter, self.address).await {
            if Instant::now() > end {
                return Err(format!("{program} does not start; see {}", self.files.path().display()).into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-9", "--", &group]).status();
            let _ = child.wait();
        }
    }

    fn command(&self) -> Outcome<Command> {
        let (ip, port) = (self.address.ip().to_string(), self.address.port().to_string());
        let path = |name: &str| self.files.path().join(name);
        let mut command = match self.transporter {
            Transporter::Nats => {
                let mut command = Command::new("nats-server");
                command.args(["-a", &ip, "-p", &port]);
                command
            }
            Transporter::Redis => {
                let mut command = Command::new("redis-server");
                command.args(["--bind", &ip, "--port", &port, "--save", "", "--protected-mode", "no"]);
                command.arg("--dir").arg(self.files.path());
                command
            }
            Transporter::Mqtt => {
                let lines = format!(
                    "listener {port} {ip}\nallow_anonymous true\npersistence false\nuser root\n\
                     max_queued_messages 0\n"
                );
                fs::write(path("mosquitto.conf"), lines)?;
                let mut command = Command::new("mosquitto");
                command.arg("-c").arg(path("mosquitto.conf"));
                command
            }
            Transporter::Amqp => self.rabbit(&ip, &port)?,
            Transporter::Tcp => return Err("tcp has no server".into()),
        };
        command.stdin(Stdio::null());
        Ok(command)
    }

    fn rabbit(&self, ip: &str, port: &str) -> Outcome<Command> {
        let path = |name: &str| self.files.path().join(name);
        fs::write(path("plugins"), "[].")?;
        let lines = format!("listeners.tcp.1 = {ip}:{port}\nloopback_users = none\n");
        fs::write(path("rabbitmq.conf"), lines)?;
        // Debian's wrapper in /usr/sbin changes the user.
        let inner = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
        let mut command = Command::new(if inner.exists() { inner } else { Path::new("rabbitmq-server") });
        command
            .env("HOME", self.files.path())
            .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
            .env("RABBITMQ_MNESIA_BASE", path("data"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            .env("RABBITMQ_PID_FILE", path("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_NODENAME", format!("chaos-{port}@localhost"))
            .env("RABBITMQ_DIST_PORT", free_port([127, 0, 0, 1].into())?.to_string())
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 2:2 +sbwt none");
        Ok(command)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port where nobody listens.
///
/// # Errors
/// The address is not this machine's.
pub(crate) fn free_port(ip: IpAddr) -> Outcome<u16> {
    Ok(TcpListener::bind((ip, 0))?.local_addr()?.port())
}

/// It takes connections and speaks.
async fn answers(transporter: Transporter, address: SocketAddr) -> bool {
    let hello: &[u8] = match transporter {
        Transporter::Redis => b"PING\r\n",
        Transporter::Mqtt => b"\x10\x0c\0\x04MQTT\x04\x02\0\x0f\0\0",
        Transporter::Amqp => b"AMQP\0\0\x09\x01",
        Transporter::Nats | Transporter::Tcp => b"",
    };
    let greet = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(hello).await?;
        stream.read_u8().await
    };
    matches!(timeout(Duration::from_secs(1), greet).await, Ok(Ok(_)))
}
