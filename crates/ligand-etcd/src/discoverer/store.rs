//! The keys of nodes in etcd, and the leases that end them.

use std::time::Duration;

use bytes::Bytes;
use ligand_net::{
    Fault,
    roster::{Entry, Keys, Known, Store, Value},
};
use tokio::time::sleep;

use crate::client::{
    Client, Failure,
    message::{
        Blob, Delete, Done, Found, Grant, Ignored, KeptAlive, Lease, Operation, Put, Range, Transaction,
    },
};

/// How long an info is kept at least when its node does not beat.
const INFO_LIFE: Duration = Duration::from_secs(60);

/// How long a node may be without a beat: those of Moleculer take theirs away before they write the next one.
const GAP: Duration = Duration::from_secs(1);

/// The keys of nodes in etcd.
pub(super) struct EtcdStore {
    client: Client,
    keys: Keys,
    leases: Option<Leases>,
}

#[derive(Clone)]
struct Leases {
    beat: Lease,
    info: Lease,
}

impl EtcdStore {
    pub(super) fn new(client: Client, keys: Keys) -> Self {
        Self { client, keys, leases: None }
    }

    /// The leases, granted anew when there are none; `None` when one of them has ended.
    async fn keep_leases(&mut self, life: Duration) -> Result<Option<Leases>, Failure> {
        if let Some(Leases { beat, info }) = self.leases.clone() {
            for lease in [beat, info] {
                let kept: KeptAlive = self.client.ask("/v3/lease/keepalive", &lease).await?;
                if kept.result.is_over() {
                    return Ok(None);
                }
            }
        } else {
            let beat = Grant { ttl: life.as_secs() };
            let info = Grant { ttl: INFO_LIFE.max(2 * life).as_secs() };
            let beat = self.client.ask("/v3/lease/grant", &beat).await?;
            let info = self.client.ask("/v3/lease/grant", &info).await?;
            self.leases = Some(Leases { beat, info });
        }
        Ok(self.leases.clone())
    }

    /// Several reads of one moment.
    async fn find(&mut self, ranges: impl Iterator<Item = Range>) -> Result<Vec<Found>, Fault> {
        let success: Vec<_> = ranges.map(Operation::Read).collect();
        let count = success.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let done: Done = self.client.ask("/v3/kv/txn", &Transaction { success }).await?;
        if done.responses.len() != count {
            return Err(Fault::lost("a transaction was answered in part"));
        }
        Ok(done.responses.into_iter().map(|part| part.response_range).collect())
    }
}

impl Store for EtcdStore {
    const NAME: &'static str = "etcd";
    /// etcd takes 128 operations in a transaction.
    const BATCH: usize = 100;

    /// Grows when the key is written again.
    type Written = String;

    fn server(&self) -> String {
        self.client.server().to_string()
    }

    /// The client connects when it is asked, and what was written lives as long as its lease.
    async fn connect(&mut self, _: &str) -> Result<bool, Fault> {
        Ok(false)
    }

    async fn beats(&mut self, most: usize) -> Result<Vec<Bytes>, Fault> {
        let limit = u32::try_from(most).unwrap_or(u32::MAX).saturating_add(1);
        let found: Found = self.client.ask("/v3/kv/range", &Range::prefix(self.keys.beats(), limit)).await?;
        Ok(found.kvs.into_iter().map(|pair| pair.key.0.into()).collect())
    }

    async fn read(&mut self, keys: &[String], _: usize) -> Result<Vec<Value>, Fault> {
        let ranges = keys.iter().map(|key| Range { key: key.as_str().into(), limit: 1, ..Range::default() });
        let found = self.find(ranges).await?.into_iter();
        Ok(found.map(|found| Ok(found.kvs.into_iter().next().map(|pair| pair.value.0.into()))).collect())
    }

    async fn written(&mut self, keys: &[String]) -> Result<Vec<Option<String>>, Fault> {
        let ranges = keys.iter().map(|key| Range {
            key: key.as_str().into(),
            limit: 1,
            keys_only: true,
            ..Range::default()
        });
        let found = self.find(ranges).await?.into_iter();
        Ok(found.map(|found| Some(found.kvs.into_iter().next()?.mod_revision)).collect())
    }

    fn is_newer(now: &String, before: &String) -> bool {
        now != before
    }

    async fn alive(&mut self, nodes: &[Known]) -> Result<Vec<bool>, Fault> {
        sleep(GAP).await;
        let mut alive = Vec::with_capacity(nodes.len());
        for some in nodes.chunks(Self::BATCH) {
            let ranges: Vec<_> =
                some.iter().map(|known| Range::prefix(&self.keys.beats_of(&known.node), 1)).collect();
            alive.extend(self.find(ranges.into_iter()).await?.into_iter().map(|found| !found.kvs.is_empty()));
        }
        Ok(alive)
    }

    async fn write(&mut self, entry: Entry<'_>) -> Result<bool, Fault> {
        let Some(leases) = self.keep_leases(entry.life).await? else {
            self.leases = None;
            return Ok(false);
        };
        let put = |key: &str, value: &[u8], lease: &Lease| {
            Operation::Put(Put { key: key.into(), value: Blob(value.to_vec()), lease: lease.id.clone() })
        };
        let mut transaction = Transaction::default();
        transaction.success.push(put(entry.beat_key, entry.beat, &leases.beat));
        if let Some(info) = entry.info {
            transaction.success.push(put(entry.info_key, info, &leases.info));
        }
        if let Some(last) = entry.last_beat_key {
            transaction.success.push(Operation::Delete(Delete { key: last.into() }));
        }
        match self.client.ask::<Done>("/v3/kv/txn", &transaction).await {
            Ok(_) => Ok(true),
            // A lease ended since it was kept alive.
            Err(failure) if failure.is_not_found() => {
                self.leases = None;
                Ok(false)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Keys go with their leases.
    async fn leave(&mut self, _: &str, _: &str, _: Option<&str>) -> Result<(), Fault> {
        if let Some(Leases { beat, info }) = self.leases.take() {
            for lease in [beat, info] {
                match self.client.ask::<Ignored>("/v3/lease/revoke", &lease).await {
                    Err(failure) if !failure.is_not_found() => return Err(failure.into()),
                    _ => {}
                }
            }
        }
        self.client.close();
        Ok(())
    }
}
