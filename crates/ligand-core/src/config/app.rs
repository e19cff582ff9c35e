//! The application's own section of the configuration.

use std::{collections::BTreeMap, fmt, sync::Arc};

use ligand_wire::Result;
use serde::de::DeserializeOwned;

use super::{
    file::{APP, Source},
    node::Node,
    position,
};

/// The section `[app]` of the configuration: options of the application, of a type of its own.
///
/// Read with [`crate::broker::BrokerBuilder::app_config`] before the start, or
/// [`crate::broker::ServiceBroker::app_config`] later.
#[derive(Clone, Default)]
pub struct App(pub(super) Arc<Source>);

impl App {
    /// The section from a text in TOML without its head; for tests.
    ///
    /// ```
    /// # use ligand_core::config::App;
    /// #[derive(serde::Deserialize)]
    /// struct Mail {
    ///     from: String,
    /// }
    /// assert_eq!(App::from_toml("from = \"shop@example.com\"")?.parse::<Mail>()?.from, "shop@example.com");
    /// # Ok::<_, ligand_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for a text that is no TOML.
    pub fn from_toml(text: &str) -> Result<Self> {
        let table = toml::from_str(text).map_err(|error| position::wrong(text, "[app]", &error))?;
        let root = BTreeMap::from([(APP.to_owned(), Node::table(table))]);
        Ok(Self(Arc::new(Source { root, file: None })))
    }

    /// The section as a type. A section that is missing is an empty one. Keys that the type does not know are refused.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` with file, line and key, or the variable.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        self.0.parse(APP)
    }
}

impl fmt::Debug for App {
    /// Values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("App").finish_non_exhaustive()
    }
}
