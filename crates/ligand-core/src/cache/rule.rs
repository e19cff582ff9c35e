//! What an action caches, and the text of its keys.

use std::{fmt, sync::Arc, time::Duration};

use ligand_wire::{
    Payload,
    key::{self, Found, KeyError, Text},
};

use crate::context::Context;

type KeyGen = Arc<dyn Fn(&Payload, &Context) -> String + Send + Sync>;
type Enabled = Arc<dyn Fn(&Context) -> bool + Send + Sync>;

/// The `cache` option of an action.
///
/// Without `keys` all parameters make the key. With them only these do: a path in the parameters (`id`,
/// `user.name`), in the meta (`#user.id`) or in the headers (`@x-lang`). Names are those of the wire.
///
/// The parameters are what the handler gets: decoded and sanitised, with defaults, without fields that it drops.
/// They are seen through the type's own `Serialize`: when that leaves something out that the handler reads, two inputs
/// have one key. Fields that are read and never written are found when the service is made; a `Serialize` of your own
/// needs `keys` or a `keygen` that name all that counts.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{Action, Error, ServiceBroker, ServiceDef, cache::CacheRule};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static RUNS: AtomicU32 = AtomicU32::new(0);
/// let get = Action::of("get", |id: u64| async move {
///     RUNS.fetch_add(1, Ordering::Relaxed);
///     Ok::<_, Error>(format!("user {id}"))
/// })
/// .cache(CacheRule::new());
/// let users = ServiceDef::new("users").action(get);
/// let broker = ServiceBroker::builder().memory_cache().service(users).start().await?;
/// broker.call_named("users.get", 5).await?;
/// broker.call_named("users.get", 5).await?;
/// assert_eq!(RUNS.load(Ordering::Relaxed), 1);
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct CacheRule {
    keys: Option<Vec<String>>,
    ttl: Option<Duration>,
    keygen: Option<KeyGen>,
    enabled: Option<Enabled>,
}

impl CacheRule {
    /// All parameters make the key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only these make the key.
    ///
    /// ```
    /// use ligand_core::cache::CacheRule;
    /// use std::time::Duration;
    /// // The id of the parameters, the user in the meta, and the language in the headers.
    /// let rule = CacheRule::keys(["id", "#user.id", "@x-lang"]).with_ttl(Duration::from_secs(60));
    /// assert!(format!("{rule:?}").contains("#user.id"));
    /// ```
    pub fn keys<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self { keys: Some(keys.into_iter().map(Into::into).collect()), ..Self::default() }
    }

    /// How long results live. Default: the cacher's `ttl`.
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Makes the key by a function instead: what it returns stands behind `<action>:`, so that masks find it.
    /// Name everything that the result depends on, above all the user.
    ///
    /// ```
    /// use ligand_core::{Action, Context, Error, cache::CacheRule};
    /// let rule = CacheRule::new().keygen(|params, ctx| format!("{}:{params:?}", ctx.caller().unwrap_or("outside")));
    /// let find = Action::of("find", |text: String| async move { Ok::<_, Error>(vec![text]) }).cache(rule);
    /// # let _ = find;
    /// ```
    pub fn keygen(mut self, keygen: impl Fn(&Payload, &Context) -> String + Send + Sync + 'static) -> Self {
        self.keygen = Some(Arc::new(keygen));
        self
    }

    /// Caches only calls for which the function returns true.
    ///
    /// ```
    /// use ligand_core::cache::CacheRule;
    /// // Administrators see what is there now.
    /// let rule = CacheRule::new().enabled_if(|ctx| !matches!(ctx.meta::<bool>("admin"), Ok(Some(true))));
    /// # let _ = rule;
    /// ```
    pub fn enabled_if(mut self, enabled: impl Fn(&Context) -> bool + Send + Sync + 'static) -> Self {
        self.enabled = Some(Arc::new(enabled));
        self
    }

    pub(crate) fn has_keygen(&self) -> bool {
        self.keygen.is_some()
    }

    /// The paths that make the key; `None` = all parameters.
    pub(crate) fn names(&self) -> Option<&[String]> {
        self.keys.as_deref()
    }

    pub(crate) fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    pub(crate) fn applies(&self, ctx: &Context) -> bool {
        self.enabled.as_ref().is_none_or(|enabled| enabled(ctx))
    }

    /// The text of the key, as a JavaScript node makes it of the same parameters; `None` when they are unreadable.
    ///
    /// `params` are what the handler gets: decoded, sanitised, with their defaults.
    pub(crate) fn key(
        &self,
        action: &str,
        params: &Payload,
        ctx: &Context,
        max: Option<usize>,
    ) -> Option<String> {
        let mut text = String::with_capacity(action.len() + 32);
        self.write_key(&mut text, action, params, Some(ctx), max)?;
        Some(text)
    }

    /// Appends the text of the key. Without a context what is read from there is not there.
    pub(crate) fn write_key(
        &self,
        text: &mut String,
        action: &str,
        params: &Payload,
        ctx: Option<&Context>,
        max: Option<usize>,
    ) -> Option<()> {
        text.push_str(action);
        let keys = self.keys.as_deref();
        if self.keygen.is_none() && keys.is_some_and(<[String]>::is_empty) {
            return Some(());
        }
        text.push(':');
        if let Some(keygen) = &self.keygen {
            text.push_str(&key::limit(keygen(params, ctx?), max));
            return Some(());
        }
        let written = match keys {
            None => key::write_parts(text, 1, max, |_, text| params.write_key(None, text)),
            Some(keys) => {
                key::write_parts(text, keys.len(), max, |index, text| write(&keys[index], params, ctx, text))
            }
        };
        written.ok()
    }

    /// Whether the parameters alone say what is cached, and under which key.
    pub(crate) fn asks_parameters_only(&self) -> bool {
        let mut keys = self.keys.iter().flatten();
        self.keygen.is_none() && self.enabled.is_none() && keys.all(|key| !key.starts_with(['#', '@']))
    }
}

fn write(key: &str, params: &Payload, ctx: Option<&Context>, text: &mut Text<'_>) -> Result<Found, KeyError> {
    let place = match key.as_bytes().first() {
        Some(place @ (b'#' | b'@')) => place,
        _ => return params.write_key(Some(key), text),
    };
    let (Some(ctx), name) = (ctx, &key[1..]) else { return Ok(text.missing()) };
    if *place == b'#' {
        return ctx.write_meta_key(name, text);
    }
    match ctx.header(&name.to_ascii_lowercase()) {
        Some(value) => text.value(value),
        None => Ok(text.missing()),
    }
}

impl fmt::Display for CacheRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.keygen, &self.keys) {
            (Some(_), _) => f.write_str("own keys")?,
            (None, Some(keys)) => write!(f, "keys {}", keys.join(", "))?,
            (None, None) => f.write_str("all parameters")?,
        }
        match self.ttl {
            Some(ttl) => write!(f, "; {ttl:?}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for CacheRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheRule({self})")
    }
}
