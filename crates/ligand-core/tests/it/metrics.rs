//! What a broker counts.

use ligand_core::{Error, Result, ServiceBroker, ServiceDef, metrics::Definition};
use serde_json::{Value, json};

use crate::support::*;

fn shop() -> ServiceDef {
    ServiceDef::new("shop")
        .action(action("pay", |ctx, fails: bool| async move {
            ctx.emit_named("paid", json!(null)).wait_for_listeners().await?;
            if fails { Err(Error::server(507, "NO_CARD", "No card.")) } else { Ok(()) }
        }))
        .action(action("twice", |ctx, (): ()| async move {
            ctx.call_named("shop.pay", false).await?;
            ctx.call_named("shop.pay", false).await.map(drop)
        }))
        .action(
            action("waits", |_, (): ()| async { std::future::pending::<Result<()>>().await }).timeout(ms(50)),
        )
        .action(action("panics", |_, (): ()| async { panic!("no card") as Result<()> }))
        .event(event("paid", |_, (): ()| async { Ok(()) }).group("books"))
}

async fn counting() -> ServiceBroker {
    let builder = ServiceBroker::builder().options(|options| options.metrics.enabled = true);
    builder.options(|options| options.node_id = Some("n1".into())).service(shop()).start().await.unwrap()
}

/// The values of a metric, without when.
async fn values(broker: &ServiceBroker, name: &str) -> Value {
    let found = call(broker, "$node.metrics", json!({ "includes": name })).await.unwrap();
    let mut values = found[0]["values"].clone();
    for value in values.as_array_mut().into_iter().flatten() {
        let value = value.as_object_mut().unwrap();
        value.retain(|name, _| ["labels", "value", "count"].contains(&&**name));
    }
    values
}

#[tokio::test(start_paused = true)]
async fn calls_and_events_are_counted_with_the_names_of_the_reference() {
    let broker = counting().await;
    call(&broker, "shop.twice", json!(null)).await.unwrap();
    call(&broker, "shop.pay", json!(true)).await.unwrap_err();
    call(&broker, "shop.waits", json!(null)).await.unwrap_err();
    call(&broker, "shop.panics", json!(null)).await.unwrap_err();
    let labels = |action: &str, caller: &str| json!({ "service": "shop", "action": action, "type": "local", "caller": caller });
    let value = |labels: Value, value: u64| json!({ "labels": labels, "value": value });
    let of_shop = |values: Value| -> Vec<Value> {
        let values = values.as_array().unwrap().clone();
        values.into_iter().filter(|value| value["labels"]["service"] == "shop").collect()
    };
    assert_eq!(
        of_shop(values(&broker, "moleculer.request.total").await),
        [
            value(labels("shop.panics", ""), 1),
            value(labels("shop.pay", ""), 1),
            value(labels("shop.pay", "shop"), 2),
            value(labels("shop.twice", ""), 1),
            value(labels("shop.waits", ""), 1),
        ]
    );
    let failed = |action: &str, name: &str, code: &str, kind: &str| {
        let mut failed = labels(action, "");
        let fields = failed.as_object_mut().unwrap();
        for (field, text) in [("errorName", name), ("errorCode", code), ("errorType", kind)] {
            fields.insert(field.into(), text.into());
        }
        value(failed, 1)
    };
    assert_eq!(
        of_shop(values(&broker, "moleculer.request.error.total").await),
        [
            failed("shop.panics", "InternalServerError", "500", "HANDLER_PANICKED"),
            failed("shop.pay", "MoleculerServerError", "507", "NO_CARD"),
            failed("shop.waits", "RequestTimeoutError", "504", "REQUEST_TIMEOUT"),
        ]
    );
    let active = of_shop(values(&broker, "moleculer.request.active").await);
    assert!(active.iter().all(|value| value["value"] == 0), "{active:?}");
    let times = of_shop(values(&broker, "moleculer.request.time").await);
    assert_eq!(times.iter().map(|value| value["count"].as_u64().unwrap()).sum::<u64>(), 6);
    let late = json!({ "service": "shop", "action": "shop.waits" });
    assert_eq!(values(&broker, "moleculer.request.timeout.total").await, json!([value(late, 1)]));
    let heard = json!({ "service": "shop", "group": "books", "event": "paid", "caller": "shop" });
    assert_eq!(of_shop(values(&broker, "moleculer.event.received.total").await), [value(heard, 3)]);
    broker.stop().await;
}

#[tokio::test]
async fn prometheus_gets_what_is_kept_elsewhere_too() {
    let broker = counting().await;
    broker.metrics().counter(Definition::new("my.own").labels(["a"])).with(&["b"]).increment(4);
    for (types, some) in [(json!("counter"), true), (json!(["info"]), true), (json!("counters"), false)] {
        let found = call(&broker, "$node.metrics", json!({ "types": types })).await.unwrap();
        assert_eq!(!found.as_array().unwrap().is_empty(), some, "{found}");
    }
    let text = broker.metrics_text();
    for line in [
        "my_own{nodeID=\"n1\",namespace=\"\",a=\"b\"} 4\n",
        "moleculer_broker_started{nodeID=\"n1\",namespace=\"\"} 1\n",
        "moleculer_registry_nodes_total{nodeID=\"n1\",namespace=\"\"} 1\n",
        "moleculer_node_type{nodeID=\"n1\",namespace=\"\",value=\"rust\"} 1\n",
        "# TYPE process_memory_rss gauge\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn without_metrics_only_ones_own_count() {
    let broker = start([shop()]).await;
    call(&broker, "shop.pay", json!(false)).await.unwrap();
    broker.metrics().gauge(Definition::new("own")).single().set(1.0);
    assert_eq!(broker.metrics_text().lines().count(), 3);
    let error = call(&broker, "$node.metrics", json!(null)).await.unwrap_err();
    assert_eq!(error.kind(), "METRICS_DISABLED");
}

#[tokio::test(start_paused = true)]
async fn an_event_and_files_carry_them() {
    let folder = tempfile::tempdir().unwrap();
    let (heard, mut news) = tokio::sync::mpsc::unbounded_channel();
    let ears = ServiceDef::new("ears").event(event("$metrics.snapshot", move |_, all: Value| {
        let heard = heard.clone();
        async move { heard.send(all.as_array().unwrap().len()).map_err(Error::from) }
    }));
    let path = folder.path().to_owned();
    let builder = ServiceBroker::builder().service(ears).options(move |options| {
        options.metrics.enabled = true;
        options.metrics.event = Some("$metrics.snapshot".into());
        options.metrics.csv = Some(path);
        options.metrics.interval = ms(1000);
    });
    let broker = builder.start().await.unwrap();
    // The second one follows the files of the first.
    for _ in 0..2 {
        assert!(news.recv().await.unwrap() > 20);
    }
    let file = std::fs::read_to_string(folder.path().join("moleculer.broker.started.csv")).unwrap();
    assert!(
        file.starts_with("Timestamp,Metric,Value\n") && file.contains(",moleculer.broker.started,1\n"),
        "{file}"
    );
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_statsd_server_hears_what_changed() {
    let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    let builder = ServiceBroker::builder().service(shop()).options(move |options| {
        options.metrics.enabled = true;
        options.metrics.statsd = Some(address);
        options.metrics.statsd_prefix = "test.".into();
    });
    let broker = builder.start().await.unwrap();
    call(&broker, "shop.pay", json!(false)).await.unwrap();
    let counted = "test.moleculer.request.total:1|c|#service:shop,action:shop.pay,type:local";
    let mut packet = vec![0; 2048];
    loop {
        let length = server.recv(&mut packet).await.unwrap();
        let text = String::from_utf8_lossy(&packet[..length]);
        assert!(length <= 1300);
        if text.lines().any(|line| line == counted) {
            break;
        }
    }
    broker.stop().await;
}
