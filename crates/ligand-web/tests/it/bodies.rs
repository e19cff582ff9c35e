//! Bodies that are no JSON: texts, bytes and forms, of this node's actions and of others.

use std::time::Duration;

use ligand_core::{Action, Context, Error, Payload, ServiceBroker, ServiceDef, edge::HttpBody};
use ligand_transport::memory::MemoryBus;
use ligand_web::{Gateway, Route};
use ligand_wire::{Binary, schema::JsonSchema, schema::Schema, validate::Validate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{Answer, Direct};

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Upload {
    id: u32,
    image: Binary,
}

impl Validate for Upload {}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Note {
    id: u32,
    body: String,
}

impl Validate for Note {}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Login {
    name: String,
    age: u8,
}

impl Validate for Login {}

fn service() -> ServiceDef {
    let upload = Action::new("upload", |_: Context, params: Upload| async move {
        Ok::<_, Error>(json!([params.id, params.image.len(), params.image.first()]))
    });
    let hook = Action::new("hook", |_: Context, body: Binary| async move { Ok::<_, Error>(body) });
    let note = Action::new("note", |_: Context, params: Note| async move {
        Ok::<_, Error>(format!("{}: {}", params.id, params.body))
    });
    let page = Action::new("page", |_: Context, text: String| async move { Ok::<_, Error>(text) });
    let login = Action::new("login", |_: Context, params: Login| async move {
        Ok::<_, Error>(format!("{} {}", params.name, params.age))
    });
    ServiceDef::new("s")
        .action(
            upload
                .params::<Upload>()
                .rest("PUT /:id/image")
                .unwrap()
                .body(HttpBody::raw().field("image").types(["image/*"]).limit("2mb")),
        )
        .action(hook.params::<Binary>().rest("POST /hook").unwrap().body(HttpBody::raw().whole()))
        .action(note.params::<Note>().rest("POST /notes/:id").unwrap().body(HttpBody::text()))
        .action(page.params::<String>().rest("POST /page").unwrap().body(HttpBody::text().whole()))
        .action(login.params::<Login>().rest("POST /login").unwrap().body(HttpBody::form()))
}

async fn checks(http: &Direct<'_>) {
    let send = |method: &'static str, path: &'static str, kind: &'static str, body: Vec<u8>| async move {
        http.send(method, path, &[("content-type", kind)], body).await
    };
    let json = |answer: Answer| (answer.status, answer.json());
    let megabyte = vec![0xff; 1 << 20];
    assert_eq!(json(send("PUT", "/s/5/image", "image/png", megabyte).await), (200, json!([5, 1 << 20, 255])));
    assert_eq!(json(send("PUT", "/s/5/image", "image/png", vec![]).await), (200, json!([5, 0, null])));
    let refused = send("PUT", "/s/5/image", "text/plain", vec![1]).await;
    assert_eq!(refused.error(), (415, "UNSUPPORTED_MEDIA_TYPE".into()));
    assert!(refused.body.contains("send image/*"), "{}", refused.body);
    assert_eq!(send("PUT", "/s/5/image", "image/png", vec![0; (2 << 20) + 1]).await.status, 413);
    let twice = send("PUT", "/s/5/image?image=x", "image/png", vec![1]).await;
    assert_eq!(twice.error(), (400, "BODY_TWICE".into()));
    assert!(twice.body.contains("'image'"), "{}", twice.body);
    assert_eq!(send("PUT", "/s/x/image", "image/png", vec![1]).await.status, 422);

    let signed = r#"{ "a": 1,"a":2 }"#;
    let hook = send("POST", "/s/hook", "application/json", signed.into()).await;
    assert_eq!(
        (hook.status, hook.header("content-type"), &*hook.body),
        (200, "application/octet-stream", signed)
    );
    assert_eq!(send("POST", "/s/hook?a=1", "", vec![1]).await.error(), (400, "BODY_IS_ALL".into()));

    assert_eq!(json(send("POST", "/s/notes/7", "text/markdown", "# ä".into()).await), (200, json!("7: # ä")));
    assert_eq!(send("POST", "/s/notes/7", "text/plain", vec![0xff]).await.error().0, 400);
    assert_eq!(json(send("POST", "/s/page", "text/plain", "123".into()).await), (200, json!("123")));
    assert_eq!(send("POST", "/s/page", "application/json", "{}".into()).await.status, 415);

    let form = "application/x-www-form-urlencoded";
    assert_eq!(json(send("POST", "/s/login", form, "name=Ann&age=7".into()).await), (200, json!("Ann 7")));
    assert_eq!(send("POST", "/s/login", "application/json", "{}".into()).await.status, 415);
}

#[tokio::test]
async fn an_action_takes_texts_bytes_and_forms_as_it_says() {
    let gateway = Gateway::builder().route(Route::new("/").auto_aliases()).build();
    let broker = ServiceBroker::builder().service(service()).start().await.unwrap();
    checks(&Direct(&gateway, &broker)).await;
    broker.stop().await;
}

#[tokio::test]
async fn an_action_of_another_node_takes_them_too() {
    let bus = MemoryBus::new();
    let gateway = Gateway::builder().route(Route::new("/").auto_aliases()).build();
    let far = ServiceBroker::builder().node_id("far").transporter(bus.transporter()).service(service());
    let far = far.start().await.unwrap();
    let near = ServiceBroker::builder().node_id("near").transporter(bus.transporter()).start().await.unwrap();
    near.wait_for_services(&["s"], Duration::from_secs(5)).await.unwrap();
    checks(&Direct(&gateway, &near)).await;
    near.stop().await;
    far.stop().await;
}

#[tokio::test]
async fn a_route_reads_texts_and_bytes_for_actions_that_say_nothing() {
    let echo =
        |name| Action::raw(name, |_: &Context, params: Payload| ligand_core::future::ready(Ok(params)));
    let closed = Schema::from_json(json!({"type": "object", "properties": {"id": {}}})).unwrap();
    let service = ServiceDef::new("s").action(echo("free")).action(echo("closed").params_schema(closed));
    let aliases = |route: Route| route.alias("POST /free/:id", "s.free").alias("POST /closed", "s.closed");
    let gateway = Gateway::builder()
        .route(aliases(Route::new("/all").texts().raw()))
        .route(aliases(Route::new("/apart").texts().raw().separate_params()))
        .route(aliases(Route::new("/none")))
        .build();
    let broker = ServiceBroker::builder().service(service).start().await.unwrap();
    let http = &Direct(&gateway, &broker);
    let send = |path: &'static str, kind: &'static str, body: &'static [u8]| async move {
        http.send("POST", path, &[("content-type", kind)], body).await
    };
    assert_eq!(
        send("/all/free/1?a=2", "text/csv", b"x").await.json(),
        json!({"id": "1", "a": "2", "body": "x"})
    );
    let buffer = json!({"type": "Buffer", "data": [255, 0]});
    assert_eq!(send("/all/free/1", "image/png", b"\xff\0").await.json(), json!({"id": "1", "body": buffer}));
    assert_eq!(
        send("/all/free/1", "application/json", b"{\"b\":1}").await.json(),
        json!({"b": 1, "id": "1"})
    );
    let apart = json!({"query": {}, "params": {"id": "1"}, "body": "x"});
    assert_eq!(send("/apart/free/1", "text/csv", b"x").await.json(), apart);
    for (path, kind) in
        [("/none/free/1", "text/plain"), ("/none/free/1", "image/png"), ("/all/closed", "text/plain")]
    {
        assert_eq!(send(path, kind, b"x").await.error(), (415, "UNSUPPORTED_MEDIA_TYPE".into()), "{path}");
    }
    broker.stop().await;
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Comment {
    id: u32,
    #[serde(alias = "text", alias = "words")]
    #[schemars(extend("x-ligand" = { "aliases": ["text", "words"] }))]
    body: String,
}

impl Validate for Comment {}

#[tokio::test]
async fn a_body_is_taken_by_another_name_of_its_field() {
    let action = |path: &str| {
        let action = Action::new("put", |_: Context, params: Comment| async move {
            Ok::<_, Error>(format!("{} {}", params.id, params.body))
        });
        action.params::<Comment>().body(HttpBody::text().field("text")).rest(path).unwrap()
    };
    let gateway = Gateway::builder().route(Route::new("/").auto_aliases()).build();
    let service = ServiceDef::new("s").action(action("POST /:id"));
    let broker = ServiceBroker::builder().service(service).start().await.unwrap();
    let answer =
        Direct(&gateway, &broker).send("POST", "/s/5", &[("content-type", "text/plain")], b"hi").await;
    assert_eq!((answer.status, answer.json()), (200, json!("5 hi")));
    broker.stop().await;
    // Under any of its names the path would say it twice.
    for name in ["body", "text", "words"] {
        let service = ServiceDef::new("s").action(action(&format!("POST /:{name}")));
        let error = ServiceBroker::builder().service(service).start().await.expect_err(name);
        assert!(error.message().contains(&format!("':{name}' is no parameter")), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_taken_stops_the_start() {
    let action = |body: HttpBody| {
        let action = Action::new("put", |_: Context, params: Note| async move { Ok::<_, Error>(params.id) });
        action.params::<Note>().body(body)
    };
    let whole = Action::new("put", |_: Context, body: Binary| async move { Ok::<_, Error>(body.len()) });
    let whole = whole.params::<Binary>().body(HttpBody::raw().whole());
    let list = Action::new("put", |_: Context, list: Vec<i64>| async move { Ok::<_, Error>(list.len()) });
    let said = |kind: Value| action(HttpBody::text()).metadata("$body", kind);
    for (action, text) in [
        (action(HttpBody::raw()), "'body' is not a Binary"),
        (action(HttpBody::text().field("text")), "no parameter 'text'"),
        (action(HttpBody::text().field("id")), "'id' is not a String"),
        (action(HttpBody::text().whole()), "as a whole are not a String"),
        (action(HttpBody::text().types(["plain"])), "'plain' is no content type"),
        (action(HttpBody::text().limit("5 potato")), "'5 potato'"),
        (action(HttpBody::text()).rest("GET /x").unwrap(), "'GET /x'"),
        (whole.rest("POST /:id").unwrap(), "takes none"),
        // Every request would say it twice.
        (action(HttpBody::text()).rest("POST /:body").unwrap(), "':body' is no parameter"),
        (list.params::<Vec<i64>>().body(HttpBody::form()), "a form has fields"),
        (said(json!({"kind": "carrier", "types": []})), "not understood"),
        (action(HttpBody::stream().limit("6 potato")), "'6 potato'"),
    ] {
        let service = ServiceDef::new("s").action(action);
        let error = ServiceBroker::builder().service(service).start().await.expect_err(text);
        assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
        assert!(error.message().contains(text) && error.message().contains("s.put"), "{text}: {error}");
    }
    for (alias, text) in
        [("GET /up", "'GET /up' have none"), ("POST /up/:body", "':body' is no parameter of the action")]
    {
        let service = ServiceDef::new("s").action(action(HttpBody::text()));
        let gateway =
            Gateway::builder().bind("127.0.0.1:0").route(Route::new("/").alias(alias, "s.put")).build();
        let error = ServiceBroker::builder().service(gateway).service(service).start().await.unwrap_err();
        assert!(error.message().contains(text) && error.message().contains("alias to s.put"), "{error}");
    }
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Parcel {
    weight: f32,
    #[serde(default)]
    height: f64,
}

impl Validate for Parcel {}

#[tokio::test]
async fn a_number_too_large_for_its_float_is_refused_wherever_it_stands() {
    let weigh = |name: &'static str| {
        Action::new(name, |_: Context, parcel: Parcel| async move { Ok::<_, Error>(parcel.weight) })
            .params::<Parcel>()
    };
    let service = ServiceDef::new("parcels")
        .action(weigh("weigh").rest("POST /weigh").unwrap().rest("GET /weigh/:weight").unwrap())
        .action(weigh("form").rest("POST /form").unwrap().body(HttpBody::form()));
    let broker = ServiceBroker::builder().service(service).start().await.unwrap();
    let gateway = Gateway::builder().route(Route::new("/").auto_aliases()).build();
    let http = Direct(&gateway, &broker);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for (number, status) in [("1e300", 422), ("-1e39", 422), ("1e38", 200)] {
        let answers = [
            http.post("/parcels/weigh", &format!(r#"{{"weight":{number}}}"#)).await,
            http.get(&format!("/parcels/weigh/{number}")).await,
            http.send("POST", "/parcels/form", &form, format!("weight={number}")).await,
        ];
        for answer in answers {
            assert_eq!(answer.status, status, "{number}: {answer:?}");
            if status == 422 {
                assert_eq!(answer.error(), (422, "VALIDATION_ERROR".into()));
                assert_eq!(answer.json()["data"][0]["field"], "weight", "{number}: {answer:?}");
            }
        }
    }
    // What no float of 64 bits holds either.
    for target in ["/parcels/weigh/1e999", "/parcels/weigh/1?height=1e999"] {
        assert_eq!(http.get(target).await.error(), (422, "VALIDATION_ERROR".into()), "{target}");
    }
    let answer = http.send("POST", "/parcels/form", &form, "weight=1&height=1e999").await;
    assert_eq!(answer.json()["data"][0]["field"], "height", "{answer:?}");
    broker.stop().await;
}
