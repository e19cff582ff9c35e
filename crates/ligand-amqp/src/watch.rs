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

use ligand_transport::Ticket;

/// At least this much time is between two questions about a queue while packets go there.
pub(crate) const OFTEN: Duration = Duration::from_millis(250);
/// And this much while none go.
const SELDOM: Duration = Duration::from_secs(1);
/// Nobody is asked about a queue that was not used for this long.
const FORGET: Duration = Duration::from_secs(60);
/// Tickets that are remembered between two questions; those of the rest end with the node.
const TICKETS: usize = 1 << 16;

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
    /// Sent since the last question.
    fresh: Vec<Ticket>,
    /// Sent before the question that is open.
    open: Vec<Ticket>,
}

/// A node whose queue nobody consumes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) node: Arc<str>,
    /// What was sent since it was last seen.
    pub(crate) tickets: Vec<Ticket>,
}

impl Watch {
    /// A request with a ticket went to a node.
    pub(crate) fn sent(&mut self, node: Arc<str>, queue: String, ticket: Ticket, now: Instant) {
        let queue = self.queues.entry(node).or_insert_with(|| Queue {
            name: queue,
            used: now,
            asked: None,
            fresh: Vec::new(),
            open: Vec::new(),
        });
        queue.used = now;
        if queue.fresh.len() < TICKETS {
            queue.fresh.push(ticket);
        }
    }

    /// The server returned a request: its sender knows.
    pub(crate) fn returned(&mut self, ticket: Ticket) {
        for queue in self.queues.values_mut() {
            queue.fresh.retain(|sent| *sent != ticket);
            queue.open.retain(|sent| *sent != ticket);
        }
    }

    /// Names the queues to ask about now.
    pub(crate) fn ask(&mut self, now: Instant, mut exists: impl FnMut(&str)) {
        // Answers come within moments; a second question before the first answer would tell nothing.
        if !self.asked.is_empty() {
            return;
        }
        self.queues.retain(|_, queue| now - queue.used < FORGET);
        for (node, queue) in &mut self.queues {
            let pause = if queue.fresh.is_empty() { SELDOM } else { OFTEN };
            // Timers are not exact.
            if queue.asked.is_none_or(|asked| now - asked >= pause.mul_f64(0.9)) {
                queue.asked = Some(now);
                queue.open = mem::take(&mut queue.fresh);
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
            for other in self.asked.drain(..) {
                if let Some(queue) = self.queues.get_mut(&other) {
                    queue.open.append(&mut queue.fresh);
                    mem::swap(&mut queue.open, &mut queue.fresh);
                    queue.asked = None;
                }
            }
        }
        if consumers.is_some_and(|count| count > 0) {
            self.queues.get_mut(&node)?.open = Vec::new();
            return None;
        }
        let tickets = self.queues.remove(&node).map(|queue| [queue.open, queue.fresh].concat())?;
        Some(Gone { node, tickets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_of_a_dead_node_come_back_and_others_do_not() {
        let start = Instant::now();
        let mut watch = Watch::default();
        let asked = |watch: &mut Watch, now| {
            let mut names = Vec::new();
            watch.ask(now, |name| names.push(name.to_owned()));
            names.sort();
            names
        };
        watch.sent("a".into(), "REQ.a".into(), Ticket(1), start);
        assert_eq!(asked(&mut watch, start), ["REQ.a"]);
        watch.sent("a".into(), "REQ.a".into(), Ticket(2), start);
        assert!(asked(&mut watch, start + OFTEN).is_empty(), "a question is open");
        assert_eq!(watch.answered(Some(1)), None);
        watch.sent("a".into(), "REQ.a".into(), Ticket(3), start);
        watch.sent("b".into(), "REQ.b".into(), Ticket(4), start);
        assert_eq!(asked(&mut watch, start + OFTEN), ["REQ.a", "REQ.b"]);
        let first = watch.asked[0].clone();
        let gone = watch.answered(None).unwrap();
        let tickets = if &*first == "a" { vec![Ticket(2), Ticket(3)] } else { vec![Ticket(4)] };
        assert_eq!(gone, Gone { node: first.clone(), tickets });
        // The other one is asked about at once.
        let other = if &*first == "a" { "REQ.b" } else { "REQ.a" };
        assert_eq!(asked(&mut watch, start + OFTEN), [other]);
        let tickets = watch.answered(Some(0)).unwrap().tickets;
        assert_eq!(tickets, if &*first == "a" { vec![Ticket(4)] } else { vec![Ticket(2), Ticket(3)] });
        assert!(asked(&mut watch, start + SELDOM * 2).is_empty());
    }

    #[test]
    fn a_quiet_queue_is_asked_about_seldom_and_then_forgotten() {
        let start = Instant::now();
        let mut watch = Watch::default();
        watch.sent("a".into(), "REQ.a".into(), Ticket(1), start);
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
