//! How much a route takes on.

use super::Route;
use crate::{RateLimit, shedding::Concurrency};

/// What bounds the requests of a route.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) rate_limits: Vec<RateLimit>,
    pub(crate) concurrency: Option<Concurrency>,
}

impl Route {
    /// Bounds how often a client may ask. Several bounds hold together. Without any, those of the gateway hold
    /// ([`crate::GatewayBuilder::rate_limit`]).
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.problems.extend(limit.problem());
        self.traffic.rate_limits.push(limit);
        self
    }

    /// Runs at most so many requests at once; more get 503 `TOO_MANY_REQUESTS_AT_ONCE` with `Retry-After`. The rest of an
    /// answer that is streamed does not count.
    pub fn concurrency(mut self, most: usize) -> Self {
        self.traffic.concurrency = Some(Concurrency::new(most));
        self
    }
}
