//! `async-nats`: request and reply, and messages with a window.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use ligand_bench::{Failure, packets::USER};

use super::{MESSAGE, WINDOW};
use crate::{
    load::{self, Load},
    role,
};

pub(super) async fn serve(bus: &str) -> Result<(), Failure> {
    let client = async_nats::connect(bus).await?;
    let mut requests = client.subscribe("raw.echo").await?;
    let mut streams = client.subscribe("raw.stream").await?;
    client.flush().await?;
    role::serving(async {
        loop {
            tokio::select! {
                Some(message) = requests.next() => {
                    if let Some(reply) = message.reply {
                        client.publish(reply, message.payload).await?;
                    }
                }
                Some(message) = streams.next() => {
                    let bytes = str::from_utf8(&message.payload)?.parse()?;
                    write(&client, bytes).await?;
                }
                else => return Ok(()),
            }
        }
    })
    .await
}

/// Streams so many bytes: a message for each that was read, after the window is full.
async fn write(client: &async_nats::Client, bytes: u64) -> Result<(), Failure> {
    let mut credit = client.subscribe("raw.credit").await?;
    client.flush().await?;
    let message = Bytes::from_static(&[0; MESSAGE]);
    let (mut rest, mut open) = (bytes, WINDOW);
    while rest > 0 {
        let len = rest.min(MESSAGE as u64);
        if open < len {
            credit.next().await.ok_or("the connection is lost")?;
            open += MESSAGE as u64;
            continue;
        }
        client.publish("raw.content", message.slice(..usize::try_from(len)?)).await?;
        (rest, open) = (rest - len, open - len);
    }
    client.flush().await?;
    Ok(())
}

pub(super) async fn load(bus: &str, time: Duration) -> Result<Load, Failure> {
    let client = async_nats::connect(bus).await?;
    load::run(time, move || {
        let client = client.clone();
        async move {
            let answer = client.request("raw.echo", USER.into()).await?;
            if answer.payload.len() == USER.len() { Ok(()) } else { Err("other bytes came back".into()) }
        }
    })
    .await
}

pub(super) async fn read(bus: &str, bytes: u64) -> Result<f64, Failure> {
    let client = async_nats::connect(bus).await?;
    let mut content = client.subscribe("raw.content").await?;
    client.flush().await?;
    role::until_go().await?;
    let start = Instant::now();
    client.publish("raw.stream", bytes.to_string().into()).await?;
    let mut got = 0;
    while got < bytes {
        got += content.next().await.ok_or("the connection is lost")?.payload.len() as u64;
        client.publish("raw.credit", Bytes::new()).await?;
    }
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    Ok(bytes as f64 / start.elapsed().as_secs_f64())
}
