//! What all transporters have in common, and the table of their options in the documentation.

use std::{collections::BTreeSet, fmt::Debug};

use ligand::{
    ServiceBroker,
    amqp::AmqpOptions,
    config::Env,
    etcd::EtcdOptions,
    mqtt::MqttOptions,
    nats::NatsOptions,
    redis::{RedisDiscovererOptions, RedisOptions},
    tcp::TcpOptions,
    transport::MemoryBus,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The options of a kind, seen through what all of them can.
struct Kind {
    name: &'static str,
    /// Names of all options.
    names: fn() -> BTreeSet<String>,
    /// How options are shown when one is given.
    shown: fn(Value) -> Result<String, String>,
}

const KINDS: [Kind; 6] = [
    kind::<TcpOptions>("tcp"),
    kind::<NatsOptions>("nats"),
    kind::<RedisOptions>("redis"),
    kind::<MqttOptions>("mqtt"),
    kind::<AmqpOptions>("amqp"),
    kind::<EtcdOptions>("etcd"),
];

const fn kind<T: DeserializeOwned + Debug>(name: &'static str) -> Kind {
    Kind { name, names: names::<T>, shown: shown::<T> }
}

fn shown<T: DeserializeOwned + Debug>(options: Value) -> Result<String, String> {
    serde_json::from_value::<T>(options)
        .map(|options| format!("{options:?}"))
        .map_err(|error| error.to_string())
}

/// An error about an unknown name tells the known ones.
fn names<T: DeserializeOwned + Debug>() -> BTreeSet<String> {
    let error = shown::<T>(json!({ "no such option": 1 })).unwrap_err();
    let (_, known) = error.split_once("expected one of ").expect("options that refuse unknown names");
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows of the table: an option, and a cell for each kind.
fn table() -> Vec<(String, Vec<String>)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/transporters/README.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, rows) = page.split_once("|---|---|---|---|---|---|---|\n").expect("a table of six kinds");
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.lines()
        .take_while(|row| row.starts_with('|'))
        .map(|row| {
            let mut cells: Vec<String> = cells(row);
            let option = cells.remove(0).trim_matches('`').to_owned();
            assert_eq!(cells.len(), KINDS.len(), "{option}");
            (option, cells)
        })
        .collect()
}

#[test]
fn the_table_of_options_is_true() {
    let table = table();
    for (at, kind) in KINDS.iter().enumerate() {
        let listed = table.iter().filter(|(option, cells)| cells[at] != "–" && !option.contains('.'));
        let listed: BTreeSet<String> = listed.map(|(option, _)| option.clone()).collect();
        assert_eq!(listed, (kind.names)(), "options of {}", kind.name);
        let default = (kind.shown)(json!({})).unwrap();
        for (option, cells) in &table {
            // `none` says that nothing is set.
            let Some(cell) = cells[at].strip_prefix('`').and_then(|cell| cell.strip_suffix('`')) else {
                continue;
            };
            let value = serde_json::from_str(cell).unwrap_or_else(|_| json!(cell));
            let given =
                (kind.shown)(json!({ option: value })).unwrap_or_else(|error| panic!("{option}: {error}"));
            assert_eq!(given, default, "default of {option} of {}", kind.name);
        }
    }
}

#[test]
fn all_kinds_read_options_in_the_same_forms() {
    for kind in KINDS.iter().filter(|kind| kind.name != "tcp") {
        let shown =
            |options: Value| (kind.shown)(options).unwrap_or_else(|error| panic!("{}: {error}", kind.name));
        let scheme = if kind.name == "etcd" { "http" } else { kind.name };
        let list = shown(json!({ "url": [format!("{scheme}://a"), format!("{scheme}://b:1")] }));
        for separator in [",", ";", " ; ", ", "] {
            assert_eq!(shown(json!({ "url": format!("{scheme}://a{separator}{scheme}://b:1") })), list);
        }
        let options = shown(json!({
            "username": "hunter1", "password": "hunter2", "connect_timeout": "1m 30s",
            "tls": { "ca_file": "ca.pem", "cert_file": "cert.pem", "key_file": "key.pem" },
        }));
        assert!(
            !options.contains("hunter") && options.contains("90s") && options.contains("key.pem"),
            "{options}"
        );
    }
    for kind in &KINDS {
        for wrong in [json!(5), json!("5"), json!("soon"), json!(1.5)] {
            let error = (kind.shown)(json!({ "connect_timeout": wrong })).unwrap_err();
            assert!(error.contains("a duration such as"), "{}: {error}", kind.name);
        }
        let error = (kind.shown)(json!({ "conect_timeout": "1s" })).unwrap_err();
        assert!(error.contains("`connect_timeout`"), "{error}");
    }
}

/// Who starts with these variables hears this.
async fn refused(variables: &[(&str, &str)]) -> String {
    let builder = ServiceBroker::builder().env(Env::from_pairs(variables.iter().copied()));
    builder.start().await.expect_err("it cannot start").message().to_owned()
}

#[tokio::test]
async fn wrong_options_of_every_kind_name_the_bus_and_the_option() {
    for (bus, url) in [
        ("TCP", "tcp://u:hunter2@127.0.0.1:1/a"),
        ("NATS", "nats://u:hunter2@127.0.0.1:x"),
        ("Redis", "redis://u:hunter2@127.0.0.1:x"),
        ("MQTT", "mqtt://u:hunter2@127.0.0.1:x"),
        ("AMQP", "amqp://u:hunter2@127.0.0.1:x"),
    ] {
        let text = refused(&[("TRANSPORTER", url)]).await;
        assert!(text.starts_with(&format!("{bus}: server 1 of 'url' has ")), "{text}");
        assert!(text.ends_with('.') && !text.contains("hunter2"), "{text}");
        let kind = url.split("://").next().unwrap();
        let variable = [("TRANSPORTER", kind), ("LIGAND_TRANSPORTER__CONNECT_TIMEOUT", "0")];
        assert_eq!(refused(&variable).await, format!("{bus}: 'connect_timeout' must be above 0."));
    }
    for (bus, url) in [("etcd", "etcd3://127.0.0.1:x"), ("Redis", "redis://127.0.0.1:x")] {
        // A bus that is there: discoverers start behind it.
        let builder = ServiceBroker::builder().transporter(MemoryBus::new().transporter());
        let builder = builder.env(Env::from_pairs([("LIGAND_REGISTRY__DISCOVERER", url)]));
        let error = builder.start().await.expect_err("it cannot start");
        assert!(error.message().starts_with(&format!("{bus}: server 1 of 'url' has ")), "{error}");
    }
}

#[tokio::test]
async fn nested_options_come_from_variables_too() {
    for (kind, bus) in [("tls", "NATS"), ("rediss", "Redis"), ("mqtts", "MQTT"), ("amqps", "AMQP")] {
        let url = format!("{kind}://127.0.0.1:1,{kind}://127.0.0.1:2");
        let variables = [
            ("TRANSPORTER", &*url),
            ("LIGAND_TRANSPORTER__CLUSTER", "true"),
            ("LIGAND_TRANSPORTER__TLS__CA_FILE", "/no/such/ca.pem"),
        ];
        let own = if kind == "rediss" { &variables[..] } else { &[variables[0], variables[2]] };
        let text = refused(own).await;
        let start = format!("{bus}: 'tls.ca_file' is /no/such/ca.pem, which cannot be used: ");
        assert!(text.starts_with(&start), "{text}");
    }
    let text = refused(&[("TRANSPORTER", "mqtt://a"), ("LIGAND_TRANSPORTER__TLS__CA", "ca.pem")]).await;
    assert!(text.contains("'transporter.tls.ca'") && text.contains("there are ca_file"), "{text}");
    let text = refused(&[
        ("TRANSPORTER", "nats://127.0.0.1:1"),
        ("LIGAND_REGISTRY__DISCOVERER", "redis://a"),
        ("LIGAND_REGISTRY__DISCOVERER__PASWORD", "hunter2"),
    ])
    .await;
    assert!(text.contains("'registry.discoverer.pasword' (redis)") && text.contains("'password'"), "{text}");
    assert!(!text.contains("hunter2"));
}

#[test]
fn a_discoverer_is_built_as_a_transporter_is() {
    let options = RedisDiscovererOptions::from_url("redis://a/1").full_check(5);
    assert!(options.check().is_ok());
    assert!(EtcdOptions::from_url("https://a,https://b").username("u").password("p").check().is_ok());
}
