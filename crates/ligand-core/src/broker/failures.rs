//! Work that failed with nobody to hear of it: listeners, jobs, spawned work. Counted all, logged at a bounded rate, and on
//! standard error when the program has set up no log.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ligand_net::LogLimit;
use ligand_wire::{Error, redact::without_value};
use serde_json::Value;

use crate::{
    context::{Context, Id},
    log::unheard,
};

/// Lines in ten seconds.
const LINES: u32 = 100;

/// What failed so far.
pub(crate) struct Failures {
    count: AtomicU64,
    lines: LogLimit,
}

impl Default for Failures {
    fn default() -> Self {
        Self { count: AtomicU64::new(0), lines: LogLimit::new(LINES) }
    }
}

/// Work of a service that nobody waits for: a job, or what a handler spawned.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    service: Arc<str>,
    /// The action that spawned it.
    action: Arc<str>,
    job: Option<Arc<str>>,
    request_id: Id,
}

impl Origin {
    pub(crate) fn of(ctx: &Context, job: Option<&Arc<str>>) -> Self {
        Self {
            service: ctx.service_name().cloned().unwrap_or_default(),
            action: ctx.action().into(),
            job: job.cloned(),
            request_id: ctx.request_id(),
        }
    }
}

impl Failures {
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Notes that the listener of `ctx` answered an error.
    #[cold]
    pub(crate) fn listener(&self, ctx: &Context, error: &Error) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let Some(hidden) = self.lines.pass() else { return };
        let fields = fields(error);
        let (event, service, sender) = (ctx.event_name(), ctx.service_full_name(), ctx.node_id());
        let (id, text) = (ctx.request_id(), error.for_log().to_string());
        let text = without_value(&text);
        tracing::error!(
            event,
            service,
            sender,
            caller = ctx.caller().unwrap_or(""),
            request_id = %id,
            fields,
            hidden,
            error = %text,
            "a listener failed"
        );
        unheard(format_args!(
            "ERROR a listener failed event={event} service={service} sender={sender} request_id={id} hidden={hidden} \
             error={text}"
        ));
    }

    /// Notes that work in the background failed.
    #[cold]
    pub(crate) fn background(&self, origin: &Origin, error: &Error) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let Some(hidden) = self.lines.pass() else { return };
        let Origin { service, action, job, request_id: id } = origin;
        let (service, action, job) = (&**service, &**action, job.as_deref().unwrap_or(""));
        let text = error.for_log().to_string();
        tracing::error!(service, job, action, request_id = %id, hidden, error = text, "background work failed");
        unheard(format_args!(
            "ERROR background work failed service={service} job={job} action={action} request_id={id} hidden={hidden} \
             error={text}"
        ));
    }
}

/// The fields that do not fit, each with the rule it breaks; values are left out.
fn fields(error: &Error) -> String {
    let Some(Value::Array(errors)) = error.data() else { return String::new() };
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let broken = errors.iter().filter_map(|entry| {
        let field = text(entry, "field")?;
        Some(text(entry, "type").map_or_else(|| field.clone(), |rule| format!("{field} ({rule})")))
    });
    // Of a list with many, the first ones say it.
    broken.take(10).collect::<Vec<_>>().join(", ")
}
