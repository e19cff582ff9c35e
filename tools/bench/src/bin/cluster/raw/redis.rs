//! Publish and subscribe with the crate `redis`: requests in one channel, answers in another one.

use std::time::Duration;

use futures_util::StreamExt as _;
use ligand_bench::Failure;
use redis::AsyncCommands as _;
use tokio::task::JoinSet;

use super::pending::{self, Pending};
use crate::{
    load::{self, Load},
    role,
};

const REQUESTS: &str = "raw.requests";
const ANSWERS: &str = "raw.answers";

pub(super) async fn serve(bus: &str) -> Result<(), Failure> {
    let client = redis::Client::open(bus)?;
    let connection = client.get_multiplexed_async_connection().await?;
    let mut requests = client.get_async_pubsub().await?;
    requests.subscribe(REQUESTS).await?;
    role::serving(async {
        let mut requests = requests.into_on_message();
        // Each waits for the answer of the server to PUBLISH: they go together.
        let mut answers = JoinSet::new();
        while let Some(message) = requests.next().await {
            let mut connection = connection.clone();
            answers.spawn(async move {
                connection.publish::<_, _, ()>(ANSWERS, message.get_payload_bytes()).await
            });
            while let Some(answer) = answers.try_join_next() {
                answer??;
            }
        }
        Ok(())
    })
    .await
}

pub(super) async fn load(bus: &str, time: Duration) -> Result<Load, Failure> {
    let client = redis::Client::open(bus)?;
    let connection = client.get_multiplexed_async_connection().await?;
    let mut answers = client.get_async_pubsub().await?;
    answers.subscribe(ANSWERS).await?;
    let pending = Pending::default();
    let answered = pending.clone();
    let mut reader = JoinSet::new();
    reader.spawn(async move {
        let mut answers = answers.into_on_message();
        while let Some(message) = answers.next().await {
            answered.message(message.get_payload_bytes());
        }
    });
    load::run(time, move || {
        let (mut connection, pending) = (connection.clone(), pending.clone());
        async move {
            let (number, answer) = pending.call();
            connection.publish::<_, _, ()>(REQUESTS, &pending::message(number)[..]).await?;
            answer.wait().await
        }
    })
    .await
}
