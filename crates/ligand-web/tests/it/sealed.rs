//! What an HTTP answer is: the word of the action that the route leads to, and of nobody below it.

use std::{sync::Arc, time::Duration};

use ligand_core::{
    Action, Context, Error, Reply, Result, ServiceBroker, ServiceDef,
    cache::CacheRule,
    edge::{Cookie, HttpWants},
};
use ligand_transport::memory::MemoryBus;
use ligand_web::{Absent, Answer, Cors, Gateway, Req, Route, error};
use serde_json::{Value, json};

use crate::client::{Direct, Raw};

fn evil(ctx: &Context) {
    ctx.set_meta("user", "eve");
    ctx.set_meta("tenant", "evil");
    ctx.set_meta("$statusCode", 302);
    ctx.set_meta("$location", "/evil");
    ctx.set_meta("$responseType", "text/evil");
    ctx.set_meta("$responseHeaders", json!({ "x-evil": 1 }));
}

fn services() -> [ServiceDef; 2] {
    let call = |name: &'static str, inner: &'static str| {
        Action::new(name, move |ctx: Context, (): ()| async move {
            let result = ctx.call_named(inner, json!(null)).await;
            ctx.set_meta("trace", "kept");
            result?;
            Ok::<_, Error>(json!([ctx.meta::<Value>("user")?, ctx.meta::<Value>("tenant")?]))
        })
    };
    let deep = ServiceDef::new("deep")
        .action(Action::new("evil", |ctx: Context, (): ()| async move {
            evil(&ctx);
            Ok::<_, Error>(())
        }))
        .action(Action::new("fails", |ctx: Context, (): ()| async move {
            evil(&ctx);
            Err::<(), _>(Error::client(418, "TEAPOT", "no coffee"))
        }));
    let front = ServiceDef::new("front")
        .dependency("deep")
        .action(call("calls", "deep.evil"))
        .action(call("fails", "deep.fails"))
        .action(
            Action::new("accepted", |ctx: Context, (): ()| async move {
                let reply = Reply::html("<p>")
                    .status(202)
                    .cookie(Cookie::new("a", "1"))
                    .cookie(Cookie::new("b", "2"));
                Ok::<_, Error>(reply.settle(&ctx))
            })
            .cache(CacheRule::new()),
        )
        .action(Action::new("login", |ctx: Context, (): ()| async move {
            Reply::redirect("/home").settle(&ctx);
            Ok::<_, Error>(())
        }))
        .action(
            Action::new("request", |ctx: Context, (): ()| async move {
                let http = ctx.http().ok_or_else(|| Error::new("no request"))?;
                let headers: Vec<&str> = http.headers().map(|(name, _)| name).collect();
                Ok::<_, Error>(json!([
                    http.method(),
                    http.path(),
                    http.peer(),
                    headers,
                    http.cookie("session")
                ]))
            })
            .http(HttpWants::new().headers(["*"]).cookies(["session"])),
        )
        .action(Action::new(
            "plain",
            |ctx: Context, (): ()| async move { Ok::<_, Error>(ctx.http().is_some()) },
        ))
        .action(Action::new("none", |_: Context, (): ()| async { Ok::<_, Error>(None::<u8>) }));
    [deep, front]
}

/// One node with everything, and a gateway's node with services elsewhere.
async fn brokers() -> [ServiceBroker; 4] {
    let [deep, front] = services();
    let alone = ServiceBroker::builder().memory_cache().service(deep).service(front).start().await.unwrap();
    let bus = MemoryBus::new();
    let node = |id: &str| ServiceBroker::builder().memory_cache().node_id(id).transporter(bus.transporter());
    let [deep, front] = services();
    let deep = node("deep").service(deep).start().await.unwrap();
    let front = node("front").service(front).start().await.unwrap();
    let edge = node("edge").start().await.unwrap();
    edge.wait_for_services(&["front", "deep"], Duration::from_secs(5)).await.unwrap();
    [alone, edge, front, deep]
}

async fn ada(ctx: Context, _: Arc<Req>) -> Result<String> {
    ctx.set_meta("tenant", "own");
    Ok("ada".into())
}

fn gateway() -> Gateway {
    Gateway::builder()
        .route(Route::new("/api").direct_calls().authenticate(ada).after(
            |ctx: Context, _: Arc<Req>, answer: Answer| async move {
                let seen = [ctx.meta::<String>("user")?, ctx.meta("tenant")?, ctx.meta("trace")?];
                Ok::<_, Error>(answer.header("x-seen", &format!("{seen:?}")))
            },
        ))
        .build()
}

#[tokio::test]
async fn callees_of_an_action_change_neither_identity_nor_answer() {
    let gateway = gateway();
    for broker in &brokers().await[..2] {
        let answer = Direct(&gateway, broker).get("/api/front/calls").await;
        assert_eq!((answer.status, answer.json()), (200, json!(["ada", "own"])), "{}", broker.node_id());
        assert_eq!(answer.header("x-seen"), r#"[Some("ada"), Some("own"), Some("kept")]"#);
        for name in ["location", "x-evil"] {
            assert!(!answer.headers.contains_key(name), "{name}");
        }
        let answer = Direct(&gateway, broker).get("/api/front/fails").await;
        assert_eq!((answer.status, answer.header("x-evil")), (418, ""));
    }
}

#[tokio::test]
async fn callees_of_hooks_have_no_say_either() {
    let [alone, ..] = brokers().await;
    let evil = |ctx: Context, _: Arc<Req>| async move {
        ctx.call_named("deep.evil", json!(null)).await?;
        Ok::<_, Error>("ada")
    };
    let before = |ctx: Context, _: Arc<Req>| async move {
        ctx.call_named("deep.evil", json!(null)).await?;
        Ok::<_, Error>(())
    };
    let route = Route::new("/").direct_calls().authenticate(evil).before(before);
    let gateway = Gateway::builder().route(route).build();
    let answer = Direct(&gateway, &alone).get("/front/calls").await;
    assert_eq!((answer.status, &answer.json()[0]), (200, &json!("ada")));
    assert!(!answer.headers.contains_key("x-evil") && !answer.headers.contains_key("location"));
}

#[tokio::test]
async fn a_reply_is_the_answer_also_from_another_node_and_from_the_cache() {
    let gateway = gateway();
    for broker in &brokers().await[..2] {
        let http = Direct(&gateway, broker);
        for _ in 0..2 {
            let answer = http.get("/api/front/accepted").await;
            assert_eq!((answer.status, &*answer.body), (202, "<p>"), "{}", broker.node_id());
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
            let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
            assert_eq!(
                cookies,
                [
                    "a=1; Path=/; Secure; HttpOnly; SameSite=Lax",
                    "b=2; Path=/; Secure; HttpOnly; SameSite=Lax"
                ]
            );
        }
        let answer = http.get("/api/front/login").await;
        assert_eq!((answer.status, answer.header("location"), &*answer.body), (302, "/home", ""));
    }
}

#[tokio::test]
async fn an_action_sees_the_request_that_it_asked_for() {
    let gateway = gateway();
    for broker in &brokers().await[..2] {
        let http = Direct(&gateway, broker);
        let sent = [("authorization", "secret"), ("cookie", "session=5; other=6"), ("x-a", "1")];
        let answer = http.send("GET", "/api/front/request?q=1", &sent, "").await;
        assert_eq!(
            answer.json(),
            json!(["GET", "/api/front/request", null, ["x-a"], "5"]),
            "{}",
            broker.node_id()
        );
        assert_eq!(http.get("/api/front/plain").await.json(), json!(false));
    }
}

#[tokio::test]
async fn actions_learn_the_address_of_the_client_on_other_nodes_too() {
    let bus = MemoryBus::new();
    let node = |id: &str| ServiceBroker::builder().node_id(id).transporter(bus.transporter());
    let [deep, front] = services();
    let far = node("far").service(deep).service(front).start().await.unwrap();
    let edge = node("edge").start().await.unwrap();
    let [deep, front] = services();
    let alone = ServiceBroker::builder().service(deep).service(front).start().await.unwrap();
    edge.wait_for_services(&["front", "deep"], Duration::from_secs(5)).await.unwrap();
    for broker in [&alone, &edge] {
        let gateway = Gateway::builder()
            .bind("127.0.0.1:0")
            .route(Route::new("/api").direct_calls().before(|_: Context, req: Arc<Req>| async move {
                // Hooks know it as well.
                assert!(req.peer.is_some());
                Ok::<_, Error>(())
            }))
            .build();
        broker.add_service(gateway.clone()).await.unwrap();
        let mut client = Raw::connect(gateway.local_addr().unwrap()).await;
        let own = client.stream.local_addr().unwrap();
        client.write("GET /api/front/request HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n").await;
        let answer = client.read().await.unwrap();
        // The connection's address, not what a header claims.
        assert_eq!(answer.json()[2], json!(own), "{} {answer:?}", broker.node_id());
        broker.stop().await;
    }
    far.stop().await;
}

#[tokio::test]
async fn a_route_says_what_nothing_is() {
    let brokers = brokers().await;
    for broker in &brokers[..2] {
        for (absent, status, body) in
            [(Absent::Empty, 200, ""), (Absent::Null, 200, "null"), (Absent::NoContent, 204, "")]
        {
            let gateway = Gateway::builder().route(Route::new("/").direct_calls().absent(absent)).build();
            let answer = Direct(&gateway, broker).get("/front/none").await;
            assert_eq!((answer.status, &*answer.body), (status, body));
        }
        let gateway =
            Gateway::builder().route(Route::new("/").direct_calls().absent(Absent::NotFound)).build();
        assert_eq!(Direct(&gateway, broker).get("/front/none").await.error(), (404, "NOT_FOUND".into()));
    }
}

#[tokio::test]
async fn hooks_that_set_headers_see_every_response() {
    let [alone, ..] = brokers().await;
    let refuse = |_: Context, req: Arc<Req>| async move {
        match req.header("x-no") {
            Some(_) => Err(error::unauthorized(error::NO_TOKEN)),
            None => Ok(()),
        }
    };
    let route = Route::new("/api")
        .alias("GET /ok", "front.plain")
        .alias("GET /fails", "front.fails")
        .alias("GET /gone", "nobody.home")
        .authenticate(refuse)
        .cors(Cors::origins(["https://a.example"]))
        .on_response(|req, status, headers| {
            headers.insert("x-route", format!("{} {}", req.method, status.as_u16()).parse().unwrap());
            headers.insert("content-length", "999".parse().unwrap());
            headers.insert("transfer-encoding", "chunked".parse().unwrap());
        });
    let gateway = Gateway::builder()
        .route(route)
        .on_response(|_, _, headers| {
            headers.insert("x-frame-options", "DENY".parse().unwrap());
        })
        .on_response(|_, _, _| panic!("passed over"))
        .build();
    let http = Direct(&gateway, &alone);
    let origin = [("origin", "https://a.example"), ("access-control-request-method", "GET")];
    for (method, path, headers, status, seen) in [
        ("GET", "/api/ok", &[][..], 200, "GET 200"),
        ("GET", "/api/fails", &[], 418, "GET 418"),
        ("GET", "/api/gone", &[], 503, "GET 503"),
        ("POST", "/api/ok", &[], 405, "POST 405"),
        ("GET", "/api/none", &[], 404, "GET 404"),
        ("GET", "/api/ok", &[("x-no", "1")], 401, "GET 401"),
        ("GET", "/api/ok", &[("origin", "https://b.example")], 403, "GET 403"),
        ("OPTIONS", "/api/ok", &origin, 204, "OPTIONS 204"),
        ("GET", "/elsewhere", &[], 404, ""),
        ("GET", "/%zz", &[], 400, ""),
        ("GET", "/health", &[], 200, ""),
    ] {
        let answer = http.send(method, path, headers, "").await;
        assert_eq!((answer.status, answer.header("x-route")), (status, seen), "{method} {path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{method} {path}");
        assert!(!answer.headers.contains_key("transfer-encoding"));
        if method != "OPTIONS" {
            assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{method} {path}");
        }
    }
}
