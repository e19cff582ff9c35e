//! Secrets at every place of every address and option: no error, log line, `Debug` output, panic or answer of `$node`
//! shows one.

use std::{
    fmt::Debug,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use ligand::{
    Error, Result, ServiceBroker, Value,
    broker::BrokerBuilder,
    config::{ComponentOptions, Env},
    db::{Adapter, Sqlite},
    json, transmit,
    transport::MemoryBus,
    web::{Gateway, JwtKeys, Route},
};
use ligand_test::TestBroker;
use ligand_wire::redact::without_value;
use tracing_subscriber::fmt::MakeWriter;

/// Everything that was said.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    fn debug(&self, what: &impl Debug) {
        let _ = write!(self.clone(), "{what:?}\n{what:#?}\n");
    }

    fn error<T>(&self, what: &str, result: Result<T, Error>) {
        if let Err(error) = result {
            let _ = write!(self.clone(), "{what}: {error}\n{error:#}\n{error:?}\n{}\n", json!(error));
        }
    }

    fn take(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut *self.0.lock().unwrap())).into_owned()
    }
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Said {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The end of every secret: what it is searched by.
const MARK: &str = "hUnTeR2";

/// What people put into passwords, and what breaks addresses.
fn secret() -> String {
    let alphabet: Vec<char> = "aB3.-_:@/?#%&=,;+!$ \"'`{}[]\\é".chars().collect();
    let noise: String = (0..fastrand::usize(0..7)).filter_map(|_| fastrand::choice(&alphabet)).collect();
    format!("x{noise}{MARK}")
}

/// Addresses with the secret at every place but the host.
fn addresses(scheme: &str) -> Vec<String> {
    let s = secret;
    // What follows a comma or semicolon is the next address, and begins with its host.
    let behind = || secret().replace([',', ';'], "");
    // What follows the last `@` of an address without a host would be the host.
    let bare = || behind().replace('@', "");
    vec![
        format!("{scheme}://u:{}@127.0.0.1:1", s()),
        format!("{scheme}://{}@127.0.0.1:1", s()),
        format!("{scheme}://{}:p@127.0.0.1:1/a", s()),
        format!("{scheme}://:{}@127.0.0.1:1/1", s()),
        format!("{scheme}://u:{}@", bare()),
        format!("{scheme}://u:{}", bare()),
        format!("{scheme}://127.0.0.1:{}", bare()),
        // The path of a TCP address is the name of a node, which everybody may see.
        if scheme == "tcp" {
            format!("tcp://{}", behind())
        } else {
            format!("{scheme}://127.0.0.1:1/{}", behind())
        },
        format!("{scheme}://127.0.0.1:1/?{}", behind()),
        format!("{scheme}://127.0.0.1:1/?password={}", behind()),
        format!("{scheme}://127.0.0.1:1/#{}", behind()),
        format!("{scheme}://u:{}@127.0.0.1:1,{scheme}://u:{}@127.0.0.1:2", s(), s()),
        format!("{scheme}://127.0.0.1:1;{scheme}://u:{}@127.0.0.1:2", s()),
        format!("{}://u:p@127.0.0.1:1", s()),
        format!("{scheme}:{}", bare()),
    ]
}

/// Options of each kind that take a text, by the path that configuration has for them.
const TEXTS: [&str; 38] = [
    "url",
    "username",
    "password",
    "token",
    "nkey",
    "credentials_file",
    "connection_name",
    "client_id",
    "inbox_prefix",
    "topic_separator",
    "protocol",
    "qos",
    "db",
    "keep_alive",
    "ping_interval",
    "connect_timeout",
    "heartbeat",
    "prefetch",
    "auto_delete_queues",
    "event_time_to_live",
    "udp_period",
    "udp_multicast",
    "udp_broadcast",
    "udp_bind_address",
    "bind_address",
    "port",
    "secret",
    "full_check",
    "max_packet_size",
    "keys",
    "iv",
    "algorithm",
    "method",
    "threshold",
    "tls.ca_file",
    "tls.cert_file",
    "tls.key_file",
    "queue_options.arguments.x",
];

/// Tables of options in which one is a secret: as a text, and in a list.
fn tables(kind: &str) -> Vec<Value> {
    let mut tables = Vec::new();
    for path in TEXTS {
        for list in [false, true] {
            // A bare word would be the name of a host.
            let text = match path {
                "url" => format!("{kind}://u:{}@127.0.0.1:1", secret()),
                _ => secret(),
            };
            let value = if list { json!([text]) } else { json!(text) };
            let value = path.rsplit('.').fold(value, |value, name| json!({ name: value }));
            let mut table = json!({ "type": kind });
            match kind {
                "tcp" => table["udp_discovery"] = false.into(),
                "etcd3" => table["url"] = json!(["127.0.0.1:1"]),
                _ => table["url"] = format!("{kind}://127.0.0.1:1").into(),
            }
            // The other half of a pair.
            for (one, other) in [("password", "username"), ("username", "password")] {
                if path == one && fastrand::bool() {
                    table[other] = secret().into();
                }
            }
            for (name, value) in value.as_object().unwrap() {
                table[name.as_str()] = value.clone();
            }
            tables.push(table);
        }
    }
    tables
}

/// Starts a broker, asks it about itself and stops it.
async fn start(said: &Said, what: &str, builder: BrokerBuilder) {
    said.debug(&builder);
    let Ok(started) = tokio::time::timeout(Duration::from_secs(1), builder.start()).await else { return };
    match started {
        Err(error) => said.error(what, Err::<(), _>(error)),
        Ok(broker) => {
            said.debug(&broker);
            said.debug(broker.options());
            for action in ["$node.options", "$node.services", "$node.list", "$node.actions", "$node.events"] {
                match broker.call_named(action, json!({})).await.and_then(|answer| answer.to_value()) {
                    Ok(answer) => said.debug(&answer.to_string()),
                    Err(error) => said.error(action, Err::<(), _>(error)),
                }
            }
            broker.stop().await;
        }
    }
}

fn check(said: &Said, of: &str, given: &dyn Debug) {
    let text = said.take();
    if let Some(at) = text.find(MARK) {
        let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
        panic!("{of}: a secret is shown in `{}`\ngiven: {given:?}", text[line..].lines().next().unwrap());
    }
}

fn listen() -> (Said, tracing::subscriber::DefaultGuard) {
    let said = Said::default();
    let layer = tracing_subscriber::fmt().with_writer(said.clone()).with_max_level(tracing::Level::TRACE);
    let guard = tracing::subscriber::set_default(layer.finish());
    // Panics of this thread, which runs all tasks.
    let (panics, thread) = (said.clone(), std::thread::current().id());
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == thread {
            let _ = writeln!(panics.clone(), "{info}");
        }
        usual(info);
    }));
    (said, guard)
}

#[tokio::test(start_paused = true)]
async fn no_address_shows_its_secrets() {
    let (said, _guard) = listen();
    for scheme in ["tcp", "nats", "tls", "redis", "rediss", "mqtt", "mqtts", "amqp", "amqps", "odd"] {
        for url in addresses(scheme) {
            for variable in ["TRANSPORTER", "LIGAND_TRANSPORTER__URL"] {
                let builder = ServiceBroker::builder().env(Env::from_pairs([(variable, url.clone())]));
                said.debug(&Env::from_pairs([(variable, url.clone())]));
                start(&said, variable, builder).await;
                check(&said, variable, &url);
            }
            let component = ComponentOptions::new(&url);
            said.debug(&component);
            start(&said, "code", ServiceBroker::builder().options(|o| o.transporter = Some(component))).await;
            check(&said, "code", &url);
        }
    }
    for scheme in ["redis", "rediss", "etcd3", "http", "https", "local"] {
        for url in addresses(scheme) {
            let variables = [("TRANSPORTER", "nats://127.0.0.1:1"), ("LIGAND_REGISTRY__DISCOVERER", &url)];
            start(&said, "discoverer", ServiceBroker::builder().env(Env::from_pairs(variables))).await;
            check(&said, "discoverer", &url);
        }
    }
    for scheme in ["sqlite", "postgres", "odd"] {
        for url in addresses(scheme) {
            match Sqlite::open(&format!("{url}?mode=rw")) {
                Err(error) => said.error("sqlite", Err::<(), _>(error)),
                Ok(database) => {
                    said.debug(&database);
                    said.error("sqlite", Adapter::begin(&database).await);
                }
            }
            check(&said, "sqlite", &url);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_option_shows_its_secrets() {
    let (said, _guard) = listen();
    for kind in ["tcp", "nats", "redis", "mqtt", "amqp"] {
        for table in tables(kind) {
            match serde_json::from_value::<ComponentOptions>(table.clone()) {
                Err(error) => {
                    let _ = writeln!(said.clone(), "{}", without_value(&error.to_string()));
                }
                Ok(component) => {
                    said.debug(&component);
                    start(&said, kind, ServiceBroker::builder().options(|o| o.transporter = Some(component)))
                        .await;
                }
            }
            check(&said, kind, &table);
        }
    }
    for kind in ["redis", "etcd3", "local"] {
        for table in tables(kind) {
            let Ok(component) = serde_json::from_value::<ComponentOptions>(table.clone()) else { continue };
            let builder = ServiceBroker::builder().transporter(MemoryBus::default().transporter());
            start(&said, kind, builder.options(|o| o.registry.discoverer = Some(component))).await;
            check(&said, kind, &table);
        }
    }
    for kind in ["compression", "encryption", "sealed"] {
        for mut table in tables(kind) {
            table.as_object_mut().unwrap().shift_remove("url");
            let Ok(component) = serde_json::from_value::<ComponentOptions>(table.clone()) else { continue };
            start(&said, kind, ServiceBroker::builder().options(|o| o.transmit = vec![component])).await;
            check(&said, kind, &table);
        }
    }
}

/// Options of the broker that are no free text: whatever stands there instead is shown nowhere.
const OPTIONS: [&str; 43] = [
    "request_timeout",
    "max_call_level",
    "log.level",
    "log.format",
    "log.color",
    "log",
    "retry_policy.enabled",
    "retry_policy.delay",
    "retry_policy.factor",
    "circuit_breaker.threshold",
    "circuit_breaker.window_time",
    "bulkhead.concurrency",
    "tracking.enabled",
    "tracking.shutdown_timeout",
    "cacher",
    "cacher.kind",
    "cacher.ttl",
    "cacher.max",
    "cacher.max_params_length",
    "validator",
    "internal_services",
    "dependency_timeout",
    "tracing",
    "transporter",
    "transporter.type",
    "serializer",
    "protocol",
    "transmit",
    "disable_balancer",
    "transit",
    "transit.max_queue_size",
    "transit.max_packet_size",
    "transit.strict_version",
    "transit.discovery_wait",
    "registry",
    "registry.discoverer",
    "registry.strategy",
    "registry.strategy.kind",
    "registry.prefer_local",
    "registry.stop_delay",
    "registry.heartbeat_interval",
    "registry.heartbeat_timeout",
    "registry.clean_offline_nodes_timeout",
];

#[tokio::test(start_paused = true)]
async fn neither_variables_nor_files_show_what_stands_in_them() {
    let (said, _guard) = listen();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ligand.toml");
    for path in OPTIONS {
        for value in [secret(), format!("{}s", secret()), format!("1{}", secret()), MARK.to_owned()] {
            let variable = format!("LIGAND_{}", path.to_ascii_uppercase().replace('.', "__"));
            let env = Env::from_pairs([(variable.as_str(), value.as_str())]);
            start(&said, &variable, ServiceBroker::builder().env(env)).await;
            check(&said, &variable, &value);
            let text = ligand::Value::from(value.as_str());
            for line in [
                format!("{path} = {text}\n"),
                format!("{path} = [{text}]\n"),
                format!("{path} = \n{text}\n"),
                format!("{path} = '''\n{MARK}=1\n'''\n"),
                format!("[{path}]\nx = {text}\n"),
            ] {
                std::fs::write(&file, &line).unwrap();
                if let Ok(builder) = ServiceBroker::builder().config(&file) {
                    start(&said, path, builder.env(Env::default())).await;
                }
                check(&said, path, &line);
            }
        }
    }
}

#[tokio::test]
async fn the_gateway_shows_neither_tokens_nor_keys() {
    let (said, _guard) = listen();
    for _ in 0..50 {
        let (secret, other) = (secret(), secret());
        let keys = JwtKeys::hs256(&secret).unwrap();
        said.debug(&keys);
        said.error("pem", JwtKeys::rs256_public_pem(&other));
        said.error("pem", JwtKeys::es256_public_pem(&other));
        said.error("pem", JwtKeys::eddsa_public_pem(&other));
        said.error("jwt", keys.verify(&other));
        let route = Route::new("/").alias("GET /me", "$node.list").authenticate(keys.bearer());
        said.debug(&route);
        let gateway = Gateway::builder().port(0).route(route);
        said.debug(&gateway);
        let gateway = gateway.build();
        let broker = TestBroker::builder().service(gateway.clone()).start().await.unwrap();
        let plain: String = other.chars().filter(char::is_ascii_alphanumeric).collect();
        let answer = broker
            .http(&gateway)
            .get(&format!("/me?token={plain}"))
            .bearer(&plain)
            .header("cookie", &format!("session={plain}"))
            .header("x-api-key", &plain)
            .await;
        said.debug(&answer.text());
        said.debug(&answer.headers());
        broker.stop().await;
        check(&said, "gateway", &(secret, other));
    }
}

#[test]
fn keys_of_packets_are_not_shown() {
    let said = Said::default();
    for _ in 0..200 {
        let secret = secret();
        said.error("key", secret.parse::<transmit::Key>());
        said.error("encryption", transmit::Encryption::new(&secret, &secret, &secret));
        said.error("encryption", transmit::Encryption::aes_256_cbc(&secret, &secret));
        said.error("compression", secret.parse::<transmit::Method>());
        let padded = format!("{secret:_<40}");
        let key = transmit::Key::from_bytes(&padded.as_bytes()[..32]);
        said.debug(&key);
        said.debug(&key.and_then(|key| transmit::Sealed::new([key])));
        let bytes = padded.as_bytes();
        said.debug(&transmit::Encryption::aes_256_cbc(&bytes[..32], &bytes[..16]));
        check(&said, "transmit", &secret);
    }
}
