//! Checks of parameters: cheap when they pass, complete when they do not.
//!
//! On the success path the content is decoded once and the generated checks of its type run. Only when that
//! fails is the raw content walked again with the schema, to report every broken rule at once.

use std::any::TypeId;

use ligand_wire::{
    Data, Error, FieldError, Payload, Result,
    error::kind,
    schema::{JsonSchema, MAX_ACTUAL, Schema},
    text::{Unreadable, look},
    validate::{Report, Validate, unreadable},
};
use serde_json::Value;

/// Decodes to `P`, sanitises, checks; the output holds the typed value.
pub(crate) fn check<P: Data + Validate + JsonSchema>(payload: Payload) -> Result<Payload> {
    if passes::<P>(&payload) {
        return Ok(payload);
    }
    match payload.clone().into_typed::<P>() {
        Ok(mut typed) => {
            if P::SANITIZES
                && let Some(params) = typed.typed_mut::<P>()
            {
                params.sanitize();
            }
            if !P::CHECKS || typed.peek::<P>().is_none_or(Validate::is_valid) {
                return Ok(typed);
            }
            let mut own = Report::new();
            if let Some(params) = typed.peek::<P>() {
                params.violations(&mut own);
            }
            Err(report(&P::schema(), &payload, own.into_errors(), None))
        }
        Err(error) => Err(match report(&P::schema(), &payload, Vec::new(), Some(error)) {
            // The schema has no complaint.
            error if error.kind() == kind::PAYLOAD_DECODE_ERROR => {
                let secrets = P::schema().has_secrets();
                let value = payload.to_value().ok();
                match value.as_ref().and_then(|value| unreadable::<P>(value, secrets)) {
                    // The complaint of a reader quotes the value.
                    field if secrets => {
                        let field = field.unwrap_or_else(|| FieldError::new("custom", None, None, None));
                        Error::validation(vec![field])
                    }
                    Some(field) => Error::validation(vec![field]).with_internal(error.to_string()),
                    None => error,
                }
            }
            error => error,
        }),
    }
}

/// Whether [`check`] would leave these parameters as they are.
pub(crate) fn passes<P: Data + Validate>(payload: &Payload) -> bool {
    !P::SANITIZES && payload.peek::<P>().is_some_and(|params| !P::CHECKS || params.is_valid())
}

/// What a handler that takes a `P` will see in the parameters: typed, with the defaults of what was left out. They
/// come back as they were when they are no `P`.
///
/// Only a handler of untyped parameters sees whether none were given; of a cached action it gets `{}` then, as in
/// Moleculer: both have the same key.
pub(crate) fn handled<P: Data>(mut payload: Payload) -> Result<Payload, Payload> {
    if TypeId::of::<P>() == TypeId::of::<Payload>() {
        return Ok(or_empty(payload));
    }
    if payload.peek::<P>().is_some() {
        return Ok(payload);
    }
    // What may have to be given back is not copied.
    payload.share();
    match payload.clone().into_typed::<P>() {
        // There is one such value, and it has no parameters.
        Ok(_) if TypeId::of::<P>() == TypeId::of::<()>() => Ok(Payload::UNDEFINED),
        Ok(typed) => Ok(typed),
        Err(_) => Err(payload),
    }
}

/// The parameters, when [`handled`] would leave them as they are.
pub(crate) fn seen<P: Data>(payload: &Payload) -> Option<&Payload> {
    const NOTHING: &Payload = &Payload::UNDEFINED;
    if TypeId::of::<P>() == TypeId::of::<()>() {
        return payload.is_null().then_some(NOTHING);
    }
    // Of no parameters at all the key is that of empty ones.
    let same = TypeId::of::<P>() == TypeId::of::<Payload>() || payload.peek::<P>().is_some();
    same.then_some(payload)
}

/// See [`handled`].
pub(crate) fn or_empty(payload: Payload) -> Payload {
    if payload.is_undefined() { Payload::from(serde_json::json!({})) } else { payload }
}

/// Checks a payload without types against a schema.
pub(crate) fn check_dynamic(schema: &Schema, payload: &Payload) -> Result<()> {
    let value = payload.to_value().map_err(|error| no_value(payload).unwrap_or(error))?;
    let value = if value.is_null() { serde_json::json!({}) } else { value };
    match schema.check(&value) {
        errors if errors.is_empty() => Ok(()),
        errors => Err(Error::validation(errors)),
    }
}

/// Checks the parameters of a call from another framework's node. Its gateway sends texts of a URL as they are, because
/// the `params` that this node announces say `convert`: what does not fit is converted, as they promise, and checked
/// once more.
pub(crate) fn check_texts(
    schema: &Schema,
    params: &Payload,
    check: impl Fn(Payload) -> Result<Payload>,
) -> Result<Payload> {
    let error = match check(params.clone()) {
        Ok(params) => return Ok(params),
        Err(error) => error,
    };
    let Ok(mut converted) = params.to_value() else { return Err(error) };
    let before = converted.clone();
    schema.convert(&mut converted);
    if converted == before {
        Err(error)
    } else {
        check(converted.into()).map_err(|error| as_given(error, &before))
    }
}

/// Quotes what the caller sent instead of what it was converted to, as Moleculer does. What is not quoted stays so.
#[cold]
fn as_given(mut error: Error, given: &Value) -> Error {
    for entry in error.data_mut().and_then(Value::as_array_mut).into_iter().flatten() {
        let field = entry.get("field").and_then(Value::as_str).unwrap_or_default();
        let place = format!("/{}", field.replace(['.', '['], "/").replace(']', ""));
        let text =
            given.pointer(&place).filter(|text| text.as_str().is_some_and(|text| text.len() <= MAX_ACTUAL));
        if let (Some(text), Some(actual)) = (text, entry.get_mut("actual")) {
            *actual = text.clone();
        }
    }
    error
}

/// Every broken rule of `payload`, those of its schema and those that its own checks found; when there are none, the
/// decoder's complaint.
#[cold]
fn report(schema: &Schema, payload: &Payload, own: Vec<FieldError>, decode: Option<Error>) -> Error {
    let value = match payload.to_value() {
        Ok(serde_json::Value::Null) => serde_json::json!({}),
        Ok(value) => value,
        Err(error) => return no_value(payload).unwrap_or_else(|| decode.unwrap_or(error)),
    };
    let mut errors = schema.check(&value);
    errors.extend(own);
    match errors.is_empty() {
        // A rule of a `Validate` that was written by hand.
        true => {
            decode.unwrap_or_else(|| Error::validation(vec![FieldError::new("custom", None, None, None)]))
        }
        false => Error::validation(errors),
    }
}

/// The field of a JSON text that is no value: a number beyond all numbers.
fn no_value(payload: &Payload) -> Option<Error> {
    let text = std::str::from_utf8(payload.as_json()?).ok()?;
    let Unreadable { place, error } = look(text, false).err()?;
    let complaint = error.to_string();
    let complaint = complaint.split(" at line ").next().unwrap_or_default();
    let text = format!("The '{place}' field cannot be read: {complaint}.");
    (!place.is_empty())
        .then(|| Error::validation(vec![FieldError::custom(place, text)]).with_internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_quote_the_texts_that_came_and_not_what_they_became() {
        let number = json!({ "type": "integer", "minimum": 1 });
        let list = json!({ "type": "array", "items": number });
        let fields = json!({ "page": number, "sizes": list, "name": { "type": "string" } });
        let schema = Schema::from_json(json!({ "type": "object", "properties": fields })).unwrap();
        let sent = json!({ "page": "0", "sizes": ["3", "-1"], "name": 5 });
        let check = |params: Payload| check_dynamic(&schema, &params).map(|()| params);
        let error = check_texts(&schema, &sent.into(), check).unwrap_err();
        let entries = error.data().and_then(Value::as_array).unwrap();
        let quoted = entries.iter().map(|entry| (&entry["field"], &entry["type"], &entry["actual"]));
        assert_eq!(
            quoted.map(|(field, kind, actual)| json!([field, kind, actual])).collect::<Vec<_>>(),
            [
                json!(["page", "numberMin", "0"]),
                json!(["sizes[1]", "numberMin", "-1"]),
                json!(["name", "string", 5])
            ]
        );
    }
}
