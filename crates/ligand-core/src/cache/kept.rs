//! A result in the store together with what its action said about the answer at the edge: a hit answers as the miss did.

use ligand_wire::Payload;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::context::Meta;

/// Results whose action said nothing are stored as they are; the others in this form, `{"$reply": .., "value": ..}`
/// in a store outside of the process.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(rename = "$reply")]
    reply: Map<String, Value>,
    value: Payload,
}

/// What goes into the store.
pub(crate) fn pack(mut value: Payload, directives: &Meta) -> Payload {
    if directives.is_empty() {
        return value;
    }
    value.share();
    Payload::typed(Kept { reply: directives.as_map().clone(), value })
}

/// Result and directives of what comes from the store.
pub(crate) fn unpack(stored: Payload) -> (Payload, Meta) {
    if let Some(kept) = stored.peek::<Kept>() {
        return (kept.value.clone(), kept.reply.clone().into());
    }
    let wrapped = match (stored.as_json(), stored.as_value(), stored.format()) {
        (Some(text), ..) => text.starts_with(br#"{"$reply":"#),
        (None, Some(value), _) => value.get("$reply").is_some(),
        (None, None, Some(_)) => stored.get("$reply").is_some(),
        (None, None, None) => false,
    };
    match wrapped.then(|| stored.clone().take::<Kept>()) {
        Some(Ok(kept)) => (kept.value, kept.reply.into()),
        _ => (stored, Meta::default()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_said_is_kept_with_the_value() {
        let mut directives = Meta::default();
        assert_eq!(pack(Payload::typed(5u8), &directives).peek::<u8>(), Some(&5));
        directives.set("$statusCode", 202);
        let packed = pack(Payload::typed(5u8), &directives);
        let mut text = Vec::new();
        packed.write_json(&mut text).unwrap();
        assert_eq!(text, br#"{"$reply":{"$statusCode":202},"value":5}"#);
        for stored in
            [packed, Payload::json(text.clone()), serde_json::from_slice::<Value>(&text).unwrap().into()]
        {
            let (value, said) = unpack(stored);
            assert_eq!((value.take::<u8>().unwrap(), said), (5, directives.clone()));
        }
    }

    #[test]
    fn other_entries_come_as_they_are() {
        for value in [json!(null), json!({ "$reply": 5 }), json!({ "value": 1 }), json!("x")] {
            for stored in [Payload::from(value.clone()), Payload::json(value.to_string())] {
                let (found, said) = unpack(stored);
                assert_eq!((found.to_value().unwrap(), said.is_empty()), (value.clone(), true));
            }
        }
    }
}
