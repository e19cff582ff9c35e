//! Actions of other nodes: their aliases, and what happens when they leave.

use std::{sync::Arc, time::Duration};

use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef, service::Rest};
use ligand_transport::memory::MemoryBus;
use ligand_web::{Gateway, Route};
use ligand_wire::{packet::PacketKind, topic::Topic};
use serde_json::{Value, json};

use crate::{client::Direct, fixture::one, log::subscribe};

/// A bus with a gateway's node on it, and other nodes that only tell what they offer.
struct Cluster {
    bus: MemoryBus,
    broker: ServiceBroker,
    seq: u64,
}

impl Cluster {
    async fn new() -> Self {
        let bus = MemoryBus::new();
        let broker = ServiceBroker::builder()
            .node_id("edge")
            .transporter(bus.transporter())
            .options(|options| options.transit.discovery_wait = Duration::from_millis(1))
            .start()
            .await
            .unwrap();
        Self { bus, broker, seq: 0 }
    }

    /// A node says what it offers, as one of Moleculer for JavaScript does.
    async fn tell(&mut self, node: &str, services: Value) {
        self.seq += 1;
        let info = json!({
            "ver": "5", "sender": node, "services": services, "ipList": [], "hostname": "h", "instanceID": node,
            "client": {"type": "nodejs", "version": "0.15.0", "langVersion": "v24"}, "config": {}, "metadata": {},
            "seq": self.seq,
        });
        self.packet(PacketKind::Info, &info).await;
    }

    async fn leave(&self, node: &str) {
        // Anybody could say it: the node is asked once more before it is believed.
        self.packet(PacketKind::Disconnect, &json!({ "ver": "5", "sender": node })).await;
    }

    async fn packet(&self, kind: PacketKind, body: &Value) {
        let mut changes = self.broker.registry().changes();
        self.bus.publish("", &Topic::all(kind), &body.to_string().into());
        tokio::time::timeout(Duration::from_secs(20), changes.changed())
            .await
            .expect("nothing changed")
            .unwrap();
    }
}

fn service(name: &str, settings: Value, actions: &[(&str, Value)]) -> Value {
    let actions: serde_json::Map<_, _> = actions
        .iter()
        .map(|(action, rest)| {
            let full = format!("{name}.{action}");
            (full.clone(), json!({ "name": full, "rawName": action, "rest": rest }))
        })
        .collect();
    json!({ "name": name, "fullName": name, "settings": settings, "metadata": {}, "actions": actions, "events": {} })
}

/// `METHOD /path` of every alias.
fn listed(gateway: &Gateway, broker: &ServiceBroker) -> Vec<String> {
    let aliases = gateway.routes(broker).into_iter();
    let mut texts: Vec<_> = aliases
        .map(|a| format!("{} {} {}", a.methods, a.full_path, a.action_name.unwrap_or_default()))
        .collect();
    texts.sort();
    texts
}

#[tokio::test(start_paused = true)]
async fn every_form_of_rest_leads_where_it_says() {
    let mut cluster = Cluster::new().await;
    let custom = service(
        "custom",
        json!({"rest": "my/base"}),
        &[
            ("str", json!("GET /str")),
            ("any", json!("/anymethod")),
            ("bare", json!("GET bare")),
            ("obj", json!({"method": "POST", "path": "/obj"})),
            ("noMethod", json!({"path": "/nm"})),
            ("noPath", json!({"method": "GET"})),
            ("full", json!({"method": "GET", "path": "/full", "fullPath": "/full-path"})),
            ("base", json!({"method": "GET", "path": "/bp", "basePath": "other-base"})),
            ("multi", json!(["GET /m1", {"method": "POST", "path": "/m2"}, {"method": "PUT"}])),
            ("off", json!(false)),
            ("none", json!(null)),
        ],
    );
    let versioned = json!({"name": "v2.posts", "fullName": "v2.posts", "settings": {}, "actions": {
        "v2.posts.list": {"name": "v2.posts.list", "rawName": "list", "rest": "GET /"}}, "events": {}});
    cluster
        .tell(
            "js",
            json!([
                custom,
                versioned,
                service("a.b", json!({}), &[("list", json!("GET /"))]),
                service("several", json!({"rest": ["/s1", "s2/deep/"]}), &[("hi", json!("GET /hi"))]),
                service("root", json!({"rest": "/"}), &[("ping", json!("GET /ping"))]),
                service("closed", json!({"rest": false}), &[("hi", json!("GET /hi"))]),
                service("$health", json!({}), &[("live", json!("GET /health"))]),
            ]),
        )
        .await;
    let gateway = one(Route::new("/api").auto_aliases());
    assert_eq!(
        listed(&gateway, &cluster.broker),
        [
            "* /api/my/base/anymethod custom.any",
            "* /api/my/base/nm custom.noMethod",
            "GET /api/$health/health $health.live",
            "GET /api/a/b a.b.list",
            "GET /api/my/base/bare custom.bare",
            "GET /api/my/base/m1 custom.multi",
            "GET /api/my/base/noPath custom.noPath",
            "GET /api/my/base/str custom.str",
            "GET /api/other-base/bp custom.base",
            "GET /api/ping root.ping",
            "GET /api/s1/hi several.hi",
            "GET /api/s2/deep/hi several.hi",
            "GET /api/v2/posts v2.posts.list",
            "GET /full-path custom.full",
            "POST /api/my/base/m2 custom.multi",
            "POST /api/my/base/obj custom.obj",
            "PUT /api/my/base/multi custom.multi",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn rest_of_rust_actions_has_every_form_too_and_travels() {
    let act = |name: &'static str, rest: Rest| {
        Action::new(name, |ctx: Context, (): ()| async move { Ok::<_, Error>(ctx.action().to_owned()) })
            .with_rest(rest)
    };
    let service = || {
        ServiceDef::new("shop")
            .setting("rest", json!(["s1", "s2"]))
            .action(act("plain", Rest::new("GET", "/plain")))
            .action(act("own", Rest::new("GET", "/own").below("/elsewhere")))
            .action(act("full", Rest::new("GET", "/full").full()))
    };
    let expected = [
        "GET /api/elsewhere/own shop.own",
        "GET /api/s1/plain shop.plain",
        "GET /api/s2/plain shop.plain",
        "GET /full shop.full",
    ];
    let gateway = || one(Route::new("/api").auto_aliases());
    let bus = MemoryBus::new();
    let far = ServiceBroker::builder().node_id("far").transporter(bus.transporter()).service(service());
    let far = far.start().await.unwrap();
    assert_eq!(listed(&gateway(), &far), expected);
    let near = ServiceBroker::builder().node_id("near").transporter(bus.transporter()).start().await.unwrap();
    near.wait_for_services(&["shop"], Duration::from_secs(5)).await.unwrap();
    let gateway = gateway();
    assert_eq!(listed(&gateway, &near), expected);
    for path in ["/full", "/api/elsewhere/own", "/api/s2/plain"] {
        assert_eq!(Direct(&gateway, &near).get(path).await.status, 200, "{path}");
    }
    assert_eq!(Direct(&gateway, &near).get("/api/full").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_is_not_understood_opens_nothing_and_is_told_once() {
    let mut cluster = Cluster::new().await;
    let odd = [
        ("m", json!({"method": "get", "path": "/m"})),
        ("list", json!("GET,POST /list")),
        ("path", json!({"method": "GET", "path": ["/path"]})),
        ("upload", json!({"method": "POST", "path": "/up", "type": "carrier"})),
        ("regex", json!("GET /:id(\\d+)")),
        ("group", json!("GET /(a|b)")),
        ("dots", json!("GET /../../admin")),
        ("full", json!({"method": "GET", "fullPath": "/a/../b"})),
        ("number", json!(5)),
        ("ok", json!("GET /ok")),
    ];
    let (lines, _guard) = subscribe();
    let gateway = one(Route::new("/api").auto_aliases());
    let other = service("settings", json!({"rest": 5}), &[("hi", json!("GET /hi"))]);
    let partly = service("partly", json!({"rest": ["p", 5]}), &[("hi", json!("GET /hi"))]);
    cluster.tell("js", json!([service("odd", json!({}), &odd), other, partly])).await;
    for more in [json!([]), json!([service("more", json!({}), &[("x", json!("GET /x"))])])] {
        assert_eq!(
            listed(&gateway, &cluster.broker)[..2],
            ["GET /api/odd/ok odd.ok", "GET /api/p/hi partly.hi"][..]
        );
        cluster.tell("other", more).await;
    }
    let told = lines.lines();
    let told: Vec<_> = told.iter().filter(|line| line.contains("left out")).collect();
    for (action, _) in &odd[..9] {
        assert_eq!(
            told.iter().filter(|line| line.contains(&format!("odd.{action}"))).count(),
            1,
            "{action}: {told:?}"
        );
    }
    assert_eq!(told.len(), 11, "{told:?}");
    for path in ["/api/odd", "/api/odd/m", "/api/odd/path", "/api/odd/up", "/admin", "/b", "/api/settings/hi"]
    {
        assert_eq!(Direct(&gateway, &cluster.broker).get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn aliases_of_every_version_of_a_service_are_open_while_it_is_rolled_out() {
    let mut cluster = Cluster::new().await;
    let old = service("shop", json!({}), &[("list", json!("GET /"))]);
    let new = service("shop", json!({}), &[("list", json!("GET /")), ("sell", json!("POST /"))]);
    cluster.tell("a", json!([old])).await;
    cluster.tell("b", json!([new])).await;
    let gateway = one(Route::new("/api").auto_aliases());
    assert_eq!(listed(&gateway, &cluster.broker), ["GET /api/shop shop.list", "POST /api/shop shop.sell"]);
}

#[tokio::test(start_paused = true)]
async fn a_route_whose_last_instance_left_is_unavailable_and_not_unknown() {
    let mut cluster = Cluster::new().await;
    let gateway = one(Route::new("/api").auto_aliases());
    let direct = one(Route::new("/d").direct_calls());
    let broker = cluster.broker.clone();
    let (http, calls) = (Direct(&gateway, &broker), Direct(&direct, &broker));
    assert_eq!(http.get("/api/shop").await.status, 404);
    let shop =
        || json!([service("shop", json!({}), &[("list", json!("GET /")), ("sell", json!("POST /sell"))])]);
    cluster.tell("js", shop()).await;
    assert_eq!(listed(&gateway, &broker).len(), 2);
    assert_eq!(listed(&direct, &broker).len(), 4);
    cluster.leave("js").await;
    for (http, method, path) in
        [(&http, "GET", "/api/shop"), (&http, "POST", "/api/shop/sell"), (&calls, "GET", "/d/shop/list")]
    {
        let gone = http.send(method, path, &[], "").await;
        assert_eq!(
            (gone.error(), gone.header("retry-after")),
            ((503, "ACTION_NOT_AVAILABLE".into()), "5"),
            "{path}"
        );
    }
    assert_eq!(http.get("/api/shop/other").await.status, 404);
    assert!(listed(&gateway, &broker).is_empty(), "what is gone is not listed");
    // It is back, elsewhere: what it does not offer any more is unknown again.
    cluster.tell("js2", json!([service("shop", json!({}), &[("list", json!("GET /all"))])])).await;
    assert_eq!(http.get("/api/shop").await.status, 404);
    assert_eq!(http.send("POST", "/api/shop/sell", &[], "").await.status, 503);
    // Nobody waits for ever.
    tokio::time::advance(Duration::from_secs(3601)).await;
    assert_eq!(http.send("POST", "/api/shop/sell", &[], "").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_knows_what_was_there_though_nobody_asked_for_it() {
    let mut cluster = Cluster::new().await;
    let gateway = Gateway::builder().bind("127.0.0.1:0").route(Route::new("/api").auto_aliases()).build();
    cluster.broker.add_service(gateway.clone()).await.unwrap();
    cluster.tell("js", json!([service("shop", json!({}), &[("list", json!("GET /"))])])).await;
    // The event that tells of it is on its way.
    tokio::time::sleep(Duration::from_millis(1)).await;
    cluster.leave("js").await;
    assert_eq!(Direct(&gateway, &cluster.broker).get("/api/shop").await.status, 503);
    cluster.broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_out_of_this_node_on_purpose_is_unknown() {
    let cluster = Cluster::new().await;
    let gateway = one(Route::new("/api").auto_aliases());
    let hi = Action::new("hi", |_: Context, (): ()| async { Ok::<_, Error>(1) }).rest("GET /hi").unwrap();
    cluster.broker.add_service(ServiceDef::new("own").action(hi)).await.unwrap();
    let http = Direct(&gateway, &cluster.broker);
    assert_eq!(http.get("/api/own/hi").await.status, 200);
    cluster.broker.destroy_service("own").await.unwrap();
    assert_eq!(http.get("/api/own/hi").await.status, 404);
}

#[tokio::test]
async fn an_inner_call_that_finds_no_service_is_our_trouble() {
    let ask = |name: &'static str, inner: &'static str| {
        Action::new(name, move |ctx: Context, (): ()| async move {
            ctx.call_named(inner, json!({})).await?;
            Ok::<_, Error>(())
        })
    };
    let broker = ServiceBroker::builder()
        .service(
            ServiceDef::new("order")
                .action(ask("cancel", "stock.release"))
                .action(ask("full", "order.busy"))
                .action(Action::new("busy", |_: Context, (): ()| async {
                    Err::<(), _>(Error::queue_is_full("order.busy", "n"))
                }))
                .action(Action::new("mine", |_: Context, (): ()| async {
                    Err::<(), _>(Error::not_found("No such order"))
                })),
        )
        .start()
        .await
        .unwrap();
    let (lines, _guard) = subscribe();
    for expose in [true, false] {
        let gateway = Gateway::builder().route(Route::new("/").direct_calls()).expose_errors(expose).build();
        let http = Direct(&gateway, &broker);
        for path in ["/order/cancel", "/order/full"] {
            let answer = http.post(path, "").await;
            assert_eq!(answer.error(), (503, "DEPENDENCY_NOT_AVAILABLE".into()), "{path}");
            assert!(!answer.body.contains("stock") && !answer.body.contains("busy"), "{}", answer.body);
            assert_eq!(answer.header("retry-after"), "5");
        }
        assert_eq!(http.post("/order/mine", "").await.status, 404);
    }
    assert!(lines.lines().iter().any(|line| line.contains("stock.release")), "{:?}", lines.lines());
}

#[tokio::test(start_paused = true)]
async fn texts_of_a_url_are_converted_for_actions_of_other_nodes_too() {
    let number = json!({"type": "integer"});
    let schema = json!({"type": "object", "required": ["id"], "properties": {
        "id": number, "on": {"type": "boolean"}, "tags": {"type": "array", "items": number},
        "name": {"type": "string"}, "deep": {"type": "object", "properties": {"n": number}},
    }});
    let echo = Action::new("get", |_: Context, params: Value| async move { Ok::<_, Error>(params) })
        .params_schema(ligand_wire::schema::Schema::from_json(schema).unwrap());
    let bus = MemoryBus::new();
    let shop = ServiceDef::new("shop").action(echo);
    let far = ServiceBroker::builder().node_id("far").transporter(bus.transporter()).service(shop);
    let far = far.start().await.unwrap();
    let near = ServiceBroker::builder().node_id("near").transporter(bus.transporter()).start().await.unwrap();
    near.wait_for_services(&["shop"], Duration::from_secs(5)).await.unwrap();
    let gateway = one(Route::new("/").alias("GET /shop/:id", "shop.get"));
    for broker in [&near, &far] {
        let answer = Direct(&gateway, broker).get("/shop/5?on=true&tags=1&name=7&deep[n]=2&more=3").await;
        let expected = json!({"id": 5, "on": true, "tags": [1], "name": "7", "deep": {"n": 2}, "more": "3"});
        assert_eq!((answer.status, answer.json()), (200, expected), "{}", broker.node_id());
    }
    let row = |broker: &ServiceBroker| {
        let rows = broker.call_named("$node.actions", json!({}));
        async move {
            let rows: Value = rows.await.unwrap().take().unwrap();
            rows.as_array().unwrap().iter().find(|row| row["name"] == "shop.get").unwrap()["action"]["params"]
                .clone()
        }
    };
    let shown = row(&near).await;
    assert_eq!(shown, row(&far).await);
    assert_eq!(shown["id"], json!({"type": "number", "integer": true, "convert": true}));
}

#[tokio::test(start_paused = true)]
async fn announced_params_of_javascript_nodes_are_read_and_shown_as_they_came() {
    let mut cluster = Cluster::new().await;
    let mut math =
        service("math", json!({}), &[("odd", json!(null)), ("add", json!(null)), ("huge", json!(null))]);
    let params =
        json!({"a": "number|convert:true", "b": {"type": "number", "optional": true}, "$$strict": true});
    math["actions"]["math.add"]["params"] = params.clone();
    math["actions"]["math.odd"]["params"] = json!(["nonsense", 5, {"type": 7}]);
    math["actions"]["math.huge"]["params"] = (0..5000).map(|i| (i.to_string(), json!("number"))).collect();
    cluster.tell("js", json!([math])).await;
    let services = cluster.broker.registry().snapshot();
    let schema = |name: &str| services.endpoint(name).unwrap().action().params().cloned();
    let mut texts = json!({"a": "1", "b": "2", "c": "3"});
    schema("math.add").unwrap().convert(&mut texts);
    assert_eq!(texts, json!({"a": 1, "b": 2, "c": "3"}));
    schema("math.odd").unwrap().convert(&mut texts);
    assert!(schema("math.huge").is_none());
    let rows: Value = cluster.broker.call_named("$node.actions", json!({})).await.unwrap().take().unwrap();
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == "math.add").unwrap();
    assert_eq!(row["action"]["params"], params);
}

/// A type for `Arc<Req>` in closures of routes.
type Req = Arc<ligand_web::Req>;

#[tokio::test]
async fn a_whole_path_of_an_action_passes_the_stages_of_its_route() {
    let full = Action::new("full", |_: Context, (): ()| async { Ok::<_, Error>(1) })
        .with_rest(Rest::new("GET", "/elsewhere").full());
    let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(full)).start().await.unwrap();
    let closed = |_: Context, _: Req| async { Err::<(), _>(ligand_web::error::unauthorized("NO_TOKEN")) };
    let gateway = one(Route::new("/api").auto_aliases().authenticate(closed));
    assert_eq!(Direct(&gateway, &broker).get("/elsewhere").await.status, 401);
    let gateway = one(Route::new("/api").auto_aliases().deny(["s.*"]));
    assert_eq!(Direct(&gateway, &broker).get("/elsewhere").await.status, 404);
}
