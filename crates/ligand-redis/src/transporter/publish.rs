//! The connection that publishes.

use std::{sync::Arc, time::Duration};

use ligand_transport::{Link, Ticket};
use tokio::time::Instant;

use super::{ANSWER, SILENCE, lane::Lane};
use crate::{
    connection::{self, Connection, Input, Lost, Output},
    resp,
};

/// How often refused packets are logged.
const LOG_PAUSE: Duration = Duration::from_secs(10);

/// Writes what the lane holds and reads counts of receivers, until the connection ends.
pub(super) async fn run(connection: Connection, lane: &Lane, link: &Arc<dyn Link>) -> Lost {
    let Connection { input, output } = connection;
    tokio::select! {
        lost = write(output, lane) => lost,
        lost = read(input, lane, link) => lost,
    }
}

async fn write(mut output: Output, lane: &Lane) -> Lost {
    loop {
        if let Err(lost) = connection::write(&mut output, lane.take().await).await {
            return lost;
        }
    }
}

async fn read(mut input: Input, lane: &Lane, link: &Arc<dyn Link>) -> Lost {
    let mut logged = None;
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
                    warn(&text, &mut logged);
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

fn warn(text: &[u8], logged: &mut Option<Instant>) {
    if logged.is_none_or(|at| at.elapsed() > LOG_PAUSE) {
        *logged = Some(Instant::now());
        tracing::warn!(reason = %String::from_utf8_lossy(text), "Redis refuses packets");
    }
}
