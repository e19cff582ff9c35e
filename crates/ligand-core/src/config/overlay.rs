//! Variables of the environment, laid over what a file says.

use std::collections::BTreeMap;

use ligand_wire::{Error, Result};
use toml::Value;

use super::{
    Env, Listen,
    file::Source,
    node::{Node, Text},
};

/// Variables of their own names, kept for people who come from Moleculer.
const SHORT: [(&str, &str); 9] = [
    ("NODEID", "node_id"),
    ("NAMESPACE", "namespace"),
    ("TRANSPORTER", "transporter"),
    ("SERIALIZER", "serializer"),
    ("CACHER", "cacher"),
    ("LOG_LEVEL", "log.level"),
    ("LOGLEVEL", "log.level"),
    ("IP", BIND),
    ("PORT", PORT),
];

/// The options that say where gateways listen.
const BIND: &str = "gateway.bind";

const PORT: &str = "gateway.port";

/// Options that are a text or a section.
const COMPONENTS: [&str; 3] = ["transporter", CACHER, "registry.discoverer"];

const CACHER: &str = "cacher";

impl Source {
    /// Lays the variables over the file.
    pub(super) fn lay(&mut self, env: &Env) -> Result<()> {
        let given = env.iter().filter(|(_, value)| !value.is_empty());
        let mut given: Vec<_> =
            given.filter_map(|(variable, value)| Some((path(variable)?, variable, value))).collect();
        // What a thing is comes before its options; of two names of one option the long one counts.
        given.sort_by(|(a, one, _), (b, other, _)| {
            let key =
                |path: &String, variable: &str| (path.matches('.').count(), variable.starts_with("LIGAND_"));
            (a == PORT, key(a, one)).cmp(&(b == PORT, key(b, other)))
        });
        // Hosts set `PORT` for whatever they start: one that is no port is the business of who listens.
        given.retain(|(_, variable, value)| *variable != "PORT" || value.parse::<u16>().is_ok());
        self.split_bind(false);
        for (path, variable, text) in given {
            if path.split('.').any(str::is_empty) {
                return Err(Error::broker_options(format!(
                    "environment variable {variable}: a name between underscores is missing; two of them stand between a \
                     section and its key, as in LIGAND_LOG__LEVEL"
                )));
            }
            set(&mut self.root, &path, variable, text).map_err(|reason| {
                Error::broker_options(format!("environment variable {variable}: {reason}"))
            })?;
            if path == BIND {
                self.split_bind(true);
            }
        }
        Ok(())
    }

    /// Puts the port of `gateway.bind` into `gateway.port`, so that a later word about the address leaves it alone. A
    /// port that is there already stays, unless `bind` is the later word.
    fn split_bind(&mut self, later: bool) {
        let Some(Node::Table(gateway)) = self.root.get_mut("gateway") else { return };
        let bound = gateway.get("bind").and_then(text_of).and_then(|bind| bind.parse::<Listen>().ok());
        let Some(Listen { address, port: Some(port) }) = bound else { return };
        if let Some(bind) = gateway.remove("bind")
            && let Some(address) = address
        {
            gateway.insert("bind".into(), bind.with_text(address));
        }
        if later || !gateway.contains_key("port") {
            gateway.insert("port".into(), Node::Value(Value::Integer(port.into())));
        }
    }
}

/// The option that a variable sets, with dots.
fn path(variable: &str) -> Option<String> {
    match variable.strip_prefix("LIGAND_") {
        Some(rest) => Some(rest.to_ascii_lowercase().replace("__", ".")),
        None => SHORT.iter().find(|(short, _)| *short == variable).map(|(_, path)| (*path).to_owned()),
    }
}

/// Sets one variable's value.
fn set(root: &mut BTreeMap<String, Node>, path: &str, variable: &str, text: &str) -> Result<(), String> {
    let (parents, last) = path.rsplit_once('.').map_or(("", path), |(parents, last)| (parents, last));
    let mut table = root;
    let mut above = String::new();
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        if !above.is_empty() {
            above.push('.');
        }
        above.push_str(part);
        let slot = table.entry(part.to_owned()).or_insert_with(|| Node::Table(BTreeMap::new()));
        if COMPONENTS.contains(&&*above)
            && let Some(section) = section(slot)
        {
            *slot = Node::Table(section);
        }
        let Node::Table(inner) = slot else { return Err(format!("'{part}' is not a section")) };
        table = inner;
    }
    // The options of what is named by text are read by its own type, later.
    let mut named = COMPONENTS.iter().filter(|component| **component != CACHER);
    let below = named.any(|component| path.strip_prefix(component).is_some_and(|rest| rest.starts_with('.')));
    let literal = below || last.ends_with("secret") || last.ends_with("password");
    let value = Node::Text(Text { text: text.to_owned(), variable: variable.to_owned(), literal });
    // Another address of the same kind keeps the other options: a secret must not get lost.
    if COMPONENTS.contains(&path)
        && let (Some(new), Some(Node::Table(own))) = (section(&value), table.get_mut(last))
        && kind(own) == kind(&new)
    {
        own.extend(new);
        return Ok(());
    }
    table.insert(last.to_owned(), value);
    Ok(())
}

fn text_of(node: &Node) -> Option<&str> {
    match node {
        Node::Value(Value::String(text)) | Node::Text(Text { text, .. }) => Some(text),
        _ => None,
    }
}

/// The section that says the same as an address or a name.
fn section(node: &Node) -> Option<BTreeMap<String, Node>> {
    let key = if text_of(node)?.contains("://") { "url" } else { "type" };
    Some(BTreeMap::from([(key.to_owned(), node.clone())]))
}

/// Which kind a section names.
fn kind(section: &BTreeMap<String, Node>) -> Option<String> {
    let text = |key| section.get(key).and_then(text_of);
    let address = || match section.get("url")? {
        Node::List(list) => list.first().and_then(text_of),
        url => text_of(url),
    };
    let kind = text("type")
        .or_else(|| text("kind"))
        .or_else(|| address()?.split_once("://").map(|(kind, _)| kind))?
        .to_ascii_lowercase();
    // With encryption it is the same kind.
    Some(match &*kind {
        "tls" => "nats".into(),
        "rediss" | "mqtts" | "amqps" => kind[..kind.len() - 1].into(),
        _ => kind,
    })
}
