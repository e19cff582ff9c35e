//! How often a client may ask: [`RateLimit`], for a route or for the gateway.
//!
//! A request that comes too soon gets 429 `RATE_LIMIT_EXCEEDED` and `Retry-After`. It is counted before anybody is
//! authenticated, or, with [`RateLimit::by_user`], just after. Preflights are not counted; requests that lead nowhere below
//! the path of the route are.
//!
//! Counters are kept in memory, of bounded size, or in a [`Store`] that several gateways share. When a store fails, requests
//! pass and the log says so: a limit must not become an outage.

mod memory;
mod rule;

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ligand_core::{Context, Result, future::BoxFuture};
use ligand_net::LogLimit;
use serde_json::{Value, json};

use self::memory::Memory;
pub use self::rule::{Algorithm, Rule, Taken};
use crate::{Req, error};

type KeyOf = Arc<dyn Fn(&Req) -> Option<String> + Send + Sync>;

/// Counts requests; shared by all that hold it.
pub trait Store: Send + Sync + 'static {
    /// Counts one request of `key` and says whether it may pass.
    fn take(&self, key: &str, rule: &Rule) -> BoxFuture<Result<Taken>>;
}

/// At most so many requests of one client in a time. See [`Route::rate_limit`](crate::Route::rate_limit).
///
/// ```
/// use std::time::Duration;
/// use ligand_web::{RateLimit, Route};
///
/// let minute = Duration::from_secs(60);
/// let login = Route::new("/login").alias("POST /", "auth.login").rate_limit(RateLimit::new(5, minute).gcra());
/// let api = Route::new("/api")
///     .auto_aliases()
///     .rate_limit(RateLimit::new(1000, minute))
///     .rate_limit(RateLimit::new(100, minute).by_header("x-api-key"));
/// # let _ = (login, api);
/// ```
#[derive(Clone)]
pub struct RateLimit {
    rule: Rule,
    key: Key,
    headers: bool,
    name: Option<Arc<str>>,
    store: Counters,
    log: Arc<LogLimit>,
}

#[derive(Clone)]
enum Key {
    Address,
    User(Option<Arc<str>>),
    Own(KeyOf),
}

#[derive(Clone)]
enum Counters {
    Memory(Arc<Memory>),
    Shared(Arc<dyn Store>),
}

/// How long a key may be; longer ones are cut.
const LONGEST_KEY: usize = 256;

impl RateLimit {
    /// At most `limit` requests in each `window`, by the address of the client. An address of version 6 counts with its
    /// network of 64 bits: one client has all of them.
    pub fn new(limit: u32, window: Duration) -> Self {
        let rule = Rule { limit, window, algorithm: Algorithm::FixedWindow };
        let store = Counters::Memory(Arc::new(Memory::new(MOST_KEYS)));
        Self { rule, key: Key::Address, headers: true, name: None, store, log: Arc::new(LogLimit::new(1)) }
    }

    /// Counts by the value of a header, such as an API key. Requests without it are counted by their address.
    pub fn by_header(self, name: &str) -> Self {
        let name = name.to_owned();
        self.by(move |req| Some(req.header(&name).map_or_else(|| address(req), str::to_owned)))
    }

    /// Counts by the user that `authenticate` found: its `id`, else its `sub`, else all of it. Nobody counts by address.
    pub fn by_user(mut self) -> Self {
        self.key = Key::User(None);
        self
    }

    /// As [`RateLimit::by_user`], by this field.
    pub fn by_user_field(mut self, field: &str) -> Self {
        self.key = Key::User(Some(field.into()));
        self
    }

    /// Counts by what `key` says; `None` is not counted.
    pub fn by(mut self, key: impl Fn(&Req) -> Option<String> + Send + Sync + 'static) -> Self {
        self.key = Key::Own(Arc::new(key));
        self
    }

    /// Spreads the requests: after `limit` at once, one in each `window / limit`. Default: a fixed window, in which all
    /// may come at once, and twice as many around its end.
    pub fn gcra(mut self) -> Self {
        self.rule.algorithm = Algorithm::Gcra;
        self
    }

    /// Whether answers tell how much is left, in `RateLimit-Limit`, `-Remaining`, `-Reset` (seconds) and `-Policy`, and in
    /// `X-Rate-Limit-Limit`, `-Remaining`, `-Reset` (the time in milliseconds). Default: they do.
    pub fn headers(mut self, on: bool) -> Self {
        self.headers = on;
        self
    }

    /// Keeps apart what several limits count in one [`Store`].
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Counts there instead of in the memory of this gateway.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Counters::Shared(store);
        self
    }

    /// Keeps at most so many keys in memory; further ones share counters. Default: 100 000.
    pub fn most_keys(mut self, most: usize) -> Self {
        self.store = Counters::Memory(Arc::new(Memory::new(most)));
        self
    }

    pub(crate) fn problem(&self) -> Option<String> {
        let Rule { limit, window, .. } = self.rule;
        (limit == 0 || window.is_zero()).then(|| {
            format!("a rate limit of {limit} in {window:?} lets nothing pass; both must be more than 0")
        })
    }

    pub(crate) fn needs_user(&self) -> bool {
        matches!(self.key, Key::User(_))
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 when it comes too soon.
    pub(crate) async fn check(&self, req: &Req, ctx: &Context, headers: &mut HeaderMap) -> Result<()> {
        let key = match &self.key {
            Key::Address => Some(address(req)),
            Key::User(field) => Some(user(ctx, field.as_deref()).unwrap_or_else(|| address(req))),
            Key::Own(key) => key(req).filter(|key| !key.is_empty()),
        };
        let Some(mut key) = key else { return Ok(()) };
        if key.len() > LONGEST_KEY {
            let end = (0..=LONGEST_KEY).rev().find(|at| key.is_char_boundary(*at)).unwrap_or(0);
            key.truncate(end);
        }
        let taken = match &self.store {
            Counters::Memory(memory) => memory.take(&key, &self.rule),
            Counters::Shared(store) => {
                let key = self.name.as_ref().map_or_else(|| key.clone(), |name| format!("{name}:{key}"));
                match store.take(&key, &self.rule).await {
                    Ok(taken) => taken,
                    Err(error) => {
                        if let Some(left_out) = self.log.pass() {
                            let error = error.for_log();
                            tracing::warn!(%error, left_out, "requests pass uncounted: the store of a rate limit fails");
                        }
                        return Ok(());
                    }
                }
            }
        };
        if self.headers {
            tell(&self.rule, &taken, headers);
        }
        if taken.allowed {
            return Ok(());
        }
        let seconds = seconds(taken.retry_after).max(1);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        Err(error::rate_limit_exceeded().with_data(json!({ "retryAfter": seconds })))
    }
}

const MOST_KEYS: usize = 100_000;

/// The address of the client, as far as it is one client.
fn address(req: &Req) -> String {
    match req.peer.map(|peer| peer.ip().to_canonical()) {
        None => "unknown".into(),
        Some(std::net::IpAddr::V4(address)) => address.to_string(),
        Some(std::net::IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

fn user(ctx: &Context, field: Option<&str>) -> Option<String> {
    let user: Value = ctx.meta("user").ok().flatten()?;
    let fields: &[&str] = field.as_ref().map_or(&["id", "sub"], std::slice::from_ref);
    let own = fields.iter().find_map(|field| user.get(field).filter(|value| !value.is_null()));
    match own.unwrap_or(&user) {
        Value::Null => None,
        Value::String(text) => Some(format!("user:{text}")),
        other => Some(format!("user:{other}")),
    }
}

/// Whole seconds, at least so many.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Of several limits the one with the least left is told.
fn tell(rule: &Rule, taken: &Taken, headers: &mut HeaderMap) {
    let told = headers.get("ratelimit-remaining").and_then(|left| left.to_str().ok()?.parse::<u32>().ok());
    if taken.allowed && told.is_some_and(|told| told < taken.remaining) {
        return;
    }
    let reset = seconds(taken.reset);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let end = u64::try_from((now + taken.reset).as_millis()).unwrap_or(u64::MAX);
    for (name, value) in [
        ("ratelimit-limit", u64::from(rule.limit)),
        ("ratelimit-remaining", u64::from(taken.remaining)),
        ("ratelimit-reset", reset),
        ("x-rate-limit-limit", u64::from(rule.limit)),
        ("x-rate-limit-remaining", u64::from(taken.remaining)),
        ("x-rate-limit-reset", end),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    if let Ok(policy) = HeaderValue::try_from(format!("{};w={}", rule.limit, seconds(rule.window))) {
        headers.insert(HeaderName::from_static("ratelimit-policy"), policy);
    }
}

/// Takes those away that moleculer-web does not send.
#[cold]
pub(crate) fn only_old_headers(headers: &mut HeaderMap) {
    for name in ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy"] {
        headers.remove(name);
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("rule", &self.rule).finish_non_exhaustive()
    }
}

/// Counts a request with the limits that need no user.
pub(crate) async fn check(
    limits: &[RateLimit],
    req: &Req,
    ctx: &Context,
    headers: &mut HeaderMap,
) -> Result<()> {
    for limit in limits.iter().filter(|limit| !limit.needs_user()) {
        limit.check(req, ctx, headers).await?;
    }
    Ok(())
}

/// What limits that need the user say in the answer, until [`told`].
#[derive(Clone)]
struct Told(HeaderMap);

/// Counts a request with the limits that need the user.
pub(crate) async fn check_user(limits: &[RateLimit], req: &Req, ctx: &Context) -> Result<()> {
    if !limits.iter().any(RateLimit::needs_user) {
        return Ok(());
    }
    let mut headers = HeaderMap::new();
    let mut result = Ok(());
    for limit in limits.iter().filter(|limit| limit.needs_user()) {
        if result.is_ok() {
            result = limit.check(req, ctx, &mut headers).await;
        }
    }
    ctx.set_local(Told(headers));
    result
}

/// Takes over what [`check_user`] has to say.
pub(crate) fn told(ctx: &Context, headers: &mut HeaderMap) {
    if let Some(Told(own)) = ctx.local::<Told>() {
        headers.extend(own);
    }
}
