//! Whether the name of a node that starts is free.
//!
//! Two nodes of one name share their queues: each gets half of what is meant for the other, also of the questions by
//! which they could find out. So the server is asked before anything is consumed.

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

/// The server may name the consumer of an earlier life for a moment.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(100);

impl AmqpSession {
    /// Waits until nobody consumes the requests of this name. Somebody who goes on with it is another node.
    pub(super) async fn check_name(
        &self,
        reader: &mut Reader,
        writer: &mut Writer,
        input: &mut BytesMut,
        frame: usize,
    ) -> Result<(), Fault> {
        let own = self.common.topology.queues.iter().find(|queue| queue.kind == PacketKind::Request);
        let Some(queue) = own else { return Ok(()) };
        let until = Instant::now() + PATIENCE;
        let mut out = Vec::new();
        frame::channel_open(&mut out, ASK);
        loop {
            frame::exists(&mut out, ASK, &queue.name);
            writer.write_all(&out).await?;
            writer.flush().await?;
            out.clear();
            match self.consumers(reader, input, frame).await? {
                Answer::Consumers(0) => break,
                Answer::Missing => {
                    frame::channel_close_ok(&mut out, ASK);
                    writer.write_all(&out).await?;
                    return Ok(());
                }
                Answer::Consumers(_) if Instant::now() < until => sleep(PAUSE).await,
                Answer::Consumers(count) => {
                    let cluster = self.common.link.cluster();
                    cluster.conflict(&format!("queue '{}' has {count} consumers", queue.name));
                    return Err(Fault::Refused("another node takes the packets of this name"));
                }
            }
        }
        frame::channel_close(&mut out, ASK);
        writer.write_all(&out).await?;
        writer.flush().await?;
        while !matches!(next_on(reader, input, frame).await?, Method::Done) {}
        Ok(())
    }

    async fn consumers(
        &self,
        reader: &mut Reader,
        input: &mut BytesMut,
        frame: usize,
    ) -> Result<Answer, Fault> {
        loop {
            match next_on(reader, input, frame).await? {
                Method::Queue { consumers } => return Ok(Answer::Consumers(consumers)),
                Method::ChannelClose { code: 404, .. } => return Ok(Answer::Missing),
                Method::ChannelClose { code, text } => return Err(closed(code, &text)),
                _ => {}
            }
        }
    }
}

/// What the server says of a queue.
enum Answer {
    Missing,
    Consumers(u32),
}

async fn next_on(reader: &mut Reader, input: &mut BytesMut, frame: usize) -> Result<Method, Fault> {
    loop {
        match Frame::read(next(reader, input, frame + 8).await?)?.1 {
            Frame::Method(Method::Close { code, text }) => return Err(closed(code, &text)),
            Frame::Method(method) => return Ok(method),
            _ => {}
        }
    }
}
