//! What stands between a gateway and the internet.

use super::GatewayBuilder;
use crate::{Listener, RateLimit, Route, Shedding, TrustedProxies};

/// What holds for all requests, whatever their route.
#[derive(Debug, Default)]
pub(crate) struct Edge {
    pub(crate) proxies: TrustedProxies,
    pub(crate) rate_limits: Vec<RateLimit>,
    pub(crate) shedding: Option<Shedding>,
    pub(crate) listeners: Vec<Listener>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::Tls>,
    #[cfg(feature = "compression")]
    pub(crate) compression: Option<crate::Compression>,
    #[cfg(feature = "files")]
    pub(crate) files: Option<crate::Files>,
}

impl Edge {
    /// The rate limits of a route, else of the gateway.
    pub(crate) fn limits_of<'a>(&'a self, route: Option<&'a Route>) -> &'a [RateLimit] {
        let own = route.map(|route| route.traffic.rate_limits.as_slice());
        own.filter(|own| !own.is_empty()).unwrap_or(&self.rate_limits)
    }
}

impl Edge {
    /// The first place is encrypted.
    pub(crate) fn is_secure(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Compressed bodies of requests are read.
    pub(crate) fn decodes(&self) -> bool {
        #[cfg(feature = "compression")]
        return self.compression.as_ref().is_some_and(|compression| compression.bodies);
        #[cfg(not(feature = "compression"))]
        false
    }
}

impl GatewayBuilder {
    /// Listens there, too.
    pub fn listener(mut self, listener: Listener) -> Self {
        self.0.problems.extend(listener.problem.clone());
        self.0.edge.listeners.push(listener);
        self
    }

    /// Encrypts the connections of [`GatewayBuilder::bind`]; further listeners have their own.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.0.edge.tls = Some(tls);
        self
    }

    /// Compresses answers for clients that want it, and reads compressed bodies where that is said.
    #[cfg(feature = "compression")]
    pub fn compression(mut self, compression: crate::Compression) -> Self {
        self.0.edge.compression = Some(compression);
        self
    }

    /// Believes these proxies when they say for whom they ask. Default: nobody, and the client is whoever connects.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.0.problems.extend(proxies.problem().cloned());
        self.0.edge.proxies = proxies;
        self
    }

    /// Bounds how often a client may ask, counted over all routes that have no [`Route::rate_limit`] of their
    /// own, and over paths that lead nowhere. `/health` and `/ready` are not counted.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.0.problems.extend(limit.problem());
        self.0.edge.rate_limits.push(limit);
        self
    }

    /// Refuses requests with 503 when answers become slow. `/health` and `/ready` are answered always.
    pub fn shedding(mut self, shedding: Shedding) -> Self {
        self.0.edge.shedding = Some(shedding);
        self
    }

    /// Answers with files what no route has an answer for.
    #[cfg(feature = "files")]
    pub fn files(mut self, files: crate::Files) -> Self {
        self.0.problems.extend(files.problem());
        self.0.edge.files = Some(files);
        self
    }
}
