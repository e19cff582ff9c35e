//! From a file and the environment to checked values: the options, and sections of the application's own.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use ligand_wire::{Error, Result, redact::without_value};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use toml::{
    Spanned, Table, Value,
    de::{DeTable, DeValue},
};

use super::{
    Env, Listen, Options,
    hint::{explain, no_such_key, plain, unknown_of},
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

/// What variables say of settings, as it was written: a service may have a text where a number was guessed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingTexts(BTreeMap<String, String>);

impl SettingTexts {
    fn read(&mut self, node: &Node, place: String) {
        match node {
            Node::Table(table) => {
                table.iter().for_each(|(key, node)| self.read(node, format!("{place}/{}", plain(key))));
            }
            Node::Text(text) => _ = self.0.insert(place, text.text.clone()),
            Node::Value(_) | Node::List(_) => {}
        }
    }

    /// The text at a place: the section, then its keys.
    pub(crate) fn get(&self, path: &[String]) -> Option<&str> {
        let place: String = path.iter().map(|key| format!("/{}", plain(key))).collect();
        self.0.get(&place).map(String::as_str)
    }
}

/// The section `[app]` of the configuration: options of the application, of a type of its own.
///
/// Read with [`crate::broker::BrokerBuilder::app_config`] before the start, or [`crate::broker::ServiceBroker::app_config`] later.
#[derive(Clone, Default)]
pub struct App(Arc<Source>);

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
        let table = toml::from_str(text).map_err(|error| place(text, "[app]", &error))?;
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

/// What is configured, and where.
#[derive(Default)]
struct Source {
    root: BTreeMap<String, Node>,
    file: Option<File>,
}

struct File {
    name: String,
    text: String,
}

impl Source {
    fn read(file: &Path) -> Result<Self> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| {
            Error::broker_options(format!("configuration file {name} cannot be read: {error}"))
        })?;
        let table: Table = toml::from_str(&text).map_err(|error| place(&text, &name, &error))?;
        let Node::Table(root) = Node::table(table) else { unreachable!("it was made of a table") };
        Ok(Self { root, file: Some(File { name, text }) })
    }

    /// Lays the variables over the file.
    fn lay(&mut self, env: &Env) -> Result<()> {
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

    /// The section as a type, the whole when it has no name.
    fn parse<T: DeserializeOwned>(&self, section: &str) -> Result<T> {
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
            Some(File { name, text }) if !of_variables => match line(text, path) {
                Some(line) => format!("{name}, line {line}{key}: {reason}"),
                None => format!("{name}{key}: {reason}"),
            },
            _ => format!("configuration{key}: {reason}"),
        })
    }
}

/// The option that a variable sets, with dots.
fn path(variable: &str) -> Option<String> {
    match variable.strip_prefix("LIGAND_") {
        Some(rest) => Some(rest.to_ascii_lowercase().replace("__", ".")),
        None => SHORT.iter().find(|(short, _)| *short == variable).map(|(_, path)| (*path).to_owned()),
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

/// File and line of a text that is no TOML; never the line itself, which may hold a secret.
fn place(text: &str, file: &str, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start);
    Error::broker_options(format!(
        "{file}, line {}: {}",
        line_of(text, start),
        without_value(error.message())
    ))
}

fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1
}

/// The line of the longest part of the path that stands in the file.
fn line(text: &str, path: &[String]) -> Option<usize> {
    let mut table: Option<&DeTable<'_>> = None;
    let root: Spanned<DeTable<'_>> = DeTable::parse(text).ok()?;
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    let mut found = None;
    for step in path {
        let next = match value.map(Spanned::get_ref) {
            None => table.get_or_insert(root.get_ref()).get_key_value(&**step),
            Some(DeValue::Table(table)) => table.get_key_value(&**step),
            Some(DeValue::Array(list)) => {
                value = step.parse().ok().and_then(|at: usize| list.get(at));
                found = value.map(|value| value.span().start).or(found);
                continue;
            }
            Some(_) => None,
        };
        let Some((key, inner)) = next else { break };
        (found, value) = (Some(key.span().start), Some(inner));
    }
    found.map(|start| line_of(text, start))
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

/// Options that are a text or a section.
const COMPONENTS: [&str; 3] = ["transporter", CACHER, "registry.discoverer"];
const CACHER: &str = "cacher";

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

#[cfg(test)]
mod tests {
    use std::{io::Write as _, time::Duration};

    use super::*;
    use serde::Deserialize;

    use crate::config::{CacherKind, Protocol, Serializer};

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn environment_wins_over_file_wins_over_defaults() {
        let toml =
            file("node_id = \"a\"\nrequest_timeout = \"2s\"\n[cacher]\nkind = \"memory_lru\"\nmax = 5\n");
        let env = Env::from_pairs([
            ("NODEID", "b"),
            ("LIGAND_RETRY_POLICY__ENABLED", "true"),
            ("LIGAND_RETRY_POLICY__DELAY", "5ms"),
            ("LIGAND_CACHER__MAX", "7"),
            ("LIGAND_MAX_CALL_LEVEL", "3"),
            ("OTHER", "x"),
        ]);
        let options = load(Some(toml.path()), &env).unwrap();
        assert_eq!(options.node_id.as_deref(), Some("b"));
        assert_eq!(options.request_timeout, Duration::from_secs(2));
        assert_eq!(
            (options.retry_policy.enabled, options.retry_policy.delay),
            (true, Duration::from_millis(5))
        );
        assert_eq!((options.retry_policy.retries, options.max_call_level), (5, 3));
        let cacher = options.cacher.unwrap();
        assert_eq!((cacher.kind, cacher.max), (CacherKind::MemoryLru, Some(7)));
    }

    #[test]
    fn another_address_of_a_kind_keeps_the_other_options_of_the_file() {
        for (section, address, option) in [
            ("url = [\"tcp://10.0.0.1:4000/a\"]\nsecret = \"0123456789abcdef\"", "tcp", "secret"),
            (
                "url = [\"tcp://10.0.0.1:4000/a\"]\nsecret = \"0123456789abcdef\"",
                "tcp://10.0.0.2:4000/b",
                "secret",
            ),
            ("type = \"mqtt\"\nusername = \"u\"", "mqtts://c", "username"),
            ("url = \"rediss://a\"\nusername = \"u\"", "redis://b", "username"),
            ("type = \"nats\"\nusername = \"u\"", "tls://b", "username"),
        ] {
            let file = file(&format!("[transporter]\n{section}\n"));
            let env = Env::from_pairs([("TRANSPORTER", address)]);
            let options = load(Some(file.path()), &env).unwrap();
            let component = options.transporter.unwrap();
            assert!(component.options.contains_key(option), "{section} {address}: {component:?}");
        }
    }

    #[test]
    fn a_transporter_and_its_secret_come_from_where_they_are() {
        let secret = "00123456789012345678";
        let long = [("LIGAND_TRANSPORTER__SECRET", secret), ("TRANSPORTER", "tcp")];
        let urls = [("LIGAND_TRANSPORTER__SECRET", secret), ("TRANSPORTER", "tcp://10.0.0.1:4000/a")];
        let both = file(&format!("[transporter]\ntype = \"tcp\"\nsecret = \"{secret}\"\n"));
        for (toml, env) in [
            (None, Env::from_pairs(long)),
            (None, Env::from_pairs(urls)),
            (Some(both.path()), Env::default()),
            (Some(both.path()), Env::from_pairs([("TRANSPORTER", "tcp://10.0.0.1:4000/a")])),
            (Some(both.path()), Env::from_pairs([("TRANSPORTER", "TCP")])),
        ] {
            let component = load(toml, &env).unwrap().transporter.unwrap();
            assert_eq!((&*component.kind, component.options["secret"].as_str()), ("tcp", Some(secret)));
        }
        let other = load(Some(both.path()), &Env::from_pairs([("TRANSPORTER", "nats://10.0.0.1")])).unwrap();
        assert!(other.transporter.unwrap().options.is_empty(), "those of another kind");
    }

    #[test]
    fn variables_set_options_of_the_transporter_and_the_discoverer_beside_those_of_the_file() {
        let toml = file(
            "transporter = \"mqtt://a\"\n[registry]\ndiscoverer = \"redis://b\"\n[cacher]\nkind = \"memory_lru\"\n",
        );
        let env = Env::from_pairs([
            ("LIGAND_TRANSPORTER__URL", "mqtt://c,mqtt://d"),
            ("LIGAND_TRANSPORTER__QOS", "1"),
            ("LIGAND_TRANSPORTER__USERNAME", "007"),
            ("LIGAND_TRANSPORTER__TLS__CA_FILE", "ca.pem"),
            ("LIGAND_REGISTRY__DISCOVERER__PASSWORD", "12"),
            ("LIGAND_REGISTRY__DISCOVERER__FULL_CHECK", "5"),
        ]);
        let options = load(Some(toml.path()), &env).unwrap();
        let transporter = options.transporter.unwrap();
        assert_eq!((&*transporter.kind, transporter.url.as_deref()), ("mqtt", Some("mqtt://c,mqtt://d")));
        let expected = serde_json::json!({ "qos": "1", "username": "007", "tls": { "ca_file": "ca.pem" } });
        assert_eq!(serde_json::Value::Object(transporter.options), expected);
        let discoverer = options.registry.discoverer.unwrap();
        assert_eq!((&*discoverer.kind, discoverer.url.as_deref()), ("redis", Some("redis://b")));
        assert_eq!(
            (&discoverer.options["password"], &discoverer.options["full_check"]),
            (&"12".into(), &"5".into())
        );
        // Another address of the same kind keeps them.
        let mut pairs =
            vec![("LIGAND_REGISTRY__DISCOVERER", "redis://c"), ("LIGAND_REGISTRY__DISCOVERER__DB", "3")];
        let read = |pairs: &[(&str, &str)]| {
            let options = load(Some(toml.path()), &Env::from_pairs(pairs.iter().copied())).unwrap();
            let discoverer = options.registry.discoverer.unwrap();
            (discoverer.url.unwrap_or_default(), discoverer.options.contains_key("db"))
        };
        assert_eq!(read(&pairs), ("redis://c".into(), true));
        pairs.pop();
        assert_eq!(read(&pairs), ("redis://c".into(), false));
    }

    #[test]
    fn texts_of_variables_mean_what_their_option_takes() {
        #[derive(Debug, Deserialize, PartialEq)]
        #[serde(default, deny_unknown_fields)]
        #[derive(Default)]
        struct Bus {
            username: Option<String>,
            qos: u8,
            first: bool,
            #[serde(with = "ligand_net::duration")]
            timeout: Duration,
        }
        let read = |value: serde_json::Value| read_options::<Bus>(value.as_object().unwrap().clone());
        let texts = serde_json::json!({ "username": "007", "qos": "2", "first": "true", "timeout": "5s" });
        let timeout = Duration::from_secs(5);
        assert_eq!(read(texts).unwrap(), Bus { username: Some("007".into()), qos: 2, first: true, timeout });
        let (path, reason) = read(serde_json::json!({ "qos": "hunter2" })).unwrap_err();
        assert_eq!((&*path, &*reason), ("qos", "it is not a whole number from 0 to 255"));
        let (path, reason) = read(serde_json::json!({ "usrname": "x" })).unwrap_err();
        assert_eq!((&*path, &*reason), ("usrname", "there is no such key; did you mean 'username'?"));
    }

    #[test]
    fn wrong_keys_and_values_name_file_line_and_key() {
        for (text, expected) in [
            (
                "\n\nrequst_timeout = \"2s\"\n",
                "line 3, key 'requst_timeout': there is no such key; did you mean 'request_timeout'?",
            ),
            ("requestTimeout = \"2s\"\n", "did you mean 'request_timeout'?"),
            ("logLevel = \"info\"\n", "it is 'log.level'"),
            (
                "[metrics]\nenabled = true\n",
                "line 1, section 'metrics': there is no such key: metrics are not a part",
            ),
            ("[cacher]\nkind = \"redis\"\n", "line 2, key 'cacher.kind': a Redis cache is not a part"),
            ("cacher = \"Redis\"\n", "line 1, key 'cacher': a Redis cache is not a part"),
            (
                "serializer = \"jsn\"\n",
                "line 1, key 'serializer': there is no such name; did you mean 'json'?",
            ),
            ("[log]\nformat = 5\n", "line 2, key 'log.format'"),
            ("[[transmit]]\ntype = 5\n", "line 1, section 'transmit.0'"),
            ("node_id = \"a\"\nrequest_timeout = 5\n", "line 2, key 'request_timeout'"),
            ("[bulkhead]\nconcurrency = \"many\"\n", "line 2, key 'bulkhead.concurrency'"),
            ("[bulkhead]\nsize = 1\n", "line 2, key 'bulkhead.size'"),
            ("node_id = \n", "line 1"),
        ] {
            let toml = file(text);
            let error = load(Some(toml.path()), &Env::default()).unwrap_err();
            assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
            assert!(error.message().contains(expected), "{}", error.message());
            assert!(error.message().contains(".toml"), "{}", error.message());
        }
        let error = load(Some(Path::new("/nowhere.toml")), &Env::default()).unwrap_err();
        assert!(error.message().contains("/nowhere.toml"));
    }

    #[test]
    fn address_and_port_of_the_gateway_come_from_the_latest_word_about_each() {
        let (file_port, file_both) = ("[gateway]\nport = 1\n", "[gateway]\nbind = \"f:1\"\n");
        for (toml, env, address, port) in [
            (file_port, vec![], None, Some(1)),
            (file_both, vec![], Some("f"), Some(1)),
            ("[gateway]\nbind = \"f:1\"\nport = 2\n", vec![], Some("f"), Some(2)),
            (file_both, vec![("IP", "e")], Some("e"), Some(1)),
            (file_both, vec![("PORT", "3")], Some("f"), Some(3)),
            (file_both, vec![("PORT", "no port")], Some("f"), Some(1)),
            (
                file_both,
                vec![("LIGAND_GATEWAY__BIND", "l:4"), ("PORT", "3"), ("IP", "e")],
                Some("l"),
                Some(3),
            ),
            (file_port, vec![("LIGAND_GATEWAY__BIND", "l:4")], Some("l"), Some(4)),
            (file_port, vec![("LIGAND_GATEWAY__BIND", ":4")], None, Some(4)),
            (file_port, vec![("LIGAND_GATEWAY__PORT", "5"), ("PORT", "3")], None, Some(5)),
        ] {
            let gateway = load(Some(file(toml).path()), &Env::from_pairs(env.clone())).unwrap().gateway;
            assert_eq!((gateway.address.as_deref(), gateway.port), (address, port), "{toml} {env:?}");
        }
        for (toml, text) in
            [("[gateway]\nbind = \"127.0.0.1:x\"\n", "line"), ("[gateway]\nhost = \"x\"\n", "host")]
        {
            let error = load(Some(file(toml).path()), &Env::default()).unwrap_err();
            assert!(error.message().contains(text), "{}", error.message());
        }
    }

    #[test]
    fn the_long_name_of_a_variable_wins() {
        let env = Env::from_pairs([("LIGAND_NODE_ID", "long"), ("NODEID", "short")]);
        assert_eq!(load(None, &env).unwrap().node_id.as_deref(), Some("long"));
    }

    #[test]
    fn names_may_be_spelled_as_in_moleculer() {
        for (text, kind) in [
            ("cacher = true\n", CacherKind::Memory),
            ("cacher = \"MemoryLRU\"\n", CacherKind::MemoryLru),
            ("[cacher]\nkind = \"Memory\"\n", CacherKind::Memory),
            ("[cacher]\ntype = \"memory-lru\"\n", CacherKind::MemoryLru),
        ] {
            let toml = file(text);
            assert_eq!(
                load(Some(toml.path()), &Env::default()).unwrap().cacher.unwrap().kind,
                kind,
                "{text}"
            );
        }
        let toml = file(
            "cacher = false\nprotocol = 4\nserializer = \"MsgPack\"\nregistry.strategy = \"Cpu-Usage\"\n",
        );
        let options = load(Some(toml.path()), &Env::default()).unwrap();
        assert_eq!((options.cacher.is_none(), options.protocol), (true, Protocol::V4));
        assert_eq!(options.serializer, Serializer::Msgpack);
        let env =
            Env::from_pairs([("CACHER", "MemoryLRU"), ("LIGAND_CACHER__MAX", "9"), ("SERIALIZER", "CBOR")]);
        let options = load(None, &env).unwrap();
        let cacher = options.cacher.unwrap();
        assert_eq!(
            (cacher.kind, cacher.max, options.serializer),
            (CacherKind::MemoryLru, Some(9), Serializer::Cbor)
        );
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Shop {
        currency: String,
        smtp: Smtp,
        #[serde(default)]
        countries: Vec<String>,
        #[serde(default)]
        limits: BTreeMap<String, u8>,
        #[serde(alias = "begin")]
        since: Option<String>,
        #[serde(default)]
        ports: Vec<u16>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase")]
    struct Smtp {
        host: String,
        use_tls: bool,
        max_per_hour: u16,
        password: Option<String>,
    }

    #[test]
    fn the_application_has_a_section_of_its_own_type() {
        let toml = file(
            "[app]\ncurrency = \"EUR\"\nbegin = 2026-01-02\n[app.smtp]\nhost = \"a\"\nuseTls = false\nmaxPerHour = 5\n",
        );
        let env = Env::from_pairs([
            ("LIGAND_APP__SMTP__HOST", "0123"),
            ("LIGAND_APP__SMTP__USETLS", "yes"),
            ("LIGAND_APP__SMTP__MAX_PER_HOUR", "700"),
            ("LIGAND_APP__SMTP__PASSWORD", "true"),
            ("LIGAND_APP__COUNTRIES", "de, at"),
            ("LIGAND_APP__LIMITS__A", "1"),
        ]);
        let shop: Shop = load(Some(toml.path()), &env).unwrap().app.parse().unwrap();
        let smtp =
            Smtp { host: "0123".into(), use_tls: true, max_per_hour: 700, password: Some("true".into()) };
        assert_eq!(
            shop,
            Shop {
                currency: "EUR".into(),
                smtp,
                countries: vec!["de".into(), "at".into()],
                limits: BTreeMap::from([("a".into(), 1)]),
                since: Some("2026-01-02".into()),
                ports: Vec::new(),
            }
        );
        // Variables alone do, and without a section the type may have defaults.
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Small {
            port: u16,
        }
        let read = |env: Env| load(None, &env).unwrap().app.parse::<Small>().map(|small| small.port);
        assert_eq!(read(Env::default()), Ok(0));
        assert_eq!(read(Env::from_pairs([("LIGAND_APP__PORT", "7")])), Ok(7));
    }

    #[test]
    fn mistakes_in_the_section_of_the_application_have_a_place() {
        let message = |text: &str, env: &[(&str, &str)]| {
            let toml = file(text);
            let options = load(Some(toml.path()), &Env::from_pairs(env.iter().copied())).unwrap();
            options.app.parse::<Shop>().unwrap_err().message().to_owned()
        };
        let good = "[app]\ncurrency = \"EUR\"\n[app.smtp]\nhost = \"a\"\nuseTls = false\nmaxPerHour = 5\n";
        for (text, expected) in [
            (
                good.replace("EUR\"", "EUR\"\ncurency = 1"),
                ", line 3, key 'app.curency': there is no such key; did you mean 'currency'?",
            ),
            (
                good.replace("currency", "curency"),
                ", line 2, key 'app.curency': there is no such key; did you mean 'currency'?",
            ),
            (
                good.replace("useTls", "use_tls"),
                ", line 5, key 'app.smtp.use_tls': there is no such key; did you mean 'useTls'?",
            ),
            (
                good.replace("[app]", "[app]\nip = 1"),
                ", line 2, key 'app.ip': there is no such key; there are currency, ",
            ),
            (good.replace("= 5", "= \"hunter2\""), ", line 6, key 'app.smtp.maxPerHour': "),
            (good.replace("= 5", "= 70000"), ", line 6, key 'app.smtp.maxPerHour': "),
            (
                good.replace("maxPerHour = 5\n", ""),
                ", line 3, section 'app.smtp': the key 'maxPerHour' is missing",
            ),
            (good.replace("= 5", "= 5\nx.y = 1"), ", line 7, section 'app.smtp.x': there is no such key"),
        ] {
            let message = message(&text, &[]);
            assert!(message.contains(expected) && message.contains(".toml"), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        // An entry of a list is where its list is.
        for (variable, value, option) in [
            ("LIGAND_APP__SMTP__MAX_PER_HOUR", "hunter2", "app.smtp.maxPerHour"),
            ("LIGAND_APP__PORTS", "1,hunter2", "app.ports.1"),
        ] {
            let expected = format!(
                "environment variable {variable} (option '{option}'): it is not a whole number from 0 to 65535"
            );
            assert_eq!(message(good, &[(variable, value)]), expected);
        }
        let missing = load(None, &Env::default()).unwrap().app.parse::<Shop>().unwrap_err();
        assert_eq!(missing.message(), "configuration, section 'app': the key 'currency' is missing");
        assert!(!format!("{:?}", App::from_toml("password = \"hunter2\"").unwrap()).contains("hunter2"));
    }

    #[test]
    fn wrong_variables_are_named() {
        for (name, value) in [
            ("LIGAND_REQUEST_TIMEOUT", "soon"),
            ("LIGAND_REQUEST_TIMOUT", "1s"),
            ("LIGAND_LOG", "x"),
            ("LIGAND_LOG__", "x"),
        ] {
            let error = load(None, &Env::from_pairs([(name, value)])).unwrap_err();
            assert!(error.message().contains(name), "{}", error.message());
        }
    }
}
