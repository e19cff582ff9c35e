//! From the name of a transporter, discoverer or transmit layer to the thing itself: the only place that knows which
//! there are. Each is behind the cargo feature of its name.

use std::sync::Arc;

use ligand_transport::{Discoverer, Transmit, Transporter};
use ligand_wire::{Error, Result};
use serde::de::DeserializeOwned;

use crate::config::{ComponentOptions, Options, meant, plain, read_options};

/// Names of options.
const TRANSPORTER: &str = "transporter";
const DISCOVERER: &str = "registry.discoverer";

const TRANSPORTERS: [&str; 5] = ["tcp", "nats", "redis", "mqtt", "amqp"];
/// What Moleculer has besides.
const NOT_HERE: [&str; 5] = ["kafka", "amqp10", "stan", "natsstreaming", "fake"];
const DISCOVERERS: [&str; 2] = ["redis", "etcd3"];

pub(super) fn transporter(component: &ComponentOptions) -> Result<Arc<dyn Transporter>> {
    match &*component.kind {
        #[cfg(feature = "tcp")]
        "tcp" => Ok(Arc::new(ligand_tcp::TcpTransporter::new(options(component, TRANSPORTER)?))),
        #[cfg(feature = "nats")]
        "nats" | "tls" => Ok(Arc::new(ligand_nats::NatsTransporter::new(options(component, TRANSPORTER)?))),
        #[cfg(feature = "redis")]
        "redis" | "rediss" => {
            Ok(Arc::new(ligand_redis::RedisTransporter::new(options(component, TRANSPORTER)?)))
        }
        #[cfg(feature = "mqtt")]
        "mqtt" | "mqtts" => Ok(Arc::new(ligand_mqtt::MqttTransporter::new(options(component, TRANSPORTER)?))),
        #[cfg(feature = "amqp")]
        "amqp" | "amqps" => Ok(Arc::new(ligand_amqp::AmqpTransporter::new(options(component, TRANSPORTER)?))),
        kind => Err(unknown(TRANSPORTER, kind, &TRANSPORTERS)),
    }
}

/// `None` for discovery over the bus.
pub(super) fn discoverer(
    component: &ComponentOptions,
    broker: &Options,
) -> Result<Option<Arc<dyn Discoverer>>> {
    let _ = broker;
    match &*component.kind {
        "local" => Ok(None),
        #[cfg(feature = "redis")]
        "redis" | "rediss" => {
            let own: ligand_redis::RedisDiscovererOptions = options(&below_redis(component)?, DISCOVERER)?;
            let own = own.heartbeat_timeout(broker.registry.heartbeat_timeout);
            Ok(Some(Arc::new(ligand_redis::RedisDiscoverer::new(own))))
        }
        #[cfg(feature = "etcd")]
        "etcd" | "etcd3" => {
            let own: ligand_etcd::EtcdOptions = options(component, DISCOVERER)?;
            let own = own.heartbeat_timeout(broker.registry.heartbeat_timeout);
            Ok(Some(Arc::new(ligand_etcd::EtcdDiscoverer::new(own))))
        }
        kind => Err(unknown(DISCOVERER, kind, &DISCOVERERS)),
    }
}

#[cfg(feature = "transmit")]
pub(super) fn transmit(component: &ComponentOptions) -> Result<Arc<dyn Transmit>> {
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Compression {
        method: Method,
        threshold: usize,
    }
    impl Default for Compression {
        fn default() -> Self {
            Self { method: Method::Deflate, threshold: 1024 }
        }
    }
    #[derive(Deserialize)]
    enum Method {
        #[serde(rename = "deflate")]
        Deflate,
        #[serde(rename = "deflate_raw", alias = "deflateRaw")]
        DeflateRaw,
        #[serde(rename = "gzip")]
        Gzip,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Encryption {
        password: String,
        #[serde(default = "algorithm")]
        algorithm: String,
        iv: String,
    }
    fn algorithm() -> String {
        "aes-256-cbc".into()
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sealed {
        keys: Vec<String>,
    }
    match &*component.kind {
        "compression" => {
            let own: Compression = options(component, "transmit")?;
            let compression = match own.method {
                Method::Deflate => ligand_transmit::Compression::deflate(),
                Method::DeflateRaw => ligand_transmit::Compression::deflate_raw(),
                Method::Gzip => ligand_transmit::Compression::gzip(),
            };
            Ok(Arc::new(compression.threshold(own.threshold)))
        }
        "encryption" => {
            let own: Encryption = options(component, "transmit")?;
            Ok(Arc::new(ligand_transmit::Encryption::new(&own.algorithm, own.password, own.iv)?))
        }
        "sealed" => {
            let own: Sealed = options(component, "transmit")?;
            let keys =
                own.keys.iter().map(|key| key.parse()).collect::<Result<Vec<ligand_transmit::Key>>>()?;
            Ok(Arc::new(ligand_transmit::Sealed::new(keys)?))
        }
        kind => Err(unknown("transmit", kind, &["compression", "encryption", "sealed"])),
    }
}

#[cfg(not(feature = "transmit"))]
pub(super) fn transmit(component: &ComponentOptions) -> Result<Arc<dyn Transmit>> {
    Err(unknown("transmit", &component.kind, &["compression", "encryption", "sealed"]))
}

/// The options of the server in a table of their own, as the discoverer's type has them: whoever configures it need not
/// know which are of the server and which of the discoverer.
#[cfg(feature = "redis")]
fn below_redis(component: &ComponentOptions) -> Result<ComponentOptions> {
    let mut server = component.options.clone();
    let mut options = serde_json::Map::new();
    for name in ["full_check", "scan_length"] {
        options.extend(server.remove_entry(name));
    }
    // As Moleculer has it.
    match server.remove("redis") {
        Some(serde_json::Value::Object(nested)) => server.extend(nested),
        // Refused by its name, as every key that is not known.
        Some(other) => {
            server.insert("redis".into(), other);
        }
        None => {}
    }
    if let Some(url) = &component.url {
        server.insert("url".into(), url.as_str().into());
    }
    if let Err(reason) = encrypt(&component.kind, &mut server) {
        return Err(Error::broker_options(format!(
            "option '{DISCOVERER}.url' ({}): {reason}",
            component.kind
        )));
    }
    options.insert("redis".into(), server.into());
    Ok(ComponentOptions { kind: component.kind.clone(), url: None, options })
}

/// The options of a kind: the table, and the address as `url`.
#[allow(dead_code, reason = "without any feature there is no kind")]
fn options<T: DeserializeOwned>(component: &ComponentOptions, option: &str) -> Result<T> {
    let mut table = component.options.clone();
    if let Some(url) = &component.url {
        table.insert("url".into(), url.as_str().into());
    }
    // Of the discoverer that was done below its own table.
    if !table.contains_key("redis") {
        encrypt(&component.kind, &mut table).map_err(|reason| {
            Error::broker_options(format!("option '{option}.url' ({}): {reason}", component.kind))
        })?;
    }
    read_options(table).map_err(|(path, reason)| {
        let path = if path.is_empty() { option.to_owned() } else { format!("{option}.{path}") };
        // A table that nobody wrote.
        let path = path.replacen("registry.discoverer.redis", "registry.discoverer", 1);
        Error::broker_options(format!("option '{path}' ({}): {reason}", component.kind))
    })
}

/// A kind with encryption means it for all its servers: addresses that do not say it are completed, and those that say
/// otherwise are refused. Without that `type = "mqtts"` beside `url = "host"` would send a password in the open.
#[allow(dead_code, reason = "without any feature there is no kind")]
fn encrypt(kind: &str, table: &mut serde_json::Map<String, serde_json::Value>) -> Result<(), String> {
    use serde_json::Value;

    if !matches!(kind, "tls" | "rediss" | "mqtts" | "amqps") {
        return Ok(());
    }
    let whole = |urls: &str| {
        let urls = urls.split([',', ';']).map(str::trim).filter(|url| !url.is_empty());
        let urls: Result<Vec<_>, String> = urls
            .map(|url| match url.split_once("://") {
                None => Ok(format!("{kind}://{url}")),
                Some((scheme, _)) if scheme.eq_ignore_ascii_case(kind) => Ok(url.to_owned()),
                Some(_) => Err(format!("an address does not begin with '{kind}://', as the type says")),
            })
            .collect();
        urls.map(|urls| urls.join(","))
    };
    match table.get_mut("url") {
        Some(Value::String(url)) => *url = whole(url)?,
        Some(Value::Array(list)) if !list.is_empty() => {
            for url in list {
                if let Value::String(url) = url {
                    *url = whole(url)?;
                }
            }
        }
        None | Some(Value::Array(_)) => {
            table.insert("url".into(), format!("{kind}://localhost").into());
        }
        // The kind refuses it.
        Some(_) => {}
    }
    Ok(())
}

/// A kind that is not known is not quoted: it may be a secret at the wrong place.
fn unknown(option: &str, kind: &str, known: &[&str]) -> Error {
    let feature = if kind == "etcd3" { "etcd" } else { kind };
    let feature = if option == "transmit" { option } else { feature };
    match known.contains(&kind) {
        true => Error::broker_options(format!(
            "option '{option}': '{kind}' needs the cargo feature '{feature}' of the crate 'ligand'"
        )),
        false if NOT_HERE.contains(&plain(kind).as_str()) => Error::broker_options(format!(
            "option '{option}': '{kind}' is not a part of this version; there are {}",
            known.join(", ")
        )),
        false => {
            let near = meant(kind, known).map_or_else(String::new, |near| format!("did you mean '{near}'? "));
            Error::broker_options(format!(
                "option '{option}': there is no such kind; {near}there are {}",
                known.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_with_encryption_encrypts_every_server() {
        let encrypted = |kind: &str, url: serde_json::Value| {
            let mut table = serde_json::Map::new();
            if !url.is_null() {
                table.insert("url".into(), url);
            }
            encrypt(kind, &mut table).map(|()| table.remove("url").unwrap_or_default())
        };
        assert_eq!(encrypted("mqtts", json!("u:p@a:1; b")).unwrap(), json!("mqtts://u:p@a:1,mqtts://b"));
        assert_eq!(
            encrypted("rediss", json!(["a", "REDISS://b"])).unwrap(),
            json!(["rediss://a", "REDISS://b"])
        );
        assert_eq!(encrypted("amqps", json!(null)).unwrap(), json!("amqps://localhost"));
        let refused = encrypted("tls", json!(["tls://a", "nats://u:hunter2@b"])).unwrap_err();
        assert!(refused.contains("'tls://'") && !refused.contains("hunter2"), "{refused}");
        assert_eq!(encrypted("mqtt", json!("a")).unwrap(), json!("a"));
    }

    #[cfg(feature = "redis")]
    #[test]
    fn an_address_under_the_name_of_the_store_is_not_thrown_away() {
        let mut component = ComponentOptions::new("redis");
        component.options.insert("redis".into(), json!("redis://store:6379"));
        let error = discoverer(&component, &Options::default()).err().unwrap();
        assert!(error.message().starts_with("option 'registry.discoverer.redis'"), "{error}");
    }

    #[test]
    fn wrong_kinds_and_values_are_named_without_secrets() {
        let error = transporter(&ComponentOptions::new("hunter2")).err().unwrap();
        let text = "option 'transporter': there is no such kind; there are tcp, nats";
        assert!(error.message().starts_with(text) && !error.message().contains("hunter2"), "{error}");
        let message = |kind| transporter(&ComponentOptions::new(kind)).err().unwrap().message().to_owned();
        #[cfg(feature = "mqtt")]
        {
            let mut component = ComponentOptions::new("mqtt://a");
            component.options.insert("tls".into(), serde_json::json!({ "ca": "x" }));
            let error = transporter(&component).err().unwrap();
            let text = "option 'transporter.tls.ca' (mqtt): there is no such key; there are ca_file, cert_file, \
                        key_file";
            assert_eq!(error.message(), text);
        }
        assert!(message("natss").contains("did you mean 'nats'?"), "{}", message("natss"));
        assert!(message("Kafka").contains("'kafka' is not a part of this version"), "{}", message("Kafka"));
    }
}
