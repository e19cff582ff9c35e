//! The same workloads on Moleculer, in a Node.js process.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::Failure;

/// An installed Node.js with Moleculer.
#[derive(Clone, Debug)]
pub struct Node {
    binary: PathBuf,
    folder: PathBuf,
}

impl Node {
    /// Installs what the workloads need, once; needs npm.
    ///
    /// # Errors
    /// npm is missing or cannot install.
    pub async fn install() -> Result<Self, Failure> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
        let output = Command::new(folder.join("install.sh")).stderr(Stdio::inherit()).output().await?;
        if !output.status.success() {
            return Err("the Node.js workloads cannot be installed (is npm there?)".into());
        }
        let text = String::from_utf8(output.stdout)?;
        let binary = text.lines().last().ok_or("the installer named no Node.js binary")?.into();
        Ok(Self { binary, folder })
    }

    /// A script of the folder `node`; the process ends with its handle.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(self.folder.join(name)).kill_on_drop(true);
        command
    }

    fn command(&self, workload: &str) -> Command {
        let mut command = self.script("workload.js");
        command.arg(workload);
        command
    }

    /// Runs a workload to its end and answers what it printed.
    ///
    /// # Errors
    /// The workload fails or prints no JSON.
    pub async fn run(&self, workload: &str, time: Duration) -> Result<Value, Failure> {
        let seconds = time.as_secs_f64().to_string();
        let output = self.command(workload).args(["--seconds", &seconds]).output().await?;
        if !output.status.success() {
            return Err(format!("{workload}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Starts a server and answers its first line; the server ends with the handle.
    ///
    /// # Errors
    /// The server does not start or prints no JSON.
    pub async fn serve(&self, workload: &str, arguments: &[&str]) -> Result<(Child, Value), Failure> {
        let mut command = self.command(workload);
        command.arg("--serve").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?.ok_or("the server printed nothing")?;
        Ok((child, serde_json::from_str(&line)?))
    }
}
