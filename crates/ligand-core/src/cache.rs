//! Caching of action results.
//!
//! [`CacheRule`] says what is cached and under which key, [`Cacher`] is a store, [`Cache`] is the store of one
//! broker with everything around it: keys, single flight, cleaning.

mod check;
mod first_key;
pub(crate) mod kept;
mod memory;
mod rule;
mod turn;

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use ligand_wire::{Data, Payload, Result, pattern::Pattern};

pub(crate) use check::check;
pub use memory::MemoryCacher;
pub use rule::CacheRule;
use turn::{Turn, Turns};

use crate::{broker::ServiceBroker, future::BoxFuture, service::ActionRef};

/// A store for cached results. Implement it to bring your own.
///
/// A failure of the store is a miss: log it and answer `None`.
///
/// A result whose action said something about its HTTP answer is stored with that: outside of the process it is an
/// object of `$reply` and `value`, which only Ligand nodes understand.
pub trait Cacher: Send + Sync + 'static {
    /// The entry of a key.
    fn get(&self, key: &str) -> Lookup;

    /// Stores an entry; `ttl` of `None` means for ever.
    fn set(&self, key: String, value: Payload, ttl: Option<Duration>) -> BoxFuture<()>;

    /// Removes the entries of these keys.
    fn del(&self, keys: Vec<String>) -> BoxFuture<Result<()>>;

    /// Removes every entry whose key matches one of the masks.
    fn clean(&self, masks: Vec<Pattern>) -> BoxFuture<Result<()>>;

    /// All keys, sorted.
    fn keys(&self) -> BoxFuture<Result<Vec<String>>>;
}

/// The answer of a store: at once, or later. A cached null is `Some(null)`, a miss is `None`.
pub enum Lookup {
    /// Known now.
    Ready(Option<Payload>),
    /// Known when the store has answered.
    Later(BoxFuture<Option<Payload>>),
}

impl Lookup {
    /// Waits for the answer.
    pub async fn wait(self) -> Option<Payload> {
        match self {
            Self::Ready(found) => found,
            Self::Later(found) => found.await,
        }
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready(Some(_)) => "Lookup(hit)",
            Self::Ready(None) => "Lookup(miss)",
            Self::Later(_) => "Lookup(later)",
        })
    }
}

/// The cache of one broker. See the [module](self).
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    store: Box<dyn Cacher>,
    ttl: Option<Duration>,
    max_params_length: Option<usize>,
    turns: Turns,
}

impl Cache {
    pub(crate) fn new(store: Box<dyn Cacher>, ttl: Duration, max_params_length: Option<usize>) -> Self {
        Self(Arc::new(Inner {
            store,
            ttl: Some(ttl).filter(|ttl| !ttl.is_zero()),
            max_params_length,
            turns: Turns::default(),
        }))
    }

    pub(crate) fn max_params_length(&self) -> Option<usize> {
        self.0.max_params_length
    }

    pub(crate) fn lookup(&self, key: &str) -> Lookup {
        self.0.store.get(key)
    }

    pub(crate) async fn store(&self, key: String, mut value: Payload, ttl: Option<Duration>) {
        value.share();
        self.0.store.set(key, value, ttl.or(self.0.ttl)).await;
    }

    pub(crate) async fn turn(&self, key: &str) -> Turn {
        self.0.turns.take(key).await
    }

    /// Removes an entry that should not have been stored.
    pub(crate) async fn forget(&self, key: String) {
        if let Err(error) = self.0.store.del(vec![key]).await {
            tracing::warn!(error = %format!("{error:#}"), "an outdated entry stays in the cache");
        }
    }

    /// The entry of a key as text.
    pub async fn get(&self, key: &str) -> Option<Payload> {
        Some(kept::unpack(self.lookup(key).wait().await?).0)
    }

    /// Stores an entry; `ttl` of `None` takes the broker's.
    pub async fn set(&self, key: impl Into<String>, value: Payload, ttl: Option<Duration>) {
        self.store(key.into(), value, ttl).await;
    }

    /// Removes the entry of a key as text.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn del(&self, key: impl Into<String>) -> Result<()> {
        let key = key.into();
        self.0.turns.removed(|other| *other == *key);
        self.0.store.del(vec![key]).await
    }

    /// Removes everything whose key matches a mask: `users.*` is every entry of the users service.
    ///
    /// A `*` at the end stands for any text, as `**` does: keys have dots in numbers and texts, and what is left
    /// behind would be outdated.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn clean(&self, mask: &str) -> Result<()> {
        let mask = Pattern::new(&whole(mask));
        self.0.turns.removed(|key| mask.matches(key));
        self.0.store.clean(vec![mask]).await
    }

    /// All keys, sorted.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn keys(&self) -> Result<Vec<String>> {
        self.0.store.keys().await
    }

    /// The cached result of an action for these parameters.
    pub async fn get_for<P: Data, R: Data>(
        &self,
        broker: &ServiceBroker,
        action: ActionRef<P, R>,
        params: P,
    ) -> Option<R> {
        let key = self.key_for(broker, action.name(), &Payload::typed(params))?;
        self.get(&key).await?.take().ok()
    }

    /// Removes the cached result of an action for these parameters.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn del_for<P: Data, R: Data>(
        &self,
        broker: &ServiceBroker,
        action: ActionRef<P, R>,
        params: P,
    ) -> Result<()> {
        match self.key_for(broker, action.name(), &Payload::typed(params)) {
            Some(key) => self.del(key).await,
            None => Ok(()),
        }
    }

    /// The key that an action's result has for these parameters, without meta or headers: a part of the key
    /// that is read from there (`#user.id`) is `undefined` in it. `None` when the action is none of this node's,
    /// is not cached, or refuses the parameters.
    pub fn key_for(&self, broker: &ServiceBroker, action: &str, params: &Payload) -> Option<String> {
        let snapshot = broker.registry().snapshot();
        let action = snapshot.endpoint(action)?.action();
        let ctx = broker.root_context();
        let rule = action.cache.as_ref()?;
        let params = action.handled(params.clone(), broker.options().validator)?;
        rule.key(action.full_name(), &params, &ctx, self.0.max_params_length)
    }
}

/// The mask with `**` instead of a `*` at its end.
fn whole(mask: &str) -> Cow<'_, str> {
    if mask.ends_with('*') && !mask.ends_with("**") { format!("{mask}*").into() } else { mask.into() }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("ttl", &self.0.ttl).finish_non_exhaustive()
    }
}
