//! What nodes promise when one of them is off a real bus for a moment, as tests that each transporter runs: two brokers,
//! each with a way of its own that can be cut. And what they promise about packets that are too large.
//!
//! A transporter's crate implements [`Network`]; `ligand_test::outage_tests!(MyNetwork);` makes one test of each check. The crate
//! needs `tokio` with `macros` and `rt-multi-thread` for its tests.

mod checks;
mod login;
mod proxy;
mod sizes;

use std::{collections::BTreeMap, future::Future, sync::Arc};

use ligand_transport::Transporter;
use parking_lot::Mutex;

pub use self::{checks::*, login::*, proxy::Proxy, sizes::*};

/// A bus whose nodes can be cut off. Its server, if there is one, ends when this is dropped.
pub trait Network: Send + Sync + Sized + 'static {
    /// Starts the bus and waits until it takes connections.
    fn start() -> impl Future<Output = Self> + Send;

    /// A new transporter for the node of this name, which reaches the others and is reached only by [`Network::ways`].
    fn join(&self, node: &str) -> impl Future<Output = impl Transporter> + Send;

    /// The ways of its nodes.
    fn ways(&self) -> &Ways;

    /// Whether a node that is cut off knows it at once: true where it loses its server.
    fn is_told(&self) -> bool {
        true
    }

    /// Takes a node off the bus.
    fn cut(&self, node: &str) -> impl Future<Output = ()> + Send {
        self.ways().cut(node)
    }

    /// Lets a node come back.
    fn heal(&self, node: &str) -> impl Future<Output = ()> + Send {
        self.ways().heal(node)
    }
}

/// A bus with a password.
pub trait Guarded: Network {
    /// From now on the password of the nodes is right, or it is not.
    fn let_in(&self, right: bool) -> impl Future<Output = ()> + Send;
}

/// The way of each node.
#[derive(Debug, Default)]
pub struct Ways(Mutex<BTreeMap<String, Arc<Proxy>>>);

impl Ways {
    /// The port by which this node reaches `to`, or is reached at it: the way that it has there already, else a new one.
    pub async fn open(&self, node: &str, to: u16) -> u16 {
        if let Some(way) = self.of(node).filter(|way| way.to() == to) {
            return way.port();
        }
        let way = Proxy::start(to).await;
        let port = way.port();
        self.0.lock().insert(node.to_owned(), Arc::new(way));
        port
    }

    /// Names of all nodes, and where their ways begin.
    pub fn all(&self) -> Vec<(String, u16)> {
        self.0.lock().iter().map(|(node, way)| (node.clone(), way.port())).collect()
    }

    /// Closes the connections of a node; ends when they are closed.
    pub async fn cut(&self, node: &str) {
        if let Some(way) = self.of(node) {
            way.cut().await;
        }
    }

    /// Takes its connections again.
    pub async fn heal(&self, node: &str) {
        if let Some(way) = self.of(node) {
            way.heal().await;
        }
    }

    fn of(&self, node: &str) -> Option<Arc<Proxy>> {
        self.0.lock().get(node).cloned()
    }
}

/// Makes one test of each [check](self) for a [`Network`]; `guarded MyNetwork` that of refused logins for a [`Guarded`] one.
#[macro_export]
macro_rules! outage_tests {
    ($network:ty) => {
        $crate::outage_tests!($network:
            an_answer_that_was_sent_while_the_caller_was_away_is_asked_for,
            an_answer_that_was_given_while_the_callee_was_away_comes,
            a_call_that_was_made_while_its_caller_was_away_runs_once,
            a_call_whose_callee_was_started_anew_ends,
            what_is_too_large_is_refused_where_it_is_sent,
        );
    };
    (guarded $network:ty) => {
        // Log lines are those of one thread.
        #[tokio::test]
        async fn a_login_that_is_refused_later_is_told_and_tried_again() {
            $crate::outages::a_login_that_is_refused_later_is_told_and_tried_again::<$network>().await;
        }
    };
    ($network:ty: $($check:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                $crate::outages::$check::<$network>().await;
            }
        )+
    };
}
