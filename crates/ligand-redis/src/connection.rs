//! One connection: bytes both ways, answers in order.

use std::{fmt, io, time::Duration};

use bytes::{Bytes, BytesMut};
use ligand_net::{Fault, Login, Reader, Writer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::resp::{self, Broken, Reply};

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// The half that reads.
pub(crate) struct Input {
    reader: Reader,
    /// What has been read and not been taken.
    pub(crate) buffer: BytesMut,
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) input: Input,
    pub(crate) output: Writer,
}

/// Why there is no connection (any more).
#[derive(Debug)]
pub(crate) struct Lost {
    text: String,
    /// The server answered, with an error.
    pub(crate) refused: bool,
    /// It does not let this node in, and why.
    login: Option<&'static str>,
}

impl Lost {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), refused: false, login: None }
    }

    pub(crate) fn refused(text: &[u8]) -> Self {
        Self { text: format!("refused: {}", String::from_utf8_lossy(text)), refused: true, login: None }
    }

    /// Nothing came, not even the answer to a PING.
    pub(crate) fn silent() -> Self {
        Self::new("the server is silent, it does not answer a PING")
    }

    /// The server does not let this node in; `why` unless it says so itself. Its own words are left out: some repeat
    /// what was sent.
    pub(crate) fn of_login(self, why: &'static str) -> Self {
        match self.code() {
            None => self,
            // Not about this node.
            Some("LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN") => self,
            Some(_) if self.text.contains("max number of clients") => self,
            Some(_) => {
                let why = self.rights().unwrap_or(why);
                Self { text: why.into(), refused: true, login: Some(why) }
            }
        }
    }

    /// The first word of a refusal.
    fn code(&self) -> Option<&str> {
        self.text.strip_prefix("refused: ").filter(|_| self.refused)?.split(' ').next()
    }

    /// What a refusal says about logins and rights.
    fn rights(&self) -> Option<&'static str> {
        match self.code()? {
            "WRONGPASS" => Some("wrong user or password"),
            "NOAUTH" => Some("it asks for a password"),
            "NOPERM" => Some("the user has not the rights that are needed"),
            "DENIED" => Some("it takes no connections from other machines (protected mode)"),
            _ => None,
        }
    }

    /// The server takes no connections from where this node is; it says so once and hangs up.
    pub(crate) fn is_denied(&self) -> bool {
        self.code() == Some("DENIED")
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        let lost = Self::new(error.to_string());
        match Login::is_distrust(&error) {
            true => Self { login: Some("a certificate is not trusted"), ..lost },
            false => lost,
        }
    }
}

impl From<Lost> for Fault {
    fn from(lost: Lost) -> Self {
        match lost.login.or_else(|| lost.rights()) {
            Some(why) => Self::Refused(why),
            None => Self::Lost(lost.text),
        }
    }
}

impl From<Broken> for Lost {
    fn from(broken: Broken) -> Self {
        Self::new(format!("the server does not speak the protocol of Redis: {}", broken.0))
    }
}

impl Input {
    /// Reads what is there, at least one byte.
    pub(crate) async fn read(&mut self) -> Result<usize, Lost> {
        // Room for a large packet is made at once, or it would be moved again and again.
        let missing = resp::missing(&self.buffer);
        if self.buffer.capacity() - self.buffer.len() < missing.max(CHUNK / 16) {
            self.buffer.reserve(missing.max(CHUNK));
        }
        match self.reader.read_buf(&mut self.buffer).await? {
            0 => Err(Lost::new("the server has closed the connection")),
            size => Ok(size),
        }
    }

    /// As [`Input::read`]; false when nothing came for this long.
    pub(crate) async fn read_within(&mut self, time: Duration) -> Result<bool, Lost> {
        match timeout(time, self.read()).await {
            Ok(outcome) => outcome.map(|_| true),
            Err(_) => Ok(false),
        }
    }

    /// The next answer, whatever it is.
    pub(crate) async fn reply(&mut self) -> Result<Reply, Lost> {
        loop {
            if let Some(reply) = resp::reply(&mut self.buffer)? {
                return Ok(reply);
            }
            self.read().await?;
        }
    }
}

impl Connection {
    pub(crate) fn new(reader: Reader, writer: Writer) -> Self {
        let input = Input { reader, buffer: BytesMut::with_capacity(CHUNK) };
        Self { input, output: writer }
    }

    /// Sends a command and waits for its answer; an error of the server is an `Err`.
    pub(crate) async fn ask(&mut self, words: &[&str]) -> Result<Reply, Lost> {
        let mut command = BytesMut::with_capacity(64);
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        resp::command(&mut command, &words);
        write(&mut self.output, vec![command.freeze()]).await?;
        match self.input.reply().await? {
            Reply::Refused(text) => Err(Lost::refused(&text)),
            reply => Ok(reply),
        }
    }
}

/// Writes all of `parts`, through to the network.
pub(crate) async fn write(output: &mut Writer, parts: Vec<Bytes>) -> Result<(), Lost> {
    for part in parts {
        output.write_all(&part).await?;
    }
    output.flush().await?;
    Ok(())
}
