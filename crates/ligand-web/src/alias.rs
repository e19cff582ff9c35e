//! The text of an alias: `GET /users/:id`, and what it leads to.
//!
//! `:name` is one segment or a part of one, `*name` the rest of the path (at least one segment), `{/:name}` or
//! `/:name?` an optional one. Everything else is literal, but for characters that mean something in other notations of
//! paths, such as `(\\d+)`: these are refused, because a path that is misread is one that nobody meant.

use std::sync::Arc;

use http::Method;
use ligand_core::ActionRef;

use crate::path;

/// The full name of an action; made from a text or an [`ActionRef`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(pub(crate) Arc<str>);

impl From<&str> for Target {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for Target {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl<P, R> From<ActionRef<P, R>> for Target {
    fn from(action: ActionRef<P, R>) -> Self {
        Self(action.name().into())
    }
}

/// The methods aliases can have, in the order of the table.
pub(crate) const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Position of a method in [`METHODS`].
pub(crate) fn method_index(method: &Method) -> Option<usize> {
    METHODS.iter().position(|known| known == method)
}

/// Which methods an alias is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    /// All but `OPTIONS`.
    Any,
    /// A position in [`METHODS`].
    One(usize),
}

impl Verb {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "*" => Some(Self::Any),
            text => METHODS.iter().position(|known| known.as_str() == text).map(Self::One),
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        match self {
            Self::Any => "*",
            Self::One(index) => NAMES[index],
        }
    }
}

/// One alias as a route declares it.
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    pub(crate) verb: Verb,
    pub(crate) path: String,
    pub(crate) action: Target,
}

/// The six aliases of `REST /posts`.
const RESOURCE: [(usize, &str, &str); 6] = [
    (0, "", "list"),
    (0, "/:id", "get"),
    (2, "", "create"),
    (3, "/:id", "update"),
    (4, "/:id", "patch"),
    (5, "/:id", "remove"),
];

/// Reads `METHOD /path`, `/path` (any method) or `REST /path`.
pub(crate) fn parse(text: &str, action: &Target) -> Result<Vec<Alias>, String> {
    let text = text.trim();
    let (method, path) = match text.split_once(char::is_whitespace) {
        Some((method, path)) => (method, path.trim_start()),
        None => ("*", text),
    };
    if path.contains(char::is_whitespace) {
        return Err(format!("alias '{text}' is not \"METHOD /path\""));
    }
    if method == "REST" {
        patterns(path)?;
        return Ok(resource(path, &action.0, |_| true));
    }
    let Some(verb) = Verb::parse(method) else {
        return Err(format!(
            "alias '{text}': '{method}' is not a method; use one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, * \
             or REST"
        ));
    };
    patterns(path)?;
    Ok(vec![Alias { verb, path: path.into(), action: action.clone() }])
}

/// The REST aliases of a service whose action names `wanted` accepts.
pub(crate) fn resource(path: &str, service: &str, wanted: impl Fn(&str) -> bool) -> Vec<Alias> {
    let path = path.trim_end_matches('/');
    let chosen = RESOURCE.iter().filter(|(_, _, action)| wanted(action));
    chosen
        .map(|(method, tail, action)| Alias {
            verb: Verb::One(*method),
            path: format!("{path}{tail}"),
            action: Target(format!("{service}.{action}").into()),
        })
        .collect()
}

/// One form of a path for the table: `/users/{p0}` with the names of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    pub(crate) names: Vec<Arc<str>>,
}

const MOST_OPTIONAL: usize = 4;

/// All forms of a path; several when it has optional parts.
pub(crate) fn patterns(path: &str) -> Result<Vec<Pattern>, String> {
    let mut forms = vec![String::new()];
    let mut optional = 0;
    let mut rest = path;
    while !rest.is_empty() {
        let (part, is_optional, tail) = next_part(path, rest)?;
        rest = tail;
        if is_optional {
            optional += 1;
            if optional > MOST_OPTIONAL {
                return Err(format!("path '{path}' has more than {MOST_OPTIONAL} optional parts"));
            }
            let with: Vec<_> = forms.iter().map(|form| format!("{form}{part}")).collect();
            forms.extend(with);
        } else {
            for form in &mut forms {
                form.push_str(&part);
            }
        }
    }
    forms.iter().map(|form| pattern(path, form)).collect()
}

/// The next literal stretch, `{…}` group or `/:name?` of `rest`, whether it is optional, and what follows.
fn next_part<'a>(path: &str, rest: &'a str) -> Result<(String, bool, &'a str), String> {
    if let Some(group) = rest.strip_prefix('{') {
        let (inner, tail) =
            group.split_once('}').ok_or_else(|| format!("path '{path}': '{{' without '}}'"))?;
        return Ok((inner.into(), true, tail));
    }
    if let Some(param) = rest.strip_prefix("/:") {
        let end = name_end(param);
        let (name, tail) = param.split_at(end);
        let segment = |star: &str| format!("/{star}{name}");
        let mut after = tail.chars();
        if matches!(after.next(), Some('?' | '*' | '+')) && !matches!(after.next(), None | Some('/' | '{')) {
            return Err(format!("path '{path}': a segment ends after ':{name}{}'", &tail[..1]));
        }
        return Ok(match tail.chars().next() {
            Some('?') => (segment(":"), true, &tail[1..]),
            Some('*') => (segment("*"), true, &tail[1..]),
            Some('+') => (segment("*"), false, &tail[1..]),
            _ => (segment(":"), false, tail),
        });
    }
    let end =
        rest.char_indices().skip(1).find(|(_, c)| matches!(c, '{' | '/')).map_or(rest.len(), |(i, _)| i);
    Ok((rest[..end].into(), false, &rest[end..]))
}

fn name_end(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// Translates one form without optional parts. Parameters are numbered, so that `/:id` and `/:name` are the same.
fn pattern(path: &str, form: &str) -> Result<Pattern, String> {
    let (mut text, mut names) = (String::new(), Vec::new());
    let segments: Vec<_> = form.split('/').filter(|segment| !segment.is_empty()).collect();
    for (index, segment) in segments.iter().enumerate() {
        text.push('/');
        let number = names.len();
        if let Some(name) = segment.strip_prefix('*') {
            if index + 1 < segments.len() || name_end(name) < name.len() {
                return Err(format!("path '{path}': '*{name}' takes the rest and must be the last segment"));
            }
            text.push_str(&format!("{{*p{number}}}"));
            names.push(if name.is_empty() { "wildcard".into() } else { name.into() });
            continue;
        }
        if matches!(*segment, "." | "..") {
            return Err(format!("path '{path}': no request has a segment '{segment}'"));
        }
        let Some((before, after)) = segment.split_once(':') else {
            literal(path, segment, &mut text)?;
            continue;
        };
        let (name, after) = after.split_at(name_end(after));
        if name.is_empty() || after.contains(':') {
            return Err(format!(
                "path '{path}': write one ':name' in a segment, with letters, digits and '_' (in '{segment}')"
            ));
        }
        literal(path, before, &mut text)?;
        text.push_str(&format!("{{p{number}}}"));
        literal(path, after, &mut text)?;
        names.push(name.into());
    }
    if text.is_empty() {
        text.push('/');
    }
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            return Err(format!("path '{path}' uses the parameter '{name}' twice"));
        }
    }
    Ok(Pattern { text, names })
}

/// Characters that stand for something in one notation of paths or another.
const RESERVED: [char; 11] = ['(', ')', '[', ']', '{', '}', '+', '?', '!', '*', '\\'];

fn literal(path: &str, text: &str, out: &mut String) -> Result<(), String> {
    if let Some(c) = text.chars().find(|c| RESERVED.contains(c) || c.is_control()) {
        let c = c.escape_debug();
        return Err(format!(
            "path '{path}': '{c}' is not understood; write ':name' for a segment, '{{/:name}}' for an optional one, \
             '*name' for the rest"
        ));
    }
    path::push_escaped(text, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(path: &str) -> Vec<String> {
        patterns(path).unwrap().into_iter().map(|pattern| pattern.text).collect()
    }

    #[test]
    fn paths_are_translated() {
        assert_eq!(forms(""), ["/"]);
        assert_eq!(forms("users/"), ["/users"]);
        assert_eq!(forms("/users/:id/posts/:post"), ["/users/{p0}/posts/{p1}"]);
        assert_eq!(forms("/files/:name.json"), ["/files/{p0}.json"]);
        assert_eq!(forms("/rep/*args"), ["/rep/{*p0}"]);
        assert_eq!(forms("/opt{/:name}"), ["/opt", "/opt/{p0}"]);
        assert_eq!(forms("/opt/:name?"), ["/opt", "/opt/{p0}"]);
        assert_eq!(forms("/rep/:args*"), ["/rep", "/rep/{*p0}"]);
        assert_eq!(forms("/rep/:args+"), ["/rep/{*p0}"]);
        assert_eq!(forms("/50%"), ["/50%25"]);
        let names = &patterns("/a/:x/:y_2").unwrap()[0].names;
        assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), ["x", "y_2"]);
    }

    #[test]
    fn wrong_paths_say_why() {
        for path in ["/a/:", "/*rest/x", "/:a/:a", "/x{/:a", "/:a:b", "/{a}{b}{c}{d}{e}"] {
            assert!(patterns(path).unwrap_err().contains(path), "{path}");
        }
    }

    #[test]
    fn other_notations_of_paths_are_refused_instead_of_read_as_literals() {
        for path in [
            "/:id(\\d+)",
            "/(a|b)",
            "/a*",
            "/x/:id+y",
            "/[ab]",
            "/a}b",
            "/a{/b{/c}}",
            "/a\\:b",
            "/a?",
            "/x!",
            "/:a-:b?",
            "/../x",
            "/x/./y",
        ] {
            assert!(patterns(path).is_err(), "{path}: {:?}", patterns(path));
        }
    }

    #[test]
    fn aliases_have_methods() {
        let one = |text: &str| parse(text, &"a.b".into()).unwrap().remove(0);
        assert_eq!((one("GET   users").verb, one("GET   users").path), (Verb::One(0), "users".into()));
        assert_eq!(one("/users").verb, Verb::Any);
        let rest = parse("REST /posts", &"v2.posts".into()).unwrap();
        let texts: Vec<_> =
            rest.iter().map(|a| format!("{} {} {}", a.verb.as_str(), a.path, a.action.0)).collect();
        assert_eq!(
            texts,
            [
                "GET /posts v2.posts.list",
                "GET /posts/:id v2.posts.get",
                "POST /posts v2.posts.create",
                "PUT /posts/:id v2.posts.update",
                "PATCH /posts/:id v2.posts.patch",
                "DELETE /posts/:id v2.posts.remove",
            ]
        );
        for bad in ["get /x", "GET,POST /x", "FETCH /x", "GET /a b"] {
            assert!(parse(bad, &"a.b".into()).unwrap_err().contains(bad), "{bad}");
        }
    }
}
