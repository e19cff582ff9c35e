//! Logs the calls that a node makes.

use std::{path::PathBuf, sync::Arc};

use ligand_wire::{Payload, Result, pattern::Pattern};
use tracing::Level;

use super::{Output, json};
use crate::{
    broker::{Outgoing, ServiceBroker},
    future::BoxFuture,
    middleware::{DynCall, Middleware},
};

/// Logs every call that this node makes, and how it ended.
///
/// ```
/// # use ligand_core::{broker::BrokerBuilder, middleware::debug::ActionLogger};
/// # fn example(builder: BrokerBuilder) -> BrokerBuilder {
/// builder.middleware(ActionLogger::default().params(true).only(["posts.*"]))
/// # }
/// ```
#[derive(Debug, Default)]
pub struct ActionLogger(Arc<Settings>);

#[derive(Debug, Default)]
struct Settings {
    output: Output,
    params: bool,
    response: bool,
    meta: bool,
    only: Option<Vec<Pattern>>,
}

impl ActionLogger {
    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        if let Some(settings) = Arc::get_mut(&mut self.0) {
            change(settings);
        }
        self
    }

    /// Level of the lines; `None` = none, only files. Default: `INFO`.
    #[must_use]
    pub fn level(self, level: impl Into<Option<Level>>) -> Self {
        self.set(|settings| settings.output.level = level.into())
    }

    /// Logs the parameters too. Default: false.
    #[must_use]
    pub fn params(self, on: bool) -> Self {
        self.set(|settings| settings.params = on)
    }

    /// Logs the results too. Default: false.
    #[must_use]
    pub fn response(self, on: bool) -> Self {
        self.set(|settings| settings.response = on)
    }

    /// Logs the meta that is given with the call. Default: false.
    #[must_use]
    pub fn meta(self, on: bool) -> Self {
        self.set(|settings| settings.meta = on)
    }

    /// Writes what is logged to files in `<folder>/<node>` too. Nobody deletes them. Default: no.
    #[must_use]
    pub fn folder(self, folder: impl Into<PathBuf>) -> Self {
        self.set(|settings| settings.output.path = Some(folder.into()))
    }

    /// Logs only the actions with these names or patterns. Default: all.
    #[must_use]
    pub fn only<'a>(self, patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let patterns = patterns.into_iter().map(Pattern::new).collect();
        self.set(|settings| settings.only = Some(patterns))
    }
}

impl Settings {
    fn logs(&self, action: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|pattern| pattern.matches(action)))
    }

    fn called(&self, call: &Outgoing) {
        let (name, action) = (call.action(), call.action().escape_debug());
        if self.params {
            let params = json(&call.params);
            self.output.line(format_args!("Calling '{action}' with params: {params}"));
            self.output.file(format_args!("call-{name}-request"), || params);
        } else {
            self.output.line(format_args!("Calling '{action}'."));
        }
        let meta = call.options().map(|options| &options.meta).filter(|meta| self.meta && !meta.is_empty());
        if let Some(meta) = meta {
            let meta =
                serde_json::Map::from_iter(meta.iter().map(|(key, value)| (key.clone(), value.clone())));
            let meta = serde_json::Value::from(meta).to_string();
            self.output.line(format_args!("Meta: {meta}"));
            self.output.file(format_args!("call-{name}-meta"), || meta);
        }
    }

    fn ended(&self, name: &str, result: &Result<Payload>) {
        let action = name.escape_debug();
        match result {
            Ok(data) if self.response => {
                let data = json(data);
                self.output.line(format_args!("Response for '{action}' is received: {data}"));
                self.output.file(format_args!("call-{name}-response"), || data);
            }
            Ok(_) => self.output.line(format_args!("Response for '{action}' is received.")),
            Err(error) => {
                self.output.line(format_args!("Error for '{action}' is received: {error:#}"));
                self.output.file(format_args!("call-{name}-error"), || {
                    serde_json::to_string(error).unwrap_or_else(|_| error.to_string())
                });
            }
        }
    }
}

impl Middleware for ActionLogger {
    fn name(&self) -> &str {
        "action_logger"
    }

    fn created(&self, broker: &ServiceBroker) -> Result<()> {
        self.0.output.open(broker.node_id())
    }

    fn call(&self, next: DynCall) -> Option<DynCall> {
        let settings = self.0.clone();
        Some(Arc::new(move |call: Outgoing| -> BoxFuture<Result<Payload>> {
            if !settings.logs(call.action()) {
                return next.call(call);
            }
            settings.called(&call);
            let (settings, name, work) = (settings.clone(), call.action().to_owned(), next.call(call));
            Box::pin(async move {
                let result = work.await;
                settings.ended(&name, &result);
                result
            })
        }))
    }
}
