//! A NATS server of a test.

use std::{fs, ops::Deref};

use ligand_servers::{Kind, Server as Process};
use tempfile::TempDir;

/// Ends when it is dropped.
pub(crate) struct Server(Process);

impl Server {
    /// Starts one with these lines of configuration; `{dir}` stands for its folder.
    pub(crate) async fn start(lines: &str) -> Self {
        Self(Process::setup(Kind::Nats).lines(lines).start().await.unwrap())
    }

    /// As [`Server::start`], with files that are there already.
    pub(crate) async fn start_in(files: TempDir, lines: &str) -> Self {
        Self(Process::setup(Kind::Nats).files(files).lines(lines).start().await.unwrap())
    }

    /// Lets the running server read these lines.
    pub(crate) fn reload(&self, lines: &str) {
        let text = format!("listen: 127.0.0.1:{}\n{lines}\n", self.port());
        fs::write(self.folder().join("nats.conf"), text).unwrap();
        self.signal("HUP").unwrap();
    }
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}
