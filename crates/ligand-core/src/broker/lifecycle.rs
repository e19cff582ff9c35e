//! Start and stop: of the broker and of single services.
//!
//! Start: `created` of all (in order), middleware `starting`, then all services at once: each waits for its
//! dependencies, runs its `started` handlers and is put into the registry. Other nodes are told at the end, or as
//! soon as a service waits for one of theirs. Any failure stops what was started;
//! the `stopped` handlers of a service run also when only some of its `started` handlers have.
//!
//! Stop: `stopping` of all services while everything still answers, wait for running calls and listeners (at
//! most `tracking.shutdown_timeout`), then, in reverse order: out of the registry, `stopped` handlers.
//! Failures are logged and the stop goes on.
//!
//! A start or a stop that is dropped in the middle cannot run handlers: what runs is aborted, the registry is
//! emptied and the broker is `Stopped`.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::future::{join_all, try_join_all};
use ligand_wire::{Error, Result};
use serde_json::json;

use super::{ServiceBroker, State, dependencies, dependency_cycle};
use crate::{
    cache,
    config::{meant, plain},
    context::{Context, Extra, Inner as ContextInner, Limit},
    middleware::{fallback, order, span},
    registry::{Endpoint, Listener, ServiceItem},
    service::{IntoServiceDef, Lifecycle, ServiceDef, Version},
};

impl ServiceBroker {
    pub(super) async fn launch(&self, services: Vec<ServiceDef>) -> Result<()> {
        let start = tokio::time::Instant::now();
        let state = self.0.state.subscribe();
        self.0.thread_watch.start(move || *state.borrow() == State::Stopped);
        let given_up = Halted(self);
        let mut state = self.0.state.subscribe();
        let result = tokio::select! {
            result = self.launch_all(services) => result,
            _ = state.wait_for(|state| *state != State::Starting) => Ok(()),
        };
        let result = result.and_then(|()| {
            let starting = |state: &mut State| {
                let starting = *state == State::Starting;
                if starting {
                    *state = State::Started;
                }
                starting
            };
            match self.0.state.send_if_modified(starting) {
                true => Ok(()),
                false => Err(Error::service_schema("the broker was stopped while it started")),
            }
        });
        if let Err(error) = result {
            let half = self.0.services.lock().iter().filter(|item| item.is_half_started()).cloned().collect();
            self.halt(half).await;
            return Err(error);
        }
        self.start_metrics();
        let services = self.registry().snapshot().services().len();
        tracing::info!(node = self.node_id(), services, took = ?start.elapsed(), "broker started");
        let _ = self.broadcast_local("$broker.started", json!({})).await;
        // From here on it is the caller's.
        std::mem::forget(given_up);
        Ok(())
    }

    async fn launch_all(&self, services: Vec<ServiceDef>) -> Result<()> {
        for middleware in &self.0.parts.middlewares {
            middleware.created(self)?;
        }
        let mut items = Vec::new();
        for def in services {
            items.push(self.create(def)?);
        }
        self.tell_unused_settings(&items);
        dependency_cycle::check(items.iter().map(|item| item.def()))?;
        for middleware in &self.0.parts.middlewares {
            middleware.starting(self).await?;
        }
        if let Some(transit) = &self.0.transit {
            transit.join().await?;
            let _ = self.broadcast_local("$transporter.connected", json!({ "wasReconnect": false })).await;
        }
        try_join_all(items.into_iter().map(|item| self.start_service(item))).await?;
        for middleware in &self.0.parts.middlewares {
            middleware.started(self).await?;
        }
        if let Some(transit) = &self.0.transit {
            transit.announce_first().await?;
        }
        Ok(())
    }

    /// One file may be that of several processes: settings of a service that is not here are no mistake by themselves.
    fn tell_unused_settings(&self, items: &[Arc<ServiceItem>]) {
        let names: Vec<&str> =
            items.iter().flat_map(|item| [&*item.def().name, &**item.full_name()]).collect();
        for section in self.options().settings.keys() {
            if names.iter().any(|name| plain(name) == plain(section)) {
                continue;
            }
            match meant(section, &names) {
                Some(near) => tracing::warn!(
                    "the configuration has settings of '{section}', which is no service of this node; did you mean '{near}'?"
                ),
                None => tracing::info!(
                    "the configuration has settings of '{section}', which is no service of this node"
                ),
            }
        }
    }

    /// Adds a service to a running broker and waits until it takes calls.
    ///
    /// # Errors
    /// A definition that cannot work, a name that exists, or what a handler answered.
    pub async fn add_service(&self, service: impl IntoServiceDef) -> Result<()> {
        if self.state() != State::Started {
            return Err(Error::service_schema("services can be added while the broker runs; it does not"));
        }
        let item = self.create(service.into_service_def())?;
        let waiting = self.unstarted();
        if let Err(error) = dependency_cycle::check(waiting.iter().map(|item| item.def())) {
            self.withdraw(&item);
            return Err(error);
        }
        let mut adding = Adding { broker: self, item: Some(item.clone()) };
        let mut result = self.start_service(item.clone()).await;
        if result.is_ok() && self.state() != State::Started {
            result = Err(Error::service_schema("the broker stopped while the service started"));
        }
        adding.item = None;
        if result.is_err() && self.withdraw(&item) {
            self.stop_service(&item).await;
        }
        result
    }

    /// Takes back a service that did not start; true when there is something to stop.
    fn withdraw(&self, item: &Arc<ServiceItem>) -> bool {
        self.0.services.lock().retain(|other| !Arc::ptr_eq(other, item));
        let registered = self.registry().snapshot().service(item.full_name()).cloned();
        if registered.is_some_and(|other| Arc::ptr_eq(&other, item)) {
            self.registry().remove(item.full_name());
            return true;
        }
        item.is_half_started()
    }

    /// Stops a service and takes it out of the registry: `stopping` handlers, end of running calls, `stopped`
    /// handlers.
    ///
    /// # Errors
    /// `SERVICE_NOT_FOUND` when there is no such service on this node.
    pub async fn destroy_service(&self, full_name: &str) -> Result<()> {
        let item = self.registry().snapshot().service(full_name).cloned();
        let item = item.ok_or_else(|| {
            Error::service_not_found(full_name, None)
                .with_message(format!("Service '{full_name}' not found."))
                .with_data(json!({ "service": full_name }))
        })?;
        self.prepare_stop(&item).await;
        if self.registry().remove(full_name).is_none() {
            return Ok(());
        }
        self.0.services.lock().retain(|other| !Arc::ptr_eq(other, &item));
        self.changed().await;
        self.drain(&item).await;
        self.stop_service(&item).await;
        Ok(())
    }

    /// Makes a service of its definition.
    fn create(&self, mut def: ServiceDef) -> Result<Arc<ServiceItem>> {
        let parts = &self.0.parts;
        def = def.resolved();
        for middleware in &parts.middlewares {
            def = middleware.service_creating(def)?;
        }
        def.configure(&self.options().settings, &self.options().setting_texts);
        apply_settings(&mut def)?;
        let def = def.finish()?;
        check_policies(&def)?;
        let full_name: Arc<str> = def.full_name().into();
        let endpoint = |action: &_| {
            let action = Arc::new(crate::service::ActionDef::clone(action));
            Endpoint::new(self.clone(), action, None, |action, available| {
                order::action(parts, action, available)
            })
        };
        let listener = |event: &_| {
            let event = Arc::new(crate::service::EventDef::clone(event));
            let chain = order::event(parts, &event);
            Arc::new(Listener::new(self.clone(), event, full_name.clone(), chain))
        };
        let endpoints = def.actions.iter().map(endpoint).collect();
        let listeners = def.events.iter().map(listener).collect();
        let item = Arc::new(ServiceItem::new(full_name.clone(), def, endpoints, listeners));
        {
            let mut services = self.0.services.lock();
            names_are_new(&services, &item)?;
            services.push(item.clone());
        }
        let created = || item.def().created.iter().try_for_each(|hook| hook(self));
        if let Err(error) = crate::future::guarded(created).and_then(|result| result) {
            self.0.services.lock().retain(|other| !Arc::ptr_eq(other, &item));
            return Err(error);
        }
        for middleware in &parts.middlewares {
            middleware.service_created(item.def());
        }
        Ok(item)
    }

    async fn start_service(&self, item: Arc<ServiceItem>) -> Result<()> {
        let def = item.def();
        for middleware in &self.0.parts.middlewares {
            middleware.service_starting(def).await?;
        }
        if !def.dependencies.is_empty() {
            let limit = self.dependency_timeout(def);
            tracing::debug!(service = &**item.full_name(), "waiting for dependencies");
            self.announce_before_waiting(def).await?;
            dependencies::wait_for(self, Some(item.full_name()), &def.dependencies, limit).await?;
        }
        for hook in &def.started {
            self.run_hook(hook, &item, "started").await.inspect_err(|error| {
                tracing::error!(service = &**item.full_name(), error = %error.for_log(), "service cannot start");
            })?;
            item.set_half_started(true);
        }
        self.registry().add(item.clone())?;
        item.set_half_started(false);
        self.changed().await;
        for middleware in &self.0.parts.middlewares {
            middleware.service_started(def).await?;
        }
        self.start_jobs(&item);
        tracing::debug!(service = &**item.full_name(), "service started");
        Ok(())
    }

    /// What a service waits for on another node may wait there for a service of this one: it must be known already.
    async fn announce_before_waiting(&self, def: &ServiceDef) -> Result<()> {
        let Some(transit) = &self.0.transit else { return Ok(()) };
        let own: Vec<_> = self.0.services.lock().iter().map(|item| item.full_name().clone()).collect();
        let elsewhere = def
            .dependencies
            .iter()
            .any(|dependency| !dependency.any_of.iter().any(|name| own.iter().any(|own| **own == **name)));
        match elsewhere {
            true => transit.announce_first().await,
            false => Ok(()),
        }
    }

    fn dependency_timeout(&self, def: &ServiceDef) -> Duration {
        match def.settings.get("$dependencyTimeout").and_then(serde_json::Value::as_u64) {
            Some(millis) => Duration::from_millis(millis),
            None => self.options().dependency_timeout,
        }
    }

    /// Ends what runs and stops all services. A second call waits for the first.
    ///
    /// While the broker still starts, the start is given up and returns an error.
    pub async fn stop(&self) {
        let mut was = State::Stopped;
        self.0.state.send_if_modified(|state| {
            was = *state;
            let runs = matches!(state, State::Started | State::Starting);
            if runs {
                *state = State::Stopping;
            }
            runs
        });
        if was == State::Started {
            self.halt(Vec::new()).await;
        } else {
            let mut state = self.0.state.subscribe();
            let _ = state.wait_for(|state| *state == State::Stopped).await;
        }
    }

    /// `half`: services that are not in the registry, but have something to stop.
    async fn halt(&self, half: Vec<Arc<ServiceItem>>) {
        self.0.state.send_replace(State::Stopping);
        let end = Halted(self);
        for middleware in self.0.parts.middlewares.iter().rev() {
            log_stop(middleware.name(), middleware.stopping(self).await);
        }
        if let Some(transit) = &self.0.transit {
            transit.withdraw().await;
        }
        let items = self.registry().snapshot().services().to_vec();
        join_all(items.iter().map(|item| self.prepare_stop(item))).await;
        self.registry().close();
        tokio::join!(join_all(items.iter().map(|item| self.drain(item))), self.drain_tasks());
        for item in half.iter().rev() {
            self.stop_service(item).await;
        }
        for item in items.iter().rev() {
            self.registry().remove(item.full_name());
            self.stop_service(item).await;
        }
        if let Some(transit) = &self.0.transit {
            transit.leave().await;
        }
        for middleware in self.0.parts.middlewares.iter().rev() {
            log_stop(middleware.name(), middleware.stopped(self).await);
        }
        drop(end);
        tracing::info!(node = self.node_id(), "broker stopped");
    }

    async fn prepare_stop(&self, item: &ServiceItem) {
        item.schedules().iter().for_each(|schedule| schedule.end());
        for hook in &item.def().stopping {
            log_stop(item.full_name(), self.run_hook(hook, item, "stopping").await);
        }
    }

    /// Waits until no call and no listener of this service runs.
    async fn drain(&self, item: &ServiceItem) {
        let tracking = &self.options().tracking;
        let own = item.def().settings.get("$shutdownTimeout").and_then(serde_json::Value::as_u64);
        let limit = own.map_or(tracking.shutdown_timeout, Duration::from_millis);
        if tracking.enabled && !idle_within(limit, || item.running() == 0).await {
            let version = item.def().version.as_ref().map_or(serde_json::Value::Null, Version::to_value);
            let error = Error::graceful_stop_timeout(&item.def().name, &version);
            tracing::error!(service = &**item.full_name(), running = item.running(), "{error}");
        }
    }

    /// Waits until no task of this broker runs.
    async fn drain_tasks(&self) {
        let tracking = &self.options().tracking;
        if tracking.enabled && !idle_within(tracking.shutdown_timeout, || self.tasks().running() == 0).await {
            tracing::error!(running = self.tasks().running(), "tasks did not end in time, they are aborted");
        }
    }

    async fn stop_service(&self, item: &Arc<ServiceItem>) {
        let def = item.def();
        for middleware in self.0.parts.middlewares.iter().rev() {
            log_stop(item.full_name(), middleware.service_stopping(def).await);
        }
        for hook in &def.stopped {
            log_stop(item.full_name(), self.run_hook(hook, item, "stopped").await);
        }
        for middleware in self.0.parts.middlewares.iter().rev() {
            log_stop(item.full_name(), middleware.service_stopped(def).await);
        }
    }

    /// A context for work of a service that nobody called.
    pub(super) fn service_context(&self, service: &Arc<str>, limit: Option<Duration>) -> Context {
        let mut inner = ContextInner::root(self.clone());
        inner.limit = Limit::new(limit, None);
        inner.extra = Some(Arc::new(Extra { service: Some(service.clone()), ..Extra::default() }));
        inner.build()
    }

    /// Runs a handler of the life cycle.
    async fn run_hook(&self, hook: &Lifecycle, item: &ServiceItem, phase: &str) -> Result<()> {
        let ctx = self.service_context(item.full_name(), None);
        let mut around = span::background(self.parts(), &ctx, phase);
        let work = around.in_scope(|| crate::future::guarded(|| hook(ctx)))?;
        around.around(crate::future::isolate(work)).await
    }

    async fn changed(&self) {
        if let Some(transit) = &self.0.transit {
            transit.services_changed();
        }
        let _ = self.broadcast_local("$services.changed", json!({ "localService": true })).await;
    }

    /// Listens for signals before the start, so that none of them kills a program that is half up.
    pub(super) async fn run_until_signal(&self, services: Vec<ServiceDef>) -> Result<()> {
        let _end = Halted(self);
        let _flush = Flush;
        let mut signal = std::pin::pin!(signals()?);
        let mut launch = std::pin::pin!(self.launch(services));
        tokio::select! {
            result = &mut launch => result.inspect_err(|error| {
                tracing::error!(error = %error.for_log(), "the broker cannot start");
            })?,
            name = &mut signal => {
                tracing::info!("{name} received during the start, stopping");
                // That it was given up is what the launch answers.
                let _ = tokio::join!(launch, self.stop());
                return Ok(());
            }
        }
        // Not inside the macro: a disabled level does not evaluate its arguments.
        let name = signal.await;
        tracing::info!("{name} received, stopping");
        self.stop().await;
        Ok(())
    }
}

/// Ends the stop, also when nobody waits for it any more: others that wait must not wait for ever, and nothing
/// may keep the broker alive. A start that is given up ends in the same way.
struct Halted<'a>(&'a ServiceBroker);

impl Drop for Halted<'_> {
    fn drop(&mut self) {
        let services = std::mem::take(&mut *self.0.0.services.lock());
        drop(services);
        self.0.registry().clear();
        self.0.0.tasks.abort();
        self.0.0.state.send_replace(State::Stopped);
    }
}

/// Takes a service back when nobody waits for its start any more.
struct Adding<'a> {
    broker: &'a ServiceBroker,
    item: Option<Arc<ServiceItem>>,
}

impl Drop for Adding<'_> {
    fn drop(&mut self) {
        if let Some(item) = self.item.take()
            && self.broker.withdraw(&item)
        {
            let broker = self.broker.clone();
            self.broker.tasks().spawn(async move { broker.stop_service(&item).await });
        }
    }
}

/// Running work holds handles of its endpoint; nothing announces the last one, so it is looked at.
async fn idle_within(limit: Duration, idle: impl Fn() -> bool) -> bool {
    let wait = async {
        let mut pause = Duration::from_millis(1);
        while !idle() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    };
    tokio::time::timeout(limit, wait).await.is_ok()
}

/// Refuses a service of a name that is taken, and an action that another service has under the same full name.
fn names_are_new(services: &[Arc<ServiceItem>], new: &ServiceItem) -> Result<()> {
    let name = new.full_name();
    if let Some(other) = services.iter().find(|item| item.full_name() == name) {
        return Err(Error::service_schema(format!(
            "two services of this node have the name '{name}': {} and {}; rename one of them, give it another version, or \
             leave it out",
            other.def().origin(),
            new.def().origin()
        )));
    }
    let own: HashSet<_> = new.endpoints().iter().map(|endpoint| endpoint.action().full_name()).collect();
    for other in services {
        let taken = other.endpoints().iter().map(|endpoint| endpoint.action().full_name());
        if let Some(action) = taken.into_iter().find(|action| own.contains(action)) {
            return Err(Error::service_schema(format!(
                "the services '{}' and '{name}' of this node both have the action '{action}'; give one of them another \
                 name",
                other.full_name()
            )));
        }
    }
    Ok(())
}

/// Options of actions and listeners that would keep them from ever running, or make them answer what nobody can read.
fn check_policies(def: &ServiceDef) -> Result<()> {
    let actions = def.actions.iter().map(|action| (action.full_name(), &action.bulkhead));
    let events = def.events.iter().map(|event| (event.pattern(), &event.bulkhead));
    for (name, bulkhead) in actions.chain(events) {
        if bulkhead.as_ref().is_some_and(|options| options.concurrency == Some(0)) {
            return Err(Error::service_schema(format!(
                "the bulkhead of '{name}' in service '{}' has concurrency 0, so nothing would ever run",
                def.full_name()
            )));
        }
    }
    def.actions.iter().try_for_each(fallback::check)?;
    let cached = def.actions.iter().filter_map(|action| Some((action, action.cache.as_ref()?)));
    cached.into_iter().try_for_each(|(action, rule)| cache::check(action, rule))
}

/// Settings that change actions.
fn apply_settings(def: &mut ServiceDef) -> Result<()> {
    if def.settings.get("$cache") == Some(&serde_json::Value::Bool(true)) {
        for action in def.actions.iter_mut().filter(|action| !action.cache_off) {
            action.cache.get_or_insert_with(cache::CacheRule::new);
        }
    }
    Ok(())
}

fn log_stop(what: &str, result: Result<()>) {
    if let Err(error) = result {
        let error = error.for_log().to_string();
        tracing::error!(what, error, "failed while stopping; the stop goes on");
        crate::log::unheard(format_args!(
            "ERROR failed while stopping; the stop goes on what={what} error={error}"
        ));
    }
}

/// Listens from now on; the future ends with the name of the first signal.
#[cfg(unix)]
fn signals() -> Result<impl Future<Output = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    })
}

#[cfg(windows)]
fn signals() -> Result<impl Future<Output = &'static str>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
        "Ctrl-C"
    })
}

/// What was logged is written before the program ends.
struct Flush;

impl Drop for Flush {
    fn drop(&mut self) {
        crate::log::flush();
    }
}
