//! A result in the store together with what its action said about the answer at the edge: a hit answers as the miss did.

use ligand_wire::Payload;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::first_key;
use crate::context::Meta;

/// Results whose action said nothing are stored as they are; the others in this form, `{"$reply": .., "value": ..}`
/// in a store outside of the process. A result that has this form itself is wrapped too: what somebody stored in a
/// database must not speak for the action.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(rename = "$reply")]
    reply: Map<String, Value>,
    value: Payload,
}

/// The first key of a wrapped entry.
const REPLY: &str = "$reply";

/// What goes into the store.
pub(crate) fn pack(mut value: Payload, directives: &Meta) -> Payload {
    if directives.is_empty() && !looks_wrapped(&value) {
        return value;
    }
    value.share();
    Payload::typed(Kept { reply: directives.as_map().clone(), value })
}

/// Whether the answer is for one client only: others must not get its cookies.
pub(crate) fn is_personal(directives: &Meta) -> bool {
    let headers = directives.as_map().get("$responseHeaders").and_then(Value::as_object);
    headers.is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case("set-cookie")))
}

/// Result and directives of what comes from the store.
pub(crate) fn unpack(stored: Payload) -> (Payload, Meta) {
    if let Some(kept) = stored.peek::<Kept>() {
        return (kept.value.clone(), kept.reply.clone().into());
    }
    // Any other Rust value never left this process, where entries are wrapped as the type above: a hit writes nothing.
    if stored.is_typed() {
        return (stored, Meta::default());
    }
    match looks_wrapped(&stored).then(|| stored.clone().take::<Kept>()) {
        Some(Ok(kept)) => (kept.value, kept.reply.into()),
        _ => (stored, Meta::default()),
    }
}

fn looks_wrapped(payload: &Payload) -> bool {
    let first = |value: &Value| {
        value.as_object().and_then(|fields| fields.keys().next()).is_some_and(|key| key == REPLY)
    };
    match (payload.as_json(), payload.as_value(), payload.format()) {
        (Some(text), ..) => first_key::of_json(text, REPLY),
        (None, Some(value), _) => first(value),
        (None, None, Some(_)) => payload.to_value().is_ok_and(|value| first(&value)),
        (None, None, None) => first_key::of(payload, REPLY),
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

    /// What a client stored in a database says nothing about the answer.
    #[test]
    fn results_of_this_form_come_back_as_results() {
        let evil = json!({ "$reply": { "$statusCode": 302, "$location": "https://evil" }, "value": null });
        let map: std::collections::BTreeMap<String, Value> = serde_json::from_value(evil.clone()).unwrap();
        let spaced = format!(" {}", evil.to_string().replacen("$reply", "\\u0024reply", 1));
        for result in [
            Payload::from(evil.clone()),
            Payload::json(evil.to_string()),
            Payload::json(spaced),
            Payload::typed(map),
        ] {
            let packed = pack(result, &Meta::default());
            // As a store outside of the process gives it back.
            let text = packed.to_value().unwrap().to_string();
            let parsed = Payload::from(packed.to_value().unwrap());
            for stored in [packed, Payload::json(text), parsed] {
                let (found, said) = unpack(stored);
                assert_eq!((found.to_value().unwrap(), said.is_empty()), (evil.clone(), true));
            }
        }
    }

    /// Writing a value to find out what it is costs many times what the rest of a hit does.
    #[test]
    fn a_hit_in_memory_does_not_write_the_value() {
        thread_local! {
            static WRITTEN: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
        }

        #[derive(Clone, Deserialize)]
        struct Watched;

        impl Serialize for Watched {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                WRITTEN.set(WRITTEN.get() + 1);
                serializer.serialize_unit_struct("Watched")
            }
        }

        let stored = pack(Payload::typed(Watched), &Meta::default());
        let before = WRITTEN.get();
        let (value, said) = unpack(stored);
        assert!(value.peek::<Watched>().is_some() && said.is_empty());
        assert_eq!(WRITTEN.get(), before);
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
