//! What a client receives.

use ligand_core::Error;
use ligand_web::{Gateway, Route};
use serde_json::json;

use crate::{
    client::Direct,
    fixture::{self, one},
};

#[tokio::test]
async fn results_become_responses() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls());
    let http = Direct(&gateway, &broker);
    let json_type = "application/json; charset=utf-8";
    for (action, status, kind, body) in [
        ("hello", 200, json_type, "\"Hello World\""),
        ("num", 200, json_type, "123"),
        ("obj", 200, json_type, r#"{"id":1,"name":"Eddie"}"#),
        ("nul", 200, "", ""),
        ("bytes", 200, "application/octet-stream", "raw bytes"),
        ("text", 200, "text/plain", "Plain text"),
        ("created", 201, "", ""),
        ("noContent", 204, "", ""),
        ("redirect", 302, json_type, "\"REDIRECT\""),
    ] {
        let answer = http.get(&format!("/fx/{action}")).await;
        assert_eq!(
            (answer.status, answer.header("content-type"), &*answer.body),
            (status, kind, body),
            "{action}"
        );
        if status != 204 {
            assert_eq!(answer.header("content-length"), body.len().to_string(), "{action}");
        }
    }
    assert_eq!(http.get("/fx/created").await.header("location"), "/new/1");
    assert_eq!(http.get("/fx/redirect").await.header("location"), "/login");
    assert_eq!(http.get("/fx/cookies").await.headers.get_all("set-cookie").iter().count(), 2);
}

#[tokio::test]
async fn definitions_of_actions_say_type_and_headers_of_their_answers() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls());
    let http = Direct(&gateway, &broker);
    for (action, kind, header, body) in
        [("csv", "text/csv", "table", "a;b"), ("markdown", "text/markdown", "page", "# a")]
    {
        let answer = http.get(&format!("/fx/{action}")).await;
        assert_eq!(
            (answer.header("content-type"), answer.header("x-kind"), &*answer.body),
            (kind, header, body)
        );
    }
}

#[tokio::test]
async fn errors_have_one_shape() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls());
    let http = Direct(&gateway, &broker);
    for (action, status, body) in [
        (
            "err",
            500,
            json!({"name": "MoleculerServerError", "message": "I'm dangerous", "code": 500, "type": "BROKEN"}),
        ),
        ("errPlain", 500, json!({"name": "Error", "message": "plain", "code": 500})),
        (
            "errInternal",
            500,
            json!({"name": "InternalServerError", "message": "Internal server error", "code": 500}),
        ),
        (
            "err422",
            422,
            json!({
                "name": "MoleculerClientError", "message": "Insufficient stock", "code": 422,
                "type": "INSUFFICIENT_STOCK", "data": {"available": 1},
            }),
        ),
        ("err599", 500, json!({"name": "MoleculerError", "message": "m", "code": 599})),
        (
            "errNull",
            404,
            json!({"name": "EntityNotFoundError", "message": "Entity not found", "code": 404, "type": null}),
        ),
    ] {
        let answer = http.get(&format!("/fx/{action}")).await;
        assert_eq!((answer.status, answer.json()), (status, body), "{action}");
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    }
    let panic = http.get("/fx/panics").await;
    assert_eq!(panic.status, 500);
    assert!(!panic.body.contains("boom"), "{panic:?}");
    let decorated = http.get("/fx/errHeaders").await;
    assert_eq!((decorated.status, decorated.header("x-custom")), (500, "c"));
    assert_eq!(http.send("HEAD", "/fx/err", &[], "").await.body, "");
}

#[tokio::test]
async fn errors_are_never_sent_as_something_else_than_json() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls());
    for action in ["errType", "errTypes"] {
        let answer = Direct(&gateway, &broker).get(&format!("/fx/{action}")).await;
        let types: Vec<_> = answer.headers.get_all("content-type").iter().collect();
        assert_eq!(types, ["application/json; charset=utf-8"], "{action}");
        assert_eq!(answer.json()["message"], "<script>");
    }
}

#[tokio::test]
async fn production_tells_nothing_of_failures() {
    let broker = fixture::broker().await;
    let route = Route::new("/").direct_calls().alias("GET /gone", "no.such");
    let gateway = Gateway::builder().route(route).expose_errors(false).build();
    let http = Direct(&gateway, &broker);
    let body = http.get("/fx/errPlain").await.json();
    assert_eq!(body, json!({"name": "Error", "message": "Internal server error", "code": 500}));
    let body = http.get("/gone").await.json();
    assert_eq!(body["data"], json!(null));
    let body = http.get("/fx/greet").await.json();
    assert_eq!(body["data"][0].get("nodeID"), None);
    assert_eq!(http.get("/fx/err422").await.json()["message"], "Insufficient stock");
}

#[tokio::test]
async fn errors_can_be_mapped_and_formatted() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .route(
            Route::new("/old")
                .direct_calls()
                .on_error(
                    |_, error| if error.kind() == "VALIDATION_ERROR" { error.with_code(400) } else { error },
                )
                .error_formatter(|error| json!({"error": error.message()})),
        )
        .route(Route::new("/new").direct_calls())
        .error_formatter(|error| json!({"error": true, "message": error.message(), "code": error.code()}))
        .on_error(
            |req, error| {
                if req.path == "/new/fx/errPlain" { Error::client(409, "X", "shown") } else { error }
            },
        )
        .expose_errors(false)
        .build();
    let http = Direct(&gateway, &broker);
    let answer = http.get("/old/fx/greet").await;
    assert_eq!((answer.status, answer.json()), (400, json!({"error": "Parameters validation error!"})));
    let answer = http.get("/nowhere").await;
    assert_eq!(answer.json(), json!({"error": true, "message": "Not found", "code": 404}));
    assert_eq!(http.get("/new/fx/errPlain").await.json()["message"], "shown");
    assert_eq!(http.get("/old/fx/errPlain").await.json(), json!({"error": "Internal server error"}));
}

#[tokio::test]
async fn request_ids_come_in_and_go_out() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").alias("GET /who", "fx.whoami"));
    let http = Direct(&gateway, &broker);
    let made = http.get("/who").await;
    assert_eq!(made.header("x-request-id"), made.json()["requestId"].as_str().unwrap());
    let given = http.send("GET", "/who", &[("x-request-id", "r-1"), ("x-correlation-id", "c-1")], "").await;
    assert_eq!((given.header("x-request-id"), &given.json()["requestId"]), ("c-1", &json!("c-1")));
    let long = "x".repeat(200);
    for bad in ["a b", "<script>", &long, "a\tb"] {
        let answer = http.send("GET", "/who", &[("x-request-id", bad)], "").await;
        assert_eq!(answer.header("x-request-id").len(), 36, "{bad}");
    }
    for path in ["/nope", "/%zz", "/../x", "/health"] {
        assert_eq!(
            http.send("GET", path, &[("x-request-id", "r-2")], "").await.header("x-request-id"),
            "r-2"
        );
    }
}
