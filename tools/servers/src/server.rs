//! A server: started, killed, started again at the same port.

use std::{
    ffi::OsStr,
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    time::Duration,
};

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    Kind,
    guard::{self, Guard, Program},
    port::free_port_at,
};

/// The longest start; RabbitMQ on a busy machine takes most of it.
const PATIENCE: Duration = Duration::from_secs(90);

/// How a server is started.
#[derive(Debug)]
pub struct Setup {
    kind: Kind,
    ip: IpAddr,
    files: Option<TempDir>,
    lines: String,
    arguments: Vec<String>,
    tls: bool,
}

impl Setup {
    /// At this address of the machine instead of the loopback one.
    #[must_use]
    pub fn ip(self, ip: IpAddr) -> Self {
        Self { ip, ..self }
    }

    /// With these lines in its file of configuration; `{dir}` stands for its folder. etcd has no such file.
    #[must_use]
    pub fn lines(self, lines: impl Into<String>) -> Self {
        Self { lines: lines.into(), ..self }
    }

    /// With these arguments after those that it needs.
    #[must_use]
    pub fn arguments<'a>(self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self { arguments: arguments.into_iter().map(str::to_owned).collect(), ..self }
    }

    /// In this folder, which has what its lines name: certificates, for example.
    #[must_use]
    pub fn files(self, files: TempDir) -> Self {
        Self { files: Some(files), ..self }
    }

    /// etcd with certificates: its address begins with `https`.
    #[must_use]
    pub fn tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// The program is not installed, ends, or does not serve within 90 seconds.
    pub async fn start(self) -> io::Result<Server> {
        let address = SocketAddr::new(self.ip, free_port_at(self.ip)?);
        let files = match self.files {
            Some(files) => files,
            None => TempDir::new()?,
        };
        let program = self.kind.prepare(address, files.path(), &self.lines, &self.arguments, self.tls)?;
        let server = Server { kind: self.kind, address, program, guard: Mutex::new(None), files };
        server.run().await?;
        Ok(server)
    }
}

/// A server. It ends when this is dropped, and when this process ends.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    address: SocketAddr,
    program: Program,
    /// Ends before its folder goes.
    guard: Mutex<Option<Guard>>,
    files: TempDir,
}

impl Server {
    /// Starts one as it comes, at the loopback address.
    ///
    /// # Errors
    /// As [`Setup::start`].
    pub async fn start(kind: Kind) -> io::Result<Self> {
        Self::setup(kind).start().await
    }

    /// One that is not as it comes.
    pub fn setup(kind: Kind) -> Setup {
        Setup {
            kind,
            ip: Ipv4Addr::LOCALHOST.into(),
            files: None,
            lines: String::new(),
            arguments: Vec::new(),
            tls: false,
        }
    }

    /// Where clients find it: `nats://127.0.0.1:20140`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.kind.scheme(), self.address)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its folder, which goes with it.
    pub fn folder(&self) -> &Path {
        self.files.path()
    }

    /// Starts it again after [`Server::kill`] and waits until it serves.
    ///
    /// # Errors
    /// As [`Setup::start`].
    pub async fn run(&self) -> io::Result<()> {
        self.kill();
        let guard = match Guard::start(&self.program, self.folder()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = self.program.name.display();
                return Err(io::Error::other(format!(
                    "{name} is not installed; scripts/servers installs it"
                )));
            }
            guard => guard?,
        };
        *self.guard.lock() = Some(guard);
        let end = Instant::now() + PATIENCE;
        loop {
            if self.serves().await {
                return Ok(());
            }
            let ended = self.guard.lock().as_mut().and_then(Guard::ended);
            let why = match ended {
                Some(end) => format!("{end}; {}", self.last_words()),
                None if Instant::now() > end => format!("does not serve; {}", self.last_words()),
                None => {
                    sleep(Duration::from_millis(10)).await;
                    continue;
                }
            };
            self.kill();
            return Err(io::Error::other(format!("{} {why}", self.kind.program())));
        }
    }

    /// Ends it without a word, as `kill -9` does.
    pub fn kill(&self) {
        self.guard.lock().take();
    }

    /// Sends it a signal by its name: `STOP`, `CONT`, `HUP`.
    ///
    /// # Errors
    /// It does not run.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        match &*self.guard.lock() {
            Some(guard) => guard.signal(name),
            None => Err(io::Error::other(format!("{} does not run", self.kind.program()))),
        }
    }

    /// A program that comes with it, in its environment: `rabbitmqctl`.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.envs(self.program.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder());
        command
    }

    /// True when it says something, or hangs up on what it does not take: one with certificates, for example.
    async fn serves(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address).await else { return false };
        let greet = async {
            stream.write_all(self.kind.hello()).await?;
            stream.read_u8().await
        };
        timeout(Duration::from_secs(1), greet).await.is_ok()
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(guard::log(self.folder())).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        format!("its last words:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_comes_back_where_it_was() {
        let kinds = [Kind::Nats, Kind::Redis, Kind::Mqtt, Kind::Amqp, Kind::Etcd];
        for kind in kinds.into_iter().filter(|kind| !kind.is_skipped()) {
            let server = Server::start(kind).await.unwrap();
            server.signal("STOP").unwrap();
            server.signal("CONT").unwrap();
            server.kill();
            assert!(TcpStream::connect(server.address).await.is_err(), "{kind:?}");
            server.run().await.unwrap();
            TcpStream::connect(server.address).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_does_not_start_says_why() {
        if Kind::Nats.is_skipped() {
            return;
        }
        let error = Server::setup(Kind::Nats).lines("no such line {").start().await.unwrap_err();
        assert!(error.to_string().starts_with("nats-server ended with"), "{error}");
        assert!(error.to_string().contains("its last words:\n"), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_named() {
        let program =
            Program { name: "no-such-server".into(), arguments: Vec::new(), environment: Vec::new() };
        let server = Server {
            kind: Kind::Nats,
            address: ([127, 0, 0, 1], 1).into(),
            program,
            guard: Mutex::new(None),
            files: TempDir::new().unwrap(),
        };
        let error = server.run().await.unwrap_err();
        assert!(
            error.to_string().starts_with("no-such-server is not installed; scripts/servers installs it"),
            "{error}"
        );
    }
}
