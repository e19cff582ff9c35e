//! Listeners that failed: counted all, logged at a bounded rate.

use std::sync::atomic::{AtomicU64, Ordering};

use ligand_wire::{Error, redact::without_value};
use serde_json::Value;

use crate::{context::Context, quiet::Quiet};

/// Lines in ten seconds.
const LINES: u32 = 100;

/// What failed so far.
pub(crate) struct ListenerErrors {
    count: AtomicU64,
    lines: Quiet,
}

impl Default for ListenerErrors {
    fn default() -> Self {
        Self { count: AtomicU64::new(0), lines: Quiet::new(LINES) }
    }
}

impl ListenerErrors {
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Notes that the listener of `ctx` answered an error.
    #[cold]
    pub(crate) fn note(&self, ctx: &Context, error: &Error) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let Some(hidden) = self.lines.pass() else { return };
        let fields = fields(error);
        tracing::error!(
            event = ctx.event_name(),
            service = ctx.service_full_name(),
            sender = ctx.node_id(),
            caller = ctx.caller().unwrap_or(""),
            fields,
            hidden,
            error = %without_value(&format!("{error:#}")),
            "a listener failed"
        );
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
