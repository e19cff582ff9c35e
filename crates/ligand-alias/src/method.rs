//! The method of an alias, and the space after it.

use crate::names::nearest;

/// The methods that an alias can have.
pub const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Which methods an alias is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// All but `OPTIONS`.
    Any,
    /// A position in [`METHODS`].
    One(usize),
}

impl Verb {
    /// Reads a method, or `*`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "*" => Some(Self::Any),
            text => METHODS.iter().position(|known| *known == text).map(Self::One),
        }
    }

    /// The method, or `*`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "*",
            Self::One(index) => METHODS.get(index).copied().unwrap_or("*"),
        }
    }
}

/// Cuts the text at the space. The method is not checked yet.
pub(crate) fn split(text: &str, six: bool) -> Result<(&str, &str), String> {
    let text = text.trim();
    let (method, path) = match text.split_once(char::is_whitespace) {
        Some((method, path)) => (method, path.trim_start()),
        None if text.starts_with('/') => ("*", text),
        None => return Err(without_space(text)),
    };
    if path.contains(char::is_whitespace) {
        return Err(if path.starts_with(['/', ':']) {
            format!("'{text}': a path has no blanks; write one alias for each path")
        } else {
            format!("'{text}' is not \"METHOD /path\", for example \"GET /:id\"")
        });
    }
    if method == "REST" && !six {
        return Err(format!(
            "'{text}': 'REST' stands for six aliases of a route; an action has one method, for example \"GET /:id\""
        ));
    }
    if method == "REST" || Verb::parse(method).is_some() {
        if path.contains("://") {
            return Err(format!("'{text}': scheme and host are no part of a path; begin with '/'"));
        }
        if !path.starts_with('/') {
            return Err(format!("'{text}': a path begins with '/'; write \"{method} /{path}\""));
        }
        return Ok((method, path));
    }
    Err(unknown(text, method, path))
}

/// One word: a path without a slash, a method without a path, or both without a space.
fn without_space(text: &str) -> String {
    if text.is_empty() {
        return "it is empty; write \"METHOD /path\", for example \"GET /:id\"".into();
    }
    if text.contains("://") {
        return format!("'{text}': scheme and host are no part of a path; begin with '/'");
    }
    let upper = text.to_ascii_uppercase();
    for method in METHODS.into_iter().chain(["REST", "*"]) {
        let Some(rest) = upper.strip_prefix(method).map(|rest| &text[text.len() - rest.len()..]) else {
            continue;
        };
        if rest.is_empty() {
            return format!("'{text}' has no path; write \"{method} /\"");
        }
        // `getting-started` is a path.
        if text.starts_with(method)
            || !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        {
            let path = rest.trim_start_matches([':', ',', ';']).trim_start_matches('/');
            let colon = if rest.starts_with(':') && !rest.starts_with(":/") { ":" } else { "" };
            return format!(
                "'{text}': a space is missing between method and path; write \"{method} /{colon}{path}\""
            );
        }
    }
    format!("'{text}': a path begins with '/'; write \"/{text}\" for every method, or \"GET /{text}\"")
}

/// What is wrong with a method, and what was probably meant.
#[cold]
pub(crate) fn unknown(text: &str, method: &str, path: &str) -> String {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let upper = method.to_ascii_uppercase();
    if upper == "REST" || METHODS.contains(&&*upper) {
        return format!("'{text}': a method is written in capitals; write \"{upper} {path}\"");
    }
    let several: Vec<&str> = upper.split([',', '|', '+', '/']).map(str::trim).collect();
    if several.len() > 1 && several.iter().all(|one| METHODS.contains(one)) {
        let each: Vec<_> = several.iter().map(|one| format!("\"{one} {path}\"")).collect();
        return format!("'{text}': an alias has one method; write {}", each.join(" and "));
    }
    if matches!(&*upper, "ANY" | "ALL") {
        return format!("'{text}': every method is written \"{path}\" or \"* {path}\"");
    }
    let word = upper.trim_matches(|c: char| !c.is_ascii_alphabetic());
    match nearest(word, &METHODS) {
        Some(index) => {
            format!("'{text}': '{method}' is not a method; did you mean \"{} {path}\"?", METHODS[index])
        }
        None => format!(
            "'{text}': '{method}' is not a method; use one of {}, or * for all, as in \"GET /:id\"",
            METHODS.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Verb, split, split_rest};

    #[test]
    fn methods_and_paths_are_read() {
        for (text, method, path) in [
            ("GET /users", "GET", "/users"),
            ("  GET \t /users ", "GET", "/users"),
            ("/users", "*", "/users"),
            ("* /users", "*", "/users"),
            ("OPTIONS /", "OPTIONS", "/"),
        ] {
            assert_eq!(split(text).map(|(verb, path)| (verb.as_str(), path)), Ok((method, path)), "{text}");
        }
        assert_eq!(split_rest("REST /posts"), Ok((None, "/posts")));
        assert_eq!(split_rest("PUT /posts"), Ok((Some(Verb::One(3)), "/posts")));
    }

    #[test]
    fn what_is_no_alias_says_what_to_write() {
        for (text, fix) in [
            ("", "\"GET /:id\""),
            ("GET", "\"GET /\""),
            ("get", "\"GET /\""),
            ("GET/:id", "\"GET /:id\""),
            ("GET:id", "\"GET /:id\""),
            ("GET:/x", "\"GET /x\""),
            ("GETusers", "\"GET /users\""),
            ("get/x", "\"GET /x\""),
            ("*/x", "\"* /x\""),
            ("GET{id}", "\"GET /{id}\""),
            ("GET users", "\"GET /users\""),
            ("GET :id", "\"GET /:id\""),
            ("users", "\"/users\""),
            ("getting-started", "\"/getting-started\""),
            ("get /x", "\"GET /x\""),
            ("Get x", "\"GET /x\""),
            ("GTE /x", "\"GET /x\""),
            ("GETT /x", "\"GET /x\""),
            ("DELET /x", "\"DELETE /x\""),
            ("GET: /x", "\"GET /x\""),
            ("GET,POST /x", "\"GET /x\" and \"POST /x\""),
            ("GET|post /x", "\"GET /x\" and \"POST /x\""),
            ("ALL /x", "\"* /x\""),
            ("FETCH /x", "GET, HEAD, POST"),
            ("GET /a b", "no blanks"),
            ("GET /a /b", "one alias for each"),
            ("GET http://x/y", "scheme"),
            ("http://x/y", "scheme"),
            ("REST /x", "one method"),
        ] {
            let error = split(text).unwrap_err();
            assert!(error.contains(fix), "{text}: {error}");
        }
    }
}
