//! How much a route takes on, and its files.

use super::Route;
use crate::{RateLimit, shedding::Concurrency};

/// What bounds the requests of a route, and what answers those without an alias.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) rate_limits: Vec<RateLimit>,
    pub(crate) concurrency: Option<Concurrency>,
    #[cfg(feature = "files")]
    pub(crate) files: Option<crate::Files>,
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

    /// Answers with files what the route has no alias for, to whom `authenticate` lets pass. With `authorize`, which decides
    /// about actions, it cannot be.
    #[cfg(feature = "files")]
    pub fn files(mut self, files: crate::Files) -> Self {
        self.problems.extend(files.problem());
        self.traffic.files = Some(files);
        self
    }

    /// What cannot be together.
    pub(crate) fn unfit_files(&self) -> Option<String> {
        #[cfg(feature = "files")]
        if self.traffic.files.is_some() && self.authorize.is_some() {
            let text =
                "files and `authorize`, which decides about actions, on one route; put the files on another";
            return Some(text.into());
        }
        None
    }
}
