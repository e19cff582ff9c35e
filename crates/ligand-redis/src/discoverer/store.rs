//! The connection to the store: several commands at once, answers in order.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ligand_wire::Error;
use tokio::time::timeout;

use crate::{
    connection::{self, Connection, Lost},
    resp::{self, Reply},
    server::Servers,
};

/// How long the answers may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Commands that are sent together.
pub(super) struct Batch {
    bytes: BytesMut,
    count: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { bytes: BytesMut::new(), count: 0 }
    }

    pub(super) fn add(&mut self, words: &[&[u8]]) -> &mut Self {
        resp::command(&mut self.bytes, words);
        self.count += 1;
        self
    }
}

/// The connection to the store, made when it is needed.
pub(super) struct Store {
    servers: Servers,
    /// Missing while it is in use: who is cancelled then leaves answers behind.
    connection: Option<Connection>,
}

impl Store {
    pub(super) fn new(servers: Servers) -> Self {
        Self { servers, connection: None }
    }

    /// Connects unless there is a connection that works; true = a new one was made.
    pub(super) async fn connect(&mut self, node: &str) -> Result<bool, Lost> {
        if self.connection.is_some() && self.one(&[b"PING"]).await.is_ok() {
            return Ok(false);
        }
        let turn = self.servers.turn();
        self.connection = Some(turn.within(turn.connect(node)).await?);
        Ok(true)
    }

    /// Sends commands and waits for all answers. Refused ones are among the answers.
    pub(super) async fn ask(&mut self, batch: Batch) -> Result<Vec<Reply>, Lost> {
        let Some(mut connection) = self.connection.take() else {
            return Err(Lost::new("there is no connection"));
        };
        let Batch { bytes, count } = batch;
        let asking = async {
            connection::write(&mut connection.output, vec![bytes.freeze()]).await?;
            let mut replies = Vec::with_capacity(count);
            for _ in 0..count {
                replies.push(connection.input.reply().await?);
            }
            Ok(replies)
        };
        let late = |_| Err(Lost::new(format!("no answer within {} s", PATIENCE.as_secs())));
        let replies: Vec<Reply> = timeout(PATIENCE, asking).await.unwrap_or_else(late)?;
        self.connection = Some(connection);
        Ok(replies)
    }

    /// As [`Store::ask`]; refused commands are an error.
    pub(super) async fn insist(&mut self, batch: Batch) -> Result<Vec<Reply>, Lost> {
        let replies = self.ask(batch).await?;
        match replies
            .iter()
            .find_map(|reply| if let Reply::Refused(text) = reply { Some(text) } else { None })
        {
            Some(text) => Err(Lost::refused(text)),
            None => Ok(replies),
        }
    }

    /// One answer to one command; refused is an error.
    pub(super) async fn one(&mut self, words: &[&[u8]]) -> Result<Reply, Lost> {
        let mut batch = Batch::new();
        batch.add(words);
        Ok(self.insist(batch).await?.pop().unwrap_or(Reply::Null))
    }

    pub(super) fn close(&mut self) {
        self.connection = None;
    }
}

/// The text of an answer; `None` when there is none.
pub(super) fn text(reply: Reply) -> Option<Bytes> {
    match reply {
        Reply::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// What callers of the discoverer get.
pub(super) fn unreachable(lost: &Lost) -> Error {
    Error::transient(503, "DISCOVERER_ERROR", "The store of the Redis discoverer cannot be used.")
        .with_internal(lost)
}
