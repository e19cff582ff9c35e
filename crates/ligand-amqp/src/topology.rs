//! Queues and exchanges, exactly as Moleculer nodes declare them: a shared object that is declared in another way costs
//! a node its channel.

use std::{sync::Arc, time::Duration};

use ligand_wire::{
    Error, Result,
    packet::PacketKind::{self, Event, Heartbeat, Request, Response},
    topic::{To, Topic},
};

use crate::{
    AmqpOptions,
    frame::{self, Field, Table},
    options::arguments,
};

/// A queue to consume.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) kind: PacketKind,
    /// Fanout exchange that it is bound to.
    pub(crate) exchange: Option<String>,
    /// Deliveries want no acknowledgement.
    pub(crate) no_ack: bool,
    durable: bool,
    auto_delete: bool,
    arguments: Table,
}

/// How queues and exchanges are declared on this node.
#[derive(Debug)]
pub(crate) struct Topology {
    pub(crate) prefix: String,
    pub(crate) queues: Vec<Queue>,
    options: AmqpOptions,
    exchange: (bool, bool, Table),
}

/// Whether packets of this kind go to all nodes.
pub(crate) fn is_broadcast(kind: PacketKind) -> bool {
    use PacketKind::{Disconnect, Discover, Info, Ping};
    matches!(kind, Discover | Info | Disconnect | Heartbeat | Ping)
}

impl Topology {
    /// What the node `me` declares and consumes, balanced topics aside.
    pub(crate) fn new(namespace: &str, me: &Arc<str>, options: &AmqpOptions) -> Result<Self> {
        let exchange = &options.exchange_options;
        let table = arguments("exchange_options", &exchange.arguments)?;
        let mut topology = Self {
            prefix: Topic::prefix(namespace),
            queues: Vec::new(),
            options: options.clone(),
            exchange: (exchange.durable.unwrap_or(true), exchange.auto_delete.unwrap_or(false), table),
        };
        for topic in Topic::subscriptions(me) {
            let exchange = (topic.to == To::All).then(|| topic.name(&topology.prefix));
            let own = Topic::node(topic.kind, me.clone());
            let name = own.name(&topology.prefix);
            if name.len() > 255 {
                return Err(Error::broker_options(format!(
                    "AMQP: node id and namespace are too long: '{name}' has {} bytes, a queue's name may \
                     have 255",
                    name.len()
                )));
            }
            match topology.queues.iter_mut().find(|queue| queue.name == name) {
                // What goes to all and what goes to this node share a queue.
                Some(queue) => queue.exchange = queue.exchange.take().or(exchange),
                None => {
                    let queue = topology.queue(&own, exchange)?;
                    topology.queues.push(queue);
                }
            }
        }
        Ok(topology)
    }

    /// How the queue of a topic is declared.
    pub(crate) fn queue(&self, topic: &Topic, exchange: Option<String>) -> Result<Queue> {
        let name = topic.name(&self.prefix);
        if name.len() > 255 {
            return Err(Error::broker_options(format!(
                "AMQP: '{name}' has {} bytes, a queue's name may have 255",
                name.len()
            )));
        }
        let options = &self.options;
        let balanced = !matches!(topic.to, To::Node(_));
        let expires = match topic.kind {
            Request if balanced => None,
            Request | Response | Event => options.auto_delete_queues,
            _ => None,
        };
        let time_to_live = match topic.kind {
            Event => options.event_time_to_live,
            Heartbeat => options.heartbeat_time_to_live,
            _ => Duration::ZERO,
        };
        let mut table = Table::new();
        if let Some(time) = expires {
            table.push(("x-expires".into(), milliseconds(time)));
        }
        if !time_to_live.is_zero() {
            table.push(("x-message-ttl".into(), milliseconds(time_to_live)));
        }
        for (name, value) in arguments("queue_options", &options.queue_options.arguments)? {
            table.retain(|(present, _)| *present != name);
            table.push((name, value));
        }
        let lasting = matches!(topic.kind, Request | Response | Event);
        Ok(Queue {
            name,
            kind: topic.kind,
            exchange,
            no_ack: !balanced && topic.kind != Request,
            durable: options.queue_options.durable.unwrap_or(true),
            auto_delete: options.queue_options.auto_delete.unwrap_or(!lasting),
            arguments: table,
        })
    }

    /// Appends what declares and binds a queue and consumes it; returns how many answers will come.
    pub(crate) fn declare(&self, out: &mut Vec<u8>, channel: u16, queue: &Queue, consumer: &str) -> usize {
        let mut answers = 2;
        if let Some(name) = &queue.exchange {
            let (durable, auto_delete, arguments) = &self.exchange;
            frame::declare_exchange(out, channel, name, *durable, *auto_delete, arguments);
            answers += 1;
        }
        frame::declare_queue(out, channel, &queue.name, queue.durable, queue.auto_delete, &queue.arguments);
        if let Some(name) = &queue.exchange {
            frame::bind(out, channel, &queue.name, name);
            answers += 1;
        }
        frame::consume(out, channel, &queue.name, consumer, queue.no_ack);
        answers
    }
}

fn milliseconds(time: Duration) -> Field {
    Field::Number(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_moleculer_declares_them() {
        let options = AmqpOptions {
            event_time_to_live: Duration::from_secs(1),
            heartbeat_time_to_live: Duration::from_secs(2),
            ..AmqpOptions::default()
        };
        let topology = Topology::new("", &"me".into(), &options).unwrap();
        let expires = ("x-expires".to_owned(), Field::Number(120_000));
        let ttl = |time| ("x-message-ttl".to_owned(), Field::Number(time));
        let fanout = |kind: &str| Some(format!("MOL.{kind}"));
        let expected = [
            ("MOL.EVENT.me", None, true, false, vec![expires.clone(), ttl(1000)]),
            ("MOL.REQ.me", None, false, false, vec![expires.clone()]),
            ("MOL.RES.me", None, true, false, vec![expires.clone()]),
            ("MOL.DISCOVER.me", fanout("DISCOVER"), true, true, vec![]),
            ("MOL.INFO.me", fanout("INFO"), true, true, vec![]),
            ("MOL.DISCONNECT.me", fanout("DISCONNECT"), true, true, vec![]),
            ("MOL.HEARTBEAT.me", fanout("HEARTBEAT"), true, true, vec![ttl(2000)]),
            ("MOL.PING.me", fanout("PING"), true, true, vec![]),
            ("MOL.PONG.me", None, true, true, vec![]),
        ];
        assert_eq!(topology.queues.len(), expected.len());
        for (queue, (name, exchange, no_ack, auto_delete, arguments)) in topology.queues.iter().zip(expected)
        {
            assert_eq!((queue.name.as_str(), &queue.exchange), (name, &exchange));
            assert_eq!(
                (queue.no_ack, queue.durable, queue.auto_delete),
                (no_ack, true, auto_delete),
                "{name}"
            );
            assert_eq!(queue.arguments, arguments, "{name}");
        }
        let request = Topic { kind: Request, to: To::Action("a.b".into()) };
        let queue = topology.queue(&request, None).unwrap();
        assert_eq!((queue.name.as_str(), queue.no_ack, queue.auto_delete), ("MOL.REQB.a.b", false, false));
        assert!(queue.arguments.is_empty());
        let to = To::Group { group: "mail".into(), event: "user.created".into() };
        let queue = topology.queue(&Topic { kind: Event, to }, None).unwrap();
        assert_eq!((queue.name.as_str(), queue.no_ack), ("MOL.EVENTB.mail.user.created", false));
        assert_eq!(queue.arguments, [expires, ttl(1000)]);
        assert!(Topology::new("", &"x".repeat(250).into(), &options).is_err());
    }
}
