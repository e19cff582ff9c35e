//! The packet of a call.

use std::borrow::Cow;

use ligand_wire::{
    Payload,
    packet::{Fields, ProtocolVersion, Request},
};
use serde_json::Value;
use tokio::time::Instant;

use crate::context::{Context, Headers, Id, Inner, parent_of};

/// Room for the texts of a packet's ids.
#[derive(Default)]
pub(crate) struct IdTexts {
    id: IdText,
    parent: IdText,
    request: IdText,
}

struct IdText([u8; 36]);

impl Default for IdText {
    fn default() -> Self {
        Self([0; 36])
    }
}

/// The packet of a call.
pub(crate) fn describe<'a>(
    ctx: &'a Context,
    params: Payload,
    ver: ProtocolVersion,
    texts: &'a mut IdTexts,
) -> Request<'a> {
    let inner = ctx.inner();
    let id = text(inner.id(), &mut texts.id);
    let request_id = match &inner.request_id {
        Some(own) => text(own, &mut texts.request),
        None => id.clone(),
    };
    let headers = || ctx.headers().map_or_else(Fields::new, fields);
    Request {
        id,
        action: Cow::Borrowed(ctx.action()),
        params,
        meta: meta(inner),
        headers: ver.has_headers().then(|| Cow::Owned(headers())),
        timeout: Some(ctx.deadline().map_or(0.0, |end| {
            // Zero would mean no limit.
            (end.saturating_duration_since(Instant::now()).as_secs_f64() * 1000.0).max(0.001)
        })),
        level: inner.level,
        tracing: ctx.tracing(),
        parent_id: parent_of(inner.trace.as_deref(), inner.parent_id.as_ref())
            .map(|id| text(id, &mut texts.parent)),
        request_id: Some(request_id),
        caller: inner.caller.get().map(Cow::Borrowed),
        stream: false,
        seq: None,
    }
}

/// The meta of the packet.
fn meta(inner: &Inner) -> Cow<'_, Fields> {
    let (asks, http) =
        inner.extra.as_ref().map_or((false, None), |extra| (extra.head.is_some(), extra.http.as_deref()));
    let carried = inner.carried.lock();
    if carried.is_empty() && !inner.no_cache && !asks && http.is_none() {
        return Cow::default();
    }
    let mut room = [0; 36];
    let mut meta = carried.to_packet(asks.then(|| inner.id().text(&mut room)), http);
    if inner.no_cache {
        meta.insert(NO_CACHE.into(), false.into());
    }
    Cow::Owned(meta)
}

pub(super) use crate::cache::NO_CACHE;

fn text<'a>(id: &'a Id, room: &'a mut IdText) -> Cow<'a, str> {
    Cow::Borrowed(id.text(&mut room.0))
}

fn fields(headers: &Headers) -> Fields {
    headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}
