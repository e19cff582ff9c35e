//! The services a handle belongs to, and how their caches learn of changes.

use std::sync::Arc;

use ligand_core::{BoxFuture, Context, Event, Payload, ServiceBroker, WeakBroker};
use ligand_wire::Result;
use parking_lot::Mutex;

/// Where changes are announced.
#[derive(Debug, Default)]
pub(crate) struct Homes(Mutex<Vec<Home>>);

#[derive(Clone, Debug)]
struct Home {
    broker: WeakBroker,
    service: Arc<str>,
}

impl Homes {
    /// Remembers a service, from its `created` on.
    pub(crate) fn attach(&self, broker: &ServiceBroker, service: &Arc<str>) {
        let mut homes = self.0.lock();
        homes.retain(|home| home.broker.upgrade().is_some());
        homes.push(Home { broker: broker.downgrade(), service: service.clone() });
    }

    /// Empties the caches of the services, here and on every other node.
    pub(crate) async fn clean(&self) {
        let homes = self.0.lock().clone();
        for Home { broker, service } in homes {
            let Some(broker) = broker.upgrade() else { continue };
            // A service that takes calls hears its own event; before that, nobody would.
            if broker.registry().snapshot().service(&service).is_none() {
                clean(&broker, &service).await;
            }
            let event = format!("cache.clean.{service}");
            if let Err(error) = broker.broadcast_named(event, Payload::NULL).await {
                tracing::warn!(service = &*service, error = %format!("{error:#}"), "other caches are not cleaned");
            }
        }
    }
}

/// The listener that cleans this node's cache, whoever changed something.
pub(crate) fn listener(service: &Arc<str>) -> Event {
    let name = service.clone();
    Event::raw(&format!("cache.clean.{service}"), move |ctx: &Context, _: Payload| -> BoxFuture<Result<()>> {
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
        tracing::warn!(service, error = %format!("{error:#}"), "the cache is not cleaned");
    }
}
