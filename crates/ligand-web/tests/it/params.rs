//! What an action receives.

use ligand_web::{Gateway, Route};
use serde_json::json;

use crate::{
    client::Direct,
    fixture::{self, one},
};

const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

#[tokio::test]
async fn body_query_and_path_are_merged() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").alias("/p", "fx.params").alias("/p/:id", "fx.params"));
    let http = Direct(&gateway, &broker);
    let answer = http.post("/p/5?id=6&q=1", r#"{"id":7,"q":8,"b":9}"#).await;
    assert_eq!(answer.json(), json!({"id": "5", "q": "1", "b": 9}));
    assert_eq!(http.get("/p").await.json(), json!({}));
    assert_eq!(http.post("/p", "").await.json(), json!({}));
    assert_eq!(
        http.get("/p?a[]=1&a[]=2&b[c]=3&d=").await.json(),
        json!({"a": ["1", "2"], "b": {"c": "3"}, "d": ""})
    );
    assert_eq!(http.get("/p??a=1").await.json(), json!({"?a": "1"}));
    assert_eq!(http.post("/p", "[1,2,3]").await.json(), json!([1, 2, 3]));
}

#[tokio::test]
async fn a_list_is_never_taken_for_an_object() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/")
        .alias("/p", "fx.params")
        .alias("/p/:id", "fx.params")
        .alias("/t", "fx.typed")
        .alias("/sum", "fx.list"));
    let http = Direct(&gateway, &broker);
    for target in ["/p/5", "/p?x=1", "/t?id=1", "/sum?x=1"] {
        assert_eq!(http.post(target, "[7]").await.error(), (400, "BODY_IS_A_LIST".into()), "{target}");
    }
    let typed = http.post("/t", "[5,true]").await;
    assert_eq!(
        (typed.error(), &typed.json()["data"][0]["type"]),
        ((422, "VALIDATION_ERROR".into()), &json!("object"))
    );
    assert_eq!(http.post("/sum", "[1,2]").await.json(), 3);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_with_the_name_of_the_field() {
    let broker = fixture::broker().await;
    let http = one(Route::new("/").alias("/p", "fx.params").alias("/p/:id", "fx.params"));
    let http = Direct(&http, &broker);
    for target in ["/p", "/p/5"] {
        for (body, text) in [
            (r#"{"a":{"b":1e400}}"#, "'a.b'"),
            (r#"{"a":[1,1e400]}"#, "'a[1]'"),
            (r#"{"a":1,"a":2}"#, "'a'"),
            ("5", "a number"),
            (r#""x""#, "a text"),
            ("null", "null"),
            ("true", "true or false"),
        ] {
            let answer = http.post(target, body).await;
            assert_eq!(answer.error(), (400, "entity.parse.failed".into()), "{target} {body}");
            assert!(
                answer.json()["message"].as_str().unwrap().contains(text),
                "{target} {body}: {}",
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn texts_are_converted_by_the_schema_and_json_is_not() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").alias("/t", "fx.typed").alias("/t/:id", "fx.typed").forms());
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/t?id=5&on=true").await.json(), json!({"id": 5, "on": true}));
    assert_eq!(http.get("/t/5").await.json(), json!({"id": 5}));
    assert_eq!(http.send("POST", "/t", &FORM, "id=5").await.json(), json!({"id": 5}));
    for answer in [http.post("/t", r#"{"id":"5"}"#).await, http.get("/t?id=x").await, http.get("/t").await] {
        assert_eq!(answer.error(), (422, "VALIDATION_ERROR".into()));
    }
    let entry = &http.get("/t").await.json()["data"][0];
    assert_eq!(
        *entry,
        json!({"type": "required", "message": "The 'id' field is required.", "field": "id", "nodeID": "node-fx", "action": "fx.typed"})
    );
}

#[tokio::test]
async fn typed_handlers_take_bodies_directly() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").alias("POST /sum", "fx.list").alias("POST /greet", "fx.greet"));
    let http = Direct(&gateway, &broker);
    assert_eq!(http.post("/sum", "[1,2,39]").await.json(), 42);
    assert_eq!(http.post("/sum", r#"["x"]"#).await.error(), (422, "PAYLOAD_DECODE_ERROR".into()));
    assert_eq!(http.post("/greet?name=Query", r#"{"name":"Body"}"#).await.json(), "Hello Query");
}

#[tokio::test]
async fn bodies_are_read_within_the_rules_of_the_route() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .route(Route::new("/json").alias("POST /p", "fx.params"))
        .route(Route::new("/form").alias("POST /p", "fx.params").forms())
        .route(Route::new("/small").alias("POST /p", "fx.params").body_limit("10b"))
        .build();
    let http = Direct(&gateway, &broker);
    assert_eq!(
        http.send("POST", "/form/p", &FORM, "a[b]=1&d=3&d=4").await.json(),
        json!({"a": {"b": "1"}, "d": ["3", "4"]})
    );
    assert_eq!(
        http.send("POST", "/json/p", &FORM, "a=1").await.error(),
        (415, "UNSUPPORTED_MEDIA_TYPE".into())
    );
    assert_eq!(http.send("POST", "/json/p", &[], "x").await.status, 415);
    // Without a body there is no type to ask for: any site can have a browser send this.
    assert_eq!(http.send("POST", "/json/p?a=1", &[], "").await.json(), json!({"a": "1"}));
    assert_eq!(http.send("POST", "/json/p?a=1", &FORM, "").await.json(), json!({"a": "1"}));
    assert_eq!(http.post("/small/p", r#"{"a":"123456"}"#).await.error(), (413, "entity.too.large".into()));
    assert_eq!(http.post("/json/p", "{bad").await.error(), (400, "entity.parse.failed".into()));
    let json = [("content-type", "application/json"), ("content-encoding", "gzip")];
    assert_eq!(http.send("POST", "/json/p", &json, "{}").await.error(), (415, "ENCODING_UNSUPPORTED".into()));
}

#[tokio::test]
async fn a_get_with_a_body_is_merged_too() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").alias("GET /p", "fx.params"));
    let answer = Direct(&gateway, &broker)
        .send("GET", "/p", &[("content-type", "application/json")], r#"{"a":1}"#)
        .await;
    assert_eq!(answer.json(), json!({"a": 1}));
}

#[tokio::test]
async fn sources_can_be_kept_apart() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/")
        .alias("/p", "fx.params")
        .alias("/p/:name", "fx.params")
        .separate_params()
        .forms());
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/p").await.json(), json!({"query": {}, "params": {}}));
    assert_eq!(
        http.post("/p/x?q=1", r#"{"a":5}"#).await.json(),
        json!({"body": {"a": 5}, "query": {"q": "1"}, "params": {"name": "x"}})
    );
    assert_eq!(http.post("/p", "[1]").await.json()["body"], json!([1]));
    assert_eq!(http.send("POST", "/p", &FORM, "a=1").await.json()["body"], json!({"a": "1"}));
}
