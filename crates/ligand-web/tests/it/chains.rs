//! Middlewares, layers, handlers and services of one's own around and below routes.

use std::sync::Arc;

use axum::{Router, routing};
use http::{HeaderValue, Request, Response, StatusCode};
use ligand_core::{Context, Error, service::ActionDef};
use ligand_web::{
    Body, Cors, Gateway, Incoming, IntoResponse as _, Next, OriginalUri, Req, RequestBody, Route, Target,
    error,
};
use serde_json::{Value, json};
use tower::util::MapResponseLayer;

use crate::{
    client::Direct,
    fixture::{self, one},
};

/// Appends its name to `x-trail`, of the request on the way in and of the response on the way out.
fn trail(
    name: &'static str,
) -> impl Fn(Incoming, Next) -> ligand_core::future::BoxFuture<Result<Response<Body>, Error>> + Send + Sync + 'static
{
    move |mut request, next| {
        Box::pin(async move {
            let so_far = request.header("x-trail").unwrap_or_default().to_owned();
            let value = HeaderValue::from_str(&format!("{so_far}{name}>"))?;
            request.head_mut().headers.insert("x-trail", value.clone());
            request.set_response_header(http::HeaderName::from_static("x-trail-in"), value);
            let mut response = next.run(request).await?;
            let out = response.headers().get("x-trail-out").and_then(|out| out.to_str().ok()).unwrap_or("");
            let out = HeaderValue::from_str(&format!("{out}<{name}"))?;
            response.headers_mut().insert("x-trail-out", out);
            Ok(response)
        })
    }
}

#[tokio::test]
async fn middlewares_stand_around_each_other_in_their_order() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .middleware(trail("all"))
        .route(
            Route::new("/a")
                .middleware(trail("one"))
                .middleware(trail("two"))
                .authenticate(|_: Context, req: Arc<Req>| async move {
                    Ok::<_, Error>(json!(req.header("x-trail").unwrap_or("none")))
                })
                .alias("GET /who", Target::action("fx.whoami").middleware(trail("alias"))),
        )
        .route(Route::new("/b").alias("GET /who", "fx.whoami"))
        .build();
    let http = Direct(&gateway, &broker);
    let answer = http.get("/a/who").await;
    assert_eq!(answer.header("x-trail-in"), "all>one>two>alias>");
    assert_eq!(answer.header("x-trail-out"), "<alias<two<one<all");
    // Stages see what the middlewares of the route made of the request, those of an alias come after them.
    assert_eq!(answer.json()["user"], "all>one>two>");
    assert_eq!(http.get("/b/who").await.header("x-trail-out"), "<all");
    // What leads nowhere below a route passes its middlewares; what is below none passes none.
    let nothing = http.get("/a/nothing").await;
    assert_eq!((nothing.status, nothing.header("x-trail-in")), (404, "all>one>two>"));
    let wrong = http.post("/a/who", "").await;
    assert_eq!(
        (wrong.status, wrong.header("allow"), wrong.header("x-trail-in")),
        (405, "GET, HEAD, OPTIONS", "all>one>two>")
    );
    assert_eq!(http.get("/elsewhere").await.header("x-trail-in"), "");
}

#[tokio::test]
async fn a_middleware_answers_itself_and_the_body_is_left_to_the_server() {
    let broker = fixture::broker().await;
    let closed = |_: Incoming, _: Next| async { (StatusCode::IM_A_TEAPOT, "short").into_response() };
    let gateway =
        one(Route::new("/").direct_calls().middleware(closed).cors(Cors::origins(["https://a.example"])));
    let http = Direct(&gateway, &broker);
    let answer = http.send("POST", "/fx/params", &[("origin", "https://a.example")], "{}").await;
    assert_eq!((answer.status, &*answer.body), (418, "short"));
    assert_eq!(answer.header("access-control-allow-origin"), "https://a.example");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert!(!answer.header("x-request-id").is_empty());
}

#[tokio::test]
async fn a_middleware_sees_errors_and_may_answer_them() {
    let broker = fixture::broker().await;
    let caught = |request: Incoming, next: Next| async move {
        request.set_response_header(http::HeaderName::from_static("x-g"), HeaderValue::from_static("1"));
        match next.run(request).await {
            Err(error) if error.kind() == "INSUFFICIENT_STOCK" => {
                format!("handled {}", error.message()).into_response()
            }
            other => other,
        }
    };
    let gateway = one(Route::new("/").direct_calls().middleware(caught));
    let http = Direct(&gateway, &broker);
    let handled = http.get("/fx/err422").await;
    assert_eq!((handled.status, &*handled.body), (200, "handled Insufficient stock"));
    // Another error goes on, with the headers that were set before it.
    let other = http.get("/fx/err599").await;
    assert_eq!((other.status, other.header("x-g")), (500, "1"));
    let raised = |_: Incoming, _: Next| async { Err::<(), _>(error::forbidden("NO")) };
    let gateway = one(Route::new("/").direct_calls().middleware(raised));
    assert_eq!(Direct(&gateway, &broker).get("/fx/hello").await.error(), (403, "NO".into()));
}

#[tokio::test]
async fn a_middleware_reads_and_replaces_the_body() {
    let broker = fixture::broker().await;
    let signed = |mut request: Incoming, next: Next| async move {
        let body = request.bytes().await?;
        if !body.ends_with(b"}") {
            return Err(error::bad_request("UNSIGNED"));
        }
        if body.len() > 20 {
            request.set_body(r#"{"name":"cut"}"#);
        }
        next.run(request).await
    };
    let gateway = one(Route::new("/").direct_calls().middleware(signed).body_limit(100_usize));
    let http = Direct(&gateway, &broker);
    assert_eq!(http.post("/fx/greet", r#"{"name":"Ada"}"#).await.json(), "Hello Ada");
    assert_eq!(http.post("/fx/greet", r#"{"name":"Ada Lovelace, Countess"}"#).await.json(), "Hello cut");
    assert_eq!(http.post("/fx/greet", "[]").await.error(), (400, "UNSIGNED".into()));
    assert_eq!(http.post("/fx/greet", &"x".repeat(101)).await.error(), (413, "entity.too.large".into()));
}

#[tokio::test]
async fn handlers_answer_in_every_form() {
    async fn echo(ctx: Context, mut request: Incoming) -> Result<Value, Error> {
        let body: Value = request.json().await?;
        let meta: Option<Value> = ctx.meta("set")?;
        Ok(json!({
            "id": request.param("id"), "body": body, "meta": meta, "scope": request.field("scope"),
            "route": request.route_path(), "name": request.route_name(), "action": request.action(),
        }))
    }
    let broker = fixture::broker().await;
    let route = Route::new("/api")
        .name("own")
        .before(|ctx: Context, _: Arc<Req>| async move {
            ctx.set_meta("set", "before");
            Ok::<_, Error>(())
        })
        .alias("POST /echo/:id", Target::handler(echo).field("scope", "admin"))
        .handler("GET /text", |_, _| async { Ok::<_, Error>("plain") })
        .handler("GET /call", |ctx: Context, _| async move {
            let number: i64 = ctx.call_named("fx.num", ()).await?.take()?;
            Ok::<_, Error>((StatusCode::ACCEPTED, json!({ "number": number })))
        })
        .handler("GET /fails", |_, _| async { Err::<(), _>(error::not_found()) });
    let gateway = one(route);
    let http = Direct(&gateway, &broker);
    let echo = http.post("/api/echo/7", r#"{"a":1}"#).await;
    let expected = json!({
        "id": "7", "body": {"a": 1}, "meta": "before", "scope": "admin",
        "route": "/api", "name": "own", "action": null,
    });
    assert_eq!(echo.json(), expected);
    assert_eq!(http.post("/api/echo/7", "{").await.error(), (400, "entity.parse.failed".into()));
    assert_eq!(http.get("/api/text").await.body, "plain");
    let head = http.send("HEAD", "/api/text", &[], "").await;
    assert_eq!((head.status, head.header("content-length"), &*head.body), (200, "5", ""));
    let called = http.get("/api/call").await;
    assert_eq!((called.status, called.json()), (202, json!({"number": 123})));
    assert_eq!(http.get("/api/fails").await.error(), (404, "NOT_FOUND".into()));
    let own = gateway.routes(&broker).into_iter().find(|alias| alias.full_path == "/api/text").unwrap();
    assert_eq!(own.action_name, None);
}

#[tokio::test]
async fn a_guard_of_actions_and_a_handler_do_not_go_together() {
    let nobody = |_: Context, _: Arc<ActionDef>| async { Err::<(), _>(error::forbidden("NO")) };
    let route =
        Route::new("/admin").authorize(nobody).handler("GET /x", |_, _| async { Ok::<_, Error>("open") });
    let started = ligand_core::ServiceBroker::builder()
        .service(Gateway::builder().bind("127.0.0.1:0").route(route).build());
    let error = started.start().await.unwrap_err();
    assert!(error.message().contains("'/x' of route '/admin' leads to no action"), "{error}");
}

#[tokio::test]
async fn an_axum_router_is_a_part_of_a_route() {
    let broker = fixture::broker().await;
    let app = Router::new()
        .route("/users/{id}", routing::get(|path: axum::extract::Path<String>| async move { path.0 }))
        .route("/", routing::any(|| async { "root" }))
        .route(
            "/where",
            routing::get(|request: axum::extract::Request| async move {
                let original = request.extensions().get::<OriginalUri>().map(|uri| uri.0.to_string());
                format!("{} {}", request.uri(), original.unwrap_or_default())
            }),
        )
        .route("/echo", routing::post(|body: String| async move { body }));
    let gateway = one(Route::new("/api").alias("GET /hello", "fx.hello").service("/admin", app));
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/api/admin/users/Ada%20L").await.body, "Ada L");
    assert_eq!(http.get("/api/admin").await.body, "root");
    assert_eq!(http.send("OPTIONS", "/api/admin/", &[], "").await.body, "root");
    assert_eq!(http.get("/api/admin/where?a=1").await.body, "/where?a=1 /api/admin/where?a=1");
    assert_eq!(http.post("/api/admin/echo", "sent").await.body, "sent");
    assert_eq!(http.get("/api/admin/none").await.status, 404);
    assert_eq!(http.get("/api/administrator").await.error(), (404, "NOT_FOUND".into()));
    assert_eq!(http.get("/api/hello").await.json(), "Hello World");
}

#[tokio::test]
async fn layers_of_tower_stand_around_a_route() {
    let broker = fixture::broker().await;
    let marked = MapResponseLayer::new(|mut response: Response<Body>| {
        let known = response.extensions().get::<Error>().map_or(0, Error::code);
        response.headers_mut().insert("x-code", known.into());
        response
    });
    let renamed = tower::util::MapRequestLayer::new(|mut request: Request<RequestBody>| {
        request.headers_mut().insert("x-trail", HeaderValue::from_static("layer>"));
        request
    });
    let route = Route::new("/")
        .direct_calls()
        .layer(marked)
        .layer(renamed)
        .middleware(trail("inner"))
        .error_formatter(|error| json!({ "code": error.code() }));
    let gateway = one(route);
    let http = Direct(&gateway, &broker);
    let answer = http.post("/fx/greet", r#"{"name":"Ada"}"#).await;
    assert_eq!((answer.json(), answer.header("x-code")), (json!("Hello Ada"), "0"));
    assert_eq!((answer.header("x-trail-in"), answer.header("x-trail-out")), ("layer>inner>", "<inner"));
    let error = http.get("/fx/err422").await;
    assert_eq!((error.status, error.json(), error.header("x-code")), (422, json!({"code": 422}), "422"));
    let custom = http.get("/fx/errHeaders").await;
    assert_eq!((custom.status, custom.header("x-custom")), (500, "c"));
    assert_eq!(http.get("/none").await.header("x-code"), "404");
}
