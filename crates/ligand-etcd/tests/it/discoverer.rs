//! Nodes that find each other in etcd.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use ligand_etcd::{EtcdDiscoverer, EtcdOptions, TlsOptions};
use ligand_transport::{Discoverer, Link, contract::TestLink};
use ligand_wire::{Result, packet::ServiceInfo};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use ligand_servers::free_port;

use crate::server::Server;

/// How long a beat counts in these tests; etcd makes it at least 2 s.
const LIFE: Duration = Duration::from_secs(1);

const PATIENCE: Duration = Duration::from_secs(20);

struct Node {
    link: Arc<TestLink>,
    discoverer: Arc<EtcdDiscoverer>,
}

fn options(server: &Server) -> EtcdOptions {
    let mut options = EtcdOptions::from_url(server.url());
    options.heartbeat_timeout = LIFE;
    options.full_check = 1;
    options
}

impl Node {
    async fn start(server: &Server, id: &str) -> Self {
        Self::start_with(options(server), id, "").await
    }

    async fn start_with(options: EtcdOptions, id: &str, namespace: &str) -> Self {
        let link = TestLink::new(id, namespace);
        let discoverer = Arc::new(EtcdDiscoverer::new(options));
        let starting = discoverer.clone().start(link.clone());
        timeout(PATIENCE, starting).await.expect("it starts in time").expect("a server that is there");
        let node = Self { link, discoverer };
        node.announce().await.expect("it announces itself");
        node
    }

    async fn announce(&self) -> Result<()> {
        self.discoverer.announce(self.link.cluster().local().info).await
    }

    async fn beat(&self) {
        self.discoverer.beat().await.expect("the store is there");
    }

    fn sees(&self, id: &str) -> bool {
        self.link.cluster().peer(id).is_some_and(|peer| peer.available)
    }

    fn seq_of(&self, id: &str) -> u64 {
        self.link.cluster().peer(id).map_or(0, |peer| peer.info.seq)
    }

    /// Beats until `test` holds.
    async fn until(&self, test: impl Fn(&Self) -> bool) {
        let beating = async {
            while !test(self) {
                let _ = self.discoverer.beat().await;
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, beating).await.expect("it must come so");
    }
}

/// All keys with their values as text.
async fn all(server: &Server) -> Vec<(String, String)> {
    let answer = server.post("/v3/kv/range", r#"{"key":"AA==","range_end":"AA=="}"#).await;
    let text = |value: &Value| {
        let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).expect("base64");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let pairs = answer["kvs"].as_array().cloned().unwrap_or_default();
    pairs.iter().map(|pair| (text(&pair["key"]), text(&pair["value"]))).collect()
}

async fn put(server: &Server, key: &[u8], value: &[u8]) {
    let body = json!({"key": STANDARD.encode(key), "value": STANDARD.encode(value)});
    assert!(server.post("/v3/kv/put", &body.to_string()).await["header"].is_object());
}

#[tokio::test]
async fn nodes_find_each_other() {
    let server = Server::start().await;
    let (a, b) = (Node::start(&server, "a").await, Node::start(&server, "b").await);
    assert!(b.sees("a"), "announcing looks who is there");
    a.beat().await;
    assert!(a.sees("b") && !a.sees("a"));
    let math = ServiceInfo { name: "math".into(), ..ServiceInfo::default() };
    b.link.test_cluster().change(|info| info.services.push(math));
    b.announce().await.expect("it announces itself");
    a.beat().await;
    let peer = a.link.cluster().peer("b").expect("it is known");
    assert_eq!((peer.info.seq, &*peer.info.services[0].name), (2, "math"));
    a.discoverer.discover("b").await.expect("the store is there");
}

#[tokio::test]
async fn a_node_that_stops_or_dies_is_lost() {
    let server = Server::start().await;
    let (a, b, c) =
        (Node::start(&server, "a").await, Node::start(&server, "b").await, Node::start(&server, "c").await);
    a.beat().await;
    assert!(a.sees("b") && a.sees("c"));
    b.discoverer.stop().await;
    let of_b = |key: &str| key.contains("/b/") || key.ends_with("/b");
    assert!(!all(&server).await.iter().any(|(key, _)| of_b(key)));
    drop(c);
    a.until(|a| !a.sees("b") && !a.sees("c")).await;
}

#[tokio::test]
async fn keys_and_values_are_those_of_moleculer() {
    let server = Server::start().await;
    let node = Node::start_with(options(&server), "n.1", "lab").await;
    node.link.test_cluster().set_load(12.0);
    node.beat().await;
    let hash = &node.link.instance_id()[..8];
    let [beat, info] = all(&server).await.try_into().expect("two keys");
    assert_eq!(beat.0, format!("moleculer-lab/discovery/beats/n.1/{hash}/1"));
    assert_eq!(info.0, "moleculer-lab/discovery/info/n.1");
    let beat: Value = serde_json::from_str(&beat.1).expect("JSON");
    assert_eq!((&beat["sender"], &beat["ver"], &beat["seq"]), (&"n.1".into(), &"5".into(), &1.into()));
    assert_eq!((&beat["instanceID"], beat["cpu"].as_f64()), (&node.link.instance_id().into(), Some(12.0)));
    let info: Value = serde_json::from_str(&info.1).expect("JSON");
    assert_eq!((&info["sender"], &info["seq"]), (&"n.1".into(), &1.into()));
    assert!(info["services"].is_array() && info["client"].is_object() && info["ipList"].is_array());

    node.link.test_cluster().change(|_| {});
    node.announce().await.expect("it announces itself");
    let [beat, _] = all(&server).await.try_into().expect("the beat of the old seq is gone");
    assert!(beat.0.ends_with("/2"));
}

#[tokio::test]
async fn a_new_start_is_noticed_while_the_old_beat_stays() {
    let server = Server::start().await;
    let a = Node::start(&server, "a").await;
    let old = Node::start(&server, "b").await;
    a.beat().await;
    drop(old);
    let again = Node::start(&server, "b").await;
    a.beat().await;
    assert_eq!(a.link.cluster().peer("b").expect("it is known").info.instance_id, again.link.instance_id());
}

#[tokio::test]
async fn a_node_that_was_lost_comes_back_with_its_next_beat() {
    let server = Server::start().await;
    let (a, b) = (Node::start(&server, "a").await, Node::start(&server, "b").await);
    a.beat().await;
    // The bus told so, before its beat ends.
    a.link.cluster().gone("b", 1);
    for _ in 0..3 {
        a.beat().await;
        a.discoverer.discover("b").await.expect("the store is there");
        assert!(!a.sees("b"), "a beat that was there before says nothing");
    }
    b.beat().await;
    a.beat().await;
    assert!(a.sees("b"));
    b.discoverer.stop().await;
    a.link.cluster().gone("b", 1);
    let info = b.link.cluster().local().info;
    a.discoverer.discover("b").await.expect("the store is there");
    a.beat().await;
    assert!(!a.sees("b") && info.seq == a.seq_of("b"));
}

#[tokio::test]
async fn rubbish_in_the_store_is_ignored() {
    let server = Server::start().await;
    let a = Node::start(&server, "a").await;
    let huge = vec![b'x'; 1 << 20];
    for (key, value) in [
        (&b"beats/"[..], &b"x"[..]),
        (b"beats////", b"x"),
        (b"beats/\xff\xfe/1/2", b"x"),
        (b"beats/x/0/99999999999999999999", b"x"),
        (b"beats/none/01234567/1", b""),
        (b"beats/text/01234567/1", b"[]"),
        (b"info/text", b"{\"services\":7,"),
        (b"beats/liar/01234567/1", b"{}"),
        (b"info/liar", br#"{"ver":"5","sender":"b","seq":9,"instanceID":"x","services":[]}"#),
        (b"beats/huge/01234567/1", &huge),
        (b"info/huge", &huge),
    ] {
        put(&server, &[b"moleculer/discovery/", key].concat(), value).await;
    }
    let b = Node::start(&server, "b").await;
    a.beat().await;
    a.beat().await;
    assert!(a.sees("b") && b.sees("a"));
    let seen = a.link.cluster().peers().iter().filter(|peer| peer.available).count();
    assert_eq!((seen, a.seq_of("b")), (1, 1));
}

#[tokio::test]
async fn a_lost_lease_is_granted_again() {
    let server = Server::start().await;
    let (a, b) = (Node::start(&server, "a").await, Node::start(&server, "b").await);
    a.beat().await;
    let leases = server.post("/v3/lease/leases", "{}").await["leases"].clone();
    for lease in leases.as_array().expect("leases") {
        server.post("/v3/lease/revoke", &lease.to_string()).await;
    }
    assert!(all(&server).await.is_empty());
    a.beat().await;
    assert!(a.sees("b"), "its beat is gone, but so was ours");
    assert_eq!(all(&server).await.len(), 2);
    b.beat().await;
    assert_eq!(all(&server).await.len(), 4);
}

#[tokio::test]
async fn a_store_that_is_gone_for_a_while_loses_nobody() {
    let server = Server::start().await;
    let (a, b) = (Node::start(&server, "a").await, Node::start(&server, "b").await);
    a.beat().await;
    server.kill();
    let error = a.discoverer.beat().await.expect_err("the store is gone");
    assert_eq!((error.code(), error.kind(), error.retryable()), (503, "DISCOVERER_ERROR", true));
    server.run().await.unwrap();
    let (a_beat, b_beat) = tokio::join!(a.discoverer.beat(), b.discoverer.beat());
    a_beat.and(b_beat).expect("the store is back");
    assert!(a.sees("b"));
    drop(b);
    a.until(|a| !a.sees("b")).await;
}

#[tokio::test]
async fn a_node_whose_beat_is_away_for_a_moment_is_not_lost() {
    let server = Server::start().await;
    let a = Node::start(&server, "a").await;
    let beat = b"moleculer/discovery/beats/js/01234567/1";
    let info =
        json!({"ver": "5", "sender": "js", "seq": 1, "instanceID": "0123456789", "services": []}).to_string();
    put(&server, beat, b"{}").await;
    put(&server, b"moleculer/discovery/info/js", info.as_bytes()).await;
    a.beat().await;
    assert!(a.sees("js"));
    server.post("/v3/kv/deleterange", &json!({"key": STANDARD.encode(beat)}).to_string()).await;
    let again = async {
        sleep(Duration::from_millis(300)).await;
        put(&server, beat, b"{}").await;
    };
    tokio::join!(a.beat(), again);
    assert!(a.sees("js"));
    server.post("/v3/kv/deleterange", &json!({"key": STANDARD.encode(beat)}).to_string()).await;
    let since = Instant::now();
    a.beat().await;
    assert!(!a.sees("js") && since.elapsed() > Duration::from_millis(900));
}

#[tokio::test]
async fn users_and_their_passwords() {
    let server = Server::start().await;
    for (path, body) in [
        ("/v3/auth/user/add", r#"{"name":"root","password":"s3cret"}"#),
        ("/v3/auth/role/add", r#"{"name":"root"}"#),
        ("/v3/auth/user/grant", r#"{"user":"root","role":"root"}"#),
        ("/v3/auth/enable", "{}"),
    ] {
        assert!(server.post(path, body).await["header"].is_object(), "{path}");
    }
    let mut with = options(&server).username("root").password("s3cret");
    let a = Node::start_with(with.clone(), "a", "").await;
    let b = Node::start_with(with.clone(), "b", "").await;
    a.beat().await;
    assert!(a.sees("b") && b.sees("a"));
    // Tokens are forgotten with a restart.
    server.kill();
    server.run().await.unwrap();
    a.until(|a| a.sees("b")).await;
    a.beat().await;
    with.password = Some("wr0ng".into());
    for (with, cause) in
        [(with, "wrong user or password"), (options(&server), "it asks for a user and a password")]
    {
        let wrong = Arc::new(EtcdDiscoverer::new(with));
        let starting = wrong.clone().start(TestLink::new("c", ""));
        let error = timeout(Duration::from_secs(5), starting).await.expect("it does not wait").unwrap_err();
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        assert!(error.message().starts_with("etcd server 127.0.0.1:"), "{error}");
        assert!(error.message().ends_with(&format!("refuses this node: {cause}")), "{error}");
        assert!(!format!("{wrong:?}{error:?}").contains("wr0ng"));
    }
}

#[tokio::test]
async fn certificates() {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("names");
    authority.distinguished_name.push(rcgen::DnType::CommonName, "authority");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key).expect("a certificate");
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()])
        .and_then(|params| params.signed_by(&key, &authority))
        .expect("a certificate");
    let directory = tempfile::TempDir::new().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let ca = file("ca.pem", &authority.pem());
    let cert = file("cert.pem", &certificate.pem());
    let key = file("key.pem", &key.serialize_pem());
    let text = |path: &std::path::Path| path.display().to_string();
    let server = Server::start_encrypted(&[
        "--cert-file",
        &text(&cert),
        "--key-file",
        &text(&key),
        "--trusted-ca-file",
        &text(&ca),
        "--client-cert-auth",
    ])
    .await;
    let tls = TlsOptions::default().ca_file(ca).cert_file(cert).key_file(key);
    // The first one of the servers is not there.
    let options = options(&server).tls(tls).url([format!("http://127.0.0.1:{}", free_port()), server.url()]);
    let a = Node::start_with(options.clone(), "a", "").await;
    let b = Node::start_with(options.clone(), "b", "").await;
    a.beat().await;
    assert!(a.sees("b") && b.sees("a"));
}

#[tokio::test]
async fn what_cannot_work_is_refused() {
    let half = EtcdOptions::default().username("root");
    let cases = [
        (half, "a", "'password'"),
        (EtcdOptions::from_url("redis://x"), "a", "scheme"),
        (EtcdOptions::default(), "a/b", "'/'"),
    ];
    for (options, id, cause) in cases {
        let started = Arc::new(EtcdDiscoverer::new(options)).start(TestLink::new(id, "")).await;
        let error = started.expect_err(cause);
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        assert!(error.message().contains(cause), "{error}");
    }
    let early = EtcdDiscoverer::from_url("http://127.0.0.1");
    assert_eq!(early.beat().await.expect_err("it has not started").code(), 503);
    early.stop().await;
}
