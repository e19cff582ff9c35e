//! Processes of this program and of Node.js that play one part of a measurement.

use std::{future::Future, process::Stdio, time::Duration};

use ligand_bench::Failure;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// The longest time until a part is ready: joining a cluster takes a while where nodes gossip.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process at work; ends when it is dropped, or with this process.
pub(crate) struct Role {
    name: String,
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Role {
    /// Starts this program in a part and waits until it is ready.
    pub(crate) async fn start(role: &str, bus: &str, more: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", role, "--bus", bus]).args(more);
        Self::spawn(role, command).await
    }

    /// Starts a command that says `ready` and ends with its input.
    pub(crate) async fn spawn(name: &str, mut command: Command) -> Result<Self, Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let input = child.stdin.take().ok_or("the process has no input")?;
        let lines = BufReader::new(child.stdout.take().ok_or("the process has no output")?).lines();
        let mut role = Self { name: name.to_owned(), child, input, lines };
        match role.line(PATIENCE).await?.as_str() {
            "ready" => Ok(role),
            other => Err(format!("'{name}' said '{other}' instead of 'ready'").into()),
        }
    }

    /// Id of the process.
    pub(crate) fn pid(&self) -> Result<u32, Failure> {
        Ok(self.child.id().ok_or_else(|| format!("'{}' has ended", self.name))?)
    }

    /// Lets it end by itself: what it has announced is taken back before the next one comes.
    pub(crate) async fn end(self) {
        let Self { mut child, input, .. } = self;
        drop(input);
        let _ = tokio::time::timeout(Duration::from_secs(10), child.wait()).await;
    }

    /// Lets it begin, and answers the JSON it prints at the end.
    pub(crate) async fn go(&mut self, patience: Duration) -> Result<Value, Failure> {
        self.input.write_all(b"go\n").await?;
        Ok(serde_json::from_str(&self.line(patience).await?)?)
    }

    async fn line(&mut self, patience: Duration) -> Result<String, Failure> {
        match tokio::time::timeout(patience, self.lines.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => Err(format!("'{}' ended without a word", self.name).into()),
            Ok(Err(error)) => Err(format!("'{}': {error}", self.name).into()),
            Err(_) => Err(format!("'{}' said nothing for {patience:?}", self.name).into()),
        }
    }
}

/// Ends when the process that started this one is gone.
pub(crate) async fn until_closed() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}

/// Serves until the process that started this one is gone. Says `ready`: whoever calls has everything in place.
pub(crate) async fn serving(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    println!("ready");
    tokio::select! {
        result = work => result,
        () = until_closed() => Ok(()),
    }
}

/// Says `ready` and waits until this process may begin.
pub(crate) async fn until_go() -> Result<(), Failure> {
    println!("ready");
    let line = BufReader::new(tokio::io::stdin()).lines().next_line().await?;
    line.map(drop).ok_or_else(|| "there is nothing to do".into())
}
