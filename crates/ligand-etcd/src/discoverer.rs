//! Infos and heartbeats of nodes in etcd, under the keys and in the values of Moleculer.
//!
//! Each node keeps two keys: its info, and a beat whose lease ends when it is not kept alive.

mod store;

use std::{fmt, sync::Arc};

use ligand_net::{
    Servers,
    roster::{Keys, Pace, Roster},
    wrong,
};
use ligand_transport::{BoxFuture, Discoverer, Link};
use ligand_wire::{Result, packet::NodeInfo};

use self::store::EtcdStore;
use crate::{EtcdOptions, client::Client, options::ADDRESS};

/// Keeps infos and heartbeats of nodes in etcd. See the [crate](crate).
pub struct EtcdDiscoverer {
    options: EtcdOptions,
    roster: Roster<EtcdStore>,
}

impl EtcdDiscoverer {
    /// A discoverer with these options. They are checked when it starts.
    pub fn new(options: EtcdOptions) -> Self {
        Self { options, roster: Roster::default() }
    }

    /// A discoverer for these servers: `http://a:2379,http://b:2379`.
    pub fn from_url(url: impl Into<Servers>) -> Self {
        Self::new(EtcdOptions::from_url(url))
    }
}

impl Discoverer for EtcdDiscoverer {
    fn name(&self) -> &'static str {
        "etcd3"
    }

    fn start(self: Arc<Self>, link: Arc<dyn Link>) -> BoxFuture<Result<()>> {
        Box::pin(async move {
            let namespace = link.namespace();
            if namespace.contains('/') {
                return Err(wrong(
                    ADDRESS.bus,
                    format_args!(
                        "the namespace '{namespace}' contains '/', which separates the parts of keys; choose another one"
                    ),
                ));
            }
            let options = &self.options;
            let store = EtcdStore::new(Client::new(options)?, keys(namespace));
            let pace = Pace { full_check: options.full_check, life: options.heartbeat_timeout };
            self.roster.start(link.clone(), keys(namespace), store, pace).await
        })
    }

    fn announce(&self, info: Arc<NodeInfo>) -> BoxFuture<Result<()>> {
        self.roster.announce(info)
    }

    fn beat(&self) -> BoxFuture<Result<()>> {
        self.roster.beat()
    }

    fn discover(&self, node: &str) -> BoxFuture<Result<()>> {
        self.roster.discover(node)
    }

    fn stop(&self) -> BoxFuture<()> {
        self.roster.stop()
    }
}

/// The keys of Moleculer.
fn keys(namespace: &str) -> Keys {
    let dash = if namespace.is_empty() { "" } else { "-" };
    let prefix = format!("moleculer{dash}{namespace}/discovery");
    Keys::new(format!("{prefix}/beats/"), format!("{prefix}/info/"), '/')
}

impl fmt::Debug for EtcdDiscoverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdDiscoverer").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys() {
        assert_eq!(keys("lab").info("n.1"), "moleculer-lab/discovery/info/n.1");
        assert_eq!(keys("lab").beat("n.1", "0123456789", 3), "moleculer-lab/discovery/beats/n.1/01234567/3");
        assert_eq!(keys("").beats_of("n"), "moleculer/discovery/beats/n/");
    }
}
