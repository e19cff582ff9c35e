//! Bearer tokens at a route.

use std::time::Duration;

use ligand_web::{JwtKeys, Route};
use serde_json::json;

use crate::{
    client::Direct,
    fixture::{self, one},
};

fn keys() -> JwtKeys {
    JwtKeys::hs256("an example secret of 32 bytes ...").unwrap()
}

#[tokio::test]
async fn a_token_names_the_caller() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls().authenticate(keys().bearer()));
    let http = Direct(&gateway, &broker);
    let token = keys().sign(&json!({"id": "5", "role": "user"}), Duration::from_secs(60)).unwrap();
    let with = async |value: &str| http.send("GET", "/fx/whoami", &[("authorization", value)], "").await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let answer = with(&format!("{scheme} {token}")).await;
        assert_eq!((answer.status, &answer.json()["user"]["role"]), (200, &json!("user")), "{scheme}");
    }
    assert_eq!(http.get("/fx/whoami").await.error(), (401, "NO_TOKEN".into()));
    for none in ["", "Bearer", "Bearer ", "Bearer    ", "Basic dTpw"] {
        assert_eq!(with(none).await.error(), (401, "NO_TOKEN".into()), "{none}");
    }
    let expired = keys().sign(&json!({}), Duration::ZERO).unwrap();
    let long = "x".repeat(9000);
    for bad in ["junk", "null", "undefined", &expired, &token[1..], &format!("{token} {token}"), &long] {
        assert_eq!(with(&format!("Bearer {bad}")).await.error(), (401, "INVALID_TOKEN".into()), "{bad}");
    }
    let two = format!("Bearer {token}");
    let twice = [("authorization", two.as_str()), ("authorization", "Bearer junk")];
    assert_eq!(http.send("GET", "/fx/whoami", &twice, "").await.error(), (401, "INVALID_TOKEN".into()));
    // A token elsewhere is none.
    let answer =
        http.send("GET", &format!("/fx/whoami?access_token={token}"), &[("cookie", &token)], "").await;
    assert_eq!(answer.error(), (401, "NO_TOKEN".into()));
}

#[tokio::test]
async fn a_token_may_be_optional_but_not_wrong() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls().authenticate(keys().optional_bearer()));
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/fx/whoami").await.json()["user"], json!(null));
    assert_eq!(http.send("GET", "/fx/whoami", &[("authorization", "Bearer x")], "").await.status, 401);
}
