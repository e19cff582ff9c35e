//! The services a handle belongs to, and how their caches learn of changes.

use std::sync::Arc;

use ligand_core::{Context, Event, Payload, ServiceBroker, broker::WeakBroker, future::BoxFuture};
use ligand_wire::Result;
use parking_lot::Mutex;

/// Where changes are announced.
#[derive(Debug, Default)]
pub(crate) struct AttachedServices(Mutex<Vec<AttachedService>>);

#[derive(Clone, Debug)]
struct AttachedService {
    broker: WeakBroker,
    service: Arc<str>,
}

impl AttachedServices {
    /// Remembers a service, from its `created` on.
    pub(crate) fn attach(&self, broker: &ServiceBroker, service: &Arc<str>) {
        let mut attached = self.0.lock();
        attached.retain(|service| service.broker.upgrade().is_some());
        attached.push(AttachedService { broker: broker.downgrade(), service: service.clone() });
    }

    /// Empties the caches of the services, here and on every other node.
    async fn clean(&self) {
        let attached = self.0.lock().clone();
        for service in attached {
            service.clean().await;
        }
    }

    /// The same in tasks of the brokers, for who cannot wait.
    fn clean_later(&self) {
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        for service in self.0.lock().clone() {
            if let Some(broker) = service.broker.upgrade() {
                broker.tasks().spawn(async move { service.clean().await });
            }
        }
    }
}

impl AttachedService {
    async fn clean(&self) {
        let Some(broker) = self.broker.upgrade() else { return };
        let service = &*self.service;
        // A service that takes calls hears its own event; before that, nobody would.
        if broker.registry().snapshot().service(service).is_none() {
            clean(&broker, service).await;
        }
        let event = format!("cache.clean.{service}");
        // Whoever reads after the change must not get what was cached before it.
        if let Err(error) = broker.broadcast_named(event, Payload::NULL).wait_for_listeners().await {
            tracing::warn!(service, error = %error.for_log(), "other caches are not cleaned");
        }
    }
}

/// A change that may be made: whoever waits for it can be cancelled at any time, the caches are cleaned anyway.
#[derive(Debug)]
pub(crate) struct Mark(Vec<Arc<AttachedServices>>);

impl Mark {
    pub(crate) fn new(attached: Vec<Arc<AttachedServices>>) -> Self {
        Self(attached)
    }

    /// It was made.
    pub(crate) async fn made(mut self) {
        while let Some(attached) = self.0.last() {
            attached.clean().await;
            self.0.pop();
        }
    }

    /// It was not.
    pub(crate) fn not_made(mut self) {
        self.0.clear();
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.iter().for_each(|attached| attached.clean_later());
    }
}

/// The listener that cleans this node's cache of a service when something of `changed` has changed: of the service
/// itself, or of one whose entities are in its answers.
pub(crate) fn listener(changed: &str, service: &Arc<str>) -> Event {
    let name = service.clone();
    Event::raw(&format!("cache.clean.{changed}"), move |ctx: &Context, _: Payload| -> BoxFuture<Result<()>> {
        let (broker, name) = (ctx.broker().clone(), name.clone());
        Box::pin(async move {
            clean(&broker, &name).await;
            Ok(())
        })
    })
    .doc("Forgets cached results of this service.")
}

async fn clean(broker: &ServiceBroker, service: &str) {
    if let Some(cache) = broker.cache()
        && let Err(error) = cache.clean(&format!("{service}.**")).await
    {
        tracing::warn!(service, error = %error.for_log(), "the cache is not cleaned");
    }
}
