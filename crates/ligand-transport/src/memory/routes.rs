//! Who subscribed to what.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use ligand_wire::{
    packet::PacketKind,
    pattern::Pattern,
    topic::{To, Topic},
};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    disturbances::Disturbances,
    inbox::{Inbox, Item, Parcel},
};
use crate::Link;

/// How deep receivers that send run in the turns of their senders.
const DEEPEST: usize = 8;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A transporter on the bus.
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) node: Arc<str>,
    pub(super) namespace: Arc<str>,
    pub(super) inbox: Inbox,
    link: Weak<dyn Link>,
    online: AtomicBool,
    balanced: Mutex<Vec<Topic>>,
    /// When the last packet arrives that keeps its place.
    last: Mutex<Option<Instant>>,
}

impl Member {
    pub(super) fn new(id: u64, link: &Arc<dyn Link>, inbox: Inbox) -> Self {
        Self {
            id,
            node: link.node_id().clone(),
            namespace: link.namespace().into(),
            inbox,
            link: Arc::downgrade(link),
            online: AtomicBool::new(false),
            balanced: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// Handles a packet in the sender's turn, unless senders wait for each other too deep already.
    pub(super) fn hand_over(&self, kind: PacketKind, body: &Bytes) {
        let depth = DEPTH.get();
        if depth >= DEEPEST {
            self.inbox.tell(Item::Parcel(Parcel::extra(kind, body.clone())));
            return;
        }
        if let Some(link) = self.link.upgrade() {
            DEPTH.set(depth + 1);
            link.receive(kind, body.clone());
            DEPTH.set(depth);
        }
    }

    pub(super) fn online(&self) -> bool {
        self.online.load(Ordering::Acquire)
    }

    pub(super) fn set_online(&self, online: bool) {
        self.online.store(online, Ordering::Release);
    }

    pub(super) fn set_balanced(&self, topics: Vec<Topic>) {
        *self.balanced.lock() = topics;
    }

    /// When the last packet arrives, when it is still on its way.
    pub(super) fn last(&self) -> Option<Instant> {
        let mut last = self.last.lock();
        *last = last.filter(|last| *last > Instant::now());
        *last
    }

    /// `at`, or when the packet before arrives.
    pub(super) fn not_before_the_last(&self, at: Instant) -> Instant {
        let mut last = self.last.lock();
        let at = last.map_or(at, |last| last.max(at));
        *last = Some(at);
        at
    }
}

/// Who subscribed to what, by namespace.
#[derive(Default)]
pub(super) struct Routes(HashMap<Arc<str>, Namespace>);

#[derive(Default)]
struct Namespace {
    plain: HashMap<Topic, Vec<Arc<Member>>>,
    /// By action or group.
    balanced: HashMap<(PacketKind, Arc<str>), Vec<Queue>>,
}

/// A member of a balanced topic, and which events it takes.
struct Queue {
    pattern: Option<Pattern>,
    member: Arc<Member>,
}

impl Routes {
    pub(super) fn add(&mut self, member: &Arc<Member>) {
        let namespace = self.0.entry(member.namespace.clone()).or_default();
        let balanced = member.balanced.lock().clone();
        for topic in Topic::subscriptions(&member.node).into_iter().chain(balanced) {
            let (key, pattern) = match &topic.to {
                To::All | To::Node(_) => {
                    namespace.plain.entry(topic).or_default().push(member.clone());
                    continue;
                }
                To::Action(action) => (action.clone(), None),
                To::Group { group, event } => (group.clone(), Some(Pattern::new(event))),
            };
            let queue = Queue { pattern, member: member.clone() };
            namespace.balanced.entry((topic.kind, key)).or_default().push(queue);
        }
    }

    pub(super) fn remove(&mut self, member: &Member) {
        let Some(namespace) = self.0.get_mut(&member.namespace) else { return };
        namespace.plain.retain(|_, members| {
            members.retain(|other| other.id != member.id);
            !members.is_empty()
        });
        namespace.balanced.retain(|_, queues| {
            queues.retain(|queue| queue.member.id != member.id);
            !queues.is_empty()
        });
    }

    /// Who receives a packet; one by lot for balanced topics.
    pub(super) fn find(
        &self,
        namespace: &str,
        topic: &Topic,
        disturbances: &mut Disturbances,
    ) -> Vec<Arc<Member>> {
        let Some(namespace) = self.0.get(namespace) else { return Vec::new() };
        let (key, event) = match &topic.to {
            To::All | To::Node(_) => return namespace.plain.get(topic).cloned().unwrap_or_default(),
            To::Action(action) => (action, None),
            To::Group { group, event } => (group, Some(&**event)),
        };
        let Some(queues) = namespace.balanced.get(&(topic.kind, key.clone())) else { return Vec::new() };
        let takes = |queue: &&Queue| match (&queue.pattern, event) {
            (Some(pattern), Some(event)) => pattern.matches(event),
            _ => true,
        };
        let able: Vec<_> = queues.iter().filter(takes).map(|queue| &queue.member).collect();
        match able.len() {
            0 => Vec::new(),
            count => vec![able[disturbances.below(count)].clone()],
        }
    }
}
