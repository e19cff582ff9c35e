use serde_json::json;

use super::{super::tests::list, *};
use crate::context::Meta;

fn owner(strategy: &Shard, nodes: &[&str], params: Value, meta: &Value) -> Option<String> {
    let nodes = list(nodes);
    let meta = Meta::from(meta.as_object().cloned().unwrap_or_default());
    let chosen = strategy.pick(&nodes, &Pick::new(&params.into(), &|| meta.clone()))?;
    Some(nodes.node(chosen).to_owned())
}

/// What nodes of Moleculer choose.
#[test]
fn published_vectors() {
    let strategy = Shard::new(Some("id"), 10, None);
    let bounds: Vec<_> = (1..=3).map(|number| strategy.bound(number, 30)).collect();
    assert_eq!(bounds, [143_165_576, 286_331_153, 429_496_729]);
    let vectors: [(Value, u64, &str); 4] = [
        (json!(1), 3_301_589_560, "n3"),
        (json!("abc"), 2_416_005_272, "n2"),
        (json!("42"), 2_714_814_184, "n1"),
        (json!("user-77"), 2_957_969_588, "n3"),
    ];
    for (key, hash, node) in vectors {
        let text = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        assert_eq!(strategy.hash(&text), hash);
        assert_eq!(owner(&strategy, &["n3", "n1", "n2"], json!({ "id": key }), &json!({})).unwrap(), node);
    }
    assert_eq!(strategy.bound(30, 30), 1 << 32);
}

/// The ring as Moleculer builds it, slice by slice.
#[test]
fn computing_the_slice_is_searching_the_ring() {
    for (nodes, vnodes, ring_size) in [
        (3_u64, 10, None),
        (1, 1, None),
        (7, 3, Some(100)),
        (1000, 10, None),
        (5, 10, Some(7)),
        (3, 10, Some(1)),
    ] {
        let strategy = Shard::new(None, vnodes, ring_size);
        let total = nodes * u64::from(vnodes);
        let slice = ring_size.map_or(4_294_967_296.0, |size: u64| size as f64) / total as f64;
        let mut ring: Vec<u64> = (1..=total).map(|number| (slice * number as f64).floor() as u64).collect();
        *ring.last_mut().unwrap() = strategy.ring_size;
        let mut hashes: Vec<u64> =
            ring.iter().flat_map(|bound| [bound.saturating_sub(1), *bound, bound + 1]).collect();
        hashes.extend((0..1000).map(|n| strategy.hash(&n.to_string())));
        for hash in hashes.into_iter().filter(|hash| *hash < strategy.ring_size) {
            let searched = ring.iter().position(|bound| hash <= *bound).unwrap() as u64 + 1;
            assert_eq!(strategy.slice(hash, total), searched, "{nodes} {vnodes} {ring_size:?} {hash}");
        }
    }
}

#[test]
fn the_key_is_read_from_params_or_meta() {
    let nodes = ["n1", "n2", "n3"];
    let by_meta = Shard::new(Some("#user.id"), 10, None);
    assert_eq!(owner(&by_meta, &nodes, json!({}), &json!({ "user": { "id": "abc" } })).unwrap(), "n2");
    assert_eq!(owner(&by_meta, &nodes, json!({}), &json!({ "user.id": "42" })).unwrap(), "n1");
    let by_params = Shard::new(Some("user.id"), 10, None);
    assert_eq!(owner(&by_params, &nodes, json!({ "user": { "id": 42 } }), &json!({})).unwrap(), "n1");
    let quoted = Shard::new(Some("id"), 10, None);
    let mut text = String::new();
    for (key, written) in [
        (json!("a\"b"), Some("a\"b")),
        (json!("null"), Some("null")),
        (json!(1.5), Some("1.5")),
        (json!(null), None),
    ] {
        text.clear();
        let params = Payload::from(json!({ "id": key }));
        let found = quoted.write_key(&Pick::new(&params, &Meta::default), &mut text);
        assert_eq!(found.then_some(&*text), written);
    }
}

#[test]
fn without_a_key_every_node_is_reached() {
    let strategy = Shard::new(Some("id"), 10, None);
    let reached: std::collections::BTreeSet<_> =
        (0..200).map(|_| owner(&strategy, &["n1", "n2"], json!({}), &json!({})).unwrap()).collect();
    assert_eq!(reached.len(), 2);
}

#[test]
fn the_next_one_stands_in_and_changes_of_the_list_are_seen() {
    let strategy = Shard::new(Some("id"), 10, None);
    let params = Payload::from(json!({ "id": "abc" }));
    let pick = |nodes: &super::super::tests::List| {
        strategy.pick(nodes, &Pick::new(&params, &Meta::default)).map(|index| nodes.node(index).to_owned())
    };
    let mut nodes = list(&["n1", "n2", "n3"]);
    assert_eq!(pick(&nodes).unwrap(), "n2");
    nodes.nodes[1].out = true;
    assert_eq!(pick(&nodes).unwrap(), "n3");
    nodes.nodes[2].out = true;
    assert_eq!(pick(&nodes).unwrap(), "n1");
    nodes.nodes[0].out = true;
    assert_eq!(pick(&nodes), None);
    let mut nodes = list(&["n9"]);
    nodes.generation = 1;
    assert_eq!(pick(&nodes).unwrap(), "n9");
}

#[test]
fn names_are_sorted_as_in_javascript() {
    // U+1F600 is above U+FF5E, its first UTF-16 unit is below.
    let ring = Ring::build(&list(&["\u{FF5E}", "\u{1F600}", "b", "B"]));
    assert_eq!(ring.order, [3, 2, 1, 0]);
}
