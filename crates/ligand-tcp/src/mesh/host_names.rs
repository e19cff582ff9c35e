//! Addresses of host names.
//!
//! Nodes tell the name of their machine, and in many networks nobody knows it: then the resolver answers after ten
//! seconds, on a thread of its own. A cluster that looks for each name whenever it dials runs out of threads, and every
//! other address waits behind. So a name is looked up once at a time, few names at once, and whoever has other
//! addresses to try goes on meanwhile.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use ligand_transport::{Address, Tasks};
use parking_lot::Mutex;
use tokio::{
    net::lookup_host,
    sync::{Semaphore, watch},
    time::{Instant, timeout},
};

/// Lookups at once.
const AT_ONCE: usize = 8;

/// Names that are remembered. They come from other nodes.
const MOST: usize = 1024;

/// An answer is good for this time.
const GOOD: Duration = Duration::from_secs(30);

/// A name that was not found is looked up again after this time.
const BAD: Duration = Duration::from_secs(10);

/// What a lookup found, and when.
type Found = Option<(Instant, Result<Arc<[SocketAddr]>, String>)>;

struct Lookup {
    found: watch::Receiver<Found>,
}

impl Lookup {
    /// A lookup that goes on is never old: another one would wait behind it.
    fn is_old(&self) -> bool {
        match &*self.found.borrow() {
            None => self.found.has_changed().is_err(),
            Some((when, Ok(_))) => when.elapsed() > GOOD,
            Some((when, Err(_))) => when.elapsed() > BAD,
        }
    }
}

/// See the module.
pub(crate) struct HostNames {
    lookups: Mutex<HashMap<Arc<str>, Lookup>>,
    turns: Arc<Semaphore>,
}

impl Default for HostNames {
    fn default() -> Self {
        Self { lookups: Mutex::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl HostNames {
    /// The addresses of a place, when they are known within `patience`. Afterwards the lookup goes on for the next one
    /// who asks.
    pub(super) async fn resolve(
        &self,
        place: &Address,
        patience: Duration,
        tasks: &Tasks,
    ) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = place.host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, place.port)]);
        }
        let mut found = self.lookup(&place.host, tasks)?;
        let answer = timeout(patience, found.wait_for(Option::is_some)).await;
        match answer.map(Result::ok).ok().flatten().as_deref() {
            Some(Some((_, Ok(addresses)))) => {
                let mut addresses = addresses.to_vec();
                addresses.iter_mut().for_each(|address| address.set_port(place.port));
                Ok(addresses)
            }
            Some(Some((_, Err(why)))) => Err(io::Error::other(why.clone())),
            _ => Err(io::Error::new(io::ErrorKind::TimedOut, "the name of the host is not resolved yet")),
        }
    }

    fn lookup(&self, host: &str, tasks: &Tasks) -> io::Result<watch::Receiver<Found>> {
        let mut lookups = self.lookups.lock();
        if let Some(known) = lookups.get(host).filter(|known| !known.is_old()) {
            return Ok(known.found.clone());
        }
        if lookups.len() >= MOST {
            lookups.retain(|_, known| !known.is_old());
        }
        if lookups.len() >= MOST {
            return Err(io::Error::other("too many names of hosts are looked up"));
        }
        let (tell, found) = watch::channel(None);
        let host: Arc<str> = host.into();
        lookups.insert(host.clone(), Lookup { found: found.clone() });
        drop(lookups);
        let turns = self.turns.clone();
        tasks.spawn_background(async move {
            let Ok(_turn) = turns.acquire_owned().await else { return };
            let answer = match lookup_host((&*host, 0)).await {
                Ok(addresses) => Ok(addresses.collect()),
                Err(error) => Err(error.to_string()),
            };
            // Nobody may wait for it any more; it is remembered all the same.
            tell.send_replace(Some((Instant::now(), answer)));
        });
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str) -> Address {
        Address { host: host.into(), port: 7 }
    }

    #[tokio::test]
    async fn an_address_needs_no_lookup() {
        let (names, tasks) = (HostNames::default(), Tasks::default());
        for (host, ip) in [("10.0.0.1", "10.0.0.1:7"), ("::1", "[::1]:7"), ("[::1]", "[::1]:7")] {
            let found = names.resolve(&place(host), Duration::ZERO, &tasks).await.unwrap();
            assert_eq!(found, [ip.parse().unwrap()]);
        }
        assert!(names.lookups.lock().is_empty());
    }

    #[tokio::test]
    async fn a_name_is_looked_up_once_and_remembered() {
        let (names, tasks) = (HostNames::default(), Tasks::default());
        let found = names.resolve(&place("localhost"), Duration::from_secs(30), &tasks).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 7), "{found:?}");
        // Known now: without waiting.
        assert_eq!(names.resolve(&place("localhost"), Duration::ZERO, &tasks).await.unwrap(), found);
        assert_eq!(names.lookups.lock().len(), 1);
    }

    #[tokio::test]
    async fn whoever_has_no_patience_goes_on_and_the_lookup_too() {
        let (names, tasks) = (HostNames::default(), Tasks::default());
        // All turns are taken, as by names that nobody knows.
        let taken = names.turns.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let error = names.resolve(&place("localhost"), Duration::from_millis(1), &tasks).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(taken);
        names.resolve(&place("localhost"), Duration::from_secs(30), &tasks).await.unwrap();
        assert_eq!(names.lookups.lock().len(), 1);
    }

    #[tokio::test]
    async fn names_that_others_tell_are_bounded() {
        let (names, tasks) = (HostNames::default(), Tasks::default());
        let _taken = names.turns.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        for number in 0..=MOST {
            let _ = names.resolve(&place(&format!("x{number}")), Duration::ZERO, &tasks).await.unwrap_err();
        }
        assert_eq!(names.lookups.lock().len(), MOST);
    }
}
