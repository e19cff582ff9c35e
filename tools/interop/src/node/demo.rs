//! Small services for the scenarios of balancing and streams. `test`, `users`, `payment` and `mail` tell everybody
//! what they did by the events `$scenario.action.called` and `$scenario.event.emitted`; `$scenario` collects that.

use std::time::Duration;

use aes::{
    Aes256,
    cipher::{KeyIvInit, StreamCipher},
};
use bytes::{Bytes, BytesMut};
use ctr::Ctr128BE;
use futures_util::StreamExt;
use ligand::{Map, ServiceDef, Streaming, future::Work, prelude::*};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{conf::fields, content::uploaded, own};

/// What a service did.
#[derive(Clone, Serialize, Deserialize)]
struct Told {
    #[serde(rename = "nodeID")]
    node_id: String,
    service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    params: Payload,
    meta: Map<String, Value>,
}

/// Tells everybody what runs in this context.
async fn tell(ctx: &Context, params: Payload) -> Result<()> {
    let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    let told = Told {
        node_id: own(ctx.broker()),
        service: ctx.service_full_name().to_owned(),
        action: name(ctx.action()),
        event: name(ctx.event_name()),
        params,
        meta: fields(&ctx.metas()),
    };
    let event = if told.event.is_some() { "$scenario.event.emitted" } else { "$scenario.action.called" };
    ctx.broadcast_named(event, Payload::typed(told)).await
}

/// The service `echo`.
pub(super) struct Echo;

#[derive(Clone, Serialize, Deserialize)]
struct Reply {
    params: Payload,
    meta: Map<String, Value>,
    response: Value,
}

#[service(name = "echo")]
impl Echo {
    #[action]
    fn reply(&self, ctx: &Context, params: Payload) -> Reply {
        let response =
            json!({ "a": "Hey", "b": 3333, "c": true, "d": { "e": 122.34, "f": [1, 2, 3], "g": null } });
        Reply { params, meta: fields(&ctx.metas()), response }
    }

    #[event("sample.event")]
    async fn heard(&self, ctx: &Context, payload: Payload) -> Result<()> {
        tell(ctx, payload).await
    }
}

/// The service `aes`.
pub(super) struct Aes;

#[service(name = "aes")]
impl Aes {
    #[action]
    fn encrypt(&self, ctx: &Context) -> Result<Streaming> {
        uploaded(ctx.stream()).map(through_cipher)
    }

    #[action]
    fn decrypt(&self, ctx: &Context) -> Result<Streaming> {
        uploaded(ctx.stream()).map(through_cipher)
    }
}

/// AES-256 in counter mode with the key of these tests; the same in both directions.
pub fn cipher() -> Ctr128BE<Aes256> {
    Ctr128BE::new(&[7; 32].into(), &[0; 16].into())
}

fn through_cipher(stream: Streaming) -> Streaming {
    let mut cipher = cipher();
    Streaming::bytes(stream.into_byte_stream().map(move |chunk| {
        chunk.map(|chunk: Bytes| {
            let mut chunk = BytesMut::from(chunk);
            cipher.apply_keystream(&mut chunk);
            chunk.freeze()
        })
    }))
}

/// The service `test`.
pub(super) struct Test;

#[derive(Clone, Serialize, Deserialize)]
struct Hello {
    i: u32,
    delay: Option<u64>,
    crash: Option<bool>,
}

#[service(name = "test")]
impl Test {
    #[action]
    async fn work(&self, ctx: &Context, params: Payload) -> Result<bool> {
        tell(ctx, params).await?;
        Ok(true)
    }

    #[action]
    async fn hello(&self, ctx: &Context, params: Hello) -> Result<Value> {
        if params.crash == Some(true) && ctx.broker().node_id().ends_with("node1") {
            ctx.broker().stop().await;
        }
        tokio::time::sleep(Duration::from_millis(params.delay.unwrap_or_default())).await;
        let answer = json!({ "i": params.i, "nodeID": ctx.broker().node_id() });
        tell(ctx, Payload::typed(params)).await?;
        Ok(answer)
    }

    #[event("sample.event")]
    async fn heard(&self, ctx: &Context, payload: Payload) -> Result<()> {
        tell(ctx, payload).await
    }
}

/// A service of any name that hears `user.created`.
pub(super) fn hearing(name: &str) -> ServiceDef {
    ServiceDef::new(name).event(Event::raw("user.created", |ctx: &Context, payload: Payload| -> Work<()> {
        let ctx = ctx.clone();
        Work::new(async move { tell(&ctx, payload).await })
    }))
}

/// The service `$scenario`.
#[derive(Default)]
pub(super) struct Scenario {
    calls: Mutex<Vec<Payload>>,
    events: Mutex<Vec<Payload>>,
}

#[service(name = "$scenario")]
impl Scenario {
    #[action]
    fn clear(&self) {
        self.calls.lock().clear();
        self.events.lock().clear();
    }

    #[action]
    fn get_called_actions(&self) -> Vec<Payload> {
        self.calls.lock().clone()
    }

    #[action]
    fn get_emitted_events(&self) -> Vec<Payload> {
        self.events.lock().clone()
    }

    #[event("$scenario.action.called")]
    fn called(&self, payload: Payload) {
        self.calls.lock().push(payload);
    }

    #[event("$scenario.event.emitted")]
    fn emitted(&self, payload: Payload) {
        self.events.lock().push(payload);
    }
}

/// Ends the node a second after the event `$shutdown`.
pub(super) struct Helper;

#[service(name = "$helper")]
impl Helper {
    #[event("$shutdown")]
    async fn shutdown(&self, payload: Value) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        std::process::exit(if payload["error"] == true { 2 } else { 0 });
    }
}
