//! Stages and hooks of routes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ligand_core::{
    Action, Context, Error, Result, broker::CallOptions, middleware::Fallback, service::ActionDef,
};
use ligand_web::{Answer, Cors, Gateway, Req, Route, error};
use serde_json::{Value, json};

use crate::{
    client::Direct,
    fixture::{self, one},
};

async fn by_header(_ctx: Context, req: Arc<Req>) -> Result<Value> {
    match req.header("x-user") {
        Some("admin") => Ok(json!({"id": 1, "role": "admin"})),
        Some(_) => Ok(json!({"id": 2, "role": "user"})),
        None => Err(error::unauthorized(error::NO_TOKEN)),
    }
}

async fn admins_only(ctx: Context, action: Arc<ActionDef>) -> Result<()> {
    let user: Option<Value> = ctx.meta("user")?;
    match (action.full_name(), user.as_ref().and_then(|user| user["role"].as_str())) {
        ("fx.num", role) if role != Some("admin") => Err(error::forbidden("ADMINS_ONLY")),
        _ => Ok(()),
    }
}

#[tokio::test]
async fn callers_are_authenticated_and_authorised() {
    let broker = fixture::broker().await;
    let route = Route::new("/").direct_calls().authenticate(by_header).authorize(admins_only);
    let gateway = one(route.alias("GET /gone", "no.such"));
    let http = Direct(&gateway, &broker);
    let nobody = http.get("/fx/whoami").await;
    let expected =
        json!({"name": "UnAuthorizedError", "message": "Unauthorized", "code": 401, "type": "NO_TOKEN"});
    assert_eq!((nobody.status, nobody.json()), (401, expected));
    let user = http.send("GET", "/fx/whoami", &[("x-user", "x")], "").await;
    assert_eq!(user.json()["user"], json!({"id": 2, "role": "user"}));
    assert_eq!((&user.json()["caller"], &user.json()["level"]), (&json!("api"), &json!(2)));
    assert_eq!(
        http.send("GET", "/fx/num", &[("x-user", "x")], "").await.error(),
        (403, "ADMINS_ONLY".into())
    );
    assert_eq!(http.send("GET", "/fx/num", &[("x-user", "admin")], "").await.json(), 123);
    // Who is nobody does not learn which actions exist, and makes us parse nothing.
    assert_eq!(http.get("/gone").await.status, 401);
    assert_eq!(http.post("/fx/params", "{broken").await.status, 401);
    assert_eq!(http.send("HEAD", "/fx/num", &[], "").await.status, 401);
}

#[tokio::test]
async fn a_guard_by_name_sees_the_full_name() {
    // `$action.name.startsWith("fx.")` of moleculer-web.
    let guard = |_: Context, action: Arc<ActionDef>| async move {
        assert_eq!((action.raw_name(), action.service_full_name()), ("num", "v2.admin"));
        match action.full_name().starts_with("v2.admin.") {
            true => Err(error::forbidden("ADMINS_ONLY")),
            false => Ok(()),
        }
    };
    let num = Action::new("num", |_: Context, (): ()| async { Ok::<_, Error>(1) });
    let admin = ligand_core::ServiceDef::new("admin").version(2).action(num);
    let broker = ligand_core::ServiceBroker::builder().service(admin).start().await.unwrap();
    let gateway = one(Route::new("/").direct_calls().authorize(guard));
    let answer = Direct(&gateway, &broker).get("/v2/admin/num").await;
    assert_eq!(answer.error(), (403, "ADMINS_ONLY".into()));
}

#[tokio::test]
async fn every_text_of_a_path_meets_the_same_stage() {
    let broker = fixture::broker().await;
    let gateway = ligand_web::Gateway::builder()
        .route(Route::new("/api").alias("GET /hello", "fx.hello"))
        .route(Route::new("/api/admin").alias("GET /num", "fx.num").authenticate(by_header))
        .build();
    let http = Direct(&gateway, &broker);
    for path in ["/api/admin/num", "/api//admin/num", "/api/%61dmin/num/", "//api/admin//num"] {
        assert_eq!(http.get(path).await.status, 401, "{path}");
    }
    for path in
        ["/api/x/../admin/num", "/api/admin%2Fnum", "/api/Admin/num", "/api/./admin/num", "/api/admin;x/num"]
    {
        assert_eq!(http.get(path).await.status, 404, "{path}");
    }
    for header in ["x-http-method-override", "x-original-url", "x-rewrite-url"] {
        assert_eq!(
            http.send("GET", "/api/hello", &[(header, "/api/admin/num")], "").await.json(),
            "Hello World"
        );
    }
}

#[tokio::test]
async fn a_stage_without_an_answer_leaves_the_caller_anonymous() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls().authenticate(|ctx: Context, _: Arc<Req>| async move {
        ctx.set_meta("seen", true);
        Ok::<(), Error>(())
    }));
    let answer = Direct(&gateway, &broker).get("/fx/whoami").await;
    assert_eq!((answer.status, &answer.json()["user"]), (200, &Value::Null));
}

#[tokio::test]
async fn clients_cannot_write_meta() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls());
    let http = Direct(&gateway, &broker);
    let headers = [("user", "admin"), ("x-meta-user", "admin"), ("content-type", "application/json")];
    let answer = http
        .send(
            "POST",
            "/fx/whoami?meta[user]=admin&user=admin",
            &headers,
            r#"{"meta":{"user":1},"$statusCode":418}"#,
        )
        .await;
    assert_eq!((answer.status, &answer.json()["user"]), (200, &Value::Null));
}

#[tokio::test]
async fn hooks_run_around_the_call() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/")
        .direct_calls()
        .before(|ctx: Context, req: Arc<Req>| async move {
            ctx.set_meta("user", json!({"agent": req.header("user-agent")}));
            Ok::<_, Error>(())
        })
        .after(|ctx: Context, _: Arc<Req>, reply: Answer| async move {
            Ok::<_, Error>(match ctx.meta::<String>("token")? {
                Some(token) => reply.header("Authorization", &format!("Bearer {token}")),
                None => reply,
            })
        }));
    let http = Direct(&gateway, &broker);
    let answer = http.send("GET", "/fx/whoami", &[("user-agent", "test")], "").await;
    assert_eq!(answer.json()["user"], json!({"agent": "test"}));
    assert_eq!(answer.header("authorization"), "");
    assert_eq!(http.get("/fx/login").await.header("authorization"), "Bearer t0k3n");
}

#[tokio::test]
async fn hooks_can_refuse_and_panic_without_harm() {
    let broker = fixture::broker().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = calls.clone();
    let gateway = one(Route::new("/")
        .direct_calls()
        .before(|_: Context, req: Arc<Req>| async move {
            match req.query() {
                Some("panic") => panic!("hook"),
                Some("refuse") => Err(error::bad_request("NO")),
                _ => Ok(()),
            }
        })
        .after(move |_: Context, _: Arc<Req>, reply: Answer| {
            seen.fetch_add(1, Ordering::SeqCst);
            async move { Ok::<_, Error>(reply) }
        }));
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/fx/num?refuse").await.error(), (400, "NO".into()));
    assert_eq!(http.get("/fx/num?panic").await.status, 500);
    assert_eq!(http.get("/fx/err").await.status, 500);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(http.get("/fx/num").await.status, 200);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_panic_is_answered_like_any_failure() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .route(
            Route::new("/api")
                .direct_calls()
                .cors(Cors::origins(["https://shop.example"]))
                .before(|_: Context, req: Arc<Req>| async move {
                    assert_ne!(req.query(), Some("before"));
                    Ok::<_, Error>(())
                })
                .on_error(|req, error| {
                    assert_ne!(req.query(), Some("on_error"), "{error}");
                    if req.path == "/api/fx/num" { error.with_code(502) } else { error }
                })
                .error_formatter(|error| {
                    assert_ne!(error.code(), 422);
                    json!({"shaped": error.code()})
                }),
        )
        .check("database", || async {
            if true {
                panic!("check");
            }
            Ok::<_, Error>(())
        })
        .error_formatter(|error| json!({"all": error.code()}))
        .build();
    let http = Direct(&gateway, &broker);
    let plain = json!({"name": "InternalServerError", "message": "Internal server error", "code": 500});
    for (target, status, body) in [
        ("/api/fx/num?before", 502, json!({"shaped": 502})),
        ("/api/fx/obj?before", 500, json!({"shaped": 500})),
        ("/api/fx/err?on_error", 500, plain),
        ("/api/fx/err422", 500, json!({"shaped": 500})),
    ] {
        let answer = http.send("GET", target, &[("origin", "https://shop.example")], "").await;
        assert_eq!((answer.status, answer.json()), (status, body), "{target}");
        assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example", "{target}");
        assert_eq!(answer.header("vary"), "Origin", "{target}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-request-id").len(), 36);
    }
    let answer = http.get("/ready").await;
    assert_eq!((answer.status, &answer.json()["checks"]["database"]), (503, &json!(false)));
}

#[tokio::test]
async fn call_options_hold_for_every_call_of_the_route() {
    let broker = fixture::broker().await;
    let options = CallOptions { timeout: Some(Duration::from_millis(30)), ..CallOptions::default() };
    let gateway = one(Route::new("/").direct_calls().call_options(options));
    let answer = Direct(&gateway, &broker).get("/fx/slow").await;
    assert_eq!(answer.error(), (504, "REQUEST_TIMEOUT".into()));
}

#[tokio::test]
async fn a_fallback_of_a_route_is_for_its_clients_and_spoils_no_answer() {
    let one_more = Action::of("more", |(): ()| async { Ok::<_, Error>(1) });
    let fails = Action::of("fails", |(): ()| async { Err::<i32, _>(Error::new("no")) });
    let numbers = ligand_core::ServiceDef::new("n").action(one_more).action(fails);
    let broker = ligand_core::ServiceBroker::builder().service(numbers).start().await.unwrap();
    let fallback = Some(Fallback::value(json!({ "offline": true })));
    let options = CallOptions { fallback, ..CallOptions::default() };
    let gateway = one(Route::new("/").direct_calls().call_options(options));
    let direct = Direct(&gateway, &broker);
    assert_eq!(direct.get("/n/fails").await.json(), json!({ "offline": true }));
    assert_eq!(direct.get("/n/more").await.json(), json!(1), "which is no such object");
}
