//! MQTT 3.1.1 with `rumqttc`, at most once: requests in one topic, answers in another one.

use std::time::Duration;

use bytes::Bytes;
use ligand_bench::Failure;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    address,
    pending::{self, Pending},
};
use crate::{
    load::{self, Load},
    role,
};

const REQUESTS: &str = "raw/requests";
const ANSWERS: &str = "raw/answers";

/// Packets that wait to be written.
const QUEUE: usize = 1024;

/// A client that is subscribed to a topic.
async fn connect(bus: &str, id: &str, topic: &str) -> Result<(AsyncClient, EventLoop), Failure> {
    let (host, port) = address(bus)?;
    let (client, mut events) = AsyncClient::new(MqttOptions::new(id, host, port), QUEUE);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    client.subscribe(topic, QoS::AtMostOnce).await?;
    loop {
        if let Event::Incoming(Packet::SubAck(_)) = events.poll().await? {
            return Ok((client, events));
        }
    }
}

/// Bytes of the next message.
async fn next(events: &mut EventLoop) -> Result<Bytes, Failure> {
    loop {
        if let Event::Incoming(Packet::Publish(message)) = events.poll().await? {
            return Ok(message.payload);
        }
    }
}

pub(super) async fn serve(bus: &str) -> Result<(), Failure> {
    let (client, mut events) = connect(bus, "raw-callee", REQUESTS).await?;
    role::serving(async {
        // Who reads must not wait for room among what is to be written: it is the one who writes.
        let (sender, mut requests) = mpsc::unbounded_channel();
        let mut writer = JoinSet::new();
        writer.spawn(async move {
            while let Some(request) = requests.recv().await {
                client.publish_bytes(ANSWERS, QoS::AtMostOnce, false, request).await?;
            }
            Ok::<_, Failure>(())
        });
        loop {
            sender.send(next(&mut events).await?)?;
        }
    })
    .await
}

pub(super) async fn load(bus: &str, time: Duration) -> Result<Load, Failure> {
    let (client, mut events) = connect(bus, "raw-caller", ANSWERS).await?;
    let pending = Pending::default();
    let answered = pending.clone();
    let mut reader = JoinSet::new();
    reader.spawn(async move {
        while let Ok(message) = next(&mut events).await {
            answered.message(&message);
        }
    });
    load::run(time, move || {
        let (client, pending) = (client.clone(), pending.clone());
        async move {
            let (number, answer) = pending.call();
            let message = pending::message(number);
            client.publish_bytes(REQUESTS, QoS::AtMostOnce, false, message).await?;
            answer.wait().await
        }
    })
    .await
}
