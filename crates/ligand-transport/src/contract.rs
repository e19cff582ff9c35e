//! What every transporter promises, as tests that each runs against its real bus.
//!
//! A transporter's crate implements [`Bus`]: how its server is started, killed and spoken to. Then
//! `ligand_transport::contract_tests!(MyBus);` makes one test of each check. A check that does not fit a bus ends
//! at once; [`Promises`] say which do.
//!
//! The crate needs `tokio` with `macros` and `rt-multi-thread` for its tests.

mod balance;
mod bed;
mod link;
mod loss;
mod options;
mod packets;
mod start;
mod stop;

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use ligand_wire::topic::Topic;

pub use self::{
    balance::*,
    bed::{Bed, Node},
    link::{TestCluster, TestLink},
    loss::*,
    options::*,
    packets::*,
    start::*,
    stop::*,
};
use crate::Transporter;

/// How long a check waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long a check waits to see that nothing more happens.
pub const SILENCE: Duration = Duration::from_millis(200);

/// A bus under test, with a server of its own, which ends when this is dropped.
pub trait Bus: Send + Sync + Sized + 'static {
    /// Starts a server for one check and waits until it takes connections.
    fn start() -> impl Future<Output = Self> + Send;

    /// What transporters on this bus promise.
    fn promises(&self) -> Promises {
        Promises::default()
    }

    /// A new transporter for this server, for one node.
    fn transporter(&self) -> Arc<dyn Transporter>;

    /// Transporters with options that no further try can mend, each with what its error must name.
    fn broken(&self) -> Vec<(Arc<dyn Transporter>, &'static str)> {
        Vec::new()
    }

    /// An address of the server, as option `url` has it; `None` = there are no options to check.
    fn url(&self) -> Option<String> {
        None
    }

    /// A transporter with these options, in the form that configuration has; an error is a text. Called only when there
    /// is a [`Bus::url`].
    ///
    /// # Errors
    /// When the options cannot be read.
    fn configured(&self, options: serde_json::Value) -> Result<Arc<dyn Transporter>, String> {
        Err(format!("no transporter has options: {options}"))
    }

    /// Ends the server without a word. Never called without [`Promises::server`].
    fn kill(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Starts the killed server again, at the same address, and waits until it takes connections.
    fn restart(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Publishes `body` as another program would: a raw client of the bus. Called only with
    /// [`Promises::foreign`].
    fn publish(&self, namespace: &str, topic: &Topic, body: Bytes) -> impl Future<Output = ()> + Send {
        let _ = (namespace, topic, body);
        std::future::ready(())
    }
}

/// What transporters on a bus promise: which checks apply.
#[derive(Clone, Debug)]
pub struct Promises {
    /// There is a server, so it can be lost. Default: true.
    pub server: bool,
    /// [`Bus::publish`] works. Default: true.
    pub foreign: bool,
    /// The bus tells when nobody received a packet. Default: false.
    pub undelivered: bool,
    /// Topics without a node in their name reach every node. Default: true, unless nodes find each other inside
    /// the transporter.
    pub broadcasts: bool,
    /// Bytes of the largest body that travels; at least 64 KiB. Default: 1 MiB.
    pub largest_body: usize,
    /// Bytes of a body that does not travel, because the bus or the other nodes do not take it; `None` = there is no
    /// such limit below what a test can send. Default: none.
    pub too_large: Option<usize>,
    /// Names of nodes that work. Default: with dots, dashes, underscores and letters beyond ASCII.
    pub node_ids: Vec<&'static str>,
    /// A loss is told within this time. Default: 1 s.
    pub loss_told: Duration,
    /// Nodes are connected again this soon after the server is back. Default: 2 s.
    pub back_within: Duration,
}

impl Default for Promises {
    fn default() -> Self {
        Self {
            server: true,
            foreign: true,
            undelivered: false,
            broadcasts: true,
            largest_body: 1 << 20,
            too_large: None,
            node_ids: vec!["a.b.c", "node-1_x", "UPPER", "knoten-\u{fc}\u{4e2d}"],
            loss_told: Duration::from_secs(1),
            back_within: Duration::from_secs(2),
        }
    }
}

/// Makes one test of each check of the [contract](self) for a [`Bus`].
#[macro_export]
macro_rules! contract_tests {
    ($bus:ty) => {
        $crate::contract_tests!($bus:
            connects_and_hears,
            every_subscription_works,
            waits_for_the_server,
            giving_up_leaves_nothing_behind,
            broken_options_are_refused,
            servers_are_a_text_or_a_list,
            wrong_options_are_named_in_one_form,
            a_second_connect_is_refused,
            targeted_packets_reach_only_their_node,
            broadcasts_reach_every_node,
            order_is_kept,
            many_senders_lose_nothing,
            bodies_are_bytes,
            a_body_that_is_too_large_is_told,
            node_ids_of_all_kinds,
            namespaces_are_apart,
            garbage_is_only_bytes,
            one_member_gets_a_balanced_packet,
            balanced_events_go_to_one_of_each_group,
            balanced_subscriptions_are_replaced,
            nobody_there_is_told,
            a_node_that_left_is_told,
            an_answer_to_a_node_that_is_away_is_told,
            flush_ends,
            disconnect_ends_delivery,
            disconnect_hands_over_the_rest,
            disconnect_leaves_nothing_behind,
            a_loss_is_told,
            sending_into_a_loss_ends,
            a_return_is_told_and_traffic_flows,
            balanced_subscriptions_survive_a_loss,
            disconnect_during_a_loss_ends,
        );
    };
    ($bus:ty: $($check:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                $crate::contract::$check::<$bus>().await;
            }
        )+
    };
}
