//! Fields whose values are never written.

use std::collections::HashSet;

use serde_json::Value;

/// What stands in the place of a value.
pub const REDACTED: &str = "***";

/// Names of fields that hold secrets, wherever they come from. Compared without case, `_` and `-`.
pub const ALWAYS: [&str; 24] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "clientsecret",
    "token",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "apikey",
    "authorization",
    "proxyauthorization",
    "cookie",
    "setcookie",
    "session",
    "sessionid",
    "privatekey",
    "credentials",
    "cardnumber",
    "creditcard",
    "cvv",
    "cvc",
    "iban",
    "pin",
];

/// The longest text of a line, in bytes: a body that slipped into one must not fill the disk.
pub(crate) const LONGEST: usize = 16 * 1024;

/// Cuts a text that is too long.
pub(crate) fn cut(text: &mut String) {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
}

/// Which fields are not written.
#[derive(Clone, Debug)]
pub struct Redact(HashSet<String>);

impl Default for Redact {
    fn default() -> Self {
        Self(ALWAYS.into_iter().map(str::to_owned).collect())
    }
}

impl Redact {
    /// Those and these.
    pub fn and<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.0.extend(names.into_iter().map(|name| plain(name.as_ref())));
        self
    }

    /// Whether the value of a field stays out. Of a name with dots the last part counts too.
    pub fn hides(&self, name: &str) -> bool {
        let plain = plain(name);
        self.0.contains(&plain) || plain.rsplit_once('.').is_some_and(|(_, last)| self.0.contains(last))
    }

    /// Takes the secrets out of a value, at any depth, and cuts its texts.
    pub(crate) fn clean(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match self.hides(name) {
                        true => *value = REDACTED.into(),
                        false => self.clean(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean(item)),
            Value::String(text) => cut(text),
            _ => {}
        }
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !"_-".contains(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_compared_as_people_write_them() {
        let redact = Redact::default().and(["tax_number"]);
        for name in ["password", "Api-Key", "api_key", "accessToken", "TaxNumber", "user.password"] {
            assert!(redact.hides(name), "{name}");
        }
        for name in ["passwords_changed", "tokens", "user", "pinned"] {
            assert!(!redact.hides(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_taken_out_at_any_depth() {
        let mut value =
            json!({ "user": { "name": "ada", "password": "hunter2" }, "list": [{ "pin": 1234 }] });
        Redact::default().clean(&mut value);
        assert_eq!(
            value,
            json!({ "user": { "name": "ada", "password": "***" }, "list": [{ "pin": "***" }] })
        );
    }
}
