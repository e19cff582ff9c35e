//! The environment: real variables over a `.env` file. Nothing is written into the process environment.

use std::{collections::BTreeMap, fmt, path::Path};

use ligand_wire::{Error, Result};

/// Variables of the process and of a `.env` file. The process wins.
#[derive(Clone, Default)]
pub struct Env {
    values: BTreeMap<String, String>,
}

impl Env {
    /// The process environment over `.env` in the working directory, when there is one.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for a `.env` file that cannot be read or parsed, with the place.
    pub fn load() -> Result<Self> {
        Self::load_from(Path::new(".env"))
    }

    /// As [`Env::load`] with another file.
    ///
    /// # Errors
    /// As [`Env::load`].
    pub fn load_from(file: &Path) -> Result<Self> {
        let mut env = Self::default();
        if file.is_file() {
            let name = file.display();
            let pairs = dotenvy::from_path_iter(file)
                .map_err(|error| Error::broker_options(format!("{name} cannot be read: {error}")))?;
            for (number, pair) in pairs.enumerate() {
                // The parser's own text quotes the line, which may hold a secret.
                let (key, value) = pair.map_err(|_| {
                    Error::broker_options(format!("{name}: entry {} is not KEY=value", number + 1))
                })?;
                env.values.insert(key, value);
            }
        }
        env.values.extend(
            std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?))),
        );
        Ok(env)
    }

    /// Exactly these variables; for tests and embedding.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::config::Env;
    /// let env = Env::from_pairs([("PORT", "3000"), ("HOST", "")]);
    /// assert_eq!((env.get("PORT"), env.get("HOST")), (Some("3000"), None));
    /// # Ok(()) }
    /// ```
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { values: pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect() }
    }

    /// The value of a variable; empty ones count as missing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Env {
    /// Names only: values are often secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
