//! What another node sees: packets as they travel.

use std::{sync::Arc, time::Duration};

use ligand_core::{Context, Error, Result, ServiceBroker, ServiceDef};
use ligand_transport::{
    Transporter as _,
    contract::TestLink,
    memory::{MemoryBus, MemoryTransporter},
};
use ligand_wire::{packet::PacketKind, topic::Topic};
use serde_json::{Value, json};

use crate::support::{action, event};

const LIMIT: Duration = Duration::from_secs(5);

/// A node that is not Ligand's: it offers the action `js.hear` and listens to `js.event`, and says only what it is
/// told to.
pub(crate) struct Stranger {
    bus: MemoryBus,
    link: Arc<TestLink>,
    _transporter: Arc<MemoryTransporter>,
}

impl Stranger {
    pub(crate) async fn join(bus: &MemoryBus, broker: &ServiceBroker) -> Self {
        let transporter = bus.transporter();
        let link = TestLink::new("js", "");
        transporter.clone().connect(link.clone()).await.unwrap();
        let this = Self { bus: bus.clone(), link, _transporter: transporter };
        this.say(
            PacketKind::Info,
            broker.node_id(),
            json!({
                "services": [{
                    "name": "js", "fullName": "js", "settings": {}, "metadata": {},
                    "actions": { "js.hear": { "name": "js.hear" } },
                    "events": { "js.event": { "name": "js.event" } },
                }],
                "ipList": [], "hostname": "js", "client": { "type": "nodejs", "version": "0.15.0", "langVersion": "v22" },
                "config": {}, "instanceID": "1", "metadata": {}, "seq": 1,
            }),
        );
        broker.wait_for_services(&["js"], LIMIT).await.unwrap();
        this
    }

    /// Sends a packet to a node.
    pub(crate) fn say(&self, kind: PacketKind, node: &str, mut packet: Value) {
        packet["ver"] = "5".into();
        packet["sender"] = "js".into();
        let body = serde_json::to_vec(&packet).unwrap();
        self.bus.publish("", &Topic::node(kind, node.into()), &body.into());
    }

    /// The next packet of this kind.
    pub(crate) async fn hears(&self, kind: PacketKind) -> Value {
        serde_json::from_str(&self.hears_text(kind).await).unwrap()
    }

    /// As [`Stranger::hears`], as it was written.
    pub(crate) async fn hears_text(&self, kind: PacketKind) -> String {
        loop {
            let (came, body) = self.link.next_packet(LIMIT).await.expect("a packet comes");
            if came == kind {
                return String::from_utf8(body.to_vec()).unwrap();
            }
        }
    }
}

async fn relay(ctx: &Context) -> Result<()> {
    ctx.emit_named("js.event", json!(1)).await?;
    ctx.broadcast_named("js.event", json!(2)).await?;
    ctx.call_named("js.hear", json!({})).await.map(drop)
}

#[tokio::test]
async fn a_trace_of_others_goes_through_unchanged() {
    let bus = MemoryBus::new();
    let rust = ServiceDef::new("rust")
        .action(action("inner", |ctx: Context, (): ()| async move {
            assert_eq!(ctx.level(), 6);
            relay(&ctx).await
        }))
        .action(action("relay", |ctx: Context, (): ()| async move {
            ctx.call_named("rust.inner", json!(null)).await.map(drop)
        }))
        .event(event("rust.event", |ctx: Context, (): ()| async move { relay(&ctx).await }));
    let broker = ServiceBroker::builder().node_id("a").transporter(bus.transporter()).service(rust);
    let broker = broker.start().await.unwrap();
    let js = Stranger::join(&bus, &broker).await;
    for (flag, of_trace) in [(json!(true), true), (json!(false), false), (json!(null), false)] {
        let head = json!({
            "id": "c1", "requestID": "r1", "parentID": "p1", "tracing": flag, "level": 5, "meta": {}, "params": null,
        });
        let mut request = head.clone();
        request["action"] = "rust.relay".into();
        js.say(PacketKind::Request, "a", request);
        let mut heard = vec![js.hears(PacketKind::Event).await, js.hears(PacketKind::Event).await];
        heard.push(js.hears(PacketKind::Request).await);
        js.say(PacketKind::Response, "a", json!({ "id": heard[2]["id"], "success": true, "data": null }));
        js.hears(PacketKind::Response).await;
        let mut sent = head;
        sent["event"] = "rust.event".into();
        sent["groups"] = json!(["rust"]);
        js.say(PacketKind::Event, "a", sent);
        heard.extend([js.hears(PacketKind::Event).await, js.hears(PacketKind::Event).await]);
        heard.push(js.hears(PacketKind::Request).await);
        js.say(PacketKind::Response, "a", json!({ "id": heard[5]["id"], "success": true, "data": null }));
        for packet in &heard {
            assert_eq!((&packet["tracing"], &packet["requestID"]), (&flag, &json!("r1")), "{packet}");
            // Nobody records a span of this node: a recorded trace goes on from the one above.
            assert_eq!(packet["parentID"] == "p1", of_trace, "{packet}");
            assert!(packet["parentID"].is_string(), "{packet}");
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_node_with_spans_of_its_own_is_the_parent_in_a_trace() {
    let bus = MemoryBus::new();
    let rust = ServiceDef::new("rust").action(action("relay", |ctx: Context, (): ()| async move {
        ctx.set_span(tracing::Span::none());
        assert_eq!(ctx.tracing(), Some(true));
        ctx.emit_named("js.event", json!(1)).await
    }));
    let broker = ServiceBroker::builder().node_id("a").transporter(bus.transporter()).service(rust);
    let broker = broker.start().await.unwrap();
    let js = Stranger::join(&bus, &broker).await;
    let request =
        json!({ "id": "c1", "requestID": "r1", "parentID": "p1", "tracing": true, "action": "rust.relay" });
    js.say(PacketKind::Request, "a", request);
    let heard = js.hears(PacketKind::Event).await;
    assert_eq!((&heard["tracing"], &heard["parentID"]), (&json!(true), &json!("c1")));
    broker.stop().await;
}

#[tokio::test]
async fn plain_errors_travel_as_those_of_javascript() {
    let bus = MemoryBus::new();
    let rust = ServiceDef::new("rust")
        .action(action("io", |_, (): ()| async {
            Err::<(), _>(std::io::Error::other("disk hunter2").into())
        }))
        .action(action("new", |_, (): ()| async { Err::<(), _>(Error::new("no stock")) }))
        .action(action("typed", |_, (): ()| async { Err::<(), _>(Error::server(500, "BROKEN", "broken")) }))
        .action(action("relay", |ctx: Context, (): ()| async move {
            ctx.call_named("js.hear", json!({})).await.map(drop)
        }));
    let broker = ServiceBroker::builder().node_id("a").transporter(bus.transporter()).service(rust);
    let broker = broker.start().await.unwrap();
    let js = Stranger::join(&bus, &broker).await;
    let call = async |name: &str| {
        js.say(PacketKind::Request, "a", json!({ "id": "c1", "action": name, "params": null }));
        if name == "rust.relay" {
            let asked = js.hears(PacketKind::Request).await;
            let error = json!({ "name": "TypeError", "message": "x is undefined", "nodeID": "js", "stack": "at a.js" });
            js.say(PacketKind::Response, "a", json!({ "id": asked["id"], "success": false, "error": error }));
        }
        js.hears(PacketKind::Response).await["error"].clone()
    };
    let plain = |name: &str, message: &str, node: &str| {
        let stack = format!("{name}: {message}");
        json!({ "name": name, "message": message, "nodeID": node, "stack": stack })
    };
    assert_eq!(call("rust.io").await, plain("Error", "Internal server error", "a"));
    assert_eq!(call("rust.new").await, plain("Error", "no stock", "a"));
    assert_eq!(call("rust.relay").await, plain("TypeError", "x is undefined", "js"));
    let typed = call("rust.typed").await;
    assert_eq!((&typed["code"], &typed["type"]), (&json!(500), &json!("BROKEN")));
    broker.stop().await;
}

#[tokio::test]
async fn a_plain_error_of_another_node_counts_as_one_of_this() {
    let bus = MemoryBus::new();
    let broker = ServiceBroker::builder().node_id("a").transporter(bus.transporter()).options(|options| {
        options.circuit_breaker.enabled = true;
        options.circuit_breaker.min_request_count = 2;
        options.retry_policy.enabled = true;
    });
    let broker = broker.start().await.unwrap();
    let js = Stranger::join(&bus, &broker).await;
    for _ in 0..2 {
        let (error, ()) =
            tokio::join!(async { broker.call_named("js.hear", json!({})).await.unwrap_err() }, async {
                // Not retryable: it is asked once.
                let asked = js.hears(PacketKind::Request).await;
                let error = json!({ "name": "Error", "message": "no", "nodeID": "js", "stack": "" });
                js.say(
                    PacketKind::Response,
                    "a",
                    json!({ "id": asked["id"], "success": false, "error": error }),
                );
            });
        assert!(error.is_plain() && error.code() == 500 && !error.retryable());
    }
    let error = broker.call_named("js.hear", json!({})).await.unwrap_err();
    assert_eq!(error.kind(), "CIRCUIT_BREAKER_OPEN");
    broker.stop().await;
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Order {
    total: f64,
    customer: String,
}

#[tokio::test]
async fn the_log_of_a_failed_listener_names_event_service_sender_field_and_cause() {
    let (lines, _guard) = crate::support::logged();
    let bus = MemoryBus::new();
    let mail = ServiceDef::new("mail")
        .version(2)
        .event(event("order.*", |_, _: Order| async { Ok::<_, Error>(()) }));
    let broker = ServiceBroker::builder().node_id("a").transporter(bus.transporter()).service(mail);
    let broker = broker.start().await.unwrap();
    let js = Stranger::join(&bus, &broker).await;
    for data in [json!({ "total": 3 }), json!({ "total": "hunter2", "customer": "ann" })] {
        let event = json!({ "id": "e", "event": "order.created", "data": data, "caller": "shop", "groups": ["mail"] });
        js.say(PacketKind::Event, "a", event);
    }
    while broker.listener_errors() < 2 {
        tokio::task::yield_now().await;
    }
    let text = lines.take().join("\n");
    for part in ["order.created", "v2.mail", "sender=\"js\"", "caller=\"shop\"", "missing field `customer`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("invalid type: a text, expected f64") && !text.contains("hunter2"), "{text}");
    // A flood is counted, and does not fill the log.
    for _ in 0..1000 {
        broker.emit_named("order.paid", json!({})).wait_for_listeners().await.unwrap();
    }
    assert_eq!(broker.listener_errors(), 1002);
    assert!(lines.len() <= 100);
    broker.stop().await;
}

#[tokio::test]
async fn whole_numbers_are_written_as_javascript_writes_them() {
    let bus = MemoryBus::new();
    let rust = ServiceDef::new("rust")
        .action(action("typed", |_, (): ()| async { Ok::<_, Error>((2999.0, 19.99, -0.0, 1e21)) }))
        .action(action("tree", |_, (): ()| async { Ok::<_, Error>(json!({ "b": 2999.0, "a": [1e21] })) }));
    let broker = ServiceBroker::builder().node_id("a").transporter(bus.transporter()).service(rust);
    let broker = broker.start().await.unwrap();
    let js = Stranger::join(&bus, &broker).await;
    for (name, text) in [
        ("rust.typed", "\"data\":[2999,19.99,0,1e+21]"),
        ("rust.tree", "\"data\":{\"b\":2999,\"a\":[1e+21]}"),
    ] {
        js.say(
            PacketKind::Request,
            "a",
            json!({ "id": "c", "action": name, "params": null, "meta": { "z": 1, "y": 2.0 } }),
        );
        let body = js.hears_text(PacketKind::Response).await;
        assert!(body.contains(text) && body.contains("\"meta\":{\"z\":1,\"y\":2}"), "{body}");
    }
    broker.stop().await;
}
