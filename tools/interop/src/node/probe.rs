//! What the scenarios need beyond `conf`: odd results, object uploads, broken streams, what became of nodes.

use ligand::{Map, Streaming, prelude::*};
use parking_lot::Mutex;

use super::{
    content::{Source, digest, uploaded},
    own,
    types::{Types, kind},
};

/// The service `probe`.
#[derive(Default)]
pub(super) struct Probe {
    nodes: Mutex<Vec<Value>>,
}

#[payload]
struct Checked {
    #[check(range(min = 1))]
    id: f64,
    #[check(length(3..))]
    name: String,
}

#[service(name = "probe")]
impl Probe {
    #[action]
    fn seen(&self, params: Types) -> Map<String, Value> {
        params.described()
    }

    #[action]
    fn give(&self, what: String) -> Payload {
        match &*what {
            "undefined" => Payload::UNDEFINED,
            "null" => Payload::NULL,
            "false" => json!(false).into(),
            "zero" => json!(0).into(),
            "empty" => json!("").into(),
            _ => json!([]).into(),
        }
    }

    #[action]
    fn given(&self, params: Payload) -> Result<String> {
        if params.is_undefined() { Ok("undefined".into()) } else { Ok(kind(&params.to_value()?)) }
    }

    #[action]
    async fn collect(&self, ctx: &Context) -> Result<Map<String, Value>> {
        digest(uploaded(ctx.stream())?).await
    }

    #[action]
    fn broken(&self, params: Source) -> Streaming {
        params.stream()
    }

    #[action]
    fn mirror(&self, ctx: &Context) -> Result<Streaming> {
        uploaded(ctx.stream())
    }

    #[action]
    fn text(&self, times: usize) -> String {
        "ligand ".repeat(times)
    }

    #[action]
    fn nodes(&self) -> Vec<Value> {
        self.nodes.lock().clone()
    }

    #[action]
    fn meta_fail(&self, ctx: &Context) -> Result<()> {
        ctx.set_meta("mark", own(ctx.broker()));
        Err(Error::new("failed after a change of meta"))
    }

    #[action]
    fn checked(&self, params: Checked) -> Checked {
        params
    }

    #[event("$node.connected")]
    fn connected(&self, payload: Value) {
        self.note("connected", &payload);
    }

    #[event("$node.disconnected")]
    fn disconnected(&self, payload: Value) {
        self.note("disconnected", &payload);
    }

    fn note(&self, event: &str, payload: &Value) {
        self.nodes.lock().push(json!({
            "event": event, "nodeID": payload["node"]["id"],
            "unexpected": payload["unexpected"], "reconnected": payload["reconnected"],
        }));
    }
}
