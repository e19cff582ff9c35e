//! The connection that subscribes.

use std::{collections::HashMap, sync::Arc};

use bytes::{Buf, Bytes, BytesMut};
use ligand_transport::Link;
use ligand_wire::{packet::PacketKind, topic::Topic};
use tokio::sync::oneshot;

use super::{ANSWER, SILENCE};
use crate::{
    connection::{self, Connection, Lost},
    resp::{self, Push},
};

/// The connection that subscribes.
pub(super) struct Receiver {
    connection: Connection,
    /// What arrives on which channel.
    kinds: HashMap<Vec<u8>, PacketKind>,
    /// Bytes of a packet that is too long, still to come.
    skip: usize,
}

impl Receiver {
    /// Subscribes, and waits until the server has confirmed all of it.
    pub(super) async fn subscribe(
        mut connection: Connection,
        link: &Arc<dyn Link>,
        prefix: &str,
    ) -> Result<Self, Lost> {
        let kinds: HashMap<_, _> = Topic::subscriptions(link.node_id())
            .iter()
            .map(|topic| (topic.name(prefix).into_bytes(), topic.kind))
            .collect();
        let mut words = vec![&b"SUBSCRIBE"[..]];
        words.extend(kinds.keys().map(Vec::as_slice));
        let mut command = BytesMut::new();
        resp::command(&mut command, &words);
        connection::write(&mut connection.output, vec![command.freeze()]).await?;
        let mut receiver = Self { connection, kinds, skip: 0 };
        let mut confirmed = 0;
        while confirmed < receiver.kinds.len() {
            match receiver.next()? {
                Some(Push::Subscribed) => confirmed += 1,
                Some(Push::Refused(text)) => {
                    return Err(Lost::refused(&text).of_login("it does not allow the subscriptions"));
                }
                // The link is not told before it is connected: these came for somebody who was not there yet.
                Some(_) => {}
                None => {
                    receiver.connection.input.read().await?;
                }
            }
        }
        Ok(receiver)
    }

    /// Hands packets to the link until the connection ends or `stop` does.
    pub(super) async fn run(
        mut self,
        link: Arc<dyn Link>,
        stop: oneshot::Receiver<()>,
        end: oneshot::Sender<Lost>,
    ) {
        let lost = tokio::select! {
            lost = self.receive(&link) => lost,
            _ = stop => Lost::new("the session is over"),
        };
        let _ = end.send(lost);
    }

    async fn receive(&mut self, link: &Arc<dyn Link>) -> Lost {
        let mut asked = false;
        loop {
            match self.drain(link) {
                Ok(()) => {}
                Err(lost) => return lost,
            }
            match self.connection.input.read_within(if asked { ANSWER } else { SILENCE }).await {
                Ok(true) => asked = false,
                Ok(false) if asked => return Lost::silent(),
                Ok(false) => {
                    asked = true;
                    let ping = Bytes::from_static(b"*1\r\n$4\r\nPING\r\n");
                    if let Err(lost) = connection::write(&mut self.connection.output, vec![ping]).await {
                        return lost;
                    }
                }
                Err(lost) => return lost,
            }
        }
    }

    /// Hands over everything that is complete.
    fn drain(&mut self, link: &Arc<dyn Link>) -> Result<(), Lost> {
        while let Some(push) = self.next()? {
            match push {
                Push::Message { channel, body } => {
                    if let Some(kind) = self.kinds.get(&channel[..]) {
                        drop(channel);
                        link.receive(*kind, body);
                    }
                }
                Push::TooLong(_) => tracing::warn!("a packet above 64 MiB is dropped"),
                Push::Refused(text) => return Err(Lost::refused(&text)),
                Push::Subscribed | Push::Other => {}
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Push>, Lost> {
        let buffer = &mut self.connection.input.buffer;
        if self.skip > 0 {
            let part = self.skip.min(buffer.len());
            buffer.advance(part);
            self.skip -= part;
        }
        let push = if self.skip == 0 { resp::push(buffer)? } else { None };
        if let Some(Push::TooLong(size)) = push {
            self.skip = size;
        }
        Ok(push)
    }
}
