//! What an action is, for those who read it: middlewares, gateways, the registry.

use std::{fmt, sync::Arc, time::Duration};

use ligand_wire::{Payload, Result, schema::Schema};
use serde_json::{Map, Value};

use crate::{
    cache::CacheRule,
    config::{BulkheadOptions, CircuitBreakerOptions, RetryOptions},
    middleware::{Fallback, Hooks},
    registry::strategy::StrategyOptions,
    service::{DynAction, FastPath, Rest, announced::Announced, contract::Conversion, validation},
};

/// Who may call an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody, also through the gateway.
    #[default]
    Published,
    /// Every node, not the gateway.
    Public,
    /// Services on the same node.
    Protected,
    /// Only the service itself.
    Private,
}

/// Decodes, sanitises and checks the parameters; the output holds the typed value.
pub(crate) type Validator = fn(Payload) -> Result<Payload>;

/// Tells whether a [`Validator`] would leave the parameters as they are.
pub(crate) type Passes = fn(&Payload) -> bool;

/// The parameters as the handler of a cached action would get them, when they are so already: what its key is made of.
pub(crate) type Seen = fn(&Payload) -> Option<&Payload>;

/// Turns the parameters into what the handler takes, or returns them as they were.
pub(crate) type Decoder = fn(Payload) -> Result<Payload, Payload>;

/// Says whether an answer that did not come from the handler is of its result's type, or the name of the type.
pub(crate) type Reader = fn(Payload) -> Result<(), &'static str>;

/// What an [`Action`](super::Action) says: middlewares get it, and
/// [`Context::action_def`](crate::context::Context::action_def) returns that of the running action. Actions of other
/// nodes have one too, of what their node announces.
///
/// ```
/// use ligand_core::{Action, Error, service::Visibility};
///
/// let get = Action::of("get", |id: u64| async move { Ok::<_, Error>(id) }).rest("GET /:id")?.doc("One user.");
/// let def = get.def();
/// assert_eq!((def.raw_name(), def.doc(), def.visibility()), ("get", "One user.", Visibility::Published));
/// assert_eq!(def.rest()[0].to_string(), "GET /:id");
/// # Ok::<_, Error>(())
/// ```
#[derive(Clone)]
pub struct ActionDef {
    pub(crate) name: Arc<str>,
    pub(crate) full_name: Arc<str>,
    pub(crate) service: Arc<str>,
    pub(crate) handler: DynAction,
    /// The same handler for callers of its own types.
    pub(crate) fast_path: Option<FastPath>,
    pub(crate) validator: Option<Validator>,
    /// Tells parameters that the validator leaves as they are; `None`: those of the handler's type.
    pub(crate) passes: Option<Passes>,
    pub(crate) decoder: Option<Decoder>,
    pub(crate) seen: Option<Seen>,
    /// Reads an answer as callers do.
    pub(crate) reader: Option<Reader>,
    /// Makes parameters of the contract's type those of the handler.
    pub(crate) conversion: Option<Conversion>,
    pub(crate) params: Option<Schema>,
    /// What another node says of the parameters of its action.
    pub(crate) announced: Option<Arc<Announced>>,
    pub(crate) returns: Option<Schema>,
    pub(crate) doc: &'static str,
    pub(crate) rest: Vec<Rest>,
    /// What is wrong with further aliases of an action of another node.
    pub(crate) rest_problems: Vec<String>,
    pub(crate) visibility: Visibility,
    pub(crate) cache: Option<CacheRule>,
    pub(crate) cache_off: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<RetryOptions>,
    pub(crate) circuit_breaker: Option<CircuitBreakerOptions>,
    pub(crate) bulkhead: Option<BulkheadOptions>,
    pub(crate) fallback: Option<Fallback>,
    pub(crate) strategy: Option<StrategyOptions>,
    pub(crate) hooks: Hooks,
    pub(crate) metadata: Map<String, Value>,
    /// The result is a stream.
    pub(crate) streams: bool,
    /// The handler takes a stream as its parameters, which none can be.
    pub(crate) takes_stream: bool,
}

impl ActionDef {
    pub(super) fn new(name: Arc<str>, handler: DynAction) -> Self {
        Self {
            full_name: name.clone(),
            name,
            service: "".into(),
            handler,
            fast_path: None,
            validator: None,
            passes: None,
            decoder: None,
            seen: None,
            reader: None,
            conversion: None,
            params: None,
            announced: None,
            returns: None,
            doc: "",
            rest: Vec::new(),
            rest_problems: Vec::new(),
            visibility: Visibility::Published,
            cache: None,
            cache_off: false,
            timeout: None,
            retry: None,
            circuit_breaker: None,
            bulkhead: None,
            fallback: None,
            strategy: None,
            hooks: Hooks::default(),
            metadata: Map::new(),
            streams: false,
            takes_stream: false,
        }
    }

    /// An action of another node.
    pub(crate) fn remote(name: Arc<str>, full_name: Arc<str>, service: Arc<str>, handler: DynAction) -> Self {
        Self { full_name, service, ..Self::new(name, handler) }
    }

    /// What the handler will see of these parameters, when they are checked (`checked`) and when not. `None` when
    /// the call would fail.
    pub(crate) fn handled(&self, params: Payload, checked: bool) -> Option<Payload> {
        let params = match self.validator.filter(|_| checked) {
            Some(check) => check(params).ok()?,
            None => params,
        };
        self.decoded(params).ok()
    }

    /// The parameters as the handler takes them, or back.
    pub(crate) fn decoded(&self, params: Payload) -> Result<Payload, Payload> {
        match self.decoder {
            Some(decode) => decode(params),
            None => Ok(validation::or_empty(params)),
        }
    }

    /// Full name with version and service, `v2.users.get`: what Moleculer calls `action.name`. Guards and masks compare
    /// this one.
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    /// Short name, `get`: what Moleculer calls `action.rawName`. Actions of many services share it.
    pub fn raw_name(&self) -> &str {
        &self.name
    }

    /// Full name of the service with version, `v2.users`: what Moleculer calls `action.service.fullName`.
    pub fn service_full_name(&self) -> &str {
        &self.service
    }

    /// The doc comment.
    pub fn doc(&self) -> &'static str {
        self.doc
    }

    /// Schema of the parameters, when known; of an action of another node, what that node announces. That node checks by
    /// rules of its own: here the schema is for reading and for [converting](Schema::convert) texts.
    pub fn params(&self) -> Option<&Schema> {
        self.params.as_ref().or_else(|| self.announced.as_ref()?.schema())
    }

    /// Schema of the result, when known.
    pub fn returns(&self) -> Option<&Schema> {
        self.returns.as_ref()
    }

    /// HTTP aliases.
    pub fn rest(&self) -> &[Rest] {
        &self.rest
    }

    /// What is wrong with aliases of another node's action that could not be understood: they are not among
    /// [`ActionDef::rest`].
    pub fn rest_problems(&self) -> &[String] {
        &self.rest_problems
    }

    /// The longest time a call may take, when the action of this node says so; zero = no limit.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Who may call.
    pub fn visibility(&self) -> Visibility {
        self.visibility
    }

    /// A field set with [`Action::metadata`](super::Action::metadata).
    pub fn metadata(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }
}

impl fmt::Debug for ActionDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionDef").field("name", &self.full_name).finish_non_exhaustive()
    }
}
