//! A mosquitto of a test's own.

use std::ops::Deref;

use ligand_servers::{Kind, Server};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Ends when it is dropped.
pub(crate) struct Mosquitto(Server);

impl Mosquitto {
    /// Takes everybody.
    pub(crate) async fn start() -> Self {
        Self::with("allow_anonymous true").await
    }

    /// With these lines in its configuration; `{dir}` stands for its folder.
    pub(crate) async fn with(lines: &str) -> Self {
        Self::prepared(TempDir::new().unwrap(), lines).await
    }

    /// As [`Mosquitto::with`], with files that are there already.
    pub(crate) async fn prepared(files: TempDir, lines: &str) -> Self {
        Self(Server::setup(Kind::Mqtt).files(files).lines(lines).start().await.unwrap())
    }

    /// Publishes as a stranger with version 3.1.1, at QoS 1, and waits for the acknowledgement.
    pub(crate) async fn publish(&self, topic: &str, body: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).await.unwrap();
        stream.write_all(b"\x10\x0c\0\x04MQTT\x04\x02\0\x0f\0\0").await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, *b"\x20\x02\0\0");
        let mut rest = Vec::from(u16::try_from(topic.len()).unwrap().to_be_bytes());
        rest.extend_from_slice(topic.as_bytes());
        rest.extend_from_slice(b"\0\x01");
        rest.extend_from_slice(body);
        let mut packet = vec![0x32];
        let mut length = rest.len();
        while length > 127 {
            packet.push((length % 128) as u8 | 0x80);
            length /= 128;
        }
        packet.push(length as u8);
        packet.extend_from_slice(&rest);
        stream.write_all(&packet).await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, *b"\x40\x02\0\x01");
    }
}

impl Deref for Mosquitto {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}
