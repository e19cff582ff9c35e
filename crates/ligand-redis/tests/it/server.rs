//! A Redis server of a test.

use std::{net::Ipv4Addr, ops::Deref};

use ligand_servers::{Kind, Server as Process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Ends when it is dropped.
pub(crate) struct Server(Process);

impl Server {
    /// Starts one and waits until it answers.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// As [`Server::start`], with more arguments.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        let setup = Process::setup(Kind::Redis).arguments(arguments.iter().copied());
        Self(setup.start().await.expect("a Redis server"))
    }

    /// Runs one command and returns what came, as text.
    pub(crate) async fn command(&self, words: &[&[u8]]) -> String {
        self.session(&[words]).await
    }

    /// Runs commands on one connection and returns what came, as text.
    pub(crate) async fn session(&self, commands: &[&[&[u8]]]) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port())).await.expect("a connection");
        let mut bytes = Vec::new();
        for words in commands {
            bytes.extend(format!("*{}\r\n", words.len()).bytes());
            for word in *words {
                bytes.extend(format!("${}\r\n", word.len()).bytes());
                bytes.extend_from_slice(word);
                bytes.extend(b"\r\n");
            }
        }
        bytes.extend(b"*1\r\n$4\r\nQUIT\r\n");
        stream.write_all(&bytes).await.expect("a command");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}
