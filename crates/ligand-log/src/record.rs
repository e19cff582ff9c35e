//! One line before it has a form.

use jiff::Timestamp;
use serde_json::Value;

use crate::{level::Level, who::Who};

/// One line before it has a form: what a [format](mod@crate::format) is given.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// When.
    pub time: Timestamp,
    /// How important.
    pub level: Level,
    /// The module of Rust, or what the event names as its target.
    pub module: &'a str,
    /// The text.
    pub message: &'a str,
    /// Fields of the event, then those of the spans around it, inner ones first. Errors come with their causes.
    pub fields: &'a [(String, Value)],
    /// In whose place.
    pub who: &'a Who<'a>,
}

impl Record<'_> {
    /// What people look for: the service in whose place the line is written, else the part of the broker, else the
    /// module.
    pub fn label(&self) -> &str {
        let part = crate::levels::part(self.module);
        match (part, &self.who.service) {
            (Some(part), _) => part,
            (None, Some(service)) => service,
            (None, None) => self.module,
        }
    }

    /// Whether the label is the name of something that is written in upper case.
    pub(crate) fn is_named(&self) -> bool {
        self.who.service.is_some() || crate::levels::part(self.module).is_some()
    }
}
