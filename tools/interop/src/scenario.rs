//! What is proved, one function each. A scenario gets a running cluster and leaves it usable for the next one.

mod balancing;
mod broker_balanced;
mod calls;
mod context;
mod errors;
mod events;
mod leaving;
mod services;
mod streams;
mod values;

use futures_util::future::LocalBoxFuture;

use crate::{
    check::Outcome,
    cluster::{Cluster, Stage, Transporter},
};

/// One scenario.
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// The stages it runs in.
    pub stages: &'static [Stage],
    /// Part of the smoke run.
    pub smoke: bool,
    run: for<'a> fn(&'a Cluster) -> LocalBoxFuture<'a, Outcome>,
}

impl Scenario {
    /// Runs it.
    ///
    /// # Errors
    /// The reason when it fails or says nothing about this cluster.
    pub async fn run(&self, cluster: &Cluster) -> Outcome {
        (self.run)(cluster).await
    }
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Whether a stage makes sense for a transporter. Discovery by a store is proved with NATS alone: it does not depend
/// on how packets travel.
pub fn applies(stage: Stage, transporter: Transporter) -> bool {
    match stage {
        Stage::Plain => true,
        Stage::Balancer => matches!(transporter, Transporter::Nats | Transporter::Amqp),
        Stage::CompressionEncryption | Stage::EncryptionCompression => transporter != Transporter::Udp,
        Stage::RedisDiscovery | Stage::EtcdDiscovery => transporter == Transporter::Nats,
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const PLAIN: &[Stage] = &[Stage::Plain];
const UNBALANCED: &[Stage] = &[
    Stage::Plain,
    Stage::CompressionEncryption,
    Stage::EncryptionCompression,
    Stage::RedisDiscovery,
    Stage::EtcdDiscovery,
];
const WRAPPED: &[Stage] = &[Stage::Plain, Stage::CompressionEncryption, Stage::EncryptionCompression];
const BALANCER: &[Stage] = &[Stage::Balancer];

macro_rules! scenarios {
    ($($name:literal $stages:ident $smoke:literal $function:path,)*) => {
        /// All scenarios in the order in which they run; those that end nodes are last.
        pub const ALL: &[Scenario] = &[$(Scenario {
            name: $name,
            stages: $stages,
            smoke: $smoke,
            run: |cluster| Box::pin($function(cluster)),
        },)*];
    };
}

scenarios! {
    "params" UNBALANCED true values::params,
    "odd params" PLAIN true values::odd_params,
    "results" PLAIN true values::results,
    "types" WRAPPED true values::types,
    "sent types" WRAPPED true values::sent_types,
    "large values" WRAPPED false values::large,
    "meta" UNBALANCED true context::meta,
    "meta on error" PLAIN false context::meta_on_error,
    "headers" PLAIN true context::headers,
    "nesting" PLAIN true context::nesting,
    "three nodes" PLAIN true context::three_nodes,
    "timeout" PLAIN true calls::timeout,
    "shrinking timeout" PLAIN false calls::shrinking_timeout,
    "unknown" PLAIN false calls::unknown,
    "validation" PLAIN false calls::validation,
    "cache" PLAIN false calls::cache,
    "ping" PLAIN false calls::ping,
    "many at once" UNBALANCED true calls::many,
    "errors" UNBALANCED true errors::classes,
    "own errors" PLAIN true errors::own,
    "typed errors" PLAIN true errors::typed,
    "visibility" PLAIN true services::visibility,
    "versions" PLAIN true services::versions,
    "settings" PLAIN true services::settings,
    "broadcast" UNBALANCED true events::broadcast,
    "emit" UNBALANCED true events::emit,
    "event groups" PLAIN true events::groups,
    "event payloads" PLAIN false events::payloads,
    "event patterns" PLAIN false events::patterns,
    "local events" PLAIN false events::local,
    "events of workers" PLAIN true events::from_workers,
    "download" WRAPPED true streams::download,
    "upload" WRAPPED true streams::upload,
    "object download" PLAIN true streams::object_download,
    "object upload" PLAIN true streams::object_upload,
    "broken download" PLAIN true streams::broken_download,
    "broken upload" PLAIN true streams::broken_upload,
    "stream both ways" WRAPPED true streams::both_ways,
    "encrypted stream" PLAIN false streams::cipher,
    "many streams" PLAIN false streams::many,
    "balanced calls" UNBALANCED true balancing::calls,
    "direct calls" PLAIN false balancing::direct,
    "local first" PLAIN true balancing::local_first,
    "balanced by the broker" BALANCER true broker_balanced::calls,
    "direct calls past the broker" BALANCER true broker_balanced::direct,
    "events balanced by the broker" BALANCER true broker_balanced::emit,
    "broadcast past the broker" BALANCER true broker_balanced::broadcast,
    "a slow node" BALANCER false broker_balanced::slow_node,
    "hot services" PLAIN true services::hot,
    "dependencies" PLAIN true services::dependencies,
    "stop" UNBALANCED true leaving::stop,
    "kill" UNBALANCED true leaving::kill,
    "restart" PLAIN false leaving::restart,
}
