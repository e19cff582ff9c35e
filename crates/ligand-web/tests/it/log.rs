//! What the gateway writes into the log.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use ligand_core::ServiceBroker;
use ligand_web::{Gateway, Route};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    client::Direct,
    fixture::{self, Running, one},
};

#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Sink {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Sink {
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

pub(crate) fn subscribe() -> (Sink, tracing::subscriber::DefaultGuard) {
    subscribe_to(tracing::Level::INFO)
}

fn subscribe_to(level: tracing::Level) -> (Sink, tracing::subscriber::DefaultGuard) {
    let sink = Sink::default();
    let format = tracing_subscriber::fmt().with_ansi(false).without_time().with_max_level(level);
    let subscriber = format.with_writer(sink.clone()).finish();
    (sink, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn one_line_for_each_request_without_secrets() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api").direct_calls().alias("GET /v/:x", "fx.params"));
    let http = Direct(&gateway, &broker);
    let (sink, _guard) = subscribe();
    http.send(
        "GET",
        "/api/fx/num?token=s3cret",
        &[("x-request-id", "r-1"), ("authorization", "Bearer s3cret")],
        "",
    )
    .await;
    http.post("/api/fx/params", r#"{"password":"s3cret"}"#).await;
    http.get("/api/v/a%0D%0AINFO%20forged").await;
    http.get("/nope").await;
    let lines = sink.lines();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(
        lines[0].contains("GET /api/fx/num 200 ") && lines[0].contains("request_id=\"r-1\""),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("POST /api/fx/params 200 ") && lines[1].contains("ms"), "{}", lines[1]);
    assert!(lines[2].contains("GET /api/v/a%0D%0AINFO%20forged 400 "), "{}", lines[2]);
    assert!(lines[3].contains("GET /nope 404 "), "{}", lines[3]);
    assert!(!lines.concat().contains("s3cret"));
}

#[tokio::test]
async fn failures_are_logged_with_what_clients_do_not_see() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api").direct_calls());
    let (sink, _guard) = subscribe();
    let answer = Direct(&gateway, &broker).get("/api/fx/errInternal").await;
    assert!(!answer.body.contains("hunter2"));
    let lines = sink.lines();
    assert!(lines[0].contains("ERROR") && lines[0].contains("hunter2"), "{lines:#?}");
}

#[tokio::test]
async fn errors_that_quote_clients_forge_no_lines() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/api").direct_calls());
    let http = Direct(&gateway, &broker);
    let (sink, _guard) = subscribe_to(tracing::Level::DEBUG);
    for code in [500, 422] {
        let answer = http.get(&format!("/api/fx/errEcho?code={code}&text=a%0D%0A%20INFO%20forged")).await;
        assert_eq!((answer.status, &answer.json()["message"]), (code, &"a\r\n INFO forged".into()));
    }
    let lines = sink.lines();
    let quoting: Vec<_> = lines.iter().filter(|line| line.contains("forged")).collect();
    assert!(quoting.len() >= 2, "{lines:#?}");
    assert!(quoting.iter().all(|line| line.contains("a\\r\\n INFO forged")), "{lines:#?}");
}

#[tokio::test]
async fn the_table_is_printed_at_start_and_answered_by_an_action() {
    let (sink, _guard) = subscribe();
    let gateway = Gateway::builder().bind("127.0.0.1:0").route(Route::new("/api").auto_aliases()).build();
    let broker = ServiceBroker::builder()
        .service(gateway)
        .service(fixture::fx(&Running::default()))
        .service(fixture::posts())
        .start()
        .await
        .unwrap();
    // A listener of the start prints it.
    let has_row =
        |lines: &[String]| lines.iter().any(|line| line.ends_with("GET /api/posts/:id => posts.get"));
    for _ in 0..10_000 {
        if has_row(&sink.lines()) {
            break;
        }
        tokio::task::yield_now().await;
    }
    let lines = sink.lines();
    assert!(has_row(&lines), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("listens on http://127.0.0.1:")), "{lines:#?}");
    let aliases: Value = broker.call_named("api.listAliases", Value::Null).await.unwrap().take().unwrap();
    let get = aliases.as_array().unwrap().iter().find(|alias| alias["actionName"] == "posts.get").unwrap();
    let expected = serde_json::json!({
        "actionName": "posts.get", "path": "posts/:id", "fullPath": "/api/posts/:id", "methods": "GET", "routePath": "/api",
    });
    assert_eq!(*get, expected);
}

#[tokio::test]
async fn a_long_path_is_no_long_line() {
    let broker = fixture::broker().await;
    let route = Route::new("/api").direct_calls().alias("GET /echo/:code/:text", "fx.errEcho");
    let gateway = one(route.alias("GET /v/:id", "fx.typed"));
    let http = Direct(&gateway, &broker);
    let (sink, _guard) = subscribe_to(tracing::Level::DEBUG);
    let long = "x".repeat(32 * 1024);
    for (path, status) in [
        (format!("/{long}"), 404),
        (format!("/api/{long}"), 404),
        (format!("/api/fx.{long}"), 404),
        (format!("/api/echo/500/{long}"), 500),
        (format!("/api/echo/422/{long}"), 422),
        (format!("/api/v/{long}"), 422),
        (format!("/api/v/%ff{long}"), 400),
        (format!("/api/fx/num?a={long}"), 200),
    ] {
        let answer = http.get(&path).await;
        assert_eq!(answer.status, status, "{}…", &path[..20]);
        let lines = sink.lines();
        let longest = lines.iter().map(String::len).max().unwrap_or_default();
        assert!((1..2_000).contains(&longest), "{}…: a line of {longest} bytes", &path[..20]);
    }
}

#[tokio::test]
async fn the_line_has_the_form_that_was_chosen() {
    let (sink, _guard) = subscribe();
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .access_log(ligand_web::AccessLog::MoleculerWeb)
        .route(Route::new("/api").direct_calls())
        .route(Route::new("/quiet").direct_calls().quiet())
        .build();
    let http = Direct(&gateway, &broker);
    http.get("/api/fx/hello?token=secret").await;
    http.get("/quiet/fx/hello").await;
    let lines: Vec<_> = sink.lines().into_iter().filter(|line| line.contains("/fx/hello")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("ligand_web::access: <= 200 GET /api/fx/hello [+"), "{lines:?}");
}
