//! Reading and changing the meta of a context.

use ligand_wire::{
    Error, Result,
    key::{Found, KeyError, Text},
    objects,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Context, carried::Carried, meta::Meta};

impl Context {
    /// One value of the meta; `None` when it is missing or null.
    ///
    /// ```
    /// # use ligand_core::{Context, Result};
    /// # #[derive(serde::Deserialize)] struct User { id: u64 }
    /// # fn example(ctx: &Context) -> Result<()> {
    /// let anybody: Option<User> = ctx.meta("user")?;
    /// let somebody: User = ctx.require_meta("user")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 422 `META_INVALID` when it is there and no `T`.
    pub fn meta<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let carried = self.0.carried.lock();
        let Some(value) = carried.get(key) else { return Ok(None) };
        match T::deserialize(objects::by_name(value)) {
            Ok(value) => Ok(Some(value)),
            // JavaScript nodes write null for nobody.
            Err(_) if value.is_null() => Ok(None),
            Err(error) => Err(unfit_meta::<T>(key, &error)),
        }
    }

    /// One value of the meta that must be there.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// let who = Action::new("who", |ctx: Context, (): ()| async move { ctx.require_meta::<String>("user") });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(who)).start().await?;
    /// let error = broker.call_named("s.who", ()).await.unwrap_err();
    /// assert_eq!((error.code(), error.kind()), (400, "META_MISSING"));
    /// let error = broker.call_named("s.who", ()).meta("user", 5).await.unwrap_err();
    /// assert_eq!((error.code(), error.kind()), (422, "META_INVALID"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 400 `META_MISSING` when it is missing or null, 422 `META_INVALID` when it is no `T`.
    pub fn require_meta<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.meta(key)?.ok_or_else(|| missing_meta(key))
    }

    /// Sets one value of the meta: the calls made from here see it, and so does the caller afterwards, unless it is
    /// [sealed](Context::seal_meta). Of calls that run at once and set the same value differently, the one that ends
    /// last wins.
    ///
    /// `$statusCode`, `$statusMessage`, `$responseType`, `$responseHeaders` and `$location` are for the gateway that
    /// called this very action: callees do not get them, and callers other than a gateway neither. A
    /// [`Reply`](crate::edge::Reply) says the same with types.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// let login = Action::new("login", |ctx: Context, name: String| async move {
    ///     ctx.set_meta("user", name);
    ///     Ok::<_, Error>(())
    /// });
    /// let open = Action::new("open", |ctx: Context, (): ()| async move {
    ///     ctx.call_named("s.login", "ada".to_owned()).await?;
    ///     ctx.require_meta::<String>("user")
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(login).action(open)).start().await?;
    /// assert_eq!(broker.call_named("s.open", ()).await?.take::<String>()?, "ada");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn set_meta(&self, key: impl Into<String>, value: impl Into<Value>) {
        self.0.carried.lock().set(key.into(), value.into());
    }

    /// From here on no callee changes this value for its caller, at any depth and on any node: what it sets is seen
    /// by its own callees only. Holds also for a value that is not there.
    ///
    /// The gateway seals what `authenticate` established.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    ///
    /// let forge = Action::new("forge", |ctx: Context, (): ()| async move {
    ///     ctx.set_meta("user", "eve");
    ///     Ok::<_, Error>(())
    /// });
    /// let open = Action::new("open", |ctx: Context, (): ()| async move {
    ///     ctx.set_meta("user", "ada");
    ///     ctx.seal_meta("user");
    ///     ctx.call_named("s.forge", ()).await?;
    ///     ctx.require_meta::<String>("user")
    /// });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(forge).action(open)).start().await?;
    /// assert_eq!(broker.call_named("s.open", ()).await?.take::<String>()?, "ada");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn seal_meta(&self, key: &str) {
        self.0.carried.lock().seal([key]);
    }

    /// Seals all that the meta holds now, and `user`: for gateways, when they know who calls.
    pub fn seal_identity(&self) {
        self.0.carried.lock().seal_all("user");
    }

    /// A copy of the whole meta.
    pub fn metas(&self) -> Meta {
        self.0.carried.lock().all()
    }

    /// The meta that goes down with calls.
    pub(crate) fn down(&self) -> Carried {
        self.0.carried.lock().down()
    }

    /// Takes over what `child` changed of the meta that it had from here.
    pub(crate) fn merge_meta(&self, child: &Context) {
        let changed = child.0.carried.lock().meta().clone();
        if !changed.is_empty() {
            self.0.carried.lock().merge_back(&child.0.inherited, &changed);
        }
    }

    /// Hands what this action said about its answer to a caller that asked for it.
    pub(crate) fn tell_head(&self) {
        if let Some(head) = self.0.extra.as_ref().and_then(|extra| extra.head.as_ref()) {
            head.put(self.0.carried.lock().directives().clone());
        }
    }

    pub(crate) fn write_meta_key(&self, path: &str, text: &mut Text<'_>) -> Result<Found, KeyError> {
        let meta = self.0.carried.lock();
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        match meta.get(first) {
            Some(value) => text.path(value, rest),
            None => Ok(text.missing()),
        }
    }
}

#[cold]
fn missing_meta(key: &str) -> Error {
    Error::client(400, "META_MISSING", format!("The call needs '{key}' in its meta."))
}

#[cold]
fn unfit_meta<T>(key: &str, error: &serde_json::Error) -> Error {
    let kind = std::any::type_name::<T>();
    // The text of the error may quote the value.
    Error::client(422, "META_INVALID", format!("'{key}' in the meta of the call has an unexpected form."))
        .with_internal(format!("it is no {kind}: {error}"))
}
