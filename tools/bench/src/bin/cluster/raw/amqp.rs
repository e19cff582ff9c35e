//! AMQP 0-9-1 with `lapin`: a queue of requests, answers over RabbitMQ's direct replies, nothing acknowledged.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions},
    types::FieldTable,
};
use ligand_bench::{Failure, packets::USER};
use tokio::task::JoinSet;

use super::pending::Pending;
use crate::{
    load::{self, Load},
    role,
};

const REQUESTS: &str = "raw.requests";
const DIRECT: &str = "amq.rabbitmq.reply-to";

/// Connection and channel; both must be kept.
async fn connect(bus: &str) -> Result<(Connection, Channel), Failure> {
    let connection = Connection::connect(bus, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions { auto_delete: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(REQUESTS.into(), options, FieldTable::default()).await?;
    Ok((connection, channel))
}

async fn consume(channel: &Channel, queue: &str) -> Result<lapin::Consumer, Failure> {
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    Ok(channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?)
}

pub(super) async fn serve(bus: &str) -> Result<(), Failure> {
    let (_connection, channel) = connect(bus).await?;
    let mut requests = consume(&channel, REQUESTS).await?;
    role::serving(async {
        while let Some(request) = requests.next().await {
            let request = request?;
            let Some(reply_to) = request.properties.reply_to().clone() else { continue };
            let mut properties = BasicProperties::default();
            if let Some(id) = request.properties.correlation_id().clone() {
                properties = properties.with_correlation_id(id);
            }
            let options = BasicPublishOptions::default();
            channel.basic_publish("".into(), reply_to, options, &request.data, properties).await?;
        }
        Ok(())
    })
    .await
}

pub(super) async fn load(bus: &str, time: Duration) -> Result<Load, Failure> {
    let (_connection, channel) = connect(bus).await?;
    let mut answers = consume(&channel, DIRECT).await?;
    let pending = Pending::default();
    let answered = pending.clone();
    let mut reader = JoinSet::new();
    reader.spawn(async move {
        while let Some(Ok(answer)) = answers.next().await {
            let number = answer.properties.correlation_id().as_ref().and_then(|id| id.as_str().parse().ok());
            if let Some(number) = number {
                answered.answered(number, answer.data.len());
            }
        }
    });
    load::run(time, move || {
        let (channel, pending) = (channel.clone(), pending.clone());
        async move {
            let (number, answer) = pending.call();
            let properties = BasicProperties::default()
                .with_reply_to(DIRECT.into())
                .with_correlation_id(number.to_string().into());
            let options = BasicPublishOptions::default();
            channel.basic_publish("".into(), REQUESTS.into(), options, USER.as_bytes(), properties).await?;
            answer.wait().await
        }
    })
    .await
}
