//! Nodes that find each other in Redis.

use std::{sync::Arc, time::Duration};

use ligand_redis::{RedisDiscoverer, RedisDiscovererOptions, RedisOptions};
use ligand_transport::{Discoverer, Link, contract::TestLink};
use ligand_wire::{Result, packet::ServiceInfo};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::server::Server;

/// How long a beat counts in these tests.
const LIFE: Duration = Duration::from_secs(1);

const PATIENCE: Duration = Duration::from_secs(10);

struct Node {
    link: Arc<TestLink>,
    discoverer: Arc<RedisDiscoverer>,
}

impl Node {
    async fn start(server: &Server, id: &str) -> Self {
        let mut options = RedisDiscovererOptions::from(RedisOptions::from_url(server.url()));
        options.heartbeat_timeout = LIFE;
        options.full_check = 1;
        Self::start_with(options, id).await
    }

    async fn start_with(options: RedisDiscovererOptions, id: &str) -> Self {
        let link = TestLink::new(id, "");
        let discoverer = Arc::new(RedisDiscoverer::new(options));
        discoverer.clone().start(link.clone()).await.expect("a server that is there");
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

    /// Offers one more service.
    async fn offer(&self, service: &str) {
        let offered = ServiceInfo { name: service.into(), ..ServiceInfo::default() };
        self.link.test_cluster().change(|info| info.services.push(offered));
        self.announce().await.expect("it announces itself");
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

#[tokio::test]
async fn nodes_find_each_other() {
    let server = Server::start().await;
    let (a, b) = (Node::start(&server, "a").await, Node::start(&server, "b").await);
    assert!(b.sees("a"), "announcing looks who is there");
    a.beat().await;
    assert!(a.sees("b") && !a.sees("a"));
    b.offer("math").await;
    a.beat().await;
    let peer = a.link.cluster().peer("b").expect("it is known");
    assert_eq!((peer.info.seq, &*peer.info.services[0].name), (2, "math"));
    b.link.test_cluster().set_load(42.0);
    b.beat().await;
    a.beat().await;
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
    drop(c);
    let since = Instant::now();
    a.until(|a| !a.sees("b") && !a.sees("c")).await;
    assert!(since.elapsed() < 3 * LIFE);
    let left = server.command(&[b"KEYS", b"*"]).await;
    assert!(!left.contains(":b") && left.contains("INFO:a"), "{left}");
}

#[tokio::test]
async fn keys_and_values_are_those_of_moleculer() {
    let server = Server::start().await;
    let link = TestLink::new("n.1", "lab");
    let mut options = RedisDiscovererOptions::from(RedisOptions::from_url(server.url()));
    options.redis.db = Some(3);
    let discoverer = Arc::new(RedisDiscoverer::new(options));
    discoverer.clone().start(link.clone()).await.expect("it starts");
    link.test_cluster().set_load(12.0);
    discoverer.announce(link.cluster().local().info).await.expect("it announces itself");

    let hash = &link.instance_id()[..8];
    let beat_key = format!("MOL-lab-DSCVR-BEAT:n.1|{hash}|1");
    let ask = async |words: &[&str]| {
        let script = format!("redis.call('SELECT', 3); return redis.call('{}')", words.join("', '"));
        server.command(&[b"EVAL", script.as_bytes(), b"0"]).await
    };
    let object = |answer: String| -> Value {
        serde_json::from_str(answer.lines().nth(1).unwrap_or_default()).expect("JSON")
    };
    let beat = object(ask(&["GET", &beat_key]).await);
    assert_eq!((&beat["sender"], &beat["ver"], &beat["seq"]), (&"n.1".into(), &"5".into(), &1.into()));
    assert_eq!((&beat["instanceID"], beat["cpu"].as_f64()), (&link.instance_id().into(), Some(12.0)));
    let info = object(ask(&["GET", "MOL-lab-DSCVR-INFO:n.1"]).await);
    assert_eq!((&info["sender"], &info["seq"]), (&"n.1".into(), &1.into()));
    assert!(info["services"].is_array() && info["client"].is_object() && info["ipList"].is_array());
    assert!(
        ask(&["TTL", &beat_key]).await.starts_with(":30")
            || ask(&["TTL", &beat_key]).await.starts_with(":29")
    );
    assert!(ask(&["TTL", "MOL-lab-DSCVR-INFO:n.1"]).await.starts_with(":1"));

    link.test_cluster().change(|_| {});
    discoverer.announce(link.cluster().local().info).await.expect("it announces itself");
    assert!(ask(&["EXISTS", &beat_key]).await.starts_with(":0"), "the beat of the old seq is gone");
    discoverer.stop().await;
    assert!(ask(&["DBSIZE"]).await.starts_with(":0"));
}

#[tokio::test]
async fn a_new_start_is_noticed_while_the_old_beat_stays() {
    let server = Server::start().await;
    let a = Node::start(&server, "a").await;
    let old = Node::start(&server, "b").await;
    a.beat().await;
    let before = a.link.cluster().peer("b").expect("it is known").info.instance_id.clone();
    drop(old);
    let again = Node::start(&server, "b").await;
    a.beat().await;
    let after = a.link.cluster().peer("b").expect("it is known").info.instance_id.clone();
    assert!(before != after && after == again.link.instance_id());
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
    // Beats are told apart by the time at which they expire.
    sleep(Duration::from_millis(400)).await;
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
    let huge = vec![b'x'; 5 << 20];
    for (key, value) in [
        (&b"MOL-DSCVR-BEAT:"[..], &b"x"[..]),
        (b"MOL-DSCVR-BEAT:|||", b"x"),
        (b"MOL-DSCVR-BEAT:\xff\xfe|1|2", b"x"),
        (b"MOL-DSCVR-BEAT:x|0|99999999999999999999", b"x"),
        (b"MOL-DSCVR-BEAT:none|01234567|1", b""),
        (b"MOL-DSCVR-BEAT:text|01234567|1", b"[]"),
        (b"MOL-DSCVR-INFO:text", b"{\"services\":7,"),
        (b"MOL-DSCVR-BEAT:liar|01234567|1", b"{}"),
        (b"MOL-DSCVR-INFO:liar", br#"{"ver":"5","sender":"b","seq":9,"instanceID":"x","services":[]}"#),
        (b"MOL-DSCVR-BEAT:huge|01234567|1", &huge),
        (b"MOL-DSCVR-INFO:huge", &huge),
        (b"MOL-DSCVR-BEAT:list|01234567|1", b"{}"),
    ] {
        server.command(&[b"SET", key, value]).await;
    }
    server.command(&[b"LPUSH", b"MOL-DSCVR-INFO:list", b"x"]).await;
    let b = Node::start(&server, "b").await;
    a.beat().await;
    a.beat().await;
    assert!(a.sees("b") && b.sees("a"));
    let seen = a.link.cluster().peers().iter().filter(|peer| peer.available).count();
    assert_eq!((seen, a.seq_of("b")), (1, 1));
}

#[tokio::test]
async fn a_store_that_forgets_loses_nobody() {
    let server = Server::start().await;
    let (a, b) = (Node::start(&server, "a").await, Node::start(&server, "b").await);
    a.beat().await;
    // The time in which nobody is declared lost is over.
    let start = Instant::now();
    while start.elapsed() < LIFE + Duration::from_millis(100) {
        a.beat().await;
        b.beat().await;
        sleep(Duration::from_millis(50)).await;
    }
    server.command(&[b"FLUSHALL"]).await;
    a.beat().await;
    assert!(a.sees("b"), "its beat is gone, but so is everything");
    b.beat().await;
    assert!(server.command(&[b"GET", b"MOL-DSCVR-INFO:b"]).await.contains("instanceID"));

    server.kill();
    let error = a.discoverer.beat().await.expect_err("the store is gone");
    assert_eq!((error.code(), error.kind(), error.retryable()), (503, "DISCOVERER_ERROR", true));
    assert!(a.sees("b"));
    server.run().await.unwrap();
    a.beat().await;
    assert!(a.sees("b"));
    b.beat().await;
    assert!(server.command(&[b"GET", b"MOL-DSCVR-INFO:a"]).await.contains("instanceID"));
    drop(b);
    a.until(|a| !a.sees("b")).await;
}

#[tokio::test]
async fn a_node_that_changes_all_the_time_is_never_lost() {
    let server = Server::start().await;
    for number in 0..500 {
        server.command(&[b"SET", format!("other:{number}").as_bytes(), b"x"]).await;
    }
    let mut options = RedisDiscovererOptions::from(RedisOptions::from_url(server.url()));
    options.heartbeat_timeout = LIFE;
    options.scan_length = 1;
    let a = Node::start_with(options, "a").await;
    let b = Node::start(&server, "b").await;
    a.until(|a| a.sees("b")).await;
    let end = Instant::now() + LIFE + Duration::from_secs(2);
    let changing = async {
        while Instant::now() < end {
            b.link.test_cluster().change(|_| {});
            b.announce().await.expect("it announces itself");
        }
    };
    let looking = async {
        while Instant::now() < end {
            a.beat().await;
            assert!(a.sees("b"));
        }
    };
    tokio::join!(changing, looking);
    a.beat().await;
    assert_eq!(a.seq_of("b"), b.link.cluster().local().info.seq);
}

#[tokio::test]
async fn what_cannot_work_is_refused() {
    let cluster = RedisOptions::default().cluster(true).into();
    let wrong = RedisOptions::from_url("http://127.0.0.1").into();
    let cases = [
        (cluster, "a", "cluster"),
        (wrong, "a", "scheme"),
        (RedisDiscovererOptions::default(), "a|b", "'|'"),
    ];
    for (options, id, cause) in cases {
        let started = Arc::new(RedisDiscoverer::new(options)).start(TestLink::new(id, "")).await;
        let error = started.expect_err(cause);
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        assert!(error.message().contains(cause), "{error}");
    }
    let early = RedisDiscoverer::from_url("redis://127.0.0.1");
    assert_eq!(early.beat().await.expect_err("it has not started").code(), 503);
    early.stop().await;
}
