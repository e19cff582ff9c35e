use std::{io::Write as _, time::Duration};

use serde::Deserialize;

use super::*;
use crate::config::{CacherKind, Protocol, Serializer};

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn environment_wins_over_file_wins_over_defaults() {
    let toml = file("node_id = \"a\"\nrequest_timeout = \"2s\"\n[cacher]\nkind = \"memory_lru\"\nmax = 5\n");
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
    assert_eq!((options.retry_policy.enabled, options.retry_policy.delay), (true, Duration::from_millis(5)));
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
            "[reporter]\nenabled = true\n",
            "line 1, section 'reporter': there is no such key: reporters are keys of",
        ),
        ("[cacher]\nkind = \"redis\"\n", "line 2, key 'cacher.kind': a Redis cache is not a part"),
        ("cacher = \"Redis\"\n", "line 1, key 'cacher': a Redis cache is not a part"),
        ("serializer = \"jsn\"\n", "line 1, key 'serializer': there is no such name; did you mean 'json'?"),
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
        (file_both, vec![("LIGAND_GATEWAY__BIND", "l:4"), ("PORT", "3"), ("IP", "e")], Some("l"), Some(3)),
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
        assert_eq!(load(Some(toml.path()), &Env::default()).unwrap().cacher.unwrap().kind, kind, "{text}");
    }
    let toml =
        file("cacher = false\nprotocol = 4\nserializer = \"MsgPack\"\nregistry.strategy = \"Cpu-Usage\"\n");
    let options = load(Some(toml.path()), &Env::default()).unwrap();
    assert_eq!((options.cacher.is_none(), options.protocol), (true, Protocol::V4));
    assert_eq!(options.serializer, Serializer::Msgpack);
    let env = Env::from_pairs([("CACHER", "MemoryLRU"), ("LIGAND_CACHER__MAX", "9"), ("SERIALIZER", "CBOR")]);
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
    let smtp = Smtp { host: "0123".into(), use_tls: true, max_per_hour: 700, password: Some("true".into()) };
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
