//! Settings of services from the configuration.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ServiceDef;
use crate::config::{SettingTexts, meant, plain};

/// Which settings stay on this node.
const SECURE: &str = "$secureSettings";

impl ServiceDef {
    /// Lays the settings that the configuration has for this service over those of the code: those under its name
    /// first, those under its full name (`v2.users`) over them. Objects are merged. A variable is a text where the code
    /// has one, whatever it looks like.
    ///
    /// What the code does not have stays on this node, however deep it stands: it did not say that others may see it.
    pub(crate) fn configure(
        &mut self,
        configured: &BTreeMap<String, Map<String, Value>>,
        texts: &SettingTexts,
    ) {
        let full_name = self.full_name();
        let names = [Some(self.name.clone()), Some(full_name).filter(|full| *full != self.name)];
        for name in names.iter().flatten() {
            let mut sections: Vec<_> =
                configured.iter().filter(|(key, _)| plain(key) == plain(name)).collect();
            // Variables have no capitals, and they win.
            sections.sort_by_key(|(key, _)| *key != name);
            for (key, section) in sections {
                let mut overlay = Overlay { path: vec![key.clone()], texts, hidden: Vec::new() };
                overlay.lay(&mut self.settings, section);
                if !overlay.hidden.is_empty() {
                    self.hide(overlay.hidden);
                }
            }
        }
    }

    fn hide(&mut self, keys: Vec<String>) {
        let secure = self.settings.entry(SECURE).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::String(one) = secure {
            *secure = Value::Array(vec![std::mem::take(one).into()]);
        }
        if let Value::Array(list) = secure {
            list.extend(keys.into_iter().map(Value::String));
        }
    }
}

/// One section of the configuration on its way into the settings of a service.
struct Overlay<'a> {
    /// The section, then the keys down to this place.
    path: Vec<String>,
    texts: &'a SettingTexts,
    /// What only the configuration has, in the notation of [`SECURE`].
    hidden: Vec<String>,
}

impl Overlay<'_> {
    fn lay(&mut self, settings: &mut Map<String, Value>, over: &Map<String, Value>) {
        for (key, value) in over {
            // Variables have no capitals.
            let known = match settings.contains_key(key) {
                true => Some(key),
                false => settings.keys().find(|own| plain(own) == plain(key)),
            };
            if known.is_none() {
                self.warn_if_near(key, settings);
            }
            // Gateways on other nodes read where the aliases stand.
            let told = key.starts_with('$') || (self.path.len() == 1 && key == "rest");
            let is_new = known.is_none() && !told;
            let key = known.unwrap_or(key).clone();
            if key == SECURE && self.path.len() == 1 {
                add_secure(settings, value);
                continue;
            }
            self.path.push(key.clone());
            match (settings.get_mut(&key), value) {
                (Some(Value::Object(own)), Value::Object(value)) => self.lay(own, value),
                (own, value) => {
                    // Keys within a list or in place of a scalar are not those of the code either.
                    if is_new || own.as_deref().is_some_and(|own| own != value) && holds_object(value) {
                        self.hidden.push(self.place());
                    }
                    let text = own.filter(|own| own.is_string()).and_then(|_| self.text());
                    settings.insert(key, text.map_or_else(|| value.clone(), Value::from));
                }
            }
            self.path.pop();
        }
    }

    /// What a variable says here. Settings of the framework may be of several types: `rest = false`.
    fn text(&self) -> Option<&str> {
        let own = self.path.get(1).is_some_and(|key| key != "rest" && !key.starts_with('$'));
        own.then(|| self.texts.get(&self.path)).flatten()
    }

    fn warn_if_near(&self, key: &str, settings: &Map<String, Value>) {
        let known: Vec<&str> = settings.keys().map(String::as_str).collect();
        if let Some(near) = meant(key, &known) {
            let place = self.path.join(".");
            tracing::warn!(
                "the configuration has 'settings.{place}.{key}', which the service does not have; did you mean '{near}'?"
            );
        }
    }

    /// This place in the notation of [`SECURE`]; where that has no word for it, the whole of which it is a part.
    fn place(&self) -> String {
        match &self.path[1..] {
            [top, _, ..] if self.path[1..].iter().any(|key| key.contains(['.', '[', ']'])) => top.clone(),
            path => path.join("."),
        }
    }
}

/// These add up, as those of mixins do: nothing that was hidden comes to light.
fn add_secure(settings: &mut Map<String, Value>, more: &Value) {
    let names = |value: &Value| match value {
        Value::Array(list) => list.clone(),
        Value::String(_) => vec![value.clone()],
        _ => Vec::new(),
    };
    let mut all = settings.get(SECURE).map(names).unwrap_or_default();
    for name in names(more) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    settings.insert(SECURE.into(), all.into());
}

fn holds_object(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(holds_object),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{config::Env, registry::public_settings};

    #[test]
    fn configured_settings_win_and_unknown_ones_stay_here() {
        let mut def = ServiceDef::new("mail").version(2).setting("rowsPerPage", 10);
        def = def.setting("smtp", json!({ "host": "a", "port": 25 })).setting(SECURE, "old");
        let configured = json!({
            "mail": { "rows_per_page": 20, "smtp": { "host": "b" }, "password": "hunter2", "$shutdownTimeout": 5 },
            "v2.mail": { "rowsPerPage": 30 },
            "other": { "rowsPerPage": 40 },
        });
        def.configure(&serde_json::from_value(configured).unwrap(), &SettingTexts::default());
        let expected = json!({
            "rowsPerPage": 30, "smtp": { "host": "b", "port": 25 }, "password": "hunter2", "$shutdownTimeout": 5,
            SECURE: ["old", "password"],
        });
        assert_eq!(Value::Object(def.settings), expected);
    }

    #[test]
    fn what_is_hidden_adds_up_and_where_the_aliases_stand_is_told() {
        let mut def =
            ServiceDef::new("mail").version(2).setting("apiKey", "hunter2").setting(SECURE, "apiKey");
        let configured = json!({
            "mail": { "token": "hunter2", "rest": false },
            "v2.mail": { SECURE: ["smtp.password"] },
        });
        def.configure(&serde_json::from_value(configured).unwrap(), &SettingTexts::default());
        assert_eq!(def.settings[SECURE], json!(["apiKey", "token", "smtp.password"]));
        assert_eq!(public_settings(&def.settings)["rest"], json!(false));
    }

    #[test]
    fn what_only_the_configuration_has_stays_here_however_deep_it_stands() {
        let code = json!({ "smtpServer": { "host": "a" }, "servers": [{ "host": "a" }], "store": null, "a.b": { "c": 1 } });
        let Value::Object(code) = code else { unreachable!() };
        let mut def =
            code.into_iter().fold(ServiceDef::new("mail"), |def, (key, value)| def.setting(key, value));
        let configured = json!({ "mail": {
            "smtp_server": { "host": "b", "password": "hunter2", "x.y": "hunter2" },
            "servers": [{ "host": "b", "password": "hunter2" }],
            "store": { "password": "hunter2" },
            "a.b": { "c": 2, "password": "hunter2" },
        } });
        def.configure(&serde_json::from_value(configured).unwrap(), &SettingTexts::default());
        assert_eq!(def.settings["smtpServer"]["password"], "hunter2");
        let shown = public_settings(&def.settings);
        assert!(!shown.to_string().contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_variable_is_a_text_where_the_code_has_one() {
        let env = [
            ("LIGAND_SETTINGS__USER_MAIL__SENDER", "007"),
            ("LIGAND_SETTINGS__USER_MAIL__SMTP__HOST", "10"),
            ("LIGAND_SETTINGS__USER_MAIL__ROWS", "20"),
            ("LIGAND_SETTINGS__USER_MAIL__REST", "false"),
        ];
        let options = crate::config::load(None, &Env::from_pairs(env)).unwrap();
        let mut def = ServiceDef::new("userMail").setting("sender", "1").setting("rows", 10);
        def = def.setting("smtp", json!({ "host": "a" })).setting("rest", "/mail");
        def.configure(&options.settings, &options.setting_texts);
        let expected = json!({ "sender": "007", "rows": 20, "smtp": { "host": "10" }, "rest": false });
        assert_eq!(Value::Object(def.settings), expected);
    }
}
