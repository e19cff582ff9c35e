//! `$node.*`.

use ligand_core::{ServiceDef, cache::CacheRule, service::Visibility};
use serde_json::{Value, json};

use crate::support::*;

async fn broker() -> ligand_core::ServiceBroker {
    let svc = ServiceDef::new("shop")
        .version(2)
        .setting("page", 10)
        .setting("db", json!({ "host": "x", "password": "hunter2" }))
        .setting("apiKey", "hunter3")
        .setting("$secureSettings", json!(["apiKey", "db.password", "no.such"]))
        .metadata("region", "eu")
        .action(
            action("list", |_, (): ()| async { Ok(()) })
                .rest("GET /")
                .unwrap()
                .doc("All orders.")
                .cache(CacheRule::new()),
        )
        .action(action("inner", |_, (): ()| async { Ok(()) }).visibility(Visibility::Private))
        .action(action("near", |_, (): ()| async { Ok(()) }).visibility(Visibility::Protected))
        .event(event("order.*", |_, (): ()| async { Ok(()) }))
        .event(event("$node.*", |_, (): ()| async { Ok(()) }));
    builder().service(svc).start().await.unwrap()
}

async fn node(name: &'static str, params: Value) -> Value {
    call(&broker().await, name, params).await.unwrap()
}

#[tokio::test]
async fn services_are_listed_without_secrets() {
    let services = node("$node.services", json!({ "withActions": true, "withEvents": true })).await;
    assert!(!services.to_string().contains("hunter"));
    let names: Vec<_> =
        services.as_array().unwrap().iter().map(|s| s["fullName"].as_str().unwrap()).collect();
    assert_eq!(names, ["$node", "v2.shop"]);
    let shop = &services[1];
    assert_eq!(shop["name"], "shop");
    assert_eq!(shop["version"], 2);
    assert_eq!(shop["settings"], json!({ "page": 10, "db": { "host": "x" } }));
    assert_eq!(shop["metadata"], json!({ "region": "eu" }));
    assert_eq!(shop["nodes"], json!(["n1"]));
    let actions = shop["actions"].as_object().unwrap();
    assert_eq!(actions.keys().collect::<Vec<_>>(), ["v2.shop.list", "v2.shop.near"]);
    let list = &actions["v2.shop.list"];
    assert_eq!(
        (&list["rest"], &list["rawName"], &list["cache"]),
        (&json!("GET /"), &json!("list"), &json!(true))
    );
    assert_eq!(list["description"], "All orders.");
    assert_eq!(shop["events"], json!({ "order.*": { "name": "order.*", "group": "shop" } }));
    let ungrouped = node("$node.services", json!({ "grouping": "false", "skipInternal": "1" })).await;
    assert_eq!((ungrouped.as_array().unwrap().len(), &ungrouped[0]["nodeID"]), (1, &json!("n1")));
}

#[tokio::test]
async fn actions_events_and_nodes_are_listed() {
    let actions = node("$node.actions", json!({ "skipInternal": true, "withEndpoints": true })).await;
    assert_eq!(actions.as_array().unwrap().len(), 1);
    assert_eq!(actions[0]["name"], "v2.shop.list");
    assert_eq!(actions[0]["endpoints"], json!([{ "nodeID": "n1", "state": true, "available": true }]));
    let events = node("$node.events", json!({ "skipInternal": true })).await;
    assert_eq!((events.as_array().unwrap().len(), &events[0]["group"]), (1, &json!("shop")));
    let nodes = node("$node.list", json!({ "withServices": true })).await;
    assert_eq!(
        (&nodes[0]["id"], &nodes[0]["local"], &nodes[0]["available"]),
        (&json!("n1"), &json!(true), &json!(true))
    );
    assert!(!nodes.to_string().contains("hunter"));
    assert_eq!(node("$node.list", json!({})).await[0]["services"], Value::Null);
}

#[tokio::test]
async fn health_and_options_have_their_shape() {
    let health = node("$node.health", json!(null)).await;
    for key in ["cpu", "mem", "os", "process", "client", "net", "time"] {
        assert!(health[key].is_object(), "{key}");
    }
    assert_eq!(health["process"]["pid"], std::process::id());
    let ip: std::net::IpAddr = health["net"]["ip"][0].as_str().unwrap().parse().unwrap();
    assert!(!ip.is_unspecified());
    let utc = health["time"]["utc"].as_str().unwrap();
    assert!(utc.ends_with(" GMT") && utc.as_bytes()[3] == b',', "{utc}");
    let options = node("$node.options", json!(null)).await;
    assert_eq!((&options["nodeID"], &options["requestTimeout"]), (&json!("n1"), &json!(10000)));
    assert_eq!(options["retryPolicy"]["maxDelay"], 1000);
}

#[tokio::test]
async fn metrics_are_off_and_the_whole_service_can_be() {
    let error = call(&broker().await, "$node.metrics", json!(null)).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (400, "METRICS_DISABLED"));
    let broker = builder().options(|o| o.internal_services = false).start().await.unwrap();
    assert_eq!(call(&broker, "$node.list", json!(null)).await.unwrap_err().code(), 404);
}
