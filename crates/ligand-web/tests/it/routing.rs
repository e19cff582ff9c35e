//! Which request reaches which action.

use ligand_core::{Action, ActionRef, Context, Error, ServiceBroker, ServiceDef};
use ligand_web::{Gateway, Route};
use serde_json::{Value, json};

use crate::{
    client::Direct,
    fixture::{self, one},
};

#[tokio::test]
async fn nothing_is_reachable_until_a_route_says_so() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api").alias("GET /hello", "fx.hello"));
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/api/hello").await.json(), "Hello World");
    for path in
        ["/", "/api", "/fx/hello", "/api/fx/hello", "/api/posts", "/api/$node/list", "/apihello", "/hello"]
    {
        let answer = http.get(path).await;
        let expected =
            json!({"name": "NotFoundError", "message": "Not found", "code": 404, "type": "NOT_FOUND"});
        assert_eq!((answer.status, answer.json()), (404, expected), "{path}");
    }
}

#[tokio::test]
async fn aliases_to_actions_that_cannot_be_called() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api")
        .alias("GET /missing", "no.such")
        .alias("GET /public", "fx.vPublic")
        .alias("GET /protected", "fx.vProtected")
        .alias("GET /private", "fx.vPrivate")
        .alias("GET /node", "$node.list")
        .alias("GET /masked", "posts.list")
        .allow(["fx.*", "no.*", "$node.*"]));
    let http = Direct(&gateway, &broker);
    let missing = http.get("/api/missing").await;
    assert_eq!(missing.error(), (503, "ACTION_NOT_AVAILABLE".into()));
    assert_eq!(missing.json()["data"], json!({"action": "no.such"}));
    for path in ["public", "protected", "private", "node", "masked"] {
        let answer = http.get(&format!("/api/{path}")).await;
        assert_eq!(answer.error(), (404, "SERVICE_NOT_FOUND".into()), "{path}");
    }
}

#[tokio::test]
async fn auto_aliases_follow_rest_and_masks() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api").auto_aliases().deny(["posts.remove"]));
    let http = Direct(&gateway, &broker);
    for (method, path, op) in [
        ("GET", "/api/posts", "list"),
        ("GET", "/api/posts/5", "get"),
        ("GET", "/api/posts/my", "my"),
        ("POST", "/api/posts", "create"),
        ("PUT", "/api/posts/5", "update"),
        ("PATCH", "/api/posts/5", "patch"),
        ("DELETE", "/api/posts/any", "any"),
    ] {
        let answer = http.send(method, path, &[], "").await;
        assert_eq!((answer.status, answer.json()["op"].as_str()), (200, Some(op)), "{method} {path}");
    }
    assert_eq!(http.get("/api/posts/5").await.json()["p"], json!({"id": "5"}));
    assert_eq!(http.send("DELETE", "/api/posts/5", &[], "").await.status, 405);
    // A public action is no alias; the parameter route takes the path.
    assert_eq!(http.get("/api/posts/hidden").await.json()["p"], json!({"id": "hidden"}));
    let aliases = gateway.routes(&broker);
    assert!(
        aliases.iter().any(|alias| alias.methods == "GET" && alias.full_path == "/api/posts/:id"),
        "{aliases:?}"
    );
    assert!(
        aliases
            .iter()
            .all(|alias| alias.action_name.as_deref().is_some_and(|name| name.starts_with("posts."))),
        "{aliases:?}"
    );
}

#[tokio::test]
async fn base_paths_come_from_name_version_and_setting() {
    let act = || {
        Action::new("hi", |ctx: Context, (): ()| async move { Ok::<_, Error>(ctx.action().to_owned()) })
            .rest("GET /hi")
            .unwrap()
    };
    let broker = ServiceBroker::builder()
        .service(ServiceDef::new("items").version(2).action(act()))
        .service(ServiceDef::new("items").version("staging").action(act()))
        .service(ServiceDef::new("plain").version(3).setting("$noVersionPrefix", true).action(act()))
        .service(ServiceDef::new("a.b").action(act()))
        .service(ServiceDef::new("custom").setting("rest", "my/base").action(act()))
        .service(ServiceDef::new("multi").setting("rest", json!(["/m1", "/m2/deep"])).action(act()))
        .service(ServiceDef::new("root").setting("rest", "/").action(act()))
        .service(ServiceDef::new("$health").action(act()))
        .start()
        .await
        .unwrap();
    let gateway = one(Route::new("/api").auto_aliases());
    let http = Direct(&gateway, &broker);
    for (path, action) in [
        ("v2/items", "v2.items.hi"),
        ("staging/items", "staging.items.hi"),
        ("plain", "plain.hi"),
        ("a/b", "a.b.hi"),
        ("my/base", "custom.hi"),
        ("m1", "multi.hi"),
        ("m2/deep", "multi.hi"),
        ("$health", "$health.hi"),
    ] {
        assert_eq!(http.get(&format!("/api/{path}/hi")).await.json(), action, "{path}");
    }
    assert_eq!(http.get("/api/hi").await.json(), "root.hi");
    assert_eq!(http.get("/api/items/hi").await.status, 404);
}

#[tokio::test]
async fn the_most_specific_path_wins_in_any_order() {
    let broker = fixture::broker().await;
    let routes = [
        Route::new("/").alias("GET /:any/:thing", "fx.params"),
        Route::new("/api")
            .alias("GET /:id", "fx.params")
            .alias("GET /my", "fx.num")
            .alias("/files/*rest", "fx.params"),
        Route::new("/api/public").alias("GET /login", "fx.hello"),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let builder =
            order.iter().fold(Gateway::builder(), |builder, index| builder.route(routes[*index].clone()));
        let gateway = builder.build();
        let http = Direct(&gateway, &broker);
        assert_eq!(http.get("/api/my").await.json(), 123);
        assert_eq!(http.get("/api/other").await.json(), json!({"id": "other"}));
        assert_eq!(http.get("/api/public/login").await.json(), "Hello World");
        assert_eq!(http.get("/x/y").await.json(), json!({"any": "x", "thing": "y"}));
        assert_eq!(http.get("/api/files/a/b/c").await.json(), json!({"rest": "a/b/c"}));
        assert_eq!(http.get("/api/My").await.json(), json!({"id": "My"}));
    }
}

#[tokio::test]
async fn a_static_path_of_another_method_does_not_hide_a_parameter() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").alias("GET /p/my", "fx.num").alias("DELETE /p/:id", "fx.params"));
    let http = Direct(&gateway, &broker);
    assert_eq!(http.send("DELETE", "/p/my", &[], "").await.json(), json!({"id": "my"}));
    assert_eq!(http.send("POST", "/p/my", &[], "").await.header("allow"), "GET, HEAD, DELETE, OPTIONS");
}

#[tokio::test]
async fn rest_and_resource() {
    const LIST: ActionRef<(), Value> = ActionRef::new("posts.list");
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api")
        .alias("REST /users/:uid/posts/", "posts")
        .resource("/p", "posts", ["list", "get"])
        .alias("GET /typed", LIST)
        .status("POST /users/:uid/posts", 201));
    let http = Direct(&gateway, &broker);
    let answer =
        http.send("PUT", "/api/users/7/posts/5", &[("content-type", "application/json")], r#"{"t":1}"#).await;
    assert_eq!(answer.json(), json!({"op": "update", "p": {"t": 1, "uid": "7", "id": "5"}}));
    assert_eq!(http.post("/api/users/7/posts", "{}").await.status, 201);
    assert_eq!(http.get("/api/p/1").await.json()["op"], "get");
    assert_eq!(http.post("/api/p", "{}").await.status, 405);
    assert_eq!(http.get("/api/typed").await.json()["op"], "list");
}

#[tokio::test]
async fn direct_calls_are_an_opt_in_and_keep_the_masks() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api").direct_calls().allow(["fx.*"]).alias("GET /fx/num", "fx.hello"));
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/api/fx/obj").await.json()["id"], 1);
    assert_eq!(http.get("/api/fx.obj").await.json()["id"], 1);
    assert_eq!(http.get("/api/fx/num").await.json(), "Hello World");
    assert_eq!(http.post("/api/fx/greet?name=John", "").await.json(), "Hello John");
    for name in ["fx.vPublic", "fx.vPrivate", "posts.list", "no.such", "$node.list", "~node.list"] {
        let answer = http.get(&format!("/api/{}", name.replace('.', "/"))).await;
        let expected = json!({
            "name": "ServiceNotFoundError", "message": format!("Service '{name}' is not found."),
            "code": 404, "type": "SERVICE_NOT_FOUND", "data": {"action": name},
        });
        assert_eq!(answer.json(), expected, "{name}");
    }
}

#[tokio::test]
async fn methods_head_and_options() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api")
        .alias("GET /obj", "fx.obj")
        .alias("POST /obj", "fx.obj")
        .alias("/any", "fx.num"));
    let http = Direct(&gateway, &broker);
    let head = http.send("HEAD", "/api/obj", &[], "").await;
    assert_eq!((head.status, &*head.body, head.header("content-length")), (200, "", "23"));
    let options = http.send("OPTIONS", "/api/obj", &[], "").await;
    assert_eq!(
        (options.status, &*options.body, options.header("allow")),
        (204, "", "GET, HEAD, POST, OPTIONS")
    );
    let delete = http.send("DELETE", "/api/obj", &[], "").await;
    assert_eq!(
        (delete.error(), delete.header("allow")),
        ((405, "METHOD_NOT_ALLOWED".into()), "GET, HEAD, POST, OPTIONS")
    );
    for method in ["TRACE", "CONNECT", "BREW"] {
        assert_eq!(http.send(method, "/api/obj", &[], "").await.status, 405, "{method}");
    }
    assert_eq!(http.send("OPTIONS", "/api/any", &[], "").await.status, 204);
    assert_eq!(http.send("OPTIONS", "/nope", &[], "").await.status, 404);
}

#[tokio::test]
async fn one_path_has_one_meaning() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api").alias("GET /v/:name", "fx.params").alias("GET /hello", "fx.hello"));
    let http = Direct(&gateway, &broker);
    for path in ["/api/hello/", "//api//hello", "/%61pi/hell%6f", "/api/hello//"] {
        assert_eq!(http.get(path).await.status, 200, "{path}");
    }
    for (path, value) in [
        ("a%2Fb", "a/b"),
        ("100%25", "100%"),
        ("a+b", "a+b"),
        ("~T~", "~T~"),
        ("%C3%A9", "é"),
        ("..;", "..;"),
    ] {
        assert_eq!(http.get(&format!("/api/v/{path}")).await.json(), json!({"name": value}), "{path}");
    }
    for path in [
        "/api/x/../hello",
        "/api/%2e%2e/api/hello",
        "/./api/hello",
        "/../api/hello",
        "/api%2Fhello",
        "/api/%252e%252e/hello",
        "/API/hello",
    ] {
        assert_eq!(http.get(path).await.status, 404, "{path}");
    }
    let answer = http.get("/api/v/%E0%A4%A").await;
    let expected = json!({
        "name": "BadRequestError", "message": "Bad request", "code": 400,
        "type": "UNABLE_DECODE_PARAM", "data": {"param": "%E0%A4%A"},
    });
    assert_eq!((answer.status, answer.json()), (400, expected));
    for path in ["%00", "%c0%ae%c0%ae", "a%0d%0ab"] {
        assert_eq!(http.get(&format!("/api/v/{path}")).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn optional_parts_and_prefixes_with_parameters() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/lang/:lng")
        .alias("GET /", "fx.params")
        .alias("GET /x{/:name}", "fx.params")
        .alias("GET /f/:name.json", "fx.params"));
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/lang/hu").await.json(), json!({"lng": "hu"}));
    assert_eq!(http.get("/lang/hu/x").await.json(), json!({"lng": "hu"}));
    assert_eq!(http.get("/lang/hu/x/y").await.json(), json!({"lng": "hu", "name": "y"}));
    assert_eq!(http.get("/lang/hu/f/a.json").await.json(), json!({"lng": "hu", "name": "a"}));
}

#[tokio::test]
async fn the_table_follows_services_and_routes() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api").auto_aliases().alias("GET /late", "late.hi"));
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/api/late/hi").await.status, 404);
    assert_eq!(http.get("/api/late").await.status, 503);
    let late = Action::new("hi", |_: Context, (): ()| async { Ok::<_, Error>("late".to_owned()) })
        .rest("GET /hi")
        .unwrap();
    broker.add_service(ServiceDef::new("late").action(late)).await.unwrap();
    assert_eq!(http.get("/api/late/hi").await.json(), "late");
    assert_eq!(http.get("/api/late").await.json(), "late");
    broker.destroy_service("late").await.unwrap();
    assert_eq!(http.get("/api/late/hi").await.status, 404);

    gateway.add_route(Route::new("/my").alias("GET /hello", "fx.hello")).unwrap();
    assert_eq!(http.get("/my/hello").await.status, 200);
    assert!(gateway.remove_route("my/"));
    assert!(!gateway.remove_route("/my"));
    assert_eq!(http.get("/my/hello").await.status, 404);
    assert!(
        gateway
            .add_route(Route::new("/bad").alias("FETCH /x", "fx.hello"))
            .unwrap_err()
            .message()
            .contains("FETCH")
    );
    // Another broker, another table.
    let empty = ServiceBroker::builder().start().await.unwrap();
    assert_eq!(Direct(&gateway, &empty).get("/api/posts").await.status, 404);
    assert_eq!(http.get("/api/posts").await.status, 200);
}

#[tokio::test]
async fn descriptions_that_cannot_work_stop_the_start() {
    use ligand_web::Cors;
    for (gateway, text) in [
        (one(Route::new("/a").alias("get /x", "fx.hello")), "get"),
        (one(Route::new("/a").alias("GET /x/:", "fx.hello")), ":name"),
        (one(Route::new("/a").status("POST /x", 500)), "status"),
        (one(Route::new("/a").resource("/x", "posts", ["lst"])), "lst"),
        (one(Route::new("/a").deny(["remove"])), "'remove'"),
        (one(Route::new("/a").direct_calls().deny(["posts.*", "user*"])), "'user*'"),
        (one(Route::new("/a").allow(["*"])), "'*'"),
        (one(Route::new("/a").cors(Cors::any().credentials())), "credentials"),
        (one(Route::new("/a").body_limit("1 potato")), "potato"),
        (Gateway::builder().bind("3000").build(), "\":3000\""),
        (Gateway::builder().bind("127.0.0.1:x").build(), "address:port"),
    ] {
        let error = ServiceBroker::builder().service(gateway).start().await.unwrap_err();
        assert!(error.message().contains(text), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_and_routes_may_change_under_load() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api").auto_aliases().alias("GET /num", "fx.num"));
    let load = (0..4).map(|_| {
        let (gateway, broker) = (gateway.clone(), broker.clone());
        tokio::spawn(async move {
            let http = Direct(&gateway, &broker);
            for _ in 0..300 {
                assert_eq!(http.get("/api/num").await.status, 200);
                // 503: it was there when the request was routed.
                let status = http.get("/api/late/hi").await.status;
                assert!(matches!(status, 200 | 404 | 503), "{status}");
                let status = http.get("/extra/hello").await.status;
                assert!(matches!(status, 200 | 404), "{status}");
            }
        })
    });
    let load: Vec<_> = load.collect();
    for _ in 0..30 {
        let late = |_: Context, (): ()| async { Ok::<_, Error>("late".to_owned()) };
        let late = Action::new("hi", late).rest("GET /hi").unwrap();
        broker.add_service(ServiceDef::new("late").action(late)).await.unwrap();
        gateway.add_route(Route::new("/extra").alias("GET /hello", "fx.hello")).unwrap();
        assert_eq!(Direct(&gateway, &broker).get("/api/late/hi").await.status, 200);
        assert_eq!(Direct(&gateway, &broker).get("/extra/hello").await.status, 200);
        broker.destroy_service("late").await.unwrap();
        assert!(gateway.remove_route("/extra"));
        assert_eq!(Direct(&gateway, &broker).get("/api/late/hi").await.status, 404);
    }
    for task in load {
        task.await.unwrap();
    }
}

/// A service that can replace tells `PUT` from `PATCH`; in others both change what is given, as in moleculer-web.
#[tokio::test]
async fn rest_aliases_mean_what_the_service_can() {
    let answers = |name: &'static str| {
        Action::new(name, move |_: Context, _: Value| async move { Ok::<_, Error>(json!({ "op": name })) })
    };
    let items = ["update", "replace"]
        .into_iter()
        .fold(ServiceDef::new("items"), |def, name| def.action(answers(name)));
    let broker = ServiceBroker::builder().service(fixture::posts()).service(items).start().await.unwrap();
    let route = Route::new("/api").alias("REST /items", "items").alias("REST /posts", "posts");
    let gateway = one(route.resource("/some", "items", ["update"]).resource("/old", "posts", ["update"]));
    let http = Direct(&gateway, &broker);
    for (method, path, op) in [
        ("PUT", "/api/items/5", Some("replace")),
        ("PATCH", "/api/items/5", Some("update")),
        ("PUT", "/api/posts/5", Some("update")),
        ("PATCH", "/api/posts/5", Some("patch")),
        ("PATCH", "/api/some/5", Some("update")),
        ("PUT", "/api/some/5", None),
        ("PUT", "/api/old/5", Some("update")),
        ("PATCH", "/api/old/5", None),
    ] {
        let answer = http.send(method, path, &[], "").await;
        match op {
            Some(op) => {
                assert_eq!((answer.status, &answer.json()["op"]), (200, &json!(op)), "{method} {path}");
            }
            None => assert_eq!(answer.status, 405, "{method} {path}"),
        }
    }
    broker.stop().await;
}
