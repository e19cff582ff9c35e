//! Fallback: an answer for when a call fails for whatever reason.

use std::{any::TypeId, fmt, future::Future, sync::Arc};

use ligand_wire::{Data, Error, Payload, Result};
use serde::Serialize;
use serde_json::Value;

use crate::{context::Context, future::BoxFuture, service::ActionDef};

/// What to fall back to when a call fails: with an error of the handler, a time-out, an open circuit, or because
/// nobody offers the action.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{Action, Error, ServiceBroker, ServiceDef, middleware::Fallback};
///
/// let rate = Action::of("rate", |(): ()| async { Err::<f64, _>(Error::server(500, "NO_BANK", "The bank is closed.")) })
///     .fallback(Fallback::value(1.0));
/// let broker = ServiceBroker::builder().service(ServiceDef::new("bank").action(rate)).start().await?;
/// assert_eq!(broker.call_named("bank.rate", ()).await?.take::<f64>()?, 1.0);
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Fallback(Repr);

type Answer = dyn Fn(Option<Context>, Error) -> BoxFuture<Result<Payload>> + Send + Sync;

#[derive(Clone)]
enum Repr {
    Value(Payload),
    /// A value that its caller can read for certain.
    Fits(Payload),
    /// A value that could not be written.
    Broken(Error),
    With(Arc<Answer>),
    Action(Arc<str>),
}

impl Fallback {
    /// Always this value; a `&str` is one too. As the fallback of an action it has to be what the action returns: this is
    /// checked at start, by the type of the result or else by its published schema. After hooks may change
    /// the result into something else, so that of an action with such hooks is not checked. As the fallback of a call it
    /// is checked when the call begins, see [`Request::fallback`](crate::broker::Request::fallback).
    pub fn value(value: impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => Self(Repr::Value(value.into())),
            Err(why) => {
                let error = Error::server(500, "PAYLOAD_ENCODE_ERROR", "The fallback cannot be encoded.");
                Self(Repr::Broken(error.with_internal(why)))
            }
        }
    }

    /// The same for callers that read whatever comes: a constant is not compared with what the action returns. The gateway
    /// takes the [options of a route](crate::broker::CallOptions) so, since its clients speak HTTP.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef, middleware::Fallback};
    /// let rate = Action::of("rate", |(): ()| async { Err::<f64, _>(Error::new("The source is down.")) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("bank").action(rate)).start().await?;
    /// let call = broker.call_named("bank.rate", ()).fallback(Fallback::value("no rate today").unchecked());
    /// assert_eq!(call.await?.take::<String>()?, "no rate today");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn unchecked(self) -> Self {
        match self.0 {
            Repr::Value(value) => Self(Repr::Fits(value)),
            other => Self(other),
        }
    }

    /// What the function returns; it gets the context, when there is one, and the error.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Error, Payload, ServiceBroker, middleware::Fallback};
    /// let broker = ServiceBroker::builder().start().await?;
    /// let blame = Fallback::with(|_ctx, error: Error| async move { Ok(Payload::typed(error.kind().to_owned())) });
    /// let kind: String = broker.call_named("nobody.home", ()).fallback(blame).await?.take()?;
    /// assert_eq!(kind, "SERVICE_NOT_FOUND");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn with<F, Fut>(answer: F) -> Self
    where
        F: Fn(Option<Context>, Error) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Payload>> + Send + 'static,
    {
        Self(Repr::With(Arc::new(move |ctx, error| Box::pin(answer(ctx, error)))))
    }

    /// What another action returns for the same parameters.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Error, ServiceBroker, ServiceDef, middleware::Fallback};
    /// let old = Action::of("price", |name: String| async move { Ok::<_, Error>(format!("{name}: 2.50, last week")) });
    /// let broker = ServiceBroker::builder().service(ServiceDef::new("archive").action(old)).start().await?;
    /// let call = broker.call_named("shop.price", "tea".to_owned()).fallback(Fallback::action("archive.price"));
    /// assert_eq!(call.await?.take::<String>()?, "tea: 2.50, last week");
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn action(name: impl Into<Arc<str>>) -> Self {
        Self(Repr::Action(name.into()))
    }

    /// A value of the type that the caller reads, as it is.
    pub(crate) fn of<R: Data>(value: R) -> Self {
        Self(Repr::Fits(Payload::typed(value)))
    }

    /// As the fallback of a call whose caller reads an `R`.
    ///
    /// # Errors
    /// `INVALID_RESPONSE_TYPE` for a value that is none.
    pub(crate) fn read_as<R: Data>(self, action: &str) -> Result<Self> {
        match self.0 {
            Repr::Broken(_) => Err(unfit(action, "cannot be written as JSON")),
            Repr::Value(value) if TypeId::of::<R>() != TypeId::of::<Payload>() => {
                match value.clone().into_typed::<R>() {
                    Ok(value) => Ok(Self(Repr::Fits(value))),
                    Err(_) => Err(unfit(action, &misread(&value, std::any::type_name::<R>()))),
                }
            }
            other => Ok(Self(other)),
        }
    }

    pub(crate) async fn answer(
        &self,
        broker: &crate::broker::ServiceBroker,
        ctx: Option<Context>,
        params: Payload,
        error: Error,
    ) -> Result<Payload> {
        tracing::debug!(error = %error.for_log(), "call failed, the fallback answers");
        match &self.0 {
            Repr::Value(value) | Repr::Fits(value) => Ok(value.clone()),
            Repr::Broken(error) => Err(error.clone()),
            Repr::With(answer) => answer(ctx, error).await,
            Repr::Action(name) => match ctx {
                Some(ctx) => ctx.call_named(name.to_string(), params).await,
                None => broker.call_named(name.to_string(), params).await,
            },
        }
    }
}

/// Checks the value that an action falls back to.
///
/// # Errors
/// `SERVICE_SCHEMA_ERROR` that names the action, what the value is and what it should be, but not the value: it may be
/// a secret.
pub(crate) fn check(action: &ActionDef) -> Result<()> {
    let refuse = |why: String| {
        let name = action.full_name();
        Err(Error::service_schema(format!("the fallback of the action '{name}' {why}")))
    };
    let value = match action.fallback.as_ref().map(|fallback| &fallback.0) {
        Some(Repr::Broken(_)) => return refuse("cannot be written as JSON".into()),
        Some(Repr::Value(value)) if action.hooks.after.is_empty() => value,
        _ => return Ok(()),
    };
    misfit(action, value)?.map_or(Ok(()), refuse)
}

/// Checks the value that a call of `action` names, where its caller reads whatever comes. Null stands for no answer.
///
/// # Errors
/// `INVALID_RESPONSE_TYPE` that names the action, what the value is and what it should be.
pub(crate) fn check_of_call(action: &ActionDef, fallback: &Fallback) -> Result<()> {
    match &fallback.0 {
        Repr::Value(value)
            if action.hooks.after.is_empty() && value.as_value().is_some_and(|value| !value.is_null()) =>
        {
            misfit(action, value)?.map_or(Ok(()), |why| Err(unfit(action.full_name(), &why)))
        }
        _ => Ok(()),
    }
}

#[cold]
fn unfit(action: &str, why: &str) -> Error {
    let text = format!("The fallback given at the call of '{action}' {why}.");
    Error::server(500, "INVALID_RESPONSE_TYPE", text).with_retryable(false)
}

/// Why an action could not have answered this.
fn misfit(action: &ActionDef, value: &Payload) -> Result<Option<String>> {
    Ok(match (action.reader, &action.returns) {
        (Some(read), _) => read(value.clone()).err().map(|name| misread(value, name)),
        (None, Some(schema)) => schema.check(&value.to_value()?).first().map(|broken| {
            let place = broken.field.as_ref().map(|field| format!(" at '{field}'")).unwrap_or_default();
            format!(
                "is {}, which the schema of the result refuses{place}, by its rule '{}'; {WAY}",
                kind(value),
                broken.kind
            )
        }),
        (None, None) => None,
    })
}

const WAY: &str = "write a value that the action could answer";

fn misread(value: &Payload, name: &str) -> String {
    format!("is {}, and callers read a {name}; {WAY}", kind(value))
}

fn kind(value: &Payload) -> &'static str {
    match value.as_value() {
        None | Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "a text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Value(_) | Repr::Fits(_) | Repr::Broken(_) => f.write_str("Fallback(value)"),
            Repr::With(_) => f.write_str("Fallback(function)"),
            Repr::Action(name) => write!(f, "Fallback({name})"),
        }
    }
}
