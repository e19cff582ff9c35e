//! Whether the nodes that requests go to still consume.
//!
//! The queue of a node outlives it by minutes, so a request to a dead node is not returned. While a queue is in use,
//! the server is asked now and then how many consumers it has.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

/// At least this much time is between two questions about a queue while packets go there.
pub(crate) const OFTEN: Duration = Duration::from_millis(250);
/// And this much while none go.
const SELDOM: Duration = Duration::from_secs(1);
/// Nobody is asked about a queue that was not used for this long.
const FORGET: Duration = Duration::from_secs(60);

/// The queues in use.
#[derive(Default)]
pub(crate) struct Watch {
    queues: HashMap<Arc<str>, Queue>,
    /// Open questions, in order.
    asked: VecDeque<Arc<str>>,
}

struct Queue {
    name: String,
    used: Instant,
    asked: Option<Instant>,
    /// Used since the last question.
    fresh: bool,
}

/// A node whose queue nobody consumes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) node: Arc<str>,
    /// `None`: it does not exist.
    pub(crate) queue: Option<String>,
}

impl Watch {
    /// A request with a ticket went to a node.
    pub(crate) fn sent(&mut self, node: Arc<str>, queue: String, now: Instant) {
        let queue = self.queues.entry(node).or_insert_with(|| Queue {
            name: queue,
            used: now,
            asked: None,
            fresh: true,
        });
        (queue.used, queue.fresh) = (now, true);
    }

    /// Names the queues to ask about now.
    pub(crate) fn ask(&mut self, now: Instant, mut exists: impl FnMut(&str)) {
        // Answers come within moments; a second question before the first answer would tell nothing.
        if !self.asked.is_empty() {
            return;
        }
        self.queues.retain(|_, queue| now - queue.used < FORGET);
        for (node, queue) in &mut self.queues {
            let pause = if queue.fresh { OFTEN } else { SELDOM };
            // Timers are not exact.
            if queue.asked.is_none_or(|asked| now - asked >= pause.mul_f64(0.9)) {
                queue.asked = Some(now);
                queue.fresh = false;
                exists(&queue.name);
                self.asked.push_back(node.clone());
            }
        }
    }

    /// The answer to the first open question: number of consumers, `None` when there is no such queue; then the
    /// other questions stay without an answer.
    pub(crate) fn answered(&mut self, consumers: Option<u32>) -> Option<Gone> {
        let node = self.asked.pop_front()?;
        if consumers.is_none() {
            for other in mem::take(&mut self.asked) {
                if let Some(queue) = self.queues.get_mut(&other) {
                    (queue.asked, queue.fresh) = (None, true);
                }
            }
        }
        if consumers.is_some_and(|count| count > 0) {
            return None;
        }
        let queue = self.queues.remove(&node)?;
        Some(Gone { node, queue: consumers.map(|_| queue.name) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_without_consumers_is_told_once() {
        let start = Instant::now();
        let mut watch = Watch::default();
        let asked = |watch: &mut Watch, now| {
            let mut names = Vec::new();
            watch.ask(now, |name| names.push(name.to_owned()));
            names.sort();
            names
        };
        watch.sent("a".into(), "REQ.a".into(), start);
        assert_eq!(asked(&mut watch, start), ["REQ.a"]);
        watch.sent("a".into(), "REQ.a".into(), start);
        assert!(asked(&mut watch, start + OFTEN).is_empty(), "a question is open");
        assert_eq!(watch.answered(Some(1)), None);
        watch.sent("b".into(), "REQ.b".into(), start);
        assert_eq!(asked(&mut watch, start + OFTEN), ["REQ.a", "REQ.b"]);
        let first = watch.asked[0].clone();
        assert_eq!(watch.answered(None), Some(Gone { node: first.clone(), queue: None }));
        // The other one is asked about at once.
        let (node, queue) = if &*first == "a" { ("b", "REQ.b") } else { ("a", "REQ.a") };
        assert_eq!(asked(&mut watch, start + OFTEN), [queue]);
        assert_eq!(watch.answered(Some(0)), Some(Gone { node: node.into(), queue: Some(queue.into()) }));
        assert!(asked(&mut watch, start + SELDOM * 2).is_empty());
    }

    #[test]
    fn a_quiet_queue_is_asked_about_seldom_and_then_forgotten() {
        let start = Instant::now();
        let mut watch = Watch::default();
        watch.sent("a".into(), "REQ.a".into(), start);
        let mut times = 0;
        let mut now = start;
        while now < start + FORGET * 2 {
            watch.ask(now, |_| times += 1);
            watch.answered(Some(1));
            now += OFTEN;
        }
        assert_eq!(times, 60);
    }
}
