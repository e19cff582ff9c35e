//! Options of routes: names, prefixes, order, letters, direct calls, tags, and what errors look like.

use http::Response;
use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
use ligand_web::{Compat, Cors, Etag, Gateway, Route, RouteConfig, Target};
use serde_json::{Value, json};

use crate::{
    client::Direct,
    fixture::{self, one},
};

#[tokio::test]
async fn a_named_route_is_replaced_and_removed_by_its_name() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .route(Route::new("/my").name("r1").alias("GET /hello", "fx.hello"))
        .route(Route::new("/my").name("r2").alias("GET /hi", "fx.num"))
        .build();
    let http = Direct(&gateway, &broker);
    assert_eq!((http.get("/my/hello").await.status, http.get("/my/hi").await.json()), (200, json!(123)));
    gateway.add_route(Route::new("/other").name("r1").alias("GET /hello", "fx.text")).unwrap();
    assert_eq!(http.get("/my/hello").await.status, 404);
    assert_eq!(
        (http.get("/other/hello").await.body, http.get("/my/hi").await.status),
        ("Plain text".into(), 200)
    );
    // One without a name takes the place of that without a name of the same path.
    gateway.add_route(Route::new("/my").alias("GET /a", "fx.num")).unwrap();
    gateway.add_route(Route::new("my/").alias("GET /b", "fx.num")).unwrap();
    assert_eq!((http.get("/my/a").await.status, http.get("/my/b").await.status), (404, 200));
    assert_eq!(http.get("/my/hi").await.status, 200);
    assert!(gateway.remove_route("r2") && !gateway.remove_route("r2"));
    assert_eq!((http.get("/my/hi").await.status, http.get("/my/b").await.status), (404, 200));
}

#[tokio::test]
async fn two_routes_of_one_name_stop_the_start() {
    let twice = || Route::new("/a").name("same").alias("GET /hello", "fx.hello");
    let gateway = Gateway::builder().bind("127.0.0.1:0").route(twice()).route(twice()).build();
    let error = ServiceBroker::builder().service(gateway).start().await.unwrap_err();
    assert!(error.message().contains("two routes are named 'same'"), "{error}");
}

#[tokio::test]
async fn the_gateway_has_a_path_before_those_of_its_routes() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .route(Route::new("/sub").direct_calls())
        .route(Route::new("/full").alias("GET /x", Target::action("fx.num").full_path()))
        .path("shop/")
        .build();
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/shop/sub/fx/hello").await.json(), "Hello World");
    assert_eq!(http.get("/sub/fx/hello").await.status, 404);
    assert_eq!((http.get("/x").await.json(), http.get("/shop/full/x").await.status), (json!(123), 404));
    gateway.add_route(Route::new("/late").alias("GET /hello", "fx.hello")).unwrap();
    assert_eq!(http.get("/shop/late/hello").await.status, 200);
    assert!(gateway.remove_route("/late"));
}

#[tokio::test]
async fn letters_are_the_same_where_a_route_says_so() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .route(Route::new("/T1").ignore_case(true).alias("GET /Users/:name", "fx.params").direct_calls())
        .route(Route::new("/T2").alias("GET /users", "fx.num").alias("GET /Users", "fx.hello"))
        .build();
    let http = Direct(&gateway, &broker);
    for path in ["/t1/users/AdaL", "/T1/Users/AdaL", "/T1/USERS/AdaL/"] {
        assert_eq!(http.get(path).await.json(), json!({"name": "AdaL"}), "{path}");
    }
    assert_eq!(
        (http.get("/T2/users").await.json(), http.get("/T2/Users").await.json()),
        (json!(123), json!("Hello World"))
    );
    assert_eq!(http.get("/t2/users").await.status, 404);
    assert_eq!((http.get("/T1/fx/hello").await.status, http.get("/T1/FX/hello").await.status), (200, 404));
}

#[tokio::test]
async fn the_declared_order_counts_by_choice() {
    let broker = fixture::broker().await;
    let routes = || [Route::new("/").alias("GET /:any", "fx.params").alias("GET /b", "fx.hello")];
    let gateway = routes().into_iter().fold(Gateway::builder(), |builder, route| builder.route(route));
    assert_eq!(Direct(&gateway.build(), &broker).get("/b").await.json(), "Hello World");
    let gateway =
        routes().into_iter().fold(Gateway::builder().declared_order(), |builder, route| builder.route(route));
    assert_eq!(Direct(&gateway.build(), &broker).get("/b").await.json(), json!({"any": "b"}));
}

#[tokio::test]
async fn direct_calls_find_names_in_other_notations() {
    let act = Action::new("resetPassword", |_: Context, (): ()| async { Ok::<_, Error>("done".to_owned()) });
    let broker =
        ServiceBroker::builder().service(ServiceDef::new("userAccounts").action(act)).start().await.unwrap();
    let gateway = one(Route::new("/api").direct_calls().camel_case_names());
    let http = Direct(&gateway, &broker);
    for path in [
        "/api/userAccounts/resetPassword",
        "/api/user-accounts/reset-password",
        "/api/user_accounts.reset_password",
    ] {
        assert_eq!(http.get(path).await.json(), "done", "{path}");
    }
    assert_eq!(http.get("/api/user-accounts/none").await.status, 404);
    let plain = one(Route::new("/api").direct_calls());
    assert_eq!(Direct(&plain, &broker).get("/api/user-accounts/reset-password").await.status, 404);
}

#[tokio::test]
async fn services_of_the_node_are_closed_unless_a_route_opens_them() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .route(Route::new("/closed").direct_calls().alias("GET /list", "$node.list"))
        .route(Route::new("/open").direct_calls().internal_services("~").alias("GET /list", "$node.list"))
        .build();
    let http = Direct(&gateway, &broker);
    for path in ["~node/list", "$node/list", "~node.list", "list"] {
        assert_eq!(http.get(&format!("/closed/{path}")).await.status, 404, "{path}");
        assert_eq!(http.get(&format!("/open/{path}")).await.json()[0]["id"], "node-fx", "{path}");
    }
    let unknown = http.get("/open/~node/nothing").await;
    assert_eq!((unknown.status, unknown.json()["data"]["action"].clone()), (404, json!("$node.nothing")));
}

#[tokio::test]
async fn an_alias_says_something_for_itself() {
    let broker = fixture::broker().await;
    let route = Route::new("/api")
        .body_limit(1000_usize)
        .alias("POST /params", Target::action("fx.params").status(201).body_limit(10_usize))
        .alias("REST /posts", Target::action("posts").only(["list", "get", "create"]).except(["list"]));
    let gateway = one(route);
    let http = Direct(&gateway, &broker);
    assert_eq!(http.post("/api/params", "{}").await.status, 201);
    assert_eq!(http.post("/api/params", r#"{"a":"long"}"#).await.status, 413);
    assert_eq!((http.get("/api/posts").await.status, http.get("/api/posts/1").await.status), (405, 200));
    assert_eq!(http.post("/api/posts", "{}").await.status, 200);
    for (text, target, problem) in [
        ("GET /x", Target::action("fx.num").status(500), "500 is no status of a success"),
        ("GET /x", Target::action("fx.num").only(["get"]), "'only' and 'except'"),
        ("REST /x", Target::action("posts").except(["gett"]), "'gett' is no action of REST"),
        ("REST /x", Target::handler(|_, _| async { Ok::<_, Error>("") }), "REST leads to a service"),
    ] {
        let error = gateway.add_route(Route::new("/bad").alias(text, target)).unwrap_err();
        assert!(error.message().contains(problem), "{error}");
    }
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .etag(Etag::weak())
        .route(Route::new("/").direct_calls())
        .route(Route::new("/strong").direct_calls().etag(Etag::strong()))
        .route(Route::new("/own").direct_calls().etag(Etag::from_fn(|body| format!("\"{}\"", body.len()))))
        .route(Route::new("/off").direct_calls().etag(Etag::off()))
        .build();
    let http = Direct(&gateway, &broker);
    let tag = "W/\"d-9lxqrhD86L6inwvTBMrBS03gqRk\"";
    let first = http.get("/fx/hello").await;
    assert_eq!(first.header("etag"), tag);
    for (method, asked, more, status) in [
        ("GET", tag, "", 304),
        ("GET", &tag[2..], "", 304),
        ("HEAD", tag, "", 304),
        ("GET", "\"other\"", "", 200),
        ("GET", tag, "no-cache", 200),
        // Only what reads is answered so.
        ("POST", tag, "", 200),
    ] {
        let answer =
            http.send(method, "/fx/hello", &[("if-none-match", asked), ("cache-control", more)], "").await;
        assert_eq!((answer.status, answer.header("etag")), (status, tag), "{method} {asked} {more}");
        if status == 304 {
            assert_eq!((answer.header("content-type"), &*answer.body), ("", ""));
        }
    }
    assert_eq!(http.send("HEAD", "/fx/hello", &[], "").await.header("etag"), tag);
    assert_eq!(http.get("/strong/fx/hello").await.header("etag"), &tag[2..]);
    assert_eq!(http.get("/own/fx/hello").await.header("etag"), "\"13\"");
    for path in ["/off/fx/hello", "/fx/err422", "/fx/nul", "/fx/noContent"] {
        assert_eq!(http.get(path).await.header("etag"), "", "{path}");
    }
}

#[tokio::test]
async fn errors_are_answered_by_whoever_wants_to() {
    let broker = fixture::broker().await;
    let text = |status: u16, text: String| {
        Response::builder().status(status).header("content-type", "text/plain").body(text).unwrap()
    };
    let gateway = Gateway::builder()
        .error_response(move |_, error| Some(text(501, format!("Global: {}", error.message()))))
        .route(Route::new("/r").direct_calls().error_response(move |req, error| {
            (error.code() != 404).then(|| text(500, format!("{}: {}", req.path, error.message())))
        }))
        .route(Route::new("/g").direct_calls())
        .json_encoder(|_, json| [b"{\"enc\":", &*json, b"}"].concat().into())
        .build();
    let http = Direct(&gateway, &broker);
    let own = http.get("/r/fx/err422").await;
    assert_eq!((own.status, &*own.body), (500, "/r/fx/err422: Insufficient stock"));
    // A route that leaves an error alone has the usual form, in the gateway's writing.
    assert_eq!(http.get("/r/none").await.json()["enc"]["name"], "ServiceNotFoundError");
    for (path, message) in [("/g/fx/err422", "Insufficient stock"), ("/nowhere", "Not found")] {
        let answer = http.get(path).await;
        assert_eq!((answer.status, answer.body), (501, format!("Global: {message}")), "{path}");
    }
    assert_eq!(http.get("/r/fx/hello").await.body, r#"{"enc":"Hello World"}"#);
    assert_eq!(http.get("/r/fx/text").await.body, "Plain text");
    assert_eq!(http.get("/r/fx/bytes").await.body, "raw bytes");
}

#[tokio::test]
async fn habits_of_the_reference_are_there_by_choice() {
    let broker = fixture::broker().await;
    let cors = Cors::origins(["https://a.example"]);
    let gateway = Gateway::builder()
        .compat(|compat| *compat = Compat::moleculer_web())
        .route(
            Route::new("/api").alias("GET /hello", "fx.hello").alias("POST /params", "fx.params").cors(cors),
        )
        .route(Route::new("/twice").alias("GET /a", "fx.num"))
        .route(Route::new("/twice").alias("GET /b", "fx.num"))
        .build();
    let http = Direct(&gateway, &broker);
    for (method, path, status) in [
        ("POST", "/api/hello", 404),
        ("HEAD", "/api/hello", 404),
        ("OPTIONS", "/api/hello", 200),
        ("GET", "/API/Hello", 200),
        ("GET", "/twice/a", 404),
        ("GET", "/twice/b", 200),
    ] {
        let answer = http.send(method, path, &[], "").await;
        assert_eq!((answer.status, answer.header("x-content-type-options")), (status, ""), "{method} {path}");
    }
    let unread = http.send("POST", "/api/params?a=1", &[("content-type", "text/plain")], "text").await;
    assert_eq!(unread.json(), json!({"a": "1"}));
    let foreign = http.send("GET", "/api/hello", &[("origin", "https://a.example")], "").await;
    assert_eq!(foreign.header("access-control-allow-methods"), "GET, HEAD, PUT, PATCH, POST, DELETE");
}

#[tokio::test]
async fn why_a_request_is_answered_so_can_be_asked() {
    let broker = fixture::broker().await;
    let route = Route::new("/api")
        .name("main")
        .deny(["posts.**"])
        .alias("GET /posts/:id", "posts.get")
        .alias("GET /hello", "fx.hello")
        .alias("POST /hello", "fx.greet")
        .alias("GET /:any", "fx.params")
        .alias("GET /gone/away", "no.such")
        .alias("GET /shut/in", "fx.vPublic");
    let gateway = one(route);
    let why = |method: &str, target: &str| gateway.explain(&broker, method, target);
    let hello = why("GET", "/api//hello?a=1");
    assert_eq!(hello.verdict, "GET /api/hello => fx.hello of route 'main' at '/api/' answers");
    let others: Vec<_> =
        hello.others.iter().map(|other| (other.alias.to_string(), other.reason.as_str())).collect();
    let expected = [
        ("POST /api/hello => fx.greet".to_owned(), "it is for POST"),
        ("GET /api/:any => fx.params".to_owned(), "another alias is more exact, or comes first"),
    ];
    assert_eq!(others, expected);
    for (method, target, verdict) in [
        ("DELETE", "/api/hello", "405: the path is there for GET, HEAD, POST, OPTIONS"),
        (
            "GET",
            "/api/posts/1",
            "404: GET /api/posts/:id => posts.get of route 'main' at '/api/' fits, and `allow` or `deny` keeps 'posts.get' out",
        ),
        (
            "GET",
            "/api/gone/away",
            "503: GET /api/gone/away => no.such of route 'main' at '/api/' fits, and nobody offers 'no.such' now",
        ),
        (
            "GET",
            "/api/shut/in",
            "404: GET /api/shut/in => fx.vPublic of route 'main' at '/api/' fits, and 'fx.vPublic' is not published",
        ),
        ("GET", "/api/a/b", "404: no alias of route '/api' fits"),
        ("GET", "/elsewhere", "404: no route begins like this path"),
        ("GET", "/api/../x", "404: a path with '.' or '..' leads nowhere"),
        ("GET", "/api/%zz", "400: the segment '%zz' cannot be decoded"),
        ("GET", "/health", "the gateway itself answers about its health"),
    ] {
        assert_eq!(why(method, target).verdict, verdict, "{method} {target}");
    }
    let letters = why("GET", "/api/Posts/1");
    assert!(letters.to_string().contains("not GET /api/posts/:id => posts.get: the letters"), "{letters}");
}

#[tokio::test]
async fn ids_come_back_under_the_names_that_are_asked_for() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .echo_correlation_id()
        .trace_context()
        .route(Route::new("/").direct_calls())
        .build();
    let http = Direct(&gateway, &broker);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let answer = http.send("GET", "/fx/whoami", &[("traceparent", &parent)], "").await;
    assert_eq!((answer.header("x-correlation-id"), answer.header("x-request-id")), (trace, trace));
    assert_eq!(answer.json()["requestId"], trace);
    let own =
        http.send("GET", "/fx/whoami", &[("traceparent", &parent), ("x-correlation-id", "c-1")], "").await;
    assert_eq!((own.header("x-correlation-id"), own.json()["requestId"].clone()), ("c-1", json!("c-1")));
}

#[tokio::test]
async fn a_route_is_read_from_data() {
    let broker = fixture::broker().await;
    let read = |json: Value| serde_json::from_value::<RouteConfig>(json).map(Route::from_config);
    let route = read(json!({
        "name": "shop", "path": "/api", "aliases": { "GET /hello": "fx.hello", "REST /posts": "posts", "POST /p": "fx.params" },
        "direct_calls": true, "whitelist": ["fx.*", "posts.get"], "blacklist": ["fx.num"], "forms": true, "etag": "weak",
        "body_limit": "10b", "separate_params": true, "timeout": "5s",
        "cors": { "origins": ["https://a.example"], "credentials": true, "max_age": "10m", "methods": ["GET"] },
    }));
    let gateway = one(route.unwrap());
    let http = Direct(&gateway, &broker);
    let hello = http.send("GET", "/api/hello", &[("origin", "https://a.example")], "").await;
    assert_eq!(
        (hello.json(), hello.header("access-control-allow-credentials")),
        (json!("Hello World"), "true")
    );
    assert!(hello.header("etag").starts_with("W/"));
    for (method, path, status) in [
        ("GET", "/api/posts/1", 200),
        ("GET", "/api/posts", 404),
        ("GET", "/api/fx/obj", 200),
        ("GET", "/api/fx/num", 404),
    ] {
        assert_eq!(http.send(method, path, &[], "").await.status, status, "{method} {path}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(http.send("POST", "/api/p", &form, "a=1").await.json()["body"], json!({"a": "1"}));
    assert_eq!(http.send("POST", "/api/p", &form, "a=12345678901").await.status, 413);
    assert!(gateway.remove_route("shop"));
    for (wrong, problem) in [
        (json!({ "path": "/x", "etag": "soft" }), "etag 'soft'"),
        (json!({ "path": "/x", "aliases": { "FETCH /x": "a.b" } }), "FETCH"),
        (json!({ "path": "/x", "aliases": { "GET /x": 5 } }), "'GET /x' leads to the name of an action"),
        (json!({ "path": "/x", "cors": { "origins": ["shop"] } }), "CORS origin 'shop'"),
        (json!({ "path": "/x", "body_limit": "many" }), "many"),
    ] {
        let error = gateway.add_route(read(wrong).unwrap()).unwrap_err();
        assert!(error.message().contains(problem), "{error}");
    }
    assert!(
        read(json!({ "path": "/x", "authenticate": true })).unwrap_err().to_string().contains("authenticate")
    );
}
