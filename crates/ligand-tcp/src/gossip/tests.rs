use super::{cluster::Known, *};

fn me(id: &str) -> Me<'_> {
    Me { id, port: 4000 }
}

/// `a` asks `b` and takes in what it answers.
fn exchange(a: (&str, &Known), b: (&str, &Known)) -> Answer {
    let answer = answer(b.1, me(b.0), &request(a.1, me(a.0)));
    if let Some(reply) = answer.reply.clone() {
        apply(a.1, me(a.0), reply);
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
    // b loses c, a asks.
    b.lost("c", true);
    exchange(("a", &a), ("b", &b));
    assert_eq!(a.view(), ["b:"]);
    assert_eq!(a.peer("c").unwrap().seq, b.peer("c").unwrap().seq);
    // a hears from c again, b is asked.
    c.outlive(3);
    learn(&a, "c", &c);
    assert!(exchange(("a", &a), ("b", &b)).behind);
    // And the other way round: the claim comes with the request.
    b.learn("c", (*c.local().info).clone(), None);
    b.lost("c", true);
    exchange(("b", &b), ("a", &a));
    assert!(!a.is_available("c"));
}

#[test]
fn older_and_useless_claims_change_nothing() {
    let (a, c) = (Known::new("1"), Known::new("3"));
    c.outlive(8);
    learn(&a, "c", &c);
    let old = Gossip { offline: [("c".to_owned(), 8)].into(), ..Gossip::default() };
    assert!(answer(&a, me("a"), &old).reply.unwrap().online.contains_key("c"));
    let never = u64::MAX;
    let wrong = Gossip {
        online: [("a".to_owned(), (never, never, f64::NAN)), ("c".to_owned(), (never, 0, 0.0))].into(),
        offline: [("a".to_owned(), never), ("c".to_owned(), 0), ("x".to_owned(), 7)].into(),
    };
    answer(&a, me("a"), &wrong);
    let info = NodeInfo { seq: never, ..NodeInfo::default() };
    let row = GossipRow { info: Some(Box::new(info)), cpu: None };
    let online = [("a".to_owned(), row.clone()), ("c".to_owned(), row)].into();
    let offline = [("a".to_owned(), never), ("c".to_owned(), never), ("x".to_owned(), 7)].into();
    apply(&a, me("a"), GossipReply { online, offline });
    assert!(a.is_available("c") && a.peer("c").unwrap().seq == 9);
    assert_eq!((a.local().info.seq, a.peers().len()), (1, 1));
}

#[test]
fn nodes_are_not_without_number() {
    let a = Known::new("1");
    let row = || GossipRow { info: Some(Box::new(NodeInfo { seq: 1, ..NodeInfo::default() })), cpu: None };
    let online = (0..2 * MAX_NODES).map(|n| (n.to_string(), row())).collect();
    apply(&a, me("a"), GossipReply { online, ..GossipReply::default() });
    assert_eq!(a.peers().len(), MAX_NODES);
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
            let reply = answer(other, me(&target), &request(node, me(id))).reply;
            if let Some(reply) = reply.filter(|_| rng.u8(..4) > 0) {
                apply(node, me(id), reply);
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
