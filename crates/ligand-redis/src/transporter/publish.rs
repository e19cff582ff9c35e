//! The connection that publishes.

use std::sync::Arc;

use ligand_net::{LogLimit, Writer};
use ligand_transport::{Link, Ticket};

use super::{ANSWER, SILENCE, lane::Lane};
use crate::{
    connection::{self, Connection, Input, Lost},
    resp,
};

/// Writes what the lane holds and reads counts of receivers, until the connection ends.
pub(super) async fn run(connection: Connection, lane: &Lane, link: &Arc<dyn Link>) -> Lost {
    let Connection { input, output } = connection;
    tokio::select! {
        lost = write(output, lane) => lost,
        lost = read(input, lane, link) => lost,
    }
}

async fn write(mut output: Writer, lane: &Lane) -> Lost {
    loop {
        if let Err(lost) = connection::write(&mut output, lane.take().await).await {
            return lost;
        }
    }
}

async fn read(mut input: Input, lane: &Lane, link: &Arc<dyn Link>) -> Lost {
    let refused = LogLimit::new(1);
    let (mut counts, mut undelivered) = (Vec::new(), Vec::new());
    loop {
        match input.read_within(SILENCE).await {
            Ok(true) => {}
            Ok(false) => {
                lane.ping();
                match input.read_within(ANSWER).await {
                    Ok(true) => {}
                    Ok(false) => return Lost::silent(),
                    Err(lost) => return lost,
                }
            }
            Err(lost) => return lost,
        }
        let broken = loop {
            match resp::count(&mut input.buffer) {
                Ok(Some(Ok(count))) => counts.push(Some(count)),
                Ok(Some(Err(text))) => {
                    counts.push(None);
                    if let Some(left_out) = refused.pass() {
                        tracing::warn!(left_out, reason = %String::from_utf8_lossy(&text), "Redis refuses packets");
                    }
                }
                Ok(None) => break None,
                Err(broken) => break Some(broken),
            }
        };
        let outcome = lane.answered(&counts, &mut undelivered);
        counts.clear();
        undelivered.drain(..).for_each(|ticket: Ticket| link.undelivered(ticket));
        match (outcome, broken) {
            (Err(lost), _) => return lost,
            (_, Some(broken)) => return broken.into(),
            _ => {}
        }
    }
}
