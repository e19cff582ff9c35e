use super::{cluster::Known, *};

fn me(id: &str) -> Me<'_> {
    Me { id, port: 4000, address: None }
}

/// `a` asks `b` and takes in what it answers.
fn exchange(a: (&str, &Known), b: (&str, &Known)) -> Answer {
    let answer = answer(b.1, me(b.0), a.0, &request(a.1, me(a.0)));
    if let Some(reply) = answer.reply.clone() {
        apply(a.1, me(a.0), b.0, reply, |_| {});
    }
    answer
}

fn learn(cluster: &Known, id: &str, other: &Known) {
    cluster.learn(id, (*other.local().info).clone(), None);
}

#[test]
fn the_asking_node_learns_and_the_asked_one_is_behind() {
    let (a, b) = (Known::new("1"), Known::new("2"));
    b.offer("math");
    let answer = exchange(("a", &a), ("b", &b));
    assert!(answer.behind);
    assert_eq!(a.view(), ["b:math"]);
    assert_eq!(a.peer("b").unwrap().info.port, Some(4000));
    assert_eq!(b.view(), [""; 0]);
    exchange(("b", &b), ("a", &a));
    assert_eq!(b.view(), ["a:"]);
    let answer = exchange(("b", &b), ("a", &a));
    assert!(answer.reply.is_none() && !answer.behind);
}

#[test]
fn load_travels_both_ways() {
    let (a, b) = (Known::new("1"), Known::new("2"));
    exchange(("a", &a), ("b", &b));
    exchange(("b", &b), ("a", &a));
    b.load_is(40.0);
    let row = exchange(("a", &a), ("b", &b)).reply.unwrap().online["b"].clone();
    assert_eq!(row, GossipRow { info: None, cpu: Some((1, 40.0)) });
    assert_eq!(a.peer("b").unwrap().cpu, Some(40.0));
    b.load_is(50.0);
    assert!(exchange(("b", &b), ("a", &a)).reply.is_none());
    assert_eq!(a.peer("b").unwrap().cpu, Some(50.0));
}

#[test]
fn who_is_declared_gone_outlives_it() {
    let (a, b) = (Known::new("1"), Known::new("2"));
    exchange(("a", &a), ("b", &b));
    a.lost("b", true);
    assert_eq!(a.peer("b").unwrap().seq, 2);
    exchange(("a", &a), ("b", &b));
    assert_eq!(b.local().info.seq, 3);
    assert!(a.is_available("b") && a.peer("b").unwrap().seq == 3);
}

#[test]
fn a_new_life_outlives_the_old_one() {
    // Remembered as available: the end of the old life was not seen.
    let (a, b) = (Known::new("1"), Known::new("2"));
    for _ in 0..5 {
        b.offer("old");
    }
    learn(&a, "b", &b);
    let b = Known::new("3");
    exchange(("a", &a), ("b", &b));
    assert_eq!(a.peer("b").unwrap().info.instance_id, "3");
    // The same when the new life asks first, and when the old one is remembered as gone.
    for lost in [false, true] {
        let c = Known::new("4");
        if lost {
            a.lost("b", false);
        }
        exchange(("b", &c), ("a", &a));
        exchange(("a", &a), ("b", &c));
        assert_eq!(a.peer("b").unwrap().info.instance_id, "4");
    }
}

#[test]
fn news_of_a_third_node() {
    let (a, b, c) = (Known::new("1"), Known::new("2"), Known::new("3"));
    c.offer("math");
    learn(&a, "b", &b);
    learn(&b, "a", &a);
    learn(&b, "c", &c);
    exchange(("a", &a), ("b", &b));
    assert_eq!(a.view(), ["b:", "c:math"]);
    // b loses c, a hears of it: c is there, so it is asked itself.
    b.lost("c", true);
    let reply = answer(&b, me("b"), "a", &request(&a, me("a"))).reply.unwrap();
    assert_eq!(apply(&a, me("a"), "b", reply, |_| {}).ask, ["c".into()]);
    assert_eq!(a.view(), ["b:", "c:math"]);
    a.lost("c", true);
    assert_eq!(a.peer("c").unwrap().seq, b.peer("c").unwrap().seq);
    // a hears from c again, b is asked.
    c.outlive(3);
    learn(&a, "c", &c);
    assert!(exchange(("a", &a), ("b", &b)).behind);
    // And the other way round: the claim comes with the request.
    b.learn("c", (*c.local().info).clone(), None);
    b.lost("c", true);
    assert_eq!(exchange(("b", &b), ("a", &a)).ask, ["c".into()]);
    assert!(a.is_available("c"));
}

#[test]
fn older_and_useless_claims_change_nothing() {
    let (a, c) = (Known::new("1"), Known::new("3"));
    c.outlive(8);
    learn(&a, "c", &c);
    let old = Gossip { offline: [("c".to_owned(), 8)].into(), ..Gossip::default() };
    assert!(answer(&a, me("a"), "b", &old).reply.unwrap().online.contains_key("c"));
    let never = u64::MAX;
    let wrong = Gossip {
        online: [("a".to_owned(), (never, never, f64::NAN)), ("c".to_owned(), (never, 0, 0.0))].into(),
        offline: [("a".to_owned(), never), ("c".to_owned(), 0), ("x".to_owned(), 7)].into(),
    };
    answer(&a, me("a"), "c", &wrong);
    let info = NodeInfo { seq: never, ..NodeInfo::default() };
    let row = GossipRow { info: Some(Box::new(info)), cpu: None };
    let online = [("a".to_owned(), row.clone()), ("c".to_owned(), row)].into();
    let offline = [("a".to_owned(), never), ("c".to_owned(), never), ("x".to_owned(), 7)].into();
    apply(&a, me("a"), "c", GossipReply { online, offline }, |_| {});
    assert!(a.is_available("c") && a.peer("c").unwrap().seq == 9);
    assert_eq!((a.local().info.seq, a.peers().len()), (1, 1));
}

#[test]
fn numbers_that_could_not_be_outlived_are_ignored() {
    let (a, c) = (Known::new("1"), Known::new("3"));
    learn(&a, "c", &c);
    for seq in [newest_seq() + 60_000, (1 << 53) - 1, 1 << 53, u64::MAX] {
        let info = || Some(Box::new(NodeInfo { seq, ..NodeInfo::default() }));
        let rows = ["a", "c", "x"].map(|id| (id.to_owned(), GossipRow { info: info(), cpu: None }));
        let offline = [("a".to_owned(), seq), ("c".to_owned(), seq)].into();
        apply(&a, me("a"), "c", GossipReply { online: rows.into(), offline }, |_| {});
        let online = [("a".to_owned(), (seq, 0, 0.0)), ("c".to_owned(), (seq, 0, 0.0))].into();
        let offline = [("a".to_owned(), seq), ("c".to_owned(), seq)].into();
        answer(&a, me("a"), "c", &Gossip { online, offline: std::collections::BTreeMap::new() });
        answer(&a, me("a"), "c", &Gossip { online: std::collections::BTreeMap::new(), offline });
        assert_eq!((a.local().info.seq, a.peer("c").unwrap().seq, a.peers().len()), (1, 1, 1), "{seq}");
    }
    // One that is believed leaves room above it.
    let offline = [("a".to_owned(), newest_seq())].into();
    apply(&a, me("a"), "c", GossipReply { offline, ..GossipReply::default() }, |_| {});
    assert!(a.local().info.seq > newest_seq() - 1000);
}

#[test]
fn what_others_say_of_a_node_that_is_there_is_put_to_it() {
    let (a, c) = (Known::new("1"), Known::new("3"));
    c.offer("math");
    learn(&a, "c", &c);
    let info = NodeInfo { seq: 3, instance_id: "3".into(), ..NodeInfo::default() };
    let row = GossipRow { info: Some(Box::new(info)), cpu: None };
    let reply = GossipReply { online: [("c".to_owned(), row)].into(), ..GossipReply::default() };
    let learned = apply(&a, me("a"), "b", reply.clone(), |_| {});
    assert_eq!((a.view(), learned.ask), (vec!["c:math".to_owned()], vec!["c".into()]));
    // In its own name it is believed, and put to it as well: it outlives what it did not say.
    let learned = apply(&a, me("a"), "c", reply, |_| {});
    assert_eq!((a.view(), learned.ask), (vec!["c:".to_owned()], vec!["c".into()]));
    exchange(("a", &a), ("c", &c));
    assert_eq!(a.view(), ["c:math"]);
}

#[test]
fn another_life_of_the_own_name_is_told() {
    let (a, twin) = (Known::new("1"), Known::new("2"));
    let reply = news(&twin, me("a"));
    let learned = apply(&a, me("a"), "b", reply, |_| {});
    assert_eq!(learned.twin.unwrap().instance_id, "2");
    assert_eq!(a.local().info.seq, 2);
    assert!(apply(&a, me("a"), "b", news(&a, me("a")), |_| {}).twin.is_none());
}

#[test]
fn whoever_listens_at_one_address_tells_that_one() {
    let me = Me { address: Some([10, 0, 0, 7].into()), ..me("a") };
    let info = news(&Known::new("1"), me).online["a"].info.clone().unwrap();
    assert_eq!(
        (&*info.hostname, &*info.ip_list, info.port),
        ("10.0.0.7", &["10.0.0.7".to_owned()][..], Some(4000))
    );
}

#[test]
fn missing_nodes_are_tried_the_more_often_the_more_there_are() {
    let mut rng = fastrand::Rng::with_seed(1);
    let a = Known::new("1");
    assert!(receivers(&a.peers(), &mut rng).is_empty());
    a.sighted("x", ligand_transport::Address { host: "x".into(), port: 1 });
    assert_eq!(receivers(&a.peers(), &mut rng), ["x".into()]);
    for n in 0..9 {
        a.imagine(&n.to_string(), 1, true);
    }
    let rounds: Vec<_> = (0..1000).map(|_| receivers(&a.peers(), &mut rng)).collect();
    assert!(rounds.iter().all(|nodes| nodes[0] != "x".into()));
    let tried = rounds.iter().filter(|nodes| nodes.len() == 2).count();
    assert!((70..130).contains(&tried), "{tried}");
}

/// One round of every node; each fourth answer gets lost.
fn round(nodes: &[(String, Known)], rng: &mut fastrand::Rng) {
    for (id, node) in nodes {
        for target in receivers(&node.peers(), rng) {
            let (_, other) = nodes.iter().find(|(other, _)| **other == *target).unwrap();
            // The hello of the connection.
            if other.peer(id).is_none() {
                other.sighted(id, ligand_transport::Address { host: id.clone(), port: 1 });
            }
            let reply = answer(other, me(&target), id, &request(node, me(id))).reply;
            if let Some(reply) = reply.filter(|_| rng.u8(..4) > 0) {
                apply(node, me(id), &target, reply, |_| {});
            }
        }
    }
}

#[test]
fn forty_nodes_agree_within_few_rounds() {
    let mut rng = fastrand::Rng::with_seed(7);
    let named = |n| (format!("n{n:02}"), Known::new("1"));
    let nodes: Vec<(String, Known)> = (0..40).map(named).collect();
    let rounds = |rng: &mut fastrand::Rng| {
        let complete = || nodes.iter().all(|(_, node)| node.view().len() == nodes.len() - 1);
        (0..30).find(|_| {
            round(&nodes, rng);
            complete()
        })
    };
    // Each knows only where the first one is.
    nodes[1..].iter().for_each(|(_, node)| node.imagine("n00", 0, false));
    assert!(rounds(&mut rng).is_some());
    // One is thought lost by a third of the others, and outlives it.
    nodes[20..33].iter().for_each(|(_, node)| node.lost("n05", true));
    assert!(rounds(&mut rng).is_some());
    assert!(nodes[5].1.log().contains(&"outlive".to_owned()));
}
