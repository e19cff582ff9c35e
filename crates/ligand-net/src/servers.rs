//! Addresses of servers in options.

use std::fmt;

use ligand_wire::redact::Redacted;
use serde::Deserialize;

/// Addresses of one or several servers: in code and configuration one text, several separated by `,` or `;`, or a list.
/// Where one of these stands in a user or password, it is written `%2C` or `%3B`.
///
/// ```
/// use ligand_net::Servers;
/// assert_eq!(Servers::from("nats://a, nats://b"), Servers::from(["nats://a", "nats://b"]));
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Form")]
pub struct Servers(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "an address such as \"scheme://host:port\", or a list of them")]
enum Form {
    One(String),
    Several(Vec<String>),
}

impl Servers {
    /// The addresses, as they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl From<Form> for Servers {
    fn from(form: Form) -> Self {
        match form {
            Form::One(text) => text.into(),
            Form::Several(list) => list.into_iter().collect(),
        }
    }
}

impl From<&str> for Servers {
    fn from(text: &str) -> Self {
        Self(text.split([',', ';']).map(str::trim).filter(|url| !url.is_empty()).map(Into::into).collect())
    }
}

impl From<String> for Servers {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for Servers {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl<T: Into<String>, const N: usize> From<[T; N]> for Servers {
    fn from(list: [T; N]) -> Self {
        list.into_iter().collect()
    }
}

impl<T: Into<String>> From<Vec<T>> for Servers {
    fn from(list: Vec<T>) -> Self {
        list.into_iter().collect()
    }
}

impl<T: Into<String>> FromIterator<T> for Servers {
    fn from_iter<I: IntoIterator<Item = T>>(list: I) -> Self {
        Self(list.into_iter().map(|url| url.into().trim().to_owned()).collect())
    }
}

impl fmt::Debug for Servers {
    /// Hosts and ports only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Redacted::url)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_several_or_a_list() {
        let two = Servers::from(["mqtt://a", "mqtt://b"]);
        for form in [r#""mqtt://a,mqtt://b""#, r#""mqtt://a ; mqtt://b;""#, r#"["mqtt://a"," mqtt://b"]"#] {
            assert_eq!(serde_json::from_str::<Servers>(form).unwrap(), two, "{form}");
        }
        assert_eq!(Servers::from(" , ").iter().count(), 0);
        let error = serde_json::from_str::<Servers>("5").unwrap_err().to_string();
        assert!(error.contains("or a list"), "{error}");
    }

    #[test]
    fn passwords_are_not_shown() {
        let text = format!("{:?}", Servers::from(["redis://u:hunter2@a:1", "hunter2"]));
        assert_eq!(text, "[redis://a:1, …]");
    }
}
