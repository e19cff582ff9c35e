//! From the environment to the options of the broker.

use std::time::Duration;

use ligand::{
    Map, Result, ServiceBroker, Value,
    broker::BrokerBuilder,
    config::{CacherOptions, ComponentOptions, Env, LogOptions, Protocol},
    json,
    prelude::Error,
};

/// Shared with the JavaScript nodes.
const KEY: &str = "01234567890123456789012345678901";
const IV: &str = "0123456789abcdef";

pub(super) fn log(env: &Env) -> LogOptions {
    LogOptions { level: env.get("LOG").unwrap_or("warn").into(), ..LogOptions::default() }
}

pub(super) fn broker(env: &Env) -> Result<BrokerBuilder> {
    let transporter = transporter(env)?;
    let discoverer = env.get("DISCOVERER").map(ComponentOptions::new);
    let transmit = transmit(env)?;
    let protocol = protocol(env.get("PROTOCOL").unwrap_or("5"))?;
    let balanced = env.get("DISABLEBALANCER") == Some("true");
    let remote_first = env.get("PREFERLOCAL") == Some("false");
    let heartbeat = number(env, "HEARTBEAT")?.map(|seconds: u32| Duration::from_secs(seconds.into()));
    let builder = ServiceBroker::builder().env(env.clone()).options(move |options| {
        options.transporter = transporter;
        options.registry.discoverer = discoverer;
        options.transmit = transmit;
        options.protocol = protocol;
        options.disable_balancer = balanced;
        options.registry.prefer_local = !remote_first;
        options.cacher = Some(CacherOptions::default());
        if let Some(heartbeat) = heartbeat {
            options.registry.heartbeat_interval = heartbeat;
            options.registry.heartbeat_timeout = 3 * heartbeat;
        }
    });
    Ok(builder)
}

fn transporter(env: &Env) -> Result<Option<ComponentOptions>> {
    let Some(mut component) = env.get("TRANSPORTER").map(ComponentOptions::new) else { return Ok(None) };
    match &*component.kind {
        "tcp" => {
            if let Some(port) = number::<u16>(env, "PORT")? {
                component.options.insert("port".into(), port.into());
            }
            if let Some(urls) = env.get("URLS") {
                component.options.insert("url".into(), urls.into());
                component.options.insert("udp_discovery".into(), false.into());
            }
        }
        "amqp" => {
            if let Some(prefetch) = number::<u16>(env, "PREFETCH")? {
                component.options.insert("prefetch".into(), prefetch.into());
            }
        }
        _ => {}
    }
    Ok(Some(component))
}

fn transmit(env: &Env) -> Result<Vec<ComponentOptions>> {
    let layer = |name: &str| {
        let options = match name {
            "compression" => json!({ "method": env.get("COMPRESSION").unwrap_or("deflate") }),
            "encryption" => json!({ "password": KEY, "iv": IV }),
            _ => return Err(Error::broker_options(format!("MIDDLEWARES: '{name}' is not known"))),
        };
        Ok(ComponentOptions { kind: name.into(), url: None, options: table(options) })
    };
    env.get("MIDDLEWARES").unwrap_or_default().split(',').filter(|name| !name.is_empty()).map(layer).collect()
}

fn protocol(name: &str) -> Result<Protocol> {
    match name {
        "5" => Ok(Protocol::V5),
        "4" => Ok(Protocol::V4),
        "mixed" => Ok(Protocol::Mixed),
        _ => Err(Error::broker_options(format!("PROTOCOL: '{name}' is none of 5, 4, mixed"))),
    }
}

fn number<T: std::str::FromStr>(env: &Env, name: &str) -> Result<Option<T>> {
    let read =
        |text: &str| text.parse().map_err(|_| Error::broker_options(format!("{name} must be a number")));
    env.get(name).map(read).transpose()
}

fn table(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(table) => table,
        _ => Map::new(),
    }
}
