//! The conformance service: every kind of call, result, error, event and stream.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use ligand::{Map, Streaming, context::Meta, prelude::*};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{
    content::{Source, digest, uploaded},
    failure::{self, ShopError},
    own,
    types::Types,
};

/// The service `conf`.
#[derive(Default)]
pub(super) struct Conf {
    heard: Mutex<Vec<Heard>>,
    runs: AtomicU32,
}

#[derive(Clone, Serialize, Deserialize)]
struct Heard {
    event: String,
    payload: Payload,
    meta: Map<String, Value>,
    sender: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Echo {
    params: Payload,
    meta: Map<String, Value>,
    headers: BTreeMap<String, String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Level {
    level: u32,
    #[serde(rename = "requestID")]
    request_id: String,
    #[serde(rename = "parentID")]
    parent_id: Option<String>,
    caller: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Call {
    action: String,
    #[serde(default)]
    params: Payload,
    meta: Option<Map<String, Value>>,
    timeout: Option<f64>,
    #[serde(rename = "nodeID")]
    node_id: Option<String>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Called {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Payload>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Sent {
    event: String,
    #[serde(default)]
    payload: Payload,
    groups: Option<Vec<String>>,
    broadcast: Option<bool>,
}

#[service(
    name = "conf",
    settings(shown = 1, secret = "s", "$secureSettings" = ["secret"]),
    metadata(m = 1)
)]
impl Conf {
    #[action]
    fn echo(&self, ctx: &Context, params: Payload) -> Echo {
        Echo { params, meta: fields(&ctx.metas()), headers: ctx.headers().cloned().unwrap_or_default() }
    }

    #[action]
    fn meta(&self, ctx: &Context, set: Map<String, Value>) -> bool {
        for (key, value) in set {
            ctx.set_meta(key, value);
        }
        true
    }

    #[action]
    fn fail(&self, ctx: &Context, kind: String) -> Result<()> {
        Err(failure::of_kind(&kind, ctx.action(), ctx.broker().node_id()))
    }

    #[action]
    async fn slow(&self, ms: f64) -> String {
        tokio::time::sleep(Duration::from_secs_f64(ms / 1000.0)).await;
        "done".into()
    }

    #[action]
    fn types(&self) -> Types {
        Types::sample()
    }

    #[action]
    async fn upload(&self, ctx: &Context, params: Payload) -> Result<Payload> {
        let mut answer = digest(uploaded(ctx.stream())?).await?;
        answer.insert("params".into(), params.to_value()?);
        Ok(Value::Object(answer).into())
    }

    #[action]
    fn download(&self, params: Source) -> Streaming {
        params.bytes()
    }

    #[action]
    fn objects(&self, params: Source) -> Streaming {
        params.objects()
    }

    #[action(cache(keys("id"), ttl = "60s"))]
    fn cached(&self, id: Value) -> Value {
        json!({ "id": id, "runs": self.runs.fetch_add(1, Ordering::Relaxed) + 1 })
    }

    #[action]
    fn whoami(&self, ctx: &Context) -> String {
        own(ctx.broker())
    }

    #[action]
    async fn nested(&self, ctx: &Context, depth: Option<u32>) -> Result<Vec<Level>> {
        let mut levels = vec![Level {
            level: ctx.level(),
            request_id: ctx.request_id().to_string(),
            parent_id: ctx.parent_id().map(|id| id.to_string()),
            caller: ctx.caller().map(str::to_owned),
        }];
        if let Some(rest) = depth.and_then(|depth| depth.checked_sub(1)) {
            levels.extend(ctx.client::<Self>().nested(Some(rest)).await?);
        }
        Ok(levels)
    }

    #[action]
    async fn call(&self, ctx: &Context, params: Call) -> Called {
        let mut request = ctx.call_named(params.action, params.params);
        for (key, value) in params.meta.into_iter().flatten() {
            request = request.meta(key, value);
        }
        if let Some(ms) = params.timeout {
            request = request.timeout(Duration::from_secs_f64(ms / 1000.0));
        }
        if let Some(node) = params.node_id {
            request = request.node(node);
        }
        match request.await {
            Ok(result) => {
                Called { ok: true, result: Some(result), meta: Some(fields(&ctx.metas())), error: None }
            }
            Err(error) => Called { error: serde_json::to_value(error).ok(), ..Called::default() },
        }
    }

    /// A call whose error goes on as it came.
    #[action]
    async fn through(&self, ctx: &Context, params: Call) -> Result<Payload> {
        let request = ctx.call_named(params.action, params.params);
        match params.node_id {
            Some(node) => request.node(node).await,
            None => request.await,
        }
    }

    /// As `through`, with the error read back into its type.
    #[action]
    async fn typed(&self, ctx: &Context, params: Call) -> Result<Value> {
        let Err(error) = self.through(ctx, params).await else { return Ok(json!("no error")) };
        Ok(match ShopError::try_from(&error) {
            Ok(ShopError::SoldOut { item_name, left, colors }) => {
                json!([item_name, left, colors, error.node_id()])
            }
            Ok(ShopError::Closed) => json!(["closed", error.retryable(), error.node_id()]),
            Err(error) => json!(format!("{error:?}")),
        })
    }

    #[action]
    async fn emit(&self, ctx: &Context, params: Sent) -> Result<bool> {
        let broadcast = params.broadcast.unwrap_or_default();
        let event = match broadcast {
            true => ctx.broadcast_named(params.event, params.payload),
            false => ctx.emit_named(params.event, params.payload),
        };
        event.groups(params.groups.unwrap_or_default()).wait_for_listeners().await?;
        Ok(true)
    }

    #[action]
    fn events(&self) -> Vec<Heard> {
        self.heard.lock().clone()
    }

    #[action]
    fn clear(&self) -> bool {
        self.heard.lock().clear();
        true
    }

    #[action(published)]
    fn published(&self) -> String {
        "published".into()
    }

    #[action(public)]
    fn public(&self) -> String {
        "public".into()
    }

    #[action(protected)]
    fn protected(&self) -> String {
        "protected".into()
    }

    #[action(private)]
    fn private(&self) -> String {
        "private".into()
    }

    #[event("conf.*")]
    fn heard(&self, ctx: &Context, payload: Payload) {
        self.note(ctx, payload);
    }

    #[event("grp.event", group = "confgroup")]
    fn heard_in_group(&self, ctx: &Context, payload: Payload) {
        self.note(ctx, payload);
    }

    fn note(&self, ctx: &Context, payload: Payload) {
        let payload = if payload.is_undefined() { Payload::NULL } else { payload };
        let (event, sender) = (ctx.event_name().to_owned(), ctx.node_id().to_owned());
        self.heard.lock().push(Heard { event, payload, meta: fields(&ctx.metas()), sender });
    }
}

/// The service `v1.conf`.
pub(super) struct First;
/// The service `v2.conf`.
pub(super) struct Second;
/// The service `staging.conf`.
pub(super) struct Staging;

#[service(name = "conf", version = 1)]
impl First {
    #[action]
    fn version(&self) -> String {
        "1".into()
    }
}

#[service(name = "conf", version = 2)]
impl Second {
    #[action]
    fn version(&self) -> String {
        "2".into()
    }
}

#[service(name = "conf", version = "staging")]
impl Staging {
    #[action]
    fn version(&self) -> String {
        "staging".into()
    }
}

/// Meta as an object.
pub(super) fn fields(meta: &Meta) -> Map<String, Value> {
    meta.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
