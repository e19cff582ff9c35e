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

use std::{borrow::Cow, cell::Cell, fmt, sync::Arc, time::Duration};

use ligand_wire::{Data, Payload, Result, pattern::Pattern};

pub(crate) use check::check;
pub use memory::MemoryCacher;
pub use rule::CacheRule;
use turn::{Turn, Turns};

use crate::{broker::ServiceBroker, future::BoxFuture, service::ActionRef};

/// In the meta of a call: false = the cache is neither read nor written.
pub(crate) const NO_CACHE: &str = "$cache";

/// A store for cached results. Implement it to bring your own.
///
/// A failure of the store is a miss: log it and answer `None`.
///
/// A result whose action said something about its HTTP answer is stored with that: outside of the process it is an
/// object of `$reply` and `value`, which only Ligand nodes understand.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{Payload, Result, cache::{Cacher, Lookup}, future::{BoxFuture, ready}};
/// use ligand_wire::pattern::Pattern;
/// use std::{collections::BTreeMap, sync::Mutex, time::Duration};
///
/// /// Keeps everything for ever.
/// #[derive(Default)]
/// struct Hoard(Mutex<BTreeMap<String, Payload>>);
///
/// impl Hoard {
///     fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Payload>) -> T) -> T {
///         work(&mut self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
///     }
/// }
///
/// impl Cacher for Hoard {
///     fn get(&self, key: &str) -> Lookup {
///         Lookup::Ready(self.with(|entries| entries.get(key).cloned()))
///     }
///     fn set(&self, key: String, value: Payload, _ttl: Option<Duration>) -> BoxFuture<()> {
///         self.with(|entries| entries.insert(key, value));
///         ready(())
///     }
///     fn del(&self, keys: Vec<String>) -> BoxFuture<Result<()>> {
///         self.with(|entries| entries.retain(|key, _| !keys.contains(key)));
///         ready(Ok(()))
///     }
///     fn clean(&self, masks: Vec<Pattern>) -> BoxFuture<Result<()>> {
///         self.with(|entries| entries.retain(|key, _| !masks.iter().any(|mask| mask.matches(key))));
///         ready(Ok(()))
///     }
///     fn keys(&self) -> BoxFuture<Result<Vec<String>>> {
///         ready(Ok(self.with(|entries| entries.keys().cloned().collect())))
///     }
/// }
///
/// let broker = ligand_core::ServiceBroker::builder().cacher(Hoard::default()).start().await?;
/// # let cache = broker.cache().expect("there is one");
/// cache.set("users.get:5", Payload::typed("ada".to_owned()), None).await;
/// assert_eq!(cache.keys().await?, ["users.get:5"]);
/// # broker.stop().await;
/// # Ok(()) }
/// ```
pub trait Cacher: Send + Sync + 'static {
    /// The entry of a key.
    fn get(&self, key: &str) -> Lookup;

    /// The entry of a key, when that is known here and now and finding out costs no request. By default it never is, and
    /// [`get`](Cacher::get) is asked.
    fn peek(&self, key: &str) -> Option<Payload> {
        let _ = key;
        None
    }

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

    pub(crate) fn peek(&self, key: &str) -> Option<Payload> {
        self.0.store.peek(key)
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
            tracing::warn!(error = %error.for_log(), "an outdated entry stays in the cache");
        }
    }

    /// The entry of a key as text.
    pub async fn get(&self, key: &str) -> Option<Payload> {
        Some(kept::unpack(self.lookup(key).wait().await?).0)
    }

    /// Stores an entry; `ttl` of `None` takes the broker's.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Payload, ServiceBroker};
    /// # let broker = ServiceBroker::builder().memory_cache().start().await?;
    /// # let Some(cache) = broker.cache() else { unreachable!("it was asked for") };
    /// cache.set("rates:eur", Payload::typed(1.08), Some(std::time::Duration::from_secs(60))).await;
    /// let rate = cache.get("rates:eur").await.map(Payload::take::<f64>).transpose()?;
    /// assert_eq!(rate, Some(1.08));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
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
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Payload, ServiceBroker};
    /// let broker = ServiceBroker::builder().memory_cache().start().await?;
    /// let Some(cache) = broker.cache() else { unreachable!("it was asked for") };
    /// cache.set("users.get:5", Payload::typed(5), None).await;
    /// cache.set("posts.get:7", Payload::typed(7), None).await;
    /// cache.clean("users.*").await?;
    /// assert_eq!(cache.keys().await?, ["posts.get:7"]);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
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
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, ActionRef, Error, ServiceBroker, ServiceDef, cache::CacheRule};
    /// const GET: ActionRef<u64, u64> = ActionRef::new("users.get");
    /// let get = Action::of("get", |id: u64| async move { Ok::<_, Error>(id) }).cache(CacheRule::new());
    /// let users = ServiceDef::new("users").action(get);
    /// let broker = ServiceBroker::builder().memory_cache().service(users).start().await?;
    /// broker.call(GET, 5).await?;
    /// let Some(cache) = broker.cache() else { unreachable!("it was asked for") };
    /// assert_eq!(cache.get_for(&broker, GET, 5).await, Some(5));
    /// cache.del_for(&broker, GET, 5).await?;
    /// assert_eq!(cache.get_for(&broker, GET, 5).await, None);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
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

/// Where a thread writes keys that it only looks up.
pub(crate) struct Room;

impl Room {
    /// Larger keys are rare, and are not worth the memory.
    const KEPT: usize = 1024;

    pub(crate) fn with<T>(work: impl FnOnce(&mut String) -> T) -> T {
        thread_local! {
            static KEY: Cell<String> = const { Cell::new(String::new()) };
        }
        // A value that is written may look something up itself: it finds no room and makes its own.
        let mut key = KEY.try_with(Cell::take).unwrap_or_default();
        key.clear();
        let result = work(&mut key);
        if key.capacity() <= Self::KEPT {
            let _ = KEY.try_with(|room| room.set(key));
        }
        result
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
