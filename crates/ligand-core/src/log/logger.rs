//! A logger as people from Moleculer look for it.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

use crate::{broker::ServiceBroker, context::Context};

/// Writes lines for a service: what Moleculer calls `this.logger`. The macros of `tracing` do as well; this adds `fatal`,
/// fields with names made at run time, and lines that are a service's outside of its handlers.
///
/// ```
/// # use ligand_core::Context;
/// # fn handler(ctx: &Context) {
/// ctx.logger().info("the order was placed");
/// ctx.logger().with("order", 7).with("items", 3).warn("the order is large");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Logger {
    service: Arc<str>,
    fields: Map<String, Value>,
}

macro_rules! macro_level {
    (error) => {
        tracing::Level::ERROR
    };
    (warn) => {
        tracing::Level::WARN
    };
    (info) => {
        tracing::Level::INFO
    };
    (debug) => {
        tracing::Level::DEBUG
    };
    (trace) => {
        tracing::Level::TRACE
    };
}

macro_rules! write {
    ($logger:expr, $level:ident, $message:expr $(, $fatal:ident)?) => {{
        let logger = $logger;
        if !tracing::enabled!(target: "service", macro_level!($level)) {
            return;
        }
        let service = &*logger.service;
        let fields = (!logger.fields.is_empty()).then(|| Value::Object(logger.fields.clone()).to_string());
        // Without fields there is no such field.
        let fields = fields.as_deref();
        tracing::$level!(
            target: "service",
            { $(ligand.$fatal = true,)? ligand.service = service, ligand.fields = fields },
            "{}", $message
        );
    }};
}

impl Logger {
    pub(crate) fn new(service: Arc<str>) -> Self {
        Self { service, fields: Map::new() }
    }

    /// A logger whose lines carry a field more.
    pub fn with(&self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let mut logger = self.clone();
        logger.fields.insert(name.into(), value.into());
        logger
    }

    /// The process cannot go on. That is only said: it does go on.
    pub fn fatal(&self, message: impl fmt::Display) {
        write!(self, error, message, fatal);
    }

    /// Something failed.
    pub fn error(&self, message: impl fmt::Display) {
        write!(self, error, message);
    }

    /// Something may fail, or was worked around.
    pub fn warn(&self, message: impl fmt::Display) {
        write!(self, warn, message);
    }

    /// What operators want to know.
    pub fn info(&self, message: impl fmt::Display) {
        write!(self, info, message);
    }

    /// What developers want to know.
    pub fn debug(&self, message: impl fmt::Display) {
        write!(self, debug, message);
    }

    /// Every step.
    pub fn trace(&self, message: impl fmt::Display) {
        write!(self, trace, message);
    }
}

impl Context {
    /// Writes lines for the service that this runs in.
    pub fn logger(&self) -> Logger {
        Logger::new(self.service_name().cloned().unwrap_or_default())
    }
}

impl ServiceBroker {
    /// Writes lines for a service, outside of its handlers too.
    ///
    /// ```
    /// # use ligand_core::ServiceBroker;
    /// # fn example(broker: &ServiceBroker) {
    /// broker.logger("order").info("the printer is back");
    /// # }
    /// ```
    pub fn logger(&self, service: &str) -> Logger {
        Logger::new(service.into())
    }
}
