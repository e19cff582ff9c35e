//! Cached actions behind the gateway: no request reads or fills the answer to another one.

use ligand_core::{Action, Context, Error, Payload, ServiceBroker, ServiceDef, cache::CacheRule};
use ligand_web::Route;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{client::Direct, fixture::one};

#[derive(Clone, Serialize, Deserialize)]
struct Search {
    q: String,
    user: Option<String>,
}

/// Answers what it was asked.
async fn broker() -> ServiceBroker {
    let free = Action::new("free", |_: Context, params: Payload| async move { params.to_value() });
    let typed = Action::new("typed", |_: Context, params: Search| async move { Ok::<_, Error>(params) });
    let svc = ServiceDef::new("s")
        .action(free.cache(CacheRule::new()))
        .action(typed.cache(CacheRule::keys(["q", "user"])));
    ServiceBroker::builder().service(svc).memory_cache().start().await.unwrap()
}

#[tokio::test]
async fn a_query_never_has_the_answer_to_another_one() {
    let requests = [
        ("q=x&user=ada", json!({ "q": "x", "user": "ada" })),
        ("q=x%22%7Cuser%7C%22ada", json!({ "q": "x\"|user|\"ada" })),
        ("q%7C%22x%22%7Cuser=ada", json!({ "q|\"x\"|user": "ada" })),
        ("filter[a]=1&limit=5", json!({ "filter": { "a": "1" }, "limit": "5" })),
        ("filter[a]=1&filter[limit]=5", json!({ "filter": { "a": "1", "limit": "5" } })),
        ("a[]=1&a[]=2", json!({ "a": ["1", "2"] })),
        ("a[]=1%22%7C%222", json!({ "a": ["1\"|\"2"] })),
        ("a=undefined", json!({ "a": "undefined" })),
        ("a=null", json!({ "a": "null" })),
        ("a=", json!({ "a": "" })),
        ("", json!({})),
    ];
    for backwards in [false, true] {
        let broker = broker().await;
        let gateway = one(Route::new("/").alias("GET /free", "s.free"));
        let http = Direct(&gateway, &broker);
        for round in 0..2 {
            let mut requests = requests.clone();
            if backwards {
                requests.reverse();
            }
            for (query, answer) in requests {
                assert_eq!(
                    http.get(&format!("/free?{query}")).await.json(),
                    answer,
                    "round {round}: {query}"
                );
            }
        }
        assert_eq!(broker.cache().unwrap().keys().await.unwrap().len(), requests.len());
    }
}

#[tokio::test]
async fn what_a_struct_has_no_place_for_fills_no_entry() {
    let broker = broker().await;
    let gateway = one(Route::new("/").alias("GET /typed", "s.typed"));
    let http = Direct(&gateway, &broker);
    for number in 0..100 {
        let answer = http.get(&format!("/typed?q=x&nobody{number}=asked")).await.json();
        assert_eq!(answer, json!({ "q": "x", "user": null }));
    }
    assert_eq!(broker.cache().unwrap().keys().await.unwrap(), [r#"s.typed:"x"|null"#]);
}
