//! Queues that nodes share: what is wanted, what is subscribed.

use std::collections::{HashMap, HashSet, VecDeque};

use ligand_wire::{Error, Result, topic::Topic};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::{
    frame,
    outbox::SHARED,
    topology::{Queue, Topology},
};

/// What the broker wants; the session follows.
#[derive(Default)]
pub(crate) struct Wanted {
    state: Mutex<State>,
    pub(crate) changed: Notify,
}

#[derive(Default)]
struct State {
    topics: HashSet<Topic>,
    /// Told when the session has followed.
    waiting: Vec<oneshot::Sender<Result<()>>>,
    /// A session will follow.
    live: bool,
}

impl Wanted {
    /// Wants these topics only; ends when they are subscribed, or at once when the bus is lost: then they will be
    /// when it is back.
    pub(crate) async fn replace(&self, topics: Vec<Topic>) -> Result<()> {
        let answer = {
            let mut state = self.state.lock();
            state.topics = topics.into_iter().collect();
            if !state.live {
                return Ok(());
            }
            let (done, answer) = oneshot::channel();
            state.waiting.push(done);
            answer
        };
        self.changed.notify_one();
        answer.await.unwrap_or(Ok(()))
    }

    pub(crate) fn live(&self, live: bool) {
        let mut state = self.state.lock();
        state.live = live;
        if !live {
            state.waiting.clear();
        }
    }

    fn refused(&self, topic: &Topic) {
        self.state.lock().topics.remove(topic);
    }
}

/// The subscriptions of one connection.
#[derive(Default)]
pub(crate) struct Shared {
    consumers: HashMap<Topic, String>,
    /// Questions to the server that are not answered.
    open: VecDeque<Question>,
    last: u64,
}

enum Question {
    Plain,
    /// Takes this consumer away.
    Cancel(String),
    About(Topic),
    /// Everything before is done.
    Told(Vec<oneshot::Sender<Result<()>>>),
}

impl Shared {
    /// Opens the channel.
    pub(crate) fn open(&mut self, prefetch: u16, out: &mut Vec<u8>) {
        frame::channel_open(out, SHARED);
        frame::qos(out, SHARED, prefetch);
        self.open.extend([Question::Plain, Question::Plain]);
    }

    /// Subscribes to what is wanted and not there, cancels the rest; answers the new queues with their consumers.
    pub(crate) fn follow(
        &mut self,
        wanted: &Wanted,
        topology: &Topology,
        out: &mut Vec<u8>,
    ) -> Vec<(String, Queue)> {
        let mut state = wanted.state.lock();
        let waiting = std::mem::take(&mut state.waiting);
        let open = &mut self.open;
        self.consumers.retain(|topic, consumer| {
            let keep = state.topics.contains(topic);
            if !keep {
                frame::cancel(out, SHARED, consumer);
                open.push_back(Question::Cancel(std::mem::take(consumer)));
            }
            keep
        });
        let mut new = Vec::new();
        for topic in &state.topics {
            // Names that are too long were refused before.
            let Ok(queue) = topology.queue(topic, None) else { continue };
            if self.consumers.contains_key(topic) {
                continue;
            }
            self.last += 1;
            let consumer = format!("shared-{}", self.last);
            for _ in 0..topology.declare(out, SHARED, &queue, &consumer) {
                self.open.push_back(Question::About(topic.clone()));
            }
            self.consumers.insert(topic.clone(), consumer.clone());
            new.push((consumer, queue));
        }
        self.open.push_back(Question::Told(waiting));
        self.tell();
        new
    }

    /// The server answered a question; names the consumer that is gone now.
    pub(crate) fn answered(&mut self) -> Option<String> {
        let question = self.open.pop_front();
        self.tell();
        match question {
            Some(Question::Cancel(consumer)) => Some(consumer),
            _ => None,
        }
    }

    fn tell(&mut self) {
        while let Some(Question::Told(_)) = self.open.front() {
            if let Some(Question::Told(waiting)) = self.open.pop_front() {
                waiting.into_iter().for_each(|done| drop(done.send(Ok(()))));
            }
        }
    }

    /// Nothing is under way.
    pub(crate) fn settled(&self) -> bool {
        self.open.is_empty()
    }

    /// The server closed the channel: the subscription in question is given up, the others must be made again.
    /// Answers all consumers there were.
    pub(crate) fn refused(&mut self, wanted: &Wanted, reason: &str) -> Vec<String> {
        let mut error = Error::broker_options(format!("AMQP: the server closed the channel: {reason}"));
        if let Some(Question::About(topic)) = self.open.front() {
            wanted.refused(topic);
            error = Error::broker_options(format!(
                "AMQP: the server refuses a shared queue: {reason}; nodes that share it must declare it with the same \
                 options"
            ));
        }
        tracing::error!("{}", error.message());
        let mut gone: Vec<String> = self.consumers.drain().map(|(_, consumer)| consumer).collect();
        for question in self.open.drain(..) {
            match question {
                Question::Told(waiting) => {
                    waiting.into_iter().for_each(|done| drop(done.send(Err(error.clone()))));
                }
                Question::Cancel(consumer) => gone.push(consumer),
                Question::Plain | Question::About(_) => {}
            }
        }
        gone
    }
}
