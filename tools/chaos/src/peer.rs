//! A node of a run: a process of its own, Ligand or Moleculer, spoken to line by line.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use ligand::{Value, json};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
    time::timeout,
};

use crate::{
    Outcome,
    history::Heard,
    plan::Kind,
    role::{Role, Setup},
};

/// A node of a run. Killed when it is dropped.
pub(crate) struct Peer {
    pub(crate) node: String,
    child: Child,
    input: ChildStdin,
    answers: mpsc::UnboundedReceiver<Value>,
}

/// How a node is started; the same way again after it ended.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) role: Role,
    pub(crate) kind: Kind,
    pub(crate) setup: Setup,
    /// The network namespace it lives in.
    pub(crate) space: Option<String>,
    /// Where its log goes.
    pub(crate) log: PathBuf,
}

impl Recipe {
    /// Starts the node and waits until it is ready.
    ///
    /// # Errors
    /// It ended or was silent for a minute.
    pub(crate) async fn start(&self, heard: &Arc<Mutex<Heard>>) -> Outcome<Peer> {
        let mut peer = self.spawn(heard)?;
        match peer.answer("ready", Duration::from_secs(60)).await {
            Ok(_) => Ok(peer),
            Err(error) => {
                Err(format!("{} did not start: {error}; see {}", peer.node, self.log.display()).into())
            }
        }
    }

    /// Starts the node.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn spawn(&self, heard: &Arc<Mutex<Heard>>) -> Outcome<Peer> {
        let mut words: Vec<std::ffi::OsString> = Vec::new();
        if let Some(space) = &self.space {
            words.extend(["ip", "netns", "exec", space].map(Into::into));
        }
        match self.kind {
            Kind::Ligand => words.push(std::env::current_exe()?.into()),
            Kind::Moleculer => {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
                words.extend([
                    folder.join("node_modules/node/bin/node").into(),
                    folder.join("role.js").into(),
                ]);
            }
        }
        words.extend(["--role".into(), self.role.name().into(), "--setup".into()]);
        words.push(serde_json::to_string(&self.setup)?.into());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else { return Err("no pipes".into()) };
        let (sender, answers) = mpsc::unbounded_channel();
        tokio::spawn(listen(output, heard.clone(), sender));
        Ok(Peer { node: self.setup.node.clone(), child, input, answers })
    }
}

/// Counts events, hands everything else on.
async fn listen(output: ChildStdout, heard: Arc<Mutex<Heard>>, answers: mpsc::UnboundedSender<Value>) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(value) = serde_json::from_str::<Value>(&line) else { continue };
        if let Some(id) = value["event"].as_u64() {
            *heard.lock().entry(id).or_default() += 1;
        } else if answers.send(value).is_err() {
            return;
        }
    }
}

impl Peer {
    /// Sends a command and waits for the answer with this name.
    ///
    /// # Errors
    /// The node ended, or did not answer in time.
    pub(crate) async fn ask(&mut self, command: &Value, name: &str, limit: Duration) -> Outcome<Value> {
        self.tell(command).await?;
        self.answer(name, limit).await
    }

    /// Sends a command.
    ///
    /// # Errors
    /// The node ended.
    pub(crate) async fn tell(&mut self, command: &Value) -> Outcome {
        self.input.write_all(format!("{command}\n").as_bytes()).await?;
        Ok(())
    }

    /// Waits for the answer with this name.
    ///
    /// # Errors
    /// The node ended, refused to start, or did not answer in time.
    pub(crate) async fn answer(&mut self, name: &str, limit: Duration) -> Outcome<Value> {
        let wait = async {
            while let Some(mut value) = self.answers.recv().await {
                if let Some(answer) = value.get_mut(name) {
                    return Ok(answer.take());
                }
                if let Some(why) = value["refused"].as_str() {
                    return Err(format!("{} refused: {why}", self.node));
                }
            }
            Err(format!("{} has ended", self.node))
        };
        match timeout(limit, wait).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(format!("{} did not tell '{name}' within {limit:?}", self.node).into()),
        }
    }

    /// What it knows of the cluster.
    ///
    /// # Errors
    /// As [`Peer::answer`].
    pub(crate) async fn view(&mut self) -> Outcome<Value> {
        self.ask(&json!({ "do": "view" }), "view", Duration::from_secs(20)).await
    }

    /// Counters and processor time.
    ///
    /// # Errors
    /// As [`Peer::answer`].
    pub(crate) async fn used(&mut self) -> Outcome<Value> {
        self.ask(&json!({ "do": "used" }), "used", Duration::from_secs(20)).await
    }

    /// Sends a signal by its name.
    ///
    /// # Errors
    /// The process is gone.
    pub(crate) async fn signal(&self, name: &str) -> Outcome {
        let id = self.child.id().ok_or_else(|| format!("{} has ended", self.node))?;
        let status = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status().await?;
        if status.success() { Ok(()) } else { Err(format!("kill -{name} of {} failed", self.node).into()) }
    }

    /// Waits until the process has ended.
    ///
    /// # Errors
    /// It has not within `limit`.
    pub(crate) async fn ended(&mut self, limit: Duration) -> Outcome<ExitStatus> {
        match timeout(limit, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => Err(format!("{} did not end within {limit:?}", self.node).into()),
        }
    }

    /// Ends it without a word.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) async fn kill(&mut self) -> Outcome {
        self.child.kill().await?;
        Ok(())
    }
}

/// Installs Moleculer and its clients; does nothing when they are there.
///
/// # Errors
/// What `npm` says.
pub(crate) async fn install() -> Outcome {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/install.sh");
    let status = Command::new("sh").arg(&script).stdout(Stdio::null()).status().await?;
    if status.success() { Ok(()) } else { Err(format!("{} failed", script.display()).into()) }
}
