//! Whether the name of a node that starts is free.
//!
//! Two nodes of one name share their queues: each gets half of what is meant for the other, also of the questions by which they
//! could find out. So the server is asked before anything is consumed.

use std::time::Duration;

use bytes::BytesMut;
use ligand_net::{Fault, Reader, Writer};
use ligand_wire::packet::PacketKind;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep},
};

use super::{AmqpSession, closed, next};
use crate::{
    frame::{self, Frame, Method},
    outbox::ASK,
};

/// A server may name the consumer of an earlier run for a moment after that has ended.
const MOMENT: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(50);

/// When there are no heartbeats, a server gives up a connection that broke without a word only much later.
const WITHOUT_HEARTBEAT: Duration = Duration::from_secs(30);

/// What is known of the name.
#[derive(Debug, Default)]
pub(super) enum Name {
    #[default]
    Unknown,
    /// Somebody has consumed its queue since then.
    TakenSince(Instant),
    Free,
}

impl AmqpSession {
    /// Makes sure that nobody consumes the requests of this name. That may be an earlier run, whose connection broke without a
    /// word: the server gives it up after two heartbeats. Who still consumes then is another node.
    pub(super) async fn check_name(
        &mut self,
        reader: &mut Reader,
        writer: &mut Writer,
        input: &mut BytesMut,
        frame: usize,
        heartbeat: Duration,
    ) -> Result<(), Fault> {
        if matches!(self.name, Name::Free) {
            return Ok(());
        }
        let queues = &self.common.topology.queues;
        let own = queues.iter().find(|queue| queue.kind == PacketKind::Request);
        let Some(queue) = own.map(|queue| queue.name.clone()) else { return Ok(()) };
        let mut out = Vec::new();
        frame::channel_open(&mut out, ASK);
        let until = Instant::now() + MOMENT;
        let count = loop {
            frame::exists(&mut out, ASK, &queue);
            writer.write_all(&out).await?;
            writer.flush().await?;
            out.clear();
            match consumers(reader, input, frame).await? {
                Answer::Closed => {
                    frame::channel_close_ok(&mut out, ASK);
                    writer.write_all(&out).await?;
                    self.name = Name::Free;
                    return Ok(());
                }
                Answer::Consumers(count) if count == 0 || Instant::now() > until => break count,
                Answer::Consumers(_) => sleep(PAUSE).await,
            }
        };
        if count > 0 {
            return Err(self.is_taken(&queue, heartbeat));
        }
        frame::channel_close(&mut out, ASK);
        writer.write_all(&out).await?;
        writer.flush().await?;
        while !matches!(method(reader, input, frame).await?, Method::Done) {}
        self.name = Name::Free;
        Ok(())
    }

    fn is_taken(&mut self, queue: &str, heartbeat: Duration) -> Fault {
        let patience = if heartbeat.is_zero() { WITHOUT_HEARTBEAT } else { heartbeat * 2 + MOMENT };
        let since = match self.name {
            Name::TakenSince(since) => since,
            _ => Instant::now(),
        };
        self.name = Name::TakenSince(since);
        if since.elapsed() < patience {
            return Fault::lost(format_args!(
                "queue '{queue}' is consumed by another node of this name, or by an earlier run whose connection the server has not \
                 given up yet"
            ));
        }
        self.common.link.cluster().conflict(&format!("it consumes queue '{queue}'"));
        Fault::Refused("another node consumes the queues of this name")
    }
}

/// What the server says of a queue.
enum Answer {
    /// There is none, or the server does not tell: then it is as if there were none.
    Closed,
    Consumers(u32),
}

async fn consumers(reader: &mut Reader, input: &mut BytesMut, frame: usize) -> Result<Answer, Fault> {
    loop {
        match method(reader, input, frame).await? {
            Method::Queue { consumers } => return Ok(Answer::Consumers(consumers)),
            Method::ChannelClose { code, text } => {
                if code != 404 {
                    tracing::warn!(
                        code,
                        "AMQP: the server does not tell who consumes; another node of this name is not noticed: {}",
                        String::from_utf8_lossy(&text).escape_debug()
                    );
                }
                return Ok(Answer::Closed);
            }
            _ => {}
        }
    }
}

/// The next method on any channel.
async fn method(reader: &mut Reader, input: &mut BytesMut, frame: usize) -> Result<Method, Fault> {
    loop {
        match Frame::read(next(reader, input, frame + 8).await?)?.1 {
            Frame::Method(Method::Close { code, text }) => return Err(closed(code, &text)),
            Frame::Method(method) => return Ok(method),
            _ => {}
        }
    }
}
