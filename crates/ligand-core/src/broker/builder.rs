//! From a description to a started broker.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ligand_transport::{Chain, Discoverer, Transmit, Transporter};
use ligand_wire::{Error, Result};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio::{sync::watch, time::Instant};

use super::{Failures, Inner, Parts, ServiceBroker, State, WeakBroker, call, components, emit, internal};
use crate::{
    cache::{Cache, Cacher, MemoryCacher},
    config::{self, CacherKind, CacherOptions, Env, Options},
    future::BoxFuture,
    metrics::Metrics,
    middleware::{Bulkhead, DynCall, DynEmit, Middleware, debug::TransitLogger},
    registry::Registry,
    service::{IntoServiceDef, ServiceDef},
    task::Tasks,
    thread_watch::ThreadWatch,
    transit::{Connectors, Transit},
};

type Change = Box<dyn FnOnce(&mut Options) + Send>;

/// Describes a broker: options, services, middlewares. See [`ServiceBroker::builder`].
///
/// Without [`BrokerBuilder::config`] or [`BrokerBuilder::configured`] nothing outside the code has influence.
#[derive(Default)]
pub struct BrokerBuilder {
    file: Option<PathBuf>,
    env: Option<Env>,
    changes: Vec<Change>,
    services: Vec<ServiceDef>,
    middlewares: Vec<Arc<dyn Middleware>>,
    cacher: Option<Box<dyn Cacher>>,
    transporter: Option<Arc<dyn Transporter>>,
    discoverer: Option<Arc<dyn Discoverer>>,
    transmit: Vec<Arc<dyn Transmit>>,
    transit_logger: Option<TransitLogger>,
}

impl BrokerBuilder {
    /// Reads this file (it must exist), then `.env` and the environment.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for a broken `.env` file.
    pub fn config(mut self, file: impl Into<PathBuf>) -> Result<Self> {
        self.file = Some(file.into());
        self.env = Some(Env::load()?);
        Ok(self)
    }

    /// Reads `ligand.toml` in the working directory when there is one, then `.env` and the environment.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for a broken `.env` file.
    pub fn configured(mut self) -> Result<Self> {
        let file = Path::new("ligand.toml");
        self.file = file.is_file().then(|| file.to_owned());
        self.env = Some(Env::load()?);
        Ok(self)
    }

    /// Uses these variables instead of the process environment.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{ServiceBroker, config::Env};
    /// let env = Env::from_pairs([("LIGAND_NODE_ID", "node-7")]);
    /// let broker = ServiceBroker::builder().env(env).start().await?;
    /// assert_eq!(broker.node_id(), "node-7");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn env(mut self, env: Env) -> Self {
        self.env = Some(env);
        self
    }

    /// Changes options in code; this wins over file and environment.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::ServiceBroker;
    /// use std::time::Duration;
    /// let builder = ServiceBroker::builder().options(|options| {
    ///     options.namespace = "shop".into();
    ///     options.request_timeout = Duration::from_secs(3);
    /// });
    /// let broker = builder.start().await?;
    /// assert_eq!(broker.options().request_timeout, Duration::from_secs(3));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn options(mut self, change: impl FnOnce(&mut Options) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// The section `[app]` of the configuration as a type of your own, to make services with. Read after
    /// [`BrokerBuilder::config`] or [`BrokerBuilder::configured`]; without them, and without the section, it is empty.
    /// In the environment the key `smtp.host` is `LIGAND_APP__SMTP__HOST`.
    ///
    /// ```
    /// # use ligand_core::{ServiceBroker, config::Env};
    /// #[derive(serde::Deserialize)]
    /// struct Shop {
    ///     currency: String,
    ///     #[serde(default)]
    ///     free_shipping: Option<u32>,
    /// }
    /// let env = Env::from_pairs([("LIGAND_APP__CURRENCY", "EUR")]);
    /// let shop: Shop = ServiceBroker::builder().env(env).app_config()?;
    /// assert_eq!(shop.currency, "EUR");
    /// # Ok::<_, ligand_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for a key that is missing, wrong or unknown to the type, with file, line and key, or the
    /// variable.
    pub fn app_config<T: DeserializeOwned>(&self) -> Result<T> {
        config::load(self.file.as_deref(), self.env.as_ref().unwrap_or(&Env::default()))?.app.parse()
    }

    /// Names the node.
    pub fn node_id(self, id: impl Into<String>) -> Self {
        let id = id.into();
        self.options(move |options| options.node_id = Some(id))
    }

    /// The longest time of calls that name none; zero = no limit.
    pub fn request_timeout(self, limit: Duration) -> Self {
        self.options(move |options| options.request_timeout = limit)
    }

    /// Caches in memory.
    pub fn memory_cache(self) -> Self {
        self.options(|options| {
            options.cacher.get_or_insert_with(CacherOptions::default);
        })
    }

    /// Caches in a store of your own.
    pub fn cacher(mut self, cacher: impl Cacher) -> Self {
        self.cacher = Some(Box::new(cacher));
        self
    }

    /// Joins other nodes over this transporter, whatever the option `transporter` says.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{ServiceBroker, ServiceDef};
    /// # use std::time::Duration;
    /// use ligand_transport::MemoryBus;
    ///
    /// let bus = MemoryBus::new();
    /// let users = ServiceBroker::builder().transporter(bus.transporter()).node_id("a").service(ServiceDef::new("users"));
    /// let users = users.start().await?;
    /// let caller = ServiceBroker::builder().transporter(bus.transporter()).node_id("b").start().await?;
    /// caller.wait_for_services(&["users"], Duration::from_secs(5)).await?;
    /// # caller.stop().await;
    /// # users.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn transporter(mut self, transporter: impl Transporter) -> Self {
        self.transporter = Some(Arc::new(transporter));
        self
    }

    /// Finds other nodes in this store, whatever the option `registry.discoverer` says.
    pub fn discoverer(mut self, discoverer: impl Discoverer) -> Self {
        self.discoverer = Some(Arc::new(discoverer));
        self
    }

    /// Changes packets on their way to the bus and back: compression, encryption. Of several, the last one added is
    /// nearest to the serializer, as in Moleculer's list of middlewares. These come before those of the option
    /// `transmit`.
    pub fn transmit(mut self, transmit: impl Transmit) -> Self {
        self.transmit.push(Arc::new(transmit));
        self
    }

    /// Logs every packet that comes or goes.
    pub fn transit_logger(mut self, logger: TransitLogger) -> Self {
        self.transit_logger = Some(logger);
        self
    }

    /// Adds a service.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef};
    /// let ping = Action::of("ping", |(): ()| async { Ok::<_, Error>("pong".to_owned()) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(ping)).start().await?;
    /// assert_eq!(broker.call_named("s.ping", ()).await?.take::<String>()?, "pong");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn service(mut self, service: impl IntoServiceDef) -> Self {
        self.services.push(service.into_service_def());
        self
    }

    /// Adds a middleware. **The first one registered is innermost**, nearest to the handler; the last one is outermost: it
    /// sees a call first and its answer last. The same holds for listeners, and for `call` and `emit` layers. Hooks of
    /// the life cycle run in order of registration at the start, in reverse at the stop.
    ///
    /// Yours stand inside of all built-in layers (breaker, validator, cache, bulkhead, hooks): see
    /// [`middleware::order`](crate::middleware::order), and [`ServiceBroker::pipeline`] for one action.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ligand_core::Result<()> {
    /// use ligand_core::{Action, Error, ServiceBroker, ServiceDef, middleware::from_fn};
    ///
    /// let layer = |name| from_fn(name, |ctx, params, next| async move { next.call(&ctx, params).await });
    /// let ping = Action::of("ping", |(): ()| async { Ok::<_, Error>("pong".to_owned()) });
    /// let broker = ServiceBroker::builder()
    ///     .middleware(layer("first"))
    ///     .middleware(layer("second"))
    ///     .service(ServiceDef::new("s").action(ping))
    ///     .start()
    ///     .await?;
    /// let steps: Vec<_> = broker.pipeline("s.ping").into_iter().map(|step| step.name).collect();
    /// assert_eq!(steps, ["timeout", "second", "first", "handler"]);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn middleware(mut self, middleware: impl Middleware) -> Self {
        self.middlewares.push(Arc::new(middleware));
        self
    }

    /// Makes the broker and starts all services. Dropped in the middle, it leaves nothing behind: what runs is
    /// aborted, without `stopped` handlers.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::ServiceBroker;
    /// let broker = ServiceBroker::builder().start().await?;
    /// broker.stop().await;
    /// // What cannot work is told before anything runs.
    /// let wrong = ServiceBroker::builder().options(|options| options.node_id = Some(String::new())).start().await;
    /// assert!(wrong.is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A wrong option, a definition that cannot work, or what a `created` or `started` handler answered.
    /// Services that were started are stopped again.
    pub async fn start(self) -> Result<ServiceBroker> {
        let (broker, services) = self.build()?;
        broker.launch(services).await?;
        Ok(broker)
    }

    /// Starts logging and the broker, waits for SIGINT or SIGTERM, ends what runs and stops. A signal that comes
    /// during the start ends it in the same way.
    ///
    /// # Errors
    /// As [`BrokerBuilder::start`].
    pub async fn run(self) -> Result<()> {
        let (broker, services) = self.build()?;
        let options = broker.options();
        crate::log::init_for(&options.log, broker.node_id(), &options.namespace)?;
        broker.run_until_signal(services).await
    }

    fn build(self) -> Result<(ServiceBroker, Vec<ServiceDef>)> {
        crate::log::place::register();
        let env = self.env.unwrap_or_default();
        let mut options = config::load(self.file.as_deref(), &env)?;
        for change in self.changes {
            change(&mut options);
        }
        options.check()?;
        let node_id = node_id(&options)?;
        let cache = cache(&options, self.cacher)?;
        let mut services = self.services;
        if options.internal_services {
            services.insert(0, internal::service());
        }
        let middlewares = self.middlewares;
        let transporter = match (self.transporter, &options.transporter) {
            (Some(transporter), _) => Some(transporter),
            (None, Some(component)) => Some(components::transporter(component)?),
            (None, None) => None,
        };
        let discoverer = match (self.discoverer, &options.registry.discoverer) {
            (Some(discoverer), _) => Some(discoverer),
            (None, Some(component)) => components::discoverer(component, &options)?,
            (None, None) => None,
        };
        let mut transmit = self.transmit;
        for component in &options.transmit {
            transmit.push(components::transmit(component)?);
        }
        let transmit = Chain::new(transmit);
        let logger = self.transit_logger;
        if let Some(logger) = &logger {
            logger.open(&node_id)?;
        }
        check_cluster(&options, transporter.as_deref(), discoverer.as_deref())?;
        let strategy = options.registry.strategy.clone();
        strategy.build()?;
        let tasks = Tasks::default();
        let blocking = Bulkhead::new(options.blocking.concurrency, options.blocking.max_queue_size);
        let thread_watch = ThreadWatch::new(options.blocking.warn_after);
        let broker = ServiceBroker(Arc::new_cyclic(|weak| Inner {
            transit: transporter.map(|transporter| {
                let broker = WeakBroker(weak.clone());
                let connectors = Connectors { transporter, transmit, logger, discoverer };
                Transit::new(broker, &node_id, &options, connectors, tasks.clone())
            }),
            call_hooks: call_hooks(&middlewares),
            emit_hooks: emit_hooks(&middlewares),
            parts: Parts {
                node_id,
                metrics: Metrics::new(&options.metrics),
                options,
                middlewares,
                cache,
                broker: WeakBroker(weak.clone()),
            },
            env,
            registry: Registry::new(strategy),
            state: watch::Sender::new(State::Starting),
            tasks,
            listener_errors: Failures::default(),
            background_errors: Failures::default(),
            blocking,
            thread_watch,
            services: Mutex::default(),
            born: Instant::now(),
        }));
        Ok((broker, services))
    }
}

impl fmt::Debug for BrokerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerBuilder")
            .field("file", &self.file)
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

fn check_cluster(
    options: &Options,
    transporter: Option<&dyn Transporter>,
    discoverer: Option<&dyn Discoverer>,
) -> Result<()> {
    let serializer = options.serializer.format();
    if !serializer.is_available() {
        return Err(Error::broker_options(format!(
            "option 'serializer': {serializer} needs the cargo feature 'serializers' of the crate 'ligand'"
        )));
    }
    let Some(transporter) = transporter else {
        return match discoverer {
            Some(discoverer) => Err(Error::broker_options(format!(
                "discoverer '{}' finds nodes, but there is no transporter to reach them; set option 'transporter'",
                discoverer.name()
            ))),
            None => Ok(()),
        };
    };
    let features = transporter.features();
    if let (true, Some(discoverer)) = (features.own_discovery, discoverer) {
        return Err(Error::broker_options(format!(
            "transporter '{}' finds nodes by itself; leave out discoverer '{}'",
            transporter.name(),
            discoverer.name()
        )));
    }
    if options.disable_balancer && !features.balancer {
        tracing::warn!("transporter '{}' cannot balance, 'disable_balancer' is ignored", transporter.name());
    }
    Ok(())
}

fn node_id(options: &Options) -> Result<Arc<str>> {
    let id = match &options.node_id {
        Some(id) => id.clone(),
        None => format!("{}-{}", super::hostname(), std::process::id()),
    };
    if id.trim().is_empty() || id.chars().any(char::is_control) {
        return Err(Error::broker_options("option 'node_id' must be a printable, non-empty text"));
    }
    Ok(id.into())
}

/// Less is a mistake: not one entry would be kept.
const MIN_MEMORY: usize = 65_536;

fn cache(options: &Options, own: Option<Box<dyn Cacher>>) -> Result<Option<Cache>> {
    let defaults = CacherOptions::default();
    let (store, settings): (Box<dyn Cacher>, _) = match (own, &options.cacher) {
        (Some(store), settings) => (store, settings.as_ref().unwrap_or(&defaults)),
        (None, None) => return Ok(None),
        (None, Some(settings)) => match settings.kind {
            CacherKind::Memory if settings.max.is_some() => {
                return Err(Error::broker_options(
                    "option 'cacher.max' is for kind \"memory_lru\"; kind \"memory\" has no limit",
                ));
            }
            kind => {
                let store = match kind {
                    CacherKind::Memory => MemoryCacher::new(),
                    CacherKind::MemoryLru => MemoryCacher::lru(settings.max.unwrap_or(1000)),
                };
                (Box::new(store.max_memory(settings.max_memory)), settings)
            }
        },
    };
    let max = Some(settings.max_params_length).filter(|max| *max > 0);
    if max.is_some_and(|max| max < 44) {
        return Err(Error::broker_options("option 'cacher.max_params_length' must be 0 or at least 44"));
    }
    if (1..MIN_MEMORY).contains(&settings.max_memory) {
        return Err(Error::broker_options(format!(
            "option 'cacher.max_memory' is in bytes and must be 0 or at least {MIN_MEMORY}"
        )));
    }
    Ok(Some(Cache::new(store, settings.ttl, max)))
}

/// The `call` layers, or `None` when no middleware has one.
fn call_hooks(middlewares: &[Arc<dyn Middleware>]) -> Option<DynCall> {
    let base: DynCall = Arc::new(|call: call::Outgoing| -> BoxFuture<_> {
        match call::direct(call) {
            call::Dispatch::Direct(running) => Box::pin(running),
            call::Dispatch::Long(work) => work,
        }
    });
    let mut layers = None;
    for middleware in middlewares {
        let next = layers.clone().unwrap_or_else(|| base.clone());
        layers = middleware.call(next).or(layers);
    }
    layers
}

/// The `emit` layers, or `None` when no middleware has one.
fn emit_hooks(middlewares: &[Arc<dyn Middleware>]) -> Option<DynEmit> {
    let base: DynEmit =
        Arc::new(|event: emit::OutgoingEvent| -> BoxFuture<_> { Box::pin(emit::deliver(event)) });
    let mut layers = None;
    for middleware in middlewares {
        let next = layers.clone().unwrap_or_else(|| base.clone());
        layers = middleware.emit(next).or(layers);
    }
    layers
}

#[cfg(all(test, not(feature = "serializers")))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_serializer_that_is_not_compiled_in_is_refused_at_start() {
        let builder = ServiceBroker::builder().options(|o| o.serializer = crate::config::Serializer::Cbor);
        let error = builder.start().await.unwrap_err();
        let text = "option 'serializer': CBOR needs the cargo feature 'serializers' of the crate 'ligand'";
        assert_eq!(error.message(), text);
    }
}
