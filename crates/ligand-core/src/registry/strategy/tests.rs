use std::collections::HashMap;

use super::*;

/// Candidates of which tests set everything; counts how many were looked at.
#[derive(Default)]
pub(super) struct List {
    pub(super) nodes: Vec<Node>,
    pub(super) generation: u64,
    looked: std::cell::Cell<usize>,
}

#[derive(Clone, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) out: bool,
    pub(super) number: Option<f64>,
}

impl Candidates for List {
    fn len(&self) -> usize {
        self.nodes.len()
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn usable(&self, index: usize) -> bool {
        self.looked.set(self.looked.get() + 1);
        !self.nodes[index].out
    }

    fn node(&self, index: usize) -> &str {
        &self.nodes[index].name
    }

    fn cpu(&self, index: usize) -> Option<f64> {
        self.nodes[index].number
    }

    fn latency(&self, index: usize) -> Option<f64> {
        self.nodes[index].number
    }
}

pub(super) fn list(names: &[&str]) -> List {
    let nodes = names.iter().map(|name| Node { name: (*name).into(), ..Node::default() }).collect();
    List { nodes, ..List::default() }
}

fn loads(numbers: &[Option<f64>]) -> List {
    let nodes = numbers.iter().map(|number| Node { number: *number, ..Node::default() }).collect();
    List { nodes, ..List::default() }
}

fn pick(strategy: &dyn Strategy, list: &List) -> Option<usize> {
    strategy.pick(list, &Pick::new(&Payload::UNDEFINED, &Meta::default))
}

fn count(strategy: &dyn Strategy, list: &List, picks: usize) -> HashMap<usize, usize> {
    let mut counts = HashMap::new();
    (0..picks).for_each(|_| *counts.entry(pick(strategy, list).unwrap()).or_default() += 1);
    counts
}

#[test]
fn round_robin_takes_turns_and_skips_evenly() {
    let strategy = RoundRobin::default();
    let mut nodes = list(&["a", "b", "c", "d"]);
    let turns: Vec<_> = (0..6).map(|_| pick(&strategy, &nodes).unwrap()).collect();
    assert_eq!(turns, [0, 1, 2, 3, 0, 1]);
    nodes.nodes[1].out = true;
    let counts = count(&strategy, &nodes, 300);
    assert_eq!((counts[&0], counts[&2], counts[&3]), (100, 100, 100));
}

#[test]
fn nobody_usable_is_nobody_picked() {
    for strategy in ["round_robin", "random", "cpu_usage", "latency", "shard"] {
        let strategy = serde_json::from_value::<StrategyOptions>(strategy.into()).unwrap().build().unwrap();
        let mut nodes = list(&["a", "b", "c", "d", "e", "f", "g"]);
        nodes.nodes.iter_mut().for_each(|node| node.out = true);
        assert_eq!(pick(&*strategy, &nodes), None, "{strategy:?}");
        nodes.nodes[4].out = false;
        assert_eq!(pick(&*strategy, &nodes), Some(4), "{strategy:?}");
        assert_eq!(pick(&*strategy, &list(&[])), None, "{strategy:?}");
    }
}

#[test]
fn random_reaches_all() {
    let counts = count(&Random, &list(&["a", "b", "c"]), 3000);
    assert!(counts.values().all(|count| (800..1200).contains(count)), "{counts:?}");
}

#[test]
fn the_lowest_load_wins_and_a_low_one_ends_the_search() {
    let strategy = CpuUsage { sample_count: 0, low_cpu_usage: 10.0 };
    assert_eq!(pick(&strategy, &loads(&[Some(80.0), Some(20.0), None, Some(50.0)])), Some(1));
    assert_eq!(pick(&strategy, &loads(&[Some(80.0), Some(9.0), Some(1.0)])), Some(1));
    assert_eq!(pick(&strategy, &loads(&[Some(f64::NAN), Some(50.0)])), Some(1));
    assert!(pick(&strategy, &loads(&[None, None])).is_some());
    let mut nodes = loads(&[Some(80.0), Some(9.0), Some(70.0)]);
    nodes.nodes[1].out = true;
    assert_eq!(pick(&strategy, &nodes), Some(2));

    // Three random samples of four: the busiest one is rarely the best of them.
    let counts = count(&CpuUsage::default(), &loads(&[Some(80.0), Some(20.0), Some(30.0), Some(40.0)]), 1000);
    assert!(counts[&1] > counts[&2] && counts[&2] > counts[&3], "{counts:?}");
    assert!(counts.get(&0).is_none_or(|count| *count < 60), "{counts:?}");
}

#[test]
fn latency_is_the_mean_of_the_latest_pings() {
    let latencies = Latencies::new(3);
    let host = latencies.host("h1");
    assert_eq!(host.mean(), None);
    [100.0, f64::NAN, -1.0, 10.0, 20.0, 30.0].into_iter().for_each(|millis| host.record(millis));
    assert_eq!(latencies.host("h1").mean(), Some(20.0));
    latencies.host("h2").record(5.0);
    latencies.retain(|host| host == "h2");
    assert_eq!((latencies.host("h1").mean(), latencies.host("h2").mean()), (None, Some(5.0)));
    let strategy = Latency { sample_count: 0, ..Latency::default() };
    assert_eq!(pick(&strategy, &loads(&[Some(80.0), Some(12.0), Some(50.0)])), Some(1));
}

#[test]
fn a_pick_among_a_thousand_looks_at_few_and_allocates_nothing() {
    let names: Vec<String> = (0..1000).map(|n| format!("node-{n}")).collect();
    let nodes = list(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let params = Payload::from(serde_json::json!({ "user": { "id": "ada" } }));
    let kinds = [
        serde_json::json!("round_robin"),
        serde_json::json!("random"),
        serde_json::json!("cpu_usage"),
        serde_json::json!("latency"),
        serde_json::json!({ "kind": "shard", "shard_key": "user.id" }),
    ];
    for kind in kinds {
        let strategy = serde_json::from_value::<StrategyOptions>(kind).unwrap().build().unwrap();
        let pick = || strategy.pick(&nodes, &Pick::new(&params, &Meta::default));
        assert!(pick().is_some());
        nodes.looked.set(0);
        let allocations = allocation_counter::measure(|| assert!(pick().is_some())).count_total;
        assert_eq!(allocations, 0, "{strategy:?}");
        assert!(nodes.looked.get() <= 6, "{strategy:?} looked at {}", nodes.looked.get());
    }
}
