//! What must be the same in every round: ids by the place of their first appearance, times by their form, tokens by what
//! they say.

use serde_json::{Value, json};

use super::script::mark;

/// Brings answers into their normal form; one value for all answers of a round.
#[derive(Debug)]
pub(super) struct Normal {
    /// How the round is marked in names.
    round: String,
    /// In the order of their appearance.
    ids: Vec<String>,
}

impl Normal {
    /// For the answers of a round.
    pub(super) fn new(round: usize) -> Self {
        Self { round: mark(round), ids: Vec::new() }
    }

    /// The normal form of an answer.
    pub(super) fn normal(&mut self, value: Value) -> Value {
        self.value("", value)
    }

    fn value(&mut self, field: &str, value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                // Objects have no order, so it must not decide which id comes first.
                let mut fields: Vec<_> = fields.into_iter().collect();
                fields.sort_by(|one, other| one.0.cmp(&other.0));
                fields.into_iter().map(|(name, value)| (self.text(&name), self.value(&name, value))).collect()
            }
            Value::Array(items) => items.into_iter().map(|item| self.value(field, item)).collect(),
            Value::Number(number) if field.ends_with("At") => match number.as_u64() {
                Some(1_700_000_000_000..=9_999_999_999_999) => json!("<milliseconds>"),
                _ => Value::Number(number),
            },
            Value::String(text) if field.ends_with("At") && is_date(&text) => json!("<date>"),
            Value::String(text) => match text.strip_prefix("Bearer ").and_then(claims) {
                Some(claims) => json!({ "token": self.value("", claims) }),
                None => Value::String(self.text(&text)),
            },
            other => other,
        }
    }

    /// Replaces the round and the ids in a text.
    fn text(&mut self, text: &str) -> String {
        let mut normal = String::new();
        let text = text.replace(&self.round, "<round>");
        let mut rest = &*text;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(rest.len());
            let (word, more) = rest.split_at(end);
            if is_id(word) {
                let known = self.ids.iter().position(|id| id == word);
                let place = known.unwrap_or_else(|| {
                    self.ids.push(word.to_owned());
                    self.ids.len() - 1
                });
                normal += &format!("<id {place}>");
            } else {
                normal += word;
            }
            let mut others = more.chars();
            normal.extend(others.next());
            rest = others.as_str();
        }
        normal
    }
}

/// As NeDB makes them (16 letters and digits), or a UUID.
fn is_id(word: &str) -> bool {
    let random = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
    match word.len() {
        16 => !word.contains('-') && word.chars().skip(1).any(random),
        36 => word.split('-').map(str::len).eq([8, 4, 4, 4, 12]),
        _ => false,
    }
}

/// As `Date.toISOString` writes it.
fn is_date(text: &str) -> bool {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    form == "0000-00-00T00:00:00.000Z"
}

/// What a token says; of its times, how long it is valid.
fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    let mut claims: Value = serde_json::from_slice(&base64(payload)?).ok()?;
    let fields = claims.as_object_mut()?;
    let (issued, expires) = (fields.remove("iat")?.as_i64()?, fields.remove("exp")?.as_i64()?);
    fields.insert("seconds".into(), json!(expires - issued));
    Some(claims)
}

/// Decodes base64 for URLs.
fn base64(text: &str) -> Option<Vec<u8>> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let six = alphabet.iter().position(|own| *own == letter)?;
        held = held << 6 | u32::try_from(six).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_has_the_same_place() {
        let mut normal = Normal::new(0);
        let first = json!({ "_id": "aB3dE6gH9jKlMnOp", "to": "/x/aB3dE6gH9jKlMnOp?", "at": "plain words" });
        let want = json!({ "_id": "<id 0>", "to": "/x/<id 0>?", "at": "plain words" });
        assert_eq!(normal.normal(first), want);
        let uuid = json!(["01890a5d-ac96-774b-bcce-b302099a8057", "aB3dE6gH9jKlMnOp"]);
        assert_eq!(normal.normal(uuid), json!(["<id 1>", "<id 0>"]));
    }

    #[test]
    fn times_keep_their_form() {
        let mut normal = Normal::new(0);
        let times =
            json!({ "createdAt": 1_795_949_229_401_u64, "madeAt": "2026-01-31T12:00:00.000Z", "oldAt": 5 });
        let want = json!({ "createdAt": "<milliseconds>", "madeAt": "<date>", "oldAt": 5 });
        assert_eq!(normal.normal(times), want);
        assert_eq!(normal.normal(json!({ "madeAt": "2026-01-31" })), json!({ "madeAt": "2026-01-31" }));
    }

    #[test]
    fn tokens_are_what_they_say() {
        // {"role":"user","iat":10,"exp":70}
        let token = "Bearer e30.eyJyb2xlIjoidXNlciIsImlhdCI6MTAsImV4cCI6NzB9.x";
        let want = json!({ "token": { "role": "user", "seconds": 60 } });
        assert_eq!(Normal::new(0).normal(json!(token)), want);
    }
}
