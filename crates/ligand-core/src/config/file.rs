//! From a file and the environment to checked [`Options`].

use std::path::Path;

use ligand_wire::{Error, Result, redact::without_value};
use serde::Deserialize as _;
use toml::{Table, Value};

use super::{Env, Listen, Options};

/// Variables of their own names, kept for people who come from Moleculer.
const SHORT: [(&str, &str); 8] = [
    ("NODEID", "node_id"),
    ("NAMESPACE", "namespace"),
    ("TRANSPORTER", "transporter"),
    ("SERIALIZER", "serializer"),
    ("LOG_LEVEL", "log.level"),
    ("LOGLEVEL", "log.level"),
    ("IP", BIND),
    ("PORT", PORT),
];

/// The options that say where gateways listen.
const BIND: &str = "gateway.bind";
const PORT: &str = "gateway.port";

/// Reads `file` when given, lays the environment over it and checks every key and value.
pub(crate) fn load(file: Option<&Path>, env: &Env) -> Result<Options> {
    let mut table = match file {
        Some(file) => read(file)?,
        None => Table::new(),
    };
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
    split_bind(&mut table, false);
    for (path, variable, value) in given {
        table = lay(&table, variable, &path, value)?;
    }
    check(&table)
        .map_err(|error| Error::broker_options(format!("configuration: {}", without_value(error.message()))))
}

/// The option that a variable sets, with dots.
fn path(variable: &str) -> Option<String> {
    match variable.strip_prefix("LIGAND_") {
        Some(rest) => Some(rest.to_ascii_lowercase().replace("__", ".")),
        None => SHORT.iter().find(|(short, _)| *short == variable).map(|(_, path)| (*path).to_owned()),
    }
}

fn read(file: &Path) -> Result<Table> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| {
        Error::broker_options(format!("configuration file {name} cannot be read: {error}"))
    })?;
    // Parsed into the final type first: only the text knows line numbers.
    toml::from_str::<Options>(&text).map_err(|error| place(&text, &name.to_string(), &error))?;
    toml::from_str(&text).map_err(|error| place(&text, &name.to_string(), &error))
}

/// File, line and key; never the line itself, which may hold a secret.
fn place(text: &str, file: &str, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text[..start].matches('\n').count() + 1;
    // A line that is more than one entry may be a part of a long text.
    let entry = text.lines().nth(line - 1).and_then(|line| toml::from_str::<Table>(line).ok());
    let key = entry.as_ref().and_then(|entry| entry.keys().next());
    let key = key.map_or_else(String::new, |key| format!(", key '{key}'"));
    Error::broker_options(format!("{file}, line {line}{key}: {}", without_value(error.message())))
}

/// Sets one variable's value and checks at once, so that an error names the variable.
fn lay(table: &Table, variable: &str, path: &str, text: &str) -> Result<Table> {
    let mut last = None;
    for value in readings(path, text) {
        let mut next = table.clone();
        set(&mut next, path, value)
            .map_err(|reason| Error::broker_options(format!("environment variable {variable}: {reason}")))?;
        match check(&next) {
            Ok(_) => {
                split_bind(&mut next, path == BIND);
                return Ok(next);
            }
            Err(error) => last = last.or(Some(error)),
        }
    }
    let reason = last.map_or_else(String::new, |error| without_value(error.message()).into_owned());
    Err(Error::broker_options(format!("environment variable {variable} (option '{path}'): {reason}")))
}

/// Puts the port of `gateway.bind` into `gateway.port`, so that a later word about the address leaves it alone. A port that
/// is there already stays, unless `bind` is the later word.
fn split_bind(table: &mut Table, later: bool) {
    let Some(Value::Table(gateway)) = table.get_mut("gateway") else { return };
    let bound = gateway.get("bind").and_then(Value::as_str).and_then(|bind| bind.parse::<Listen>().ok());
    let Some(Listen { address, port: Some(port) }) = bound else { return };
    match address {
        Some(address) => gateway.insert("bind".into(), address.into()),
        None => gateway.remove("bind"),
    };
    if later || !gateway.contains_key("port") {
        gateway.insert("port".into(), Value::Integer(port.into()));
    }
}

/// `5` can be meant as a number or as a text, `true` as a boolean or a text. Secrets are texts, whatever they look like.
fn readings(path: &str, text: &str) -> Vec<Value> {
    let mut readings = Vec::new();
    if path.ends_with("secret") || path.ends_with("password") {
        return vec![Value::String(text.into())];
    }
    match text {
        "true" | "TRUE" | "True" => readings.push(Value::Boolean(true)),
        "false" | "FALSE" | "False" => readings.push(Value::Boolean(false)),
        _ => {}
    }
    readings.extend(text.parse::<i64>().ok().map(Value::Integer));
    readings.extend(text.parse::<f64>().ok().map(Value::Float));
    readings.push(Value::String(text.into()));
    readings
}

fn set(table: &mut Table, path: &str, value: Value) -> Result<(), String> {
    let (parents, last) = path.rsplit_once('.').map_or(("", path), |(parents, last)| (parents, last));
    let mut table = table;
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        let slot = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
        if let (TRANSPORTER, Value::String(text)) = (part, &*slot) {
            *slot = Value::Table(plug(text));
        }
        table = slot.as_table_mut().ok_or_else(|| format!("'{part}' is not a section"))?;
    }
    // Another address of the same kind keeps the other options: a secret must not get lost.
    if let (TRANSPORTER, Value::String(text), Some(Value::Table(own))) = (path, &value, table.get_mut(last))
        && kind(own) == kind(&plug(text))
    {
        own.extend(plug(text));
        return Ok(());
    }
    table.insert(last.into(), value);
    Ok(())
}

/// The option that is a text or a section.
const TRANSPORTER: &str = "transporter";

/// The section that says the same as an address or a name.
fn plug(text: &str) -> Table {
    let key = if text.contains("://") { "url" } else { "type" };
    [(key.to_owned(), Value::String(text.into()))].into_iter().collect()
}

/// Which transporter a section names.
fn kind(section: &Table) -> Option<String> {
    let text = |key| section.get(key).and_then(Value::as_str);
    let kind = text("type").or_else(|| text("url")?.split_once("://").map(|(kind, _)| kind))?;
    Some(kind.to_ascii_lowercase())
}

fn check(table: &Table) -> Result<Options, toml::de::Error> {
    Options::deserialize(table.clone())
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, time::Duration};

    use super::*;
    use crate::config::CacherKind;

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
            let plug = load(toml, &env).unwrap().transporter.unwrap();
            assert_eq!((&*plug.kind, plug.options["secret"].as_str()), ("tcp", Some(secret)));
        }
        let other = load(Some(both.path()), &Env::from_pairs([("TRANSPORTER", "nats://10.0.0.1")])).unwrap();
        assert!(other.transporter.unwrap().options.is_empty(), "those of another kind");
    }

    #[test]
    fn wrong_keys_and_values_name_file_line_and_key() {
        for (text, expected) in [
            ("\n\nrequst_timeout = \"2s\"\n", "line 3, key 'requst_timeout'"),
            ("node_id = \"a\"\nrequest_timeout = 5\n", "line 2, key 'request_timeout'"),
            ("[bulkhead]\nconcurrency = \"many\"\n", "line 2, key 'concurrency'"),
            ("[bulkhead]\nsize = 1\n", "line 2, key 'size'"),
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
    fn wrong_variables_are_named() {
        for (name, value) in
            [("LIGAND_REQUEST_TIMEOUT", "soon"), ("LIGAND_REQUEST_TIMOUT", "1s"), ("LIGAND_LOG", "x")]
        {
            let error = load(None, &Env::from_pairs([(name, value)])).unwrap_err();
            assert!(error.message().contains(name), "{}", error.message());
        }
    }
}
