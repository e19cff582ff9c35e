//! Contracts put together with everything else: versions, names, generic types, raw identifiers, defaults, odd names.

#![allow(clippy::wrong_self_convention, clippy::new_ret_no_self, reason = "actions may have any name")]

use std::{collections::HashMap, sync::Arc};

use ligand::{Binary, db::Page, prelude::*, service::IntoServiceDef as _};

#[payload]
struct Found<T: Clone> {
    items: Vec<T>,
    more: HashMap<String, Option<T>>,
}

/// Each action is one combination.
#[contract(name = "every.thing", version = "staging")]
trait EveryApi {
    async fn r#type(&self, r#match: u32) -> u32;
    #[action(name = "deep.name")]
    async fn renamed(&self, some_thing: String) -> String;
    async fn generic(&self, of: Found<u8>) -> Result<Page<Found<u8>>>;
    async fn with_default(
        &self,
        #[check(default = 5)] pieces: u32,
        note: Option<String>,
    ) -> Result<(u32, bool)>;
    async fn aliased(&self, #[serde(alias = "old")] new: u32) -> u32;
    async fn boxed(&self, what: Box<u32>, all: Arc<Vec<u8>>) -> Option<u32>;
    fn not_async(&self) -> u8;
    fn no_result(&self);
    async fn untyped(params: Value) -> Result<Value>;
    async fn bytes(&self, #[serde(rename = "for")] whom: Binary) -> Binary;
    // What generated code might use itself.
    async fn named(&self, broker: u8, request: u8, name: u8, payload: u8) -> u8;
    async fn new(&self, client: u8, action: u8, caller: u8, call: u8) -> u8;
    async fn from(&self, value: u8, error: u8, result: u8, field: u8) -> u8;
    async fn clone(&self, input: u8, service: u8) -> u8;
    async fn r#fn(&self, r#async: u8, r#await: u8) -> u8;
    async fn fmt(&self, f: u8) -> u8;
}

struct Every;

#[service(name = "every.thing", version = "staging", contract = EveryApi)]
impl Every {
    #[action]
    async fn r#type(&self, r#match: u32) -> u32 {
        r#match
    }

    #[action(name = "deep.name", rest = "GET /deep/:some_thing")]
    async fn other_method_name(&self, some_thing: String) -> String {
        some_thing
    }

    #[action]
    async fn generic(&self, of: Found<u8>) -> Result<Page<Found<u8>>> {
        Ok(Page { rows: vec![of], total: 1, page: 1, page_size: 10, total_pages: 1 })
    }

    #[action]
    async fn with_default(&self, #[check(default = 5)] pieces: u32, note: Option<String>) -> (u32, bool) {
        (pieces, note.is_some())
    }

    #[action]
    async fn aliased(&self, #[serde(alias = "old")] new: u32) -> u32 {
        new
    }

    #[action]
    async fn boxed(&self, what: Box<u32>, all: Arc<Vec<u8>>) -> Option<u32> {
        (!all.is_empty()).then_some(*what)
    }

    #[action]
    fn not_async(self: &Arc<Self>) -> u8 {
        1
    }

    #[action]
    async fn no_result(&self, _ctx: &Context) {}

    #[action]
    async fn untyped(&self, params: Value) -> Result<Value> {
        Ok(params)
    }

    #[action]
    fn bytes(&self, #[serde(rename = "for")] whom: Binary) -> Binary {
        whom
    }

    #[action]
    fn named(&self, broker: u8, request: u8, name: u8, payload: u8) -> u8 {
        broker + request + name + payload
    }

    #[action]
    fn new(&self, client: u8, action: u8, caller: u8, call: u8) -> u8 {
        client + action + caller + call
    }

    #[action]
    fn from(&self, value: u8, error: u8, result: u8, field: u8) -> u8 {
        value + error + result + field
    }

    #[action]
    fn clone(&self, input: u8, service: u8) -> u8 {
        input + service
    }

    #[action]
    fn r#fn(&self, r#async: u8, r#await: u8) -> u8 {
        r#async + r#await
    }

    #[action]
    fn fmt(&self, f: u8) -> u8 {
        f
    }
}

#[tokio::test]
async fn a_contract_goes_together_with_everything_an_action_may_have() {
    let renamed = Every.into_service_def().renamed("second").version(2);
    let broker = ServiceBroker::builder().service(Every).service(renamed).start().await.unwrap();
    assert_eq!(
        (EveryApi::NAME, EveryApi::TYPE.name(), EveryApi::RENAMED.name()),
        ("staging.every.thing", "staging.every.thing.type", "staging.every.thing.deep.name")
    );
    let found = || Found { items: vec![1, 2], more: HashMap::from([("a".to_owned(), None)]) };
    for every in [broker.client::<EveryApi>(), broker.client_named::<EveryApi>("v2.second")] {
        assert_eq!(every.r#type(7).await.unwrap(), 7);
        assert_eq!(every.renamed("x".into()).await.unwrap(), "x");
        assert_eq!(every.generic(found()).await.unwrap().rows, [found()]);
        assert_eq!(every.with_default(2, None).await.unwrap(), (2, false));
        assert_eq!(every.aliased(3).await.unwrap(), 3);
        assert_eq!(every.boxed(Box::new(4), Arc::new(vec![0])).await.unwrap(), Some(4));
        assert_eq!(every.not_async().await.unwrap(), 1);
        every.no_result().await.unwrap();
        assert_eq!(every.untyped(json!([1])).await.unwrap(), json!([1]));
        assert_eq!(every.bytes(Binary::from(vec![1, 2])).await.unwrap(), Binary::from(vec![1, 2]));
        assert_eq!(every.named(1, 2, 3, 4).await.unwrap(), 10);
        assert_eq!(every.new(1, 2, 3, 4).await.unwrap(), 10);
        assert_eq!(every.from(1, 2, 3, 4).await.unwrap(), 10);
        assert_eq!(every.clone(1, 2).await.unwrap(), 3);
        assert_eq!(every.r#fn(1, 2).await.unwrap(), 3);
        assert_eq!(every.fmt(9).await.unwrap(), 9);
    }
    let named = |name: &'static str, params: Value| {
        let call = broker.call_named(format!("staging.every.thing.{name}"), params);
        async move { call.await?.to_value() }
    };
    assert_eq!(named("withDefault", json!({})).await.unwrap(), json!([5, false]));
    assert_eq!(named("aliased", json!({ "old": 6 })).await.unwrap(), json!(6));
    assert_eq!(named("type", json!({ "match": 8 })).await.unwrap(), json!(8));
    assert_eq!(named("fn", json!({ "async": 1, "await": 1 })).await.unwrap(), json!(2));
    broker.stop().await;
}
