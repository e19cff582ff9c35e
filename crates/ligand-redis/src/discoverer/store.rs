//! The keys of nodes in Redis: several commands at once, answers in order.

use std::{collections::BTreeSet, time::Duration};

use bytes::{Bytes, BytesMut};
use ligand_net::{
    Fault,
    roster::{Entry, Keys, Known, Store, Value},
};
use tokio::time::{Instant, timeout};

use super::RedisDiscovererOptions;
use crate::{
    access::Access,
    connection::{self, Connection, Lost},
    resp::{self, Reply},
};

/// How long the answers may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a scan may take.
const SCAN_TIME: Duration = Duration::from_secs(10);

/// How long an info is kept when its node does not beat.
const INFO_SECONDS: &[u8] = b"1800";

/// A beat that expires this much later than before was written again.
const REWRITTEN: Duration = Duration::from_millis(300);

/// Commands that are sent together.
#[derive(Default)]
struct Batch {
    bytes: BytesMut,
    count: usize,
}

impl Batch {
    fn add(&mut self, words: &[&[u8]]) {
        resp::command(&mut self.bytes, words);
        self.count += 1;
    }
}

/// The keys of nodes, over a connection that is made when it is needed.
pub(super) struct RedisStore {
    access: Access,
    connect_timeout: Duration,
    /// Pattern of all keys of beats.
    pattern: String,
    scan_length: String,
    /// Missing while it is in use: who is cancelled then leaves answers behind.
    connection: Option<Connection>,
}

impl RedisStore {
    pub(super) fn new(access: Access, keys: &Keys, options: &RedisDiscovererOptions) -> Self {
        Self {
            access,
            connect_timeout: options.redis.connect_timeout,
            pattern: pattern(keys.beats()),
            scan_length: options.scan_length.max(1).to_string(),
            connection: None,
        }
    }

    /// Sends commands and waits for all answers. Refused ones are among the answers.
    async fn ask(&mut self, batch: Batch) -> Result<Vec<Reply>, Lost> {
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

    /// As [`RedisStore::ask`]; refused commands are an error.
    async fn insist(&mut self, batch: Batch) -> Result<Vec<Reply>, Lost> {
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
    async fn one(&mut self, words: &[&[u8]]) -> Result<Reply, Lost> {
        let mut batch = Batch::default();
        batch.add(words);
        Ok(self.insist(batch).await?.pop().unwrap_or(Reply::Null))
    }

    /// Names of keys, step by step.
    async fn scan(&mut self, most: usize) -> Result<Vec<Bytes>, Lost> {
        let (pattern, step) = (self.pattern.clone(), self.scan_length.clone());
        let strange = || Lost::new("SCAN was answered with something else");
        // A scan may name a key twice.
        let mut names = BTreeSet::new();
        let mut cursor = Bytes::from_static(b"0");
        loop {
            let words = [&b"SCAN"[..], &cursor, b"MATCH", pattern.as_bytes(), b"COUNT", step.as_bytes()];
            let Reply::List(parts) = self.one(&words).await? else { return Err(strange()) };
            let mut parts = parts.into_iter();
            let (Some(Reply::Text(next)), Some(Reply::List(found))) = (parts.next(), parts.next()) else {
                return Err(strange());
            };
            names.extend(found.into_iter().filter_map(text));
            if names.len() > most || *next == *b"0" {
                return Ok(names.into_iter().collect());
            }
            cursor = next;
        }
    }
}

impl Store for RedisStore {
    const NAME: &'static str = "Redis";
    const BATCH: usize = 500;

    /// When it would expire.
    type Written = Instant;

    fn server(&self) -> String {
        self.access.servers().next().map(ToString::to_string).unwrap_or_default()
    }

    async fn connect(&mut self, node: &str) -> Result<bool, Fault> {
        if self.connection.is_some() && self.one(&[b"PING"]).await.is_ok() {
            return Ok(false);
        }
        let Some(server) = self.access.servers().next() else { return Ok(false) };
        let late = |_| Err(Lost::new(format!("no connection within {:?}", self.connect_timeout)));
        let connecting = timeout(self.connect_timeout, self.access.connect(server, node));
        self.connection = Some(connecting.await.unwrap_or_else(late)?);
        Ok(true)
    }

    async fn beats(&mut self, most: usize) -> Result<Vec<Bytes>, Fault> {
        let late = |_| Err(Lost::new(format!("scanning its keys took more than {} s", SCAN_TIME.as_secs())));
        Ok(timeout(SCAN_TIME, self.scan(most)).await.unwrap_or_else(late)?)
    }

    async fn read(&mut self, keys: &[String], longest: usize) -> Result<Vec<Value>, Fault> {
        let longest = longest.to_string();
        let mut batch = Batch::default();
        for key in keys {
            batch.add(&[b"GETRANGE", key.as_bytes(), b"0", longest.as_bytes()]);
        }
        let replies = self.ask(batch).await?;
        Ok(replies
            .into_iter()
            .map(|reply| match reply {
                Reply::Refused(cause) => Err(String::from_utf8_lossy(&cause).into_owned()),
                reply => Ok(text(reply)),
            })
            .collect())
    }

    async fn written(&mut self, keys: &[String]) -> Result<Vec<Option<Instant>>, Fault> {
        let mut batch = Batch::default();
        for key in keys {
            batch.add(&[b"PTTL", key.as_bytes()]);
        }
        let end = |reply| match reply {
            Reply::Number(left) => Some(Instant::now() + Duration::from_millis(u64::try_from(left).ok()?)),
            _ => None,
        };
        Ok(self.insist(batch).await?.into_iter().map(end).collect())
    }

    fn is_newer(now: &Instant, before: &Instant) -> bool {
        *now > *before + REWRITTEN
    }

    /// A scan may miss a key that is renamed meanwhile, so beats are asked for by name.
    async fn alive(&mut self, nodes: &[Known]) -> Result<Vec<bool>, Fault> {
        let mut batch = Batch::default();
        for known in nodes {
            batch.add(&[b"EXISTS", known.beat.as_bytes()]);
        }
        Ok(self.insist(batch).await?.into_iter().map(|reply| reply != Reply::Number(0)).collect())
    }

    async fn write(&mut self, entry: Entry<'_>) -> Result<bool, Fault> {
        let info_key = entry.info_key.as_bytes();
        let seconds = entry.life.as_secs().to_string();
        let mut batch = Batch::default();
        batch.add(&[b"MULTI"]);
        match entry.info {
            Some(info) => batch.add(&[b"SETEX", info_key, INFO_SECONDS, info]),
            None => batch.add(&[b"EXPIRE", info_key, INFO_SECONDS]),
        }
        if let Some(last) = entry.last_beat_key {
            batch.add(&[b"DEL", last.as_bytes()]);
        }
        batch.add(&[b"SETEX", entry.beat_key.as_bytes(), seconds.as_bytes(), entry.beat]);
        batch.add(&[b"EXEC"]);
        let Some(Reply::List(outcome)) = self.insist(batch).await?.pop() else {
            return Err(Fault::lost("the store dropped a transaction"));
        };
        if let Some(Reply::Refused(text)) = outcome.iter().find(|reply| matches!(reply, Reply::Refused(_))) {
            return Err(Lost::refused(text).into());
        }
        // The info could not live on: it is gone.
        Ok(outcome.first() != Some(&Reply::Number(0)))
    }

    async fn leave(&mut self, node: &str, info: &str, beat: Option<&str>) -> Result<(), Fault> {
        if let Some(beat) = beat {
            self.connect(node).await?;
            self.one(&[b"DEL", info.as_bytes(), beat.as_bytes()]).await?;
        }
        self.connection = None;
        Ok(())
    }
}

/// The text of an answer; `None` when there is none.
fn text(reply: Reply) -> Option<Bytes> {
    match reply {
        Reply::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Pattern of all keys that begin with `prefix`.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for letter in prefix.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_begins_with_the_prefix() {
        assert_eq!(pattern("MOL-DSCVR-BEAT:"), "MOL-DSCVR-BEAT:*");
        assert_eq!(pattern("MOL-a*[b]-"), "MOL-a\\*\\[b\\]-*");
    }
}
