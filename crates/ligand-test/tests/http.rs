//! The HTTP client, tested.
#![cfg(feature = "web")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use ligand_core::{Action, ActionRef, Context, Error, ServiceDef};
use ligand_test::TestBroker;
use ligand_web::{Gateway, Route};
use serde_json::{Value, json};

const FIND: ActionRef<Value, Value> = ActionRef::new("users.find");

#[tokio::test]
async fn requests_go_through_the_gateway_to_mocks() {
    let gateway = Gateway::builder()
        .route(Route::new("/api").alias("GET /users/:id", "users.find").alias("POST /users", "users.create"))
        .build();
    let users = ServiceDef::new("accounts")
        .action(Action::new("x", |_: Context, (): ()| async { Ok::<_, Error>(()) }));
    let broker = TestBroker::builder()
        .service(users)
        .mock(FIND, |params| match params["id"].as_str() {
            Some("1") => Ok(json!({ "id": 1, "name": "Ada" })),
            _ => Err(Error::not_found("User not found")),
        })
        .mock(ActionRef::new("users.create"), |params: Value| Ok(params))
        .start()
        .await
        .unwrap();
    let http = broker.http(&gateway);
    let response = http.get("/api/users/1").await;
    assert_eq!((response.status(), response.json::<Value>()["name"].clone()), (200, json!("Ada")));
    assert!(response.header("x-request-id").is_some() && response.header("no-such").is_none());
    let response = http.get("/api/users/2").bearer("token").await;
    assert_eq!(
        (response.status(), response.json::<Value>()["message"].clone()),
        (404, json!("User not found"))
    );
    let created = http.post("/api/users").json(&json!({ "name": "Bob" })).await;
    assert_eq!(created.json::<Value>(), json!({ "name": "Bob" }));
    let raw = http.request("POST", "/api/users").header("content-type", "application/json").body("{").await;
    assert_eq!(raw.status(), 400);
    assert_eq!(http.get("/nowhere").await.status(), 404);
    assert_eq!(broker.calls(FIND).len(), 2);
    broker.stop().await;
}

#[tokio::test]
#[should_panic(expected = "the response was 404")]
async fn a_body_of_another_form_is_shown() {
    let broker = TestBroker::builder().start().await.unwrap();
    broker.http(&Gateway::builder().build()).get("/x").await.json::<u32>();
}
