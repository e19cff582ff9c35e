//! One node as a child process: started with its environment, driven by commands on its standard input.

use std::{
    collections::HashMap,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{Mutex as Turn, oneshot, watch},
    time::timeout,
};

/// How long a node may take to say that it is ready.
const START: Duration = Duration::from_secs(30);
/// How long a command may take; commands with a shorter limit of their own end before.
const ANSWER: Duration = Duration::from_secs(40);

/// Which program a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Program {
    /// The node of this crate.
    Rust,
    /// Moleculer 0.15.
    Js15,
    /// Moleculer 0.14.
    Js14,
}

impl Program {
    /// True for Moleculer.
    pub fn is_js(self) -> bool {
        self != Self::Rust
    }

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Js15 => "js15",
            Self::Js14 => "js14",
        }
    }

    /// The inverse of [`Program::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Rust, Self::Js15, Self::Js14].into_iter().find(|program| program.name() == name)
    }

    fn command(self) -> Command {
        match self {
            Self::Rust => Command::new(built("node")),
            Self::Js15 | Self::Js14 => {
                let mut command = javascript("node.js");
                command.env("MOLECULER", if self == Self::Js15 { "0.15" } else { "0.14" });
                command
            }
        }
    }
}

/// A program of this crate, which cargo built beside this one.
pub(crate) fn built(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap_or_default();
    path.set_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    path
}

/// Builds a program of this crate, which cargo does not do for another one.
///
/// # Errors
/// When it does not build.
pub(crate) async fn build(name: &str) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "ligand-interop", "--bin", name]);
    if std::env::current_exe().is_ok_and(|path| path.components().any(|part| part.as_os_str() == "release")) {
        build.arg("--release");
    }
    succeed(build.current_dir(env!("CARGO_MANIFEST_DIR")), "the Rust node does not build").await
}

/// Installs the JavaScript modules, where they are not up to date.
///
/// # Errors
/// When npm fails.
pub(crate) async fn install() -> Result<(), String> {
    let mut install = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"));
    succeed(&mut install, "the JavaScript nodes cannot be installed (is npm there?)").await
}

async fn succeed(command: &mut Command, otherwise: &str) -> Result<(), String> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().await;
    if status.is_ok_and(|status| status.success()) { Ok(()) } else { Err(otherwise.into()) }
}

/// A Moleculer program below `js`, with the Node.js that is installed there.
pub(crate) fn javascript(file: &str) -> Command {
    let js = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    let mut command = Command::new(js.join("v15/node_modules/node/bin/node"));
    command.arg(js.join(file));
    command
}

type Waiting = Mutex<HashMap<u64, oneshot::Sender<Value>>>;

/// A running node.
#[derive(Debug)]
pub struct NodeProcess {
    id: String,
    program: Program,
    child: Turn<Child>,
    input: Turn<Option<ChildStdin>>,
    waiting: Arc<Waiting>,
    next: AtomicU64,
    ready: watch::Receiver<Option<bool>>,
}

impl NodeProcess {
    /// Starts a node. `env` is what the program reads; `NODEID` and `CONTROL` are added.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(program: Program, id: &str, env: &[(&str, String)]) -> Result<Self, String> {
        let mut env = env.to_vec();
        env.push(("CONTROL", "stdio".into()));
        Self::spawn(program.command(), program, id, &env)
    }

    /// Starts a node by a command of its own. `env` is what it reads; `NODEID` is added.
    ///
    /// # Errors
    /// When the command cannot be started.
    pub fn spawn(
        mut command: Command,
        program: Program,
        id: &str,
        env: &[(&str, String)],
    ) -> Result<Self, String> {
        for name in INHERITED_BY_MISTAKE {
            command.env_remove(name);
        }
        command.env("NODEID", id);
        for (name, value) in env {
            command.env(name, value);
        }
        let log = log_file(id);
        let errors = log.as_ref().and_then(|log| log.try_clone().ok()).map_or_else(Stdio::null, Stdio::from);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| format!("{} node '{id}' does not start: {error}", program.name()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else {
            return Err(format!("node '{id}' has no standard input or output"));
        };
        let waiting = Arc::<Waiting>::default();
        let (says, ready) = watch::channel(None);
        listen(output, waiting.clone(), says, log);
        Ok(Self {
            id: id.to_owned(),
            program,
            child: Turn::new(child),
            input: Turn::new(Some(input)),
            waiting,
            next: AtomicU64::new(1),
            ready,
        })
    }

    /// Its nodeID.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which program it runs.
    pub fn program(&self) -> Program {
        self.program
    }

    /// Waits for its `ready` line.
    ///
    /// # Errors
    /// When it ends before, or after 30 seconds.
    pub async fn ready(&self) -> Result<(), String> {
        let mut ready = self.ready.clone();
        let said = match timeout(START, ready.wait_for(Option::is_some)).await {
            Ok(Ok(said)) => *said,
            Ok(Err(_)) => None,
            Err(_) => return Err(format!("{self} is not ready after {START:?}")),
        };
        match said {
            Some(true) => Ok(()),
            Some(false) | None => {
                Err(format!("{self} ended before it was ready; INTEROP_LOGS=<folder> keeps its log"))
            }
        }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// When the node has ended or does not answer.
    pub async fn ask(&self, what: &str, mut command: Value) -> Result<Value, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        command["id"] = json!(id);
        command["do"] = json!(what);
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().insert(id, sender);
        let line = format!("{command}\n");
        let written = match &mut *self.input.lock().await {
            Some(input) => input.write_all(line.as_bytes()).await.is_ok(),
            None => false,
        };
        if !written || *self.ready.borrow() == Some(false) {
            self.waiting.lock().remove(&id);
            return Err(format!("{self} has ended"));
        }
        match timeout(ANSWER, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(format!("{self} ended during '{what}'")),
            Err(_) => Err(format!("{self} did not answer '{command}' within {ANSWER:?}")),
        }
    }

    /// Ends the standard input, with which a node stops, and waits until it has.
    ///
    /// # Errors
    /// When it still runs after `limit`.
    pub async fn leave(&self, limit: Duration) -> Result<(), String> {
        drop(self.input.lock().await.take());
        self.ended(limit).await
    }

    /// Ends the node at once, as a crash does.
    pub async fn kill(&self) {
        // It may have ended already.
        let _ = self.child.lock().await.kill().await;
    }

    /// Waits until the process has ended.
    ///
    /// # Errors
    /// When it still runs after `limit`.
    pub async fn ended(&self, limit: Duration) -> Result<(), String> {
        let mut child = self.child.lock().await;
        match timeout(limit, child.wait()).await {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("{self} still runs after {limit:?}")),
        }
    }
}

impl std::fmt::Display for NodeProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} node '{}'", self.program.name(), self.id)
    }
}

/// What a shell may have set for other purposes.
const INHERITED_BY_MISTAKE: [&str; 9] = [
    "NAMESPACE",
    "TRANSPORTER",
    "SERIALIZER",
    "DISABLEBALANCER",
    "DISCOVERER",
    "PROTOCOL",
    "SERVICES",
    "PORT",
    "URLS",
];

/// With `INTEROP_LOGS` set, each node logs into a file of that folder; otherwise to nowhere.
fn log_file(id: &str) -> Option<File> {
    let path = Path::new(&std::env::var_os("INTEROP_LOGS")?).join(format!("{id}.log"));
    File::options().create(true).append(true).open(path).ok()
}

#[allow(clippy::disallowed_methods, reason = "this program has no broker whose tasks these could be")]
fn listen(
    output: ChildStdout,
    waiting: Arc<Waiting>,
    says: watch::Sender<Option<bool>>,
    mut log: Option<File>,
) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.starts_with("ready ") {
                says.send_replace(Some(true));
            } else if let Ok(answer) = serde_json::from_str::<Value>(&line) {
                let id = answer["id"].as_u64().unwrap_or_default();
                if let Some(sender) = waiting.lock().remove(&id) {
                    // Whoever asked may have given up.
                    let _ = sender.send(answer);
                }
            } else if let Some(log) = &mut log {
                // A log that cannot be written is not worth a failure.
                let _ = writeln!(log, "{line}");
            }
        }
        says.send_replace(Some(false));
        waiting.lock().clear();
    });
}
