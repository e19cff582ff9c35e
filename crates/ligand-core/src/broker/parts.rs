//! What the layers are composed from: options and shared parts, without the broker itself.

use std::{sync::Arc, time::Duration};

use super::WeakBroker;
use crate::{
    cache::Cache,
    config::{BulkheadPolicy, CircuitBreakerPolicy, Options, RetryPolicy},
    metrics::Metrics,
    middleware::Middleware,
    service::ActionDef,
};

pub(crate) struct Parts {
    pub(crate) node_id: Arc<str>,
    pub(crate) options: Options,
    pub(crate) middlewares: Vec<Arc<dyn Middleware>>,
    pub(crate) cache: Option<Cache>,
    pub(crate) metrics: Metrics,
    pub(crate) broker: WeakBroker,
}

impl Parts {
    pub(crate) fn retry(&self, action: &ActionDef) -> RetryPolicy {
        let base = &self.options.retry_policy;
        action.retry.as_ref().map_or_else(|| base.clone(), |own| own.over(base))
    }

    pub(crate) fn circuit_breaker(&self, action: &ActionDef) -> CircuitBreakerPolicy {
        let base = &self.options.circuit_breaker;
        action.circuit_breaker.as_ref().map_or_else(|| base.clone(), |own| own.over(base))
    }

    pub(crate) fn bulkhead(&self, action: &ActionDef) -> BulkheadPolicy {
        let base = &self.options.bulkhead;
        action.bulkhead.as_ref().map_or_else(|| base.clone(), |own| own.over(base))
    }

    /// The limit of a call that names none.
    pub(crate) fn timeout(&self, action: &ActionDef) -> Option<Duration> {
        Some(action.timeout.unwrap_or(self.options.request_timeout)).filter(|limit| !limit.is_zero())
    }
}
