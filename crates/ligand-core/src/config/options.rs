//! Every option with its default.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use ligand_wire::Error;
use serde::{
    Deserialize, Deserializer,
    de::{self, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};

use super::{
    App, ComponentOptions, Listen, LogOptions, MetricsOptions, Protocol, RegistryOptions, Serializer,
    SettingTexts, TransitOptions, hint::plain, names::Names,
};

/// Decides whether an error counts: for the retry policy and for the circuit breaker.
///
/// ```
/// use ligand_core::{Error, config::ErrorCheck};
/// // Only an overloaded bank is a reason to try again.
/// let check = ErrorCheck::new(|error| error.kind() == "BANK_BUSY");
/// assert!(check.counts(&Error::server(503, "BANK_BUSY", "Ask again.")));
/// assert!(!check.counts(&Error::new("It broke.")));
/// ```
#[derive(Clone)]
pub struct ErrorCheck(Arc<dyn Fn(&Error) -> bool + Send + Sync>);

impl ErrorCheck {
    /// Wraps a predicate.
    pub fn new(check: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// Asks the predicate.
    pub fn counts(&self, error: &Error) -> bool {
        (self.0)(error)
    }
}

impl fmt::Debug for ErrorCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorCheck")
    }
}

/// The options of a broker.
///
/// ```
/// use ligand_core::config::Options;
/// use std::time::Duration;
///
/// let mut options = Options::default();
/// assert_eq!(options.request_timeout, Duration::from_secs(10));
/// options.circuit_breaker.enabled = true;
/// options.max_call_level = 20;
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Options {
    /// Brokers of different namespaces on one bus do not see each other. Default: none.
    pub namespace: String,
    /// Name of this node, unique in the cluster. Default: `<hostname>-<process id>`.
    pub node_id: Option<String>,
    /// Fields of your own that other nodes see. Default: none.
    pub metadata: Map<String, Value>,
    /// What is logged and how.
    pub log: LogOptions,
    /// Metrics and where they are reported.
    pub metrics: MetricsOptions,
    /// The longest time a call may take unless the call or the action says otherwise; `0` = no limit.
    /// Default: `10s`.
    #[serde(with = "ligand_net::duration")]
    pub request_timeout: Duration,
    /// How deep calls may nest; 0 = no limit. Default: 100.
    pub max_call_level: u32,
    /// Try again after retryable errors. Default: off.
    pub retry_policy: RetryPolicy,
    /// Give failing actions a rest. Default: off.
    pub circuit_breaker: CircuitBreakerPolicy,
    /// Limit parallel calls of each action. Default: off.
    pub bulkhead: BulkheadPolicy,
    /// How events reach the listeners of this node.
    pub events: EventOptions,
    /// Handlers that block their thread.
    pub blocking: BlockingOptions,
    /// How running calls are waited for at stop.
    pub tracking: TrackingOptions,
    /// Where results are cached. Default: nowhere.
    #[serde(deserialize_with = "cacher")]
    pub cacher: Option<CacherOptions>,
    /// Check parameters against their types' rules. Default: true.
    pub validator: bool,
    /// Offer the `$node.*` actions. Default: true.
    pub internal_services: bool,
    /// How long `started` waits for the service's dependencies; `0` = for ever. Default: `0`.
    #[serde(with = "ligand_net::duration")]
    pub dependency_timeout: Duration,
    /// The `tracing` spans of handlers take part in the traces that packets tell of, and calls of other nodes have one
    /// too. For spans in log lines alone see [`LogOptions::context`]. Default: false.
    pub tracing: bool,
    /// What carries packets to other nodes: an address, a name or a table. Default: nothing, the node is alone.
    pub transporter: Option<ComponentOptions>,
    /// How packets are written. Default: `json`.
    pub serializer: Serializer,
    /// Which protocol version this node announces. Default: `5`.
    pub protocol: Protocol,
    /// What is done with packets on their way: compression, encryption, or sealing; the last one listed comes first
    /// on the way out. Default: nothing.
    pub transmit: Vec<ComponentOptions>,
    /// Let the bus choose among instances where it can; all calls go over it then. Default: false.
    pub disable_balancer: bool,
    /// How packets travel.
    pub transit: TransitOptions,
    /// How other nodes are found and chosen.
    pub registry: RegistryOptions,
    /// Where gateways listen, unless they say so themselves. Default: `0.0.0.0:3000`.
    pub gateway: Listen,
    /// Settings of services, by their names: laid over those of the code. See [`crate::context::Context::settings`].
    pub settings: BTreeMap<String, Map<String, Value>>,
    /// What variables say of settings, as it was written.
    #[serde(skip)]
    pub(crate) setting_texts: SettingTexts,
    /// Options of the application.
    #[serde(skip)]
    pub app: App,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            node_id: None,
            metadata: Map::new(),
            log: LogOptions::default(),
            metrics: MetricsOptions::default(),
            request_timeout: Duration::from_secs(10),
            max_call_level: 100,
            retry_policy: RetryPolicy::default(),
            circuit_breaker: CircuitBreakerPolicy::default(),
            bulkhead: BulkheadPolicy::default(),
            events: EventOptions::default(),
            blocking: BlockingOptions::default(),
            tracking: TrackingOptions::default(),
            cacher: None,
            validator: true,
            internal_services: true,
            dependency_timeout: Duration::ZERO,
            tracing: false,
            transporter: None,
            serializer: Serializer::default(),
            protocol: Protocol::default(),
            transmit: Vec::new(),
            disable_balancer: false,
            transit: TransitOptions::default(),
            registry: RegistryOptions::default(),
            gateway: Listen::default(),
            settings: BTreeMap::new(),
            setting_texts: SettingTexts::default(),
            app: App::default(),
        }
    }
}

impl Options {
    /// What types cannot say.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.log.check()?;
        if self.bulkhead.concurrency == 0 {
            return Err(Error::broker_options(
                "option 'bulkhead.concurrency' must be at least 1: with 0 nothing would ever run",
            ));
        }
        if self.blocking.concurrency == 0 {
            return Err(Error::broker_options(
                "option 'blocking.concurrency' must be at least 1: with 0 nothing that blocks would ever run",
            ));
        }
        if (1..4).contains(&self.blocking.warn_after.as_millis()) {
            return Err(Error::broker_options("option 'blocking.warn_after' must be 0 or at least 4ms"));
        }
        let threshold = self.circuit_breaker.threshold;
        if !(threshold > 0.0 && threshold <= 1.0) {
            return Err(Error::broker_options(format!(
                "option 'circuit_breaker.threshold' must be above 0 and at most 1; it is {threshold}"
            )));
        }
        let factor = self.retry_policy.factor;
        if !(factor >= 1.0 && factor.is_finite()) {
            return Err(Error::broker_options(format!(
                "option 'retry_policy.factor' must be at least 1; it is {factor}"
            )));
        }
        self.transit.check()
    }
}

/// How events reach the listeners of this node.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventOptions {
    /// Most events that one listener has in hand: they wait for it, or its handler runs. Who sends more waits for a
    /// place, 100 ms at most where a time limit holds and 10 s elsewhere; then the listener does not get the event,
    /// which is logged and counted. `0` = no limit. Default: 10000.
    pub max_queue_size: usize,
}

impl Default for EventOptions {
    fn default() -> Self {
        Self { max_queue_size: 10_000 }
    }
}

/// Handlers that block their thread.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlockingOptions {
    /// Blocking actions, listeners and jobs that run at once on this node, each on a thread of its own. At least 1; the
    /// runtime of `#[ligand::main]` has up to 512 threads for such work. Default: 64.
    pub concurrency: usize,
    /// Calls that may wait for one of these threads, more are refused with `QUEUE_FULL`; `0` = no limit. Default: 1000.
    pub max_queue_size: usize,
    /// A handler that is not marked as blocking and holds a thread of the runtime for longer, between two waits, is named
    /// in a warning. At least `4ms`; `0` = never. Default: `100ms`.
    #[serde(with = "ligand_net::duration")]
    pub warn_after: Duration,
}

impl Default for BlockingOptions {
    fn default() -> Self {
        Self { concurrency: 64, max_queue_size: 1000, warn_after: Duration::from_millis(100) }
    }
}

/// How running calls are waited for at stop.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackingOptions {
    /// Wait for running calls and listeners. Default: true.
    pub enabled: bool,
    /// The longest wait; then the stop goes on and running work is dropped. Default: `5s`.
    #[serde(with = "ligand_net::duration")]
    pub shutdown_timeout: Duration,
}

impl Default for TrackingOptions {
    fn default() -> Self {
        Self { enabled: true, shutdown_timeout: Duration::from_secs(5) }
    }
}

/// Where results are cached.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacherOptions {
    /// The store. Default: `memory`.
    #[serde(alias = "type")]
    pub kind: CacherKind,
    /// How long entries live unless the action says otherwise; `0` = for ever. Default: `0`.
    #[serde(with = "ligand_net::duration")]
    pub ttl: Duration,
    /// Most entries of `memory_lru`; the one unused for longest goes first. Default: 1000.
    pub max: Option<usize>,
    /// Most bytes that keys and values take in memory, as they are estimated; the oldest entries go first. An entry
    /// that takes more than a sixteenth of it is not kept. `0` = no limit. Default: 67108864 (64 MiB).
    pub max_memory: usize,
    /// Longest parameter part of a key, in UTF-16 units; longer ones are cut and hashed. At least 44; `0` = no
    /// limit. Default: 512.
    pub max_params_length: usize,
}

impl CacherOptions {
    /// The limit of bytes of a cache in memory unless another one is set: 64 MiB.
    pub const MAX_MEMORY: usize = 64 * 1024 * 1024;
}

impl Default for CacherOptions {
    fn default() -> Self {
        Self {
            kind: CacherKind::default(),
            ttl: Duration::ZERO,
            max: None,
            max_memory: CacherOptions::MAX_MEMORY,
            max_params_length: 512,
        }
    }
}

/// The built-in stores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacherKind {
    /// In this process, without a limit of entries.
    #[default]
    Memory,
    /// In this process, at most `max` entries.
    MemoryLru,
}

impl<'de> Deserialize<'de> for CacherKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Kinds)
    }
}

/// Names of caches; of stores elsewhere it is said that they are not there.
struct Kinds;

impl de::Visitor<'_> for Kinds {
    type Value = CacherKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory or memory_lru")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<CacherKind, E> {
        let kind = text.split_once("://").map_or(text, |(kind, _)| kind);
        match plain(kind).as_str() {
            "redis" | "rediss" => Err(E::custom(
                "a Redis cache is not a part of this version; there are memory, memory_lru and caches of your own \
                 ('.cacher(..)')",
            )),
            _ => Names(&[("memory", CacherKind::Memory), ("memory_lru", CacherKind::MemoryLru)])
                .visit_str(text),
        }
    }
}

/// A table, the name of a kind, or `true` for the default, as in Moleculer.
fn cacher<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CacherOptions>, D::Error> {
    struct Form;

    impl<'de> de::Visitor<'de> for Form {
        type Value = Option<CacherOptions>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a section, or memory, or memory_lru")
        }

        fn visit_bool<E: de::Error>(self, on: bool) -> Result<Option<CacherOptions>, E> {
            Ok(on.then(CacherOptions::default))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<CacherOptions>, E> {
            Ok(Some(CacherOptions { kind: Kinds.visit_str(text)?, ..CacherOptions::default() }))
        }

        fn visit_map<A: de::MapAccess<'de>>(self, table: A) -> Result<Option<CacherOptions>, A::Error> {
            CacherOptions::deserialize(MapAccessDeserializer::new(table)).map(Some)
        }
    }

    deserializer.deserialize_any(Form)
}

/// Makes the policy of the broker and the partial options of an action, which override it field by field.
macro_rules! policy {
    (
        $(#[$policy_doc:meta])* $policy:ident / $options:ident {
            $( $(#[$doc:meta])* $([$with:literal])? $field:ident: $type:ty = $default:expr, )*
        }
    ) => {
        $(#[$policy_doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $policy {
            /// Switched on for all actions. Default: false.
            pub enabled: bool,
            $( $(#[$doc])* $(#[serde(with = $with)])? pub $field: $type, )*
            /// Which errors count, instead of the default rule. Only in code.
            #[serde(skip)]
            pub check: Option<ErrorCheck>,
        }

        impl Default for $policy {
            fn default() -> Self {
                Self { enabled: false, $( $field: $default, )* check: None }
            }
        }

        #[doc = concat!("What one action changes of the broker's [`", stringify!($policy), "`]; ")]
        /// `Default` switches the feature on and changes nothing else.
        #[derive(Clone, Debug, Default)]
        pub struct $options {
            /// Switched on or off for this action. Default: on, when the action has these options at all.
            pub enabled: Option<bool>,
            $( $(#[$doc])* pub $field: Option<$type>, )*
            /// Which errors count.
            pub check: Option<ErrorCheck>,
        }

        impl $options {
            /// These options over the broker's.
            pub fn over(&self, base: &$policy) -> $policy {
                $policy {
                    enabled: self.enabled.unwrap_or(true),
                    $( $field: self.$field.clone().unwrap_or_else(|| base.$field.clone()), )*
                    check: self.check.clone().or_else(|| base.check.clone()),
                }
            }
        }
    };
}

policy! {
    /// Trying again after retryable errors, with growing pauses: `delay · factor^(n-1)`, at most `max_delay`.
    RetryPolicy / RetryOptions {
        /// How often at most, after the first try. Default: 5.
        retries: u32 = 5,
        /// First pause. Default: `100ms`.
        ["ligand_net::duration"] delay: Duration = Duration::from_millis(100),
        /// Longest pause. Default: `1s`.
        ["ligand_net::duration"] max_delay: Duration = Duration::from_secs(1),
        /// Growth of the pause. Default: 2.
        factor: f64 = 2.0,
    }
}

policy! {
    /// Giving an action that fails too often a rest.
    CircuitBreakerPolicy / CircuitBreakerOptions {
        /// Share of failures that opens the circuit, 0 to 1. Default: 0.5.
        threshold: f64 = 0.5,
        /// Counters start anew after this time. Default: `60s`.
        ["ligand_net::duration"] window_time: Duration = Duration::from_secs(60),
        /// Fewer calls than this never open the circuit. Default: 20.
        min_request_count: u32 = 20,
        /// Rest before one call is let through as a trial. Default: `10s`.
        ["ligand_net::duration"] half_open_time: Duration = Duration::from_secs(10),
    }
}

policy! {
    /// Limiting how many calls of an action run at once.
    BulkheadPolicy / BulkheadOptions {
        /// Calls that run at once. Default: 10.
        concurrency: usize = 10,
        /// Calls that may wait; 0 = no limit. Default: 100.
        max_queue_size: usize = 100,
    }
}
