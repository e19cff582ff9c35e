//! From a file and the environment to checked values: the options, and sections of the application's own.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use ligand_wire::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use toml::Table;

use super::{
    App, Env, Options,
    hint::{explain, no_such_key, unknown_of},
    node::Node,
    position,
};

/// The section of the application.
pub(super) const APP: &str = "app";

/// The settings of services.
const SETTINGS: &str = "settings";

/// Reads `file` when given, lays the environment over it and checks every key and value but those of the application.
pub(crate) fn load(file: Option<&Path>, env: &Env) -> Result<Options> {
    let mut source = match file {
        Some(file) => Source::read(file)?,
        None => Source::default(),
    };
    source.lay(env)?;
    let app = source.root.remove(APP);
    let mut options: Options = source.parse("")?;
    if let Some(settings) = source.root.get(SETTINGS) {
        options.setting_texts.read(settings, String::new());
    }
    if let Some(app) = app {
        source.root = BTreeMap::from([(APP.to_owned(), app)]);
        options.app = App(Arc::new(source));
    }
    Ok(options)
}

/// What is configured, and where.
#[derive(Default)]
pub(super) struct Source {
    pub(super) root: BTreeMap<String, Node>,
    pub(super) file: Option<File>,
}

pub(super) struct File {
    name: String,
    text: String,
}

impl Source {
    fn read(file: &Path) -> Result<Self> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| {
            Error::broker_options(format!("configuration file {name} cannot be read: {error}"))
        })?;
        let table: Table = toml::from_str(&text).map_err(|error| position::wrong(&text, &name, &error))?;
        let Node::Table(root) = Node::table(table) else { unreachable!("it was made of a table") };
        Ok(Self { root, file: Some(File { name, text }) })
    }

    /// The section as a type, the whole when it has no name.
    pub(super) fn parse<T: DeserializeOwned>(&self, section: &str) -> Result<T> {
        let node = match section {
            "" => Node::Table(self.root.clone()),
            section => self.root.get(section).cloned().unwrap_or_else(|| Node::Table(BTreeMap::new())),
        };
        let mut track = serde_path_to_error::Track::new();
        let mut ignored = Vec::new();
        let result = T::deserialize(serde_ignored::Deserializer::new(
            serde_path_to_error::Deserializer::new(node, &mut track),
            &mut |path: serde_ignored::Path<'_>| ignored.push(path.to_string()),
        ));
        let steps = |path: &str| {
            // `?` is a step into an optional value.
            let own =
                path.split(['.', '[', ']']).filter(|step| !matches!(*step, "" | "?")).map(str::to_owned);
            let head = Some(section.to_owned()).filter(|section| !section.is_empty());
            head.into_iter().chain(own).collect::<Vec<_>>()
        };
        match (result, ignored.first()) {
            (Err(error), _) => {
                let message = error.to_string();
                let mut path = steps(&track.path().to_string());
                path.extend(unknown_of(&message).map(str::to_owned));
                Err(self.refuse(&path, &explain(&message, &path)))
            }
            (Ok(_), Some(path)) => {
                let path = steps(path);
                Err(self.refuse(&path, &no_such_key(path.last().map_or("", |key| key), &[], &path)))
            }
            (Ok(value), None) => Ok(value),
        }
    }

    /// The reason with the place, never with a value.
    fn refuse(&self, path: &[String], reason: &str) -> Error {
        let option = path.join(".");
        let root = Node::Table(self.root.clone());
        let node = root.find(path.iter().map(|step| &**step));
        if let Some(Node::Text(text)) = node {
            let variable = &text.variable;
            return Error::broker_options(format!(
                "environment variable {variable} (option '{option}'): {reason}"
            ));
        }
        let what = if matches!(node, Some(Node::Table(_)) | None) { "section" } else { "key" };
        let key = if option.is_empty() { String::new() } else { format!(", {what} '{option}'") };
        let of_variables = node.is_some_and(Node::is_of_variables);
        Error::broker_options(match &self.file {
            Some(File { name, text }) if !of_variables => match position::line(text, path) {
                Some(line) => format!("{name}, line {line}{key}: {reason}"),
                None => format!("{name}{key}: {reason}"),
            },
            _ => format!("configuration{key}: {reason}"),
        })
    }
}

/// The options of what is named by text, as its own type. An error has the path below them and the reason, without
/// values.
pub(crate) fn read_options<T: DeserializeOwned>(options: Map<String, Json>) -> Result<T, (String, String)> {
    let mut track = serde_path_to_error::Track::new();
    let node = Node::from(Json::Object(options));
    T::deserialize(serde_path_to_error::Deserializer::new(node, &mut track)).map_err(|error| {
        let (path, message) = (track.path().to_string(), error.to_string());
        let own = path.split(['.', '[', ']']).filter(|step| !matches!(*step, "" | "?"));
        // The path ends above a key that is not known.
        let key = unknown_of(&message);
        // Hints about options of the broker are not for these.
        let steps: Vec<_> = std::iter::once("transporter").chain(own).chain(key).map(str::to_owned).collect();
        (steps[1..].join("."), explain(&message, &steps).into_owned())
    })
}

#[cfg(test)]
mod tests;
