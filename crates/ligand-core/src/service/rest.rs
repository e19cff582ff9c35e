//! The `rest` option of actions: `GET /:id`.

use std::{fmt, str::FromStr};

use ligand_wire::Error;

/// One HTTP alias of an action, relative to the service's base path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`, `OPTIONS`, or `*` for all.
    pub method: String,
    /// Path that starts with a slash; `:name` is a parameter.
    pub path: String,
}

impl Rest {
    /// An alias whose parts are known to be right; parse a text to have it checked.
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into() }
    }
}

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl FromStr for Rest {
    type Err = Error;

    /// `METHOD /path`, or `/path` for every method.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (method, path) = match text.split_once(char::is_whitespace) {
            Some((method, path)) => (method, path.trim()),
            None => ("*", text),
        };
        let known = method == "*" || METHODS.contains(&method);
        if !known || !path.starts_with('/') || path.contains(char::is_whitespace) {
            return Err(Error::service_schema(format!(
                "rest '{text}' is not \"METHOD /path\", for example \"GET /:id\" (methods: {})",
                METHODS.join(", ")
            )));
        }
        Ok(Self { method: method.into(), path: path.into() })
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_methods_and_paths() {
        let rest: Rest = "GET   /:id".parse().unwrap();
        assert_eq!((rest.method.as_str(), rest.path.as_str()), ("GET", "/:id"));
        assert_eq!("/x".parse::<Rest>().unwrap().method, "*");
        for bad in ["FETCH /x", "get /x", "GET x", "GET", "GET /a b"] {
            assert!(bad.parse::<Rest>().unwrap_err().message().contains("GET /:id"), "{bad}");
        }
    }
}
