//! Nodes that are known beforehand.

use std::{collections::BTreeMap, fmt};

use ligand_transport::Address;
use ligand_wire::{Result, redact::Redacted};
use serde::Deserialize;

/// Nodes that are known beforehand: `[tcp://]host:port/node`. The entry with this node's own name gives the port to
/// listen at.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a text, a list of texts, or a map from node to \"host:port\"")]
pub enum Urls {
    /// Entries with `,` or `;` between them, or `file://<path>`: a file with a JSON list, a JSON map or one entry a
    /// line.
    Text(String),
    /// One entry each.
    List(Vec<String>),
    /// `host:port` by node.
    Map(BTreeMap<String, String>),
}

impl fmt::Debug for Urls {
    /// Hosts and ports only: people put passwords into addresses, also where there is nothing to sign in to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => fmt::Debug::fmt(&Redacted::url(text), f),
            Self::List(entries) => {
                f.debug_list().entries(entries.iter().map(|url| Redacted::url(url))).finish()
            }
            Self::Map(map) => f.debug_list().entries(map.values().map(|url| Redacted::url(url))).finish(),
        }
    }
}

impl From<&str> for Urls {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Urls {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<String>, const N: usize> From<[T; N]> for Urls {
    fn from(list: [T; N]) -> Self {
        Self::List(list.map(Into::into).into())
    }
}

impl From<Vec<String>> for Urls {
    fn from(list: Vec<String>) -> Self {
        Self::List(list)
    }
}

impl From<BTreeMap<String, String>> for Urls {
    fn from(map: BTreeMap<String, String>) -> Self {
        Self::Map(map)
    }
}

impl Default for Urls {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) node: String,
    pub(crate) address: Address,
}

impl Urls {
    /// The entries; reads the file when there is one.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for an entry without host, port or node, or a file that cannot be read.
    pub(crate) fn endpoints(&self) -> Result<Vec<Endpoint>> {
        match self {
            Self::Text(text) => match text.trim().strip_prefix("file://") {
                Some(path) => file(path)?.entries(),
                None => self.entries(),
            },
            Self::List(_) | Self::Map(_) => self.entries(),
        }
    }

    /// Whether all entries can be read; files are left alone.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Text(text) if text.trim().starts_with("file://") => Ok(()),
            urls => urls.entries().map(drop),
        }
    }

    fn entries(&self) -> Result<Vec<Endpoint>> {
        match self {
            Self::Text(text) => list(text.split([',', ';', '\n'])),
            Self::List(entries) => list(entries.iter().map(String::as_str)),
            Self::Map(map) => {
                let entries = map.iter().map(|(node, address)| format!("{}/{node}", address.trim()));
                entries.enumerate().map(|(at, text)| entry(at, &text)).collect()
            }
        }
    }
}

fn list<'a>(entries: impl Iterator<Item = &'a str>) -> Result<Vec<Endpoint>> {
    // The bare word `tcp://` is an URL without entries.
    let entries = entries.map(str::trim).filter(|text| !text.is_empty() && *text != "tcp://");
    entries.enumerate().map(|(at, text)| entry(at, text)).collect()
}

/// Errors name the entry by its place: it may hold a password.
fn entry(at: usize, text: &str) -> Result<Endpoint> {
    let wrong = |what: &str| {
        super::wrong(format_args!(
            "server {} of 'url' has {what}; it must look like tcp://host:port/node",
            at + 1
        ))
    };
    let rest = text.strip_prefix("tcp://").unwrap_or(text);
    if rest.contains("://") {
        return Err(wrong("another scheme than 'tcp://'"));
    }
    let (place, node) = rest.split_once('/').unwrap_or((rest, ""));
    if place.contains('@') {
        return Err(wrong("a user or a password, and there is nothing to sign in to"));
    }
    if !rest.contains('/') {
        return Err(wrong("no node"));
    }
    if node.is_empty() || node.contains(['/', '?', '#', '@']) {
        return Err(wrong("no valid node"));
    }
    let (host, port) = place.rsplit_once(':').ok_or_else(|| wrong("no port"))?;
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(|| wrong("no valid port"))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        return Err(wrong("no host"));
    }
    Ok(Endpoint { node: node.into(), address: Address { host: host.into(), port } })
}

fn file(path: &str) -> Result<Urls> {
    let wrong = |why: &dyn std::fmt::Display| {
        let file = Redacted::file(path);
        super::wrong(format_args!("'url' is the file {file}, which {why}"))
    };
    let text = std::fs::read_to_string(path).map_err(|err| wrong(&format_args!("cannot be read: {err}")))?;
    let text = text.trim();
    if !text.starts_with(['[', '{']) {
        return Ok(Urls::Text(text.into()));
    }
    serde_json::from_str(text).map_err(|err| wrong(&format_args!("is no JSON list or map of texts: {err}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(urls: &Urls) -> Vec<String> {
        let endpoints = urls.endpoints().unwrap();
        endpoints.iter().map(|e| format!("{} {} {}", e.node, e.address.host, e.address.port)).collect()
    }

    #[test]
    fn all_forms() {
        let both = ["a 10.0.0.1 4000", "b ::1 4001"];
        assert_eq!(text(&Urls::Text("tcp://10.0.0.1:4000/a, ::1:4001/b;".into())), both);
        assert_eq!(text(&Urls::List(vec!["10.0.0.1:4000/a".into(), "tcp://[::1]:4001/b".into()])), both);
        let map = [("a", "10.0.0.1:4000"), ("b", "[::1]:4001")];
        assert_eq!(text(&Urls::Map(map.map(|(k, v)| (k.into(), v.into())).into())), both);
        assert!(text(&Urls::Text("tcp://".into())).is_empty() && text(&Urls::default()).is_empty());
    }

    #[test]
    fn files() {
        let path = std::env::temp_dir().join(format!("ligand-tcp-urls-{}", std::process::id()));
        for content in [
            "10.0.0.1:4000/a\n\n::1:4001/b\n",
            r#"["10.0.0.1:4000/a","::1:4001/b"]"#,
            r#"{"a":"10.0.0.1:4000","b":"::1:4001"}"#,
        ] {
            std::fs::write(&path, content).unwrap();
            let urls = Urls::Text(format!("file://{}", path.display()));
            assert_eq!(text(&urls), ["a 10.0.0.1 4000", "b ::1 4001"]);
        }
        std::fs::remove_file(&path).unwrap();
        let err = Urls::Text(format!("file://{}", path.display())).endpoints().unwrap_err();
        assert!(err.message().contains("cannot be read"));
    }

    #[test]
    fn mistakes_are_named() {
        for (entry, what) in [
            ("u:hunter2@10.0.0.1:4000/a", "a user or a password"),
            ("tcp://hunter2@10.0.0.1:4000", "a user or a password"),
            ("nats://10.0.0.1:4000/a", "another scheme"),
            ("10.0.0.1:4000", "no node"),
            ("10.0.0.1/a", "no port"),
            ("10.0.0.1:0/a", "no valid port"),
            ("10.0.0.1:x/a", "no valid port"),
            (":4000/a", "no host"),
            ("10.0.0.1:4000/a/b", "no valid node"),
        ] {
            let err = Urls::List(vec!["10.0.0.1:4000/a".into(), entry.into()]).endpoints().unwrap_err();
            assert!(err.message().contains(what) && err.message().contains("server 2"), "{err}");
            assert!(!err.message().contains("hunter2") && !err.message().contains("10.0.0.1"), "{err}");
        }
    }
}
