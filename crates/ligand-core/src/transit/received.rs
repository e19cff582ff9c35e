//! What requests and events of other nodes have in common.

use std::sync::Arc;

use ligand_wire::packet::Fields;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::context::Headers;

/// Ends when the work of a packet has ended.
pub(crate) type Receipt = oneshot::Receiver<()>;

/// For a bus that wants to know when the work of a packet has ended: what is dropped then, and what ends with it.
pub(super) fn receipt(tracked: bool) -> (Option<oneshot::Sender<()>>, Option<Receipt>) {
    match tracked {
        true => {
            let (done, end) = oneshot::channel();
            (Some(done), Some(end))
        }
        false => (None, None),
    }
}

/// Deeper than any call tree.
const DEEPEST: u32 = 100_000;

/// The level that a packet says, within bounds.
pub(super) fn level(told: u32) -> u32 {
    told.clamp(1, DEEPEST)
}

/// Headers as texts: numbers as JavaScript writes them, lists and maps as JSON. Null is none.
pub(super) fn texts(headers: &Fields) -> Option<Arc<Headers>> {
    if headers.is_empty() {
        return None;
    }
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(whole) if number.is_f64() && whole.fract() == 0.0 && whole.abs() < 1e15 => {
                format!("{whole:.0}")
            }
            _ => number.to_string(),
        }),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    };
    let texts = headers.iter().filter_map(|(name, value)| Some((name.to_ascii_lowercase(), text(value)?)));
    Some(Arc::new(texts.collect()))
}
