use serde_json::{from_value, json};

use super::*;

#[test]
fn odd_fields_have_their_default() {
    let info: NodeInfo = from_value(json!({
        "services": [{ "name": "a", "version": "x", "settings": null, "actions": null, "unknown": 1 }],
        "ipList": [null, "127.0.0.1"], "hostname": 5, "client": [], "config": "x", "instanceID": null,
        "metadata": null, "seq": 2.0, "port": 70000,
    }))
    .unwrap();
    assert_eq!(
        (&*info.hostname, &info.ip_list[..], info.seq, info.port),
        ("5", &["127.0.0.1".into()][..], 2, None)
    );
    let service = &info.services[0];
    assert_eq!((&service.version, &service.settings), (&Some(json!("x")), &json!({})));
    assert_eq!(info.client, ClientInfo::default());
}

#[test]
fn useless_services_are_named() {
    let flaw = |service: Value| {
        from_value::<NodeInfo>(json!({ "services": [{ "name": "ok" }, service] })).unwrap_err().to_string()
    };
    assert_eq!(flaw(json!({ "name": null })), "services[1]: no name");
    assert_eq!(
        flaw(json!({ "name": "b", "actions": [] })),
        "services[1]: service 'b': its actions are not an object"
    );
    assert_eq!(
        flaw(json!({ "name": "b", "version": {} })),
        "services[1]: service 'b': its version is neither a number nor a text"
    );
}

#[test]
fn names_in_errors_are_short_and_of_one_line() {
    let service = json!({ "name": format!("a\n{}", "b".repeat(1000)), "actions": 1 });
    let flaw = from_value::<ServiceInfo>(service).unwrap_err().to_string();
    assert_eq!(flaw, format!("service 'a\\n{}': its actions are not an object", "b".repeat(98)));
}

#[test]
fn sizes_are_limited() {
    let many = vec![json!({ "name": "a" }); NodeInfo::MAX_SERVICES + 1];
    let flaw = from_value::<NodeInfo>(json!({ "services": many })).unwrap_err().to_string();
    assert_eq!(flaw, "4097 services; at most 4096 are allowed");
    let items: Map<_, _> = (0..=ServiceInfo::MAX_ITEMS / 2).map(|i| (i.to_string(), json!({}))).collect();
    let flaw =
        from_value::<ServiceInfo>(json!({ "name": "a", "actions": items, "events": items })).unwrap_err();
    assert_eq!(flaw.to_string(), "service 'a': 16386 actions and events; at most 16384 are allowed");
    let nodes: Map<_, _> = (0..=Gossip::MAX_NODES).map(|i| (i.to_string(), json!(1))).collect();
    let flaw = from_value::<Gossip>(json!({ "offline": nodes })).unwrap_err().to_string();
    assert_eq!(flaw, "16385 nodes; at most 16384 are allowed");
}

#[test]
fn rows_of_gossip() {
    let reply: GossipReply = from_value(json!({
        "online": { "a": [{ "seq": 3 }], "b": [2, 50], "c": [{ "seq": 1 }, null, 7.5] }, "offline": { "d": 4 },
    }))
    .unwrap();
    assert_eq!(reply.online["a"].info.as_ref().unwrap().seq, 3);
    assert_eq!(reply.online["b"], GossipRow { info: None, cpu: Some((2, 50.0)) });
    assert_eq!(reply.online["c"].cpu, Some((0, 7.5)));
    assert_eq!(reply.offline["d"], 4);
    for bad in [json!([]), json!([1]), json!({}), json!([1, 2, 3, 4])] {
        let flaw = from_value::<GossipReply>(json!({ "online": { "a": bad } })).unwrap_err().to_string();
        assert!(flaw.starts_with("online 'a': "), "{flaw}");
    }
}
