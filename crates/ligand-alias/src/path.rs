//! The path of an alias, in all its forms.

use crate::same;

/// A path that was read: one form for each combination of its optional parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    forms: Vec<Form>,
}

/// A path without optional parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// What stands between the slashes.
    pub segments: Vec<Segment>,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text.
    Plain(String),
    /// A parameter, with exactly these texts before and after it.
    Param {
        /// What stands before it.
        before: String,
        /// Its name as it was written.
        name: String,
        /// What stands after it.
        after: String,
    },
    /// The rest of the path under this name: at least one segment.
    Rest(String),
}

impl Segment {
    /// The name of its parameter.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Param { name, .. } | Self::Rest(name) => Some(name),
        }
    }
}

impl Form {
    /// The names of its parameters, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::name)
    }
}

const MOST_OPTIONAL: usize = 4;

impl Path {
    /// Reads a path; a slash at the beginning may be missing.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn parse(path: &str) -> Result<Self, String> {
        let mut forms = vec![String::new()];
        let mut optional = 0;
        let mut rest = path;
        while !rest.is_empty() {
            let (part, is_optional, tail) = next_part(path, rest)?;
            rest = tail;
            if is_optional {
                optional += 1;
                if optional > MOST_OPTIONAL {
                    return Err(format!(
                        "path '{path}' has more than {MOST_OPTIONAL} optional parts; write several aliases"
                    ));
                }
                let with: Vec<_> = forms.iter().map(|form| format!("{form}{part}")).collect();
                forms.extend(with);
            } else {
                for form in &mut forms {
                    form.push_str(&part);
                }
            }
        }
        let forms = forms.iter().map(|text| form(path, text)).collect::<Result<_, _>>()?;
        Ok(Self { forms })
    }

    /// All forms, at least one; the first has none of the optional parts.
    pub fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// The names of all parameters, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.forms.iter().flat_map(Form::names) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The texts that stand for the same requests whatever the parameters are called: `/:id` and `/:name` have one.
    pub fn shapes(&self) -> impl Iterator<Item = String> {
        self.forms.iter().map(|form| {
            let parts = form.segments.iter().map(|segment| match segment {
                Segment::Plain(text) => format!("/{text}"),
                Segment::Param { before, after, .. } => format!("/{before}:{after}"),
                Segment::Rest(_) => "/*".to_owned(),
            });
            parts.collect()
        })
    }
}

/// The next literal stretch, `{…}` group or `/:name?` of `rest`, whether it is optional, and what follows.
fn next_part<'a>(path: &str, rest: &'a str) -> Result<(String, bool, &'a str), String> {
    if let Some(group) = rest.strip_prefix('{') {
        let (inner, tail) = group.split_once('}').ok_or_else(|| {
            format!("path '{path}': '{{' without '}}'; an optional part is written '{{/:name}}'")
        })?;
        other_notation(path, inner)?;
        return Ok((inner.into(), true, tail));
    }
    if let Some(param) = rest.strip_prefix("/:") {
        let end = name_end(param);
        let (name, tail) = param.split_at(end);
        let segment = |star: &str| format!("/{star}{name}");
        let mut after = tail.chars();
        if matches!(after.next(), Some('?' | '*' | '+')) && !matches!(after.next(), None | Some('/' | '{')) {
            return Err(if tail.starts_with('?') && tail.contains('=') {
                query(path)
            } else {
                format!("path '{path}': a segment ends after ':{name}{}'; write '/' there", &tail[..1])
            });
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

/// `{id}`, `{*rest}`, `{id:[0-9]+}`: parameters elsewhere, optional literals here.
fn other_notation(path: &str, inner: &str) -> Result<(), String> {
    let star = inner.starts_with('*');
    let word = inner.trim_start_matches('*');
    let name = &word[..name_end(word)];
    if name.is_empty() || !matches!(word[name.len()..].chars().next(), None | Some(':' | '?' | '*' | '=')) {
        return Ok(());
    }
    Err(if star {
        format!("path '{path}': '{{{inner}}}' is another notation; write '*{name}' for the rest of the path")
    } else {
        format!(
            "path '{path}': '{{{inner}}}' is another notation; write ':{name}' for a parameter, '{{/:{name}}}' for an \
             optional one"
        )
    })
}

fn name_end(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// Reads one form without optional parts.
fn form(path: &str, text: &str) -> Result<Form, String> {
    let mut segments: Vec<Segment> = Vec::new();
    let parts: Vec<_> = text.split('/').filter(|part| !part.is_empty()).collect();
    for (index, part) in parts.iter().enumerate() {
        let segment = if let Some(name) = part.strip_prefix('*') {
            if index + 1 < parts.len() || name_end(name) < name.len() {
                let one = if name.is_empty() { "name" } else { &name[..name_end(name)] };
                return Err(format!(
                    "path '{path}': '{part}' takes the rest of the path and must be the last segment; write ':{one}' \
                     for one segment"
                ));
            }
            Segment::Rest(if name.is_empty() { "wildcard" } else { name }.into())
        } else if matches!(*part, "." | "..") {
            return Err(format!("path '{path}': no request has a segment '{part}'; leave it out"));
        } else if let Some((before, after)) = part.split_once(':').filter(|_| !part.contains('<')) {
            let (name, after) = after.split_at(name_end(after));
            if name.is_empty() || after.contains(':') {
                return Err(format!(
                    "path '{path}': write one ':name' in a segment, with letters, digits and '_' (in '{part}')"
                ));
            }
            Segment::Param { before: literal(path, before)?, name: name.into(), after: literal(path, after)? }
        } else {
            Segment::Plain(literal(path, part)?)
        };
        if let Some(name) = segment.name()
            && let Some(first) = segments.iter().filter_map(Segment::name).find(|first| same(first, name))
        {
            return Err(if first == name {
                format!("path '{path}' uses the parameter '{name}' twice; give one of them another name")
            } else {
                format!(
                    "path '{path}': ':{first}' and ':{name}' are two spellings of one parameter; give one of them \
                     another name"
                )
            });
        }
        segments.push(segment);
    }
    Ok(Form { segments })
}

/// Characters that stand for something in one notation of paths or another.
const RESERVED: [char; 13] = ['(', ')', '[', ']', '{', '}', '<', '>', '+', '?', '!', '*', '\\'];

fn literal(path: &str, text: &str) -> Result<String, String> {
    let Some(c) = text.chars().find(|c| RESERVED.contains(c) || c.is_control()) else {
        return Ok(text.into());
    };
    if c == '<'
        && let Some((inner, _)) = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'))
    {
        let name = inner.rsplit(':').next().unwrap_or(inner);
        return Err(format!(
            "path '{path}': '<{inner}>' is another notation; write ':{name}' for a parameter"
        ));
    }
    if c == '?' && text.contains('=') {
        return Err(query(path));
    }
    if c == '*' {
        return Err(format!(
            "path '{path}': '*' stands for the rest of the path, at the beginning of its last segment; write '*name' \
             there, ':name' for one segment"
        ));
    }
    let c = c.escape_debug();
    Err(format!(
        "path '{path}': '{c}' is not understood; write ':name' for a segment, '{{/:name}}' for an optional one, '*name' \
         for the rest. What a parameter looks like is said by its type and rules"
    ))
}

fn query(path: &str) -> String {
    format!("path '{path}': parameters of the query are no part of it; leave out the '?' and what follows")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(path: &str) -> Vec<String> {
        let text = |segment: &Segment| match segment {
            Segment::Plain(text) => text.clone(),
            Segment::Param { before, name, after } => format!("{before}<{name}>{after}"),
            Segment::Rest(name) => format!("<{name}..>"),
        };
        let path = Path::parse(path).unwrap();
        path.forms().iter().map(|form| form.segments.iter().map(text).collect::<Vec<_>>().join("/")).collect()
    }

    #[test]
    fn paths_are_read_in_all_their_forms() {
        assert_eq!(forms(""), [""]);
        assert_eq!(forms("users/"), ["users"]);
        assert_eq!(forms("/users/:id/posts/:post"), ["users/<id>/posts/<post>"]);
        assert_eq!(forms("/files/:name.json"), ["files/<name>.json"]);
        assert_eq!(forms("/rep/*args"), ["rep/<args..>"]);
        assert_eq!(forms("/opt{/:name}"), ["opt", "opt/<name>"]);
        assert_eq!(forms("/opt/:name?"), ["opt", "opt/<name>"]);
        assert_eq!(forms("/rep/:args*"), ["rep", "rep/<args..>"]);
        assert_eq!(forms("/rep/:args+"), ["rep/<args..>"]);
        assert_eq!(forms("/file{.json}"), ["file", "file.json"]);
        assert_eq!(Path::parse("/a/:x{/:y_2}").unwrap().names(), ["x", "y_2"]);
        let shapes = |path| Path::parse(path).unwrap().shapes().collect::<Vec<_>>();
        assert_eq!(shapes("/a/:x/"), shapes("a/:y"));
    }

    #[test]
    fn wrong_paths_say_what_to_write() {
        for (path, fix) in [
            ("/a/:", "':name'"),
            ("/:a:b", "one ':name'"),
            ("/:a-:b", "one ':name'"),
            ("/*rest/x", "last segment; write ':rest'"),
            ("/x/*/y", "last segment; write ':name'"),
            ("/x/:rest*/y", "last segment; write ':rest'"),
            ("/a*", "last segment"),
            ("/:a/:a", "'a' twice"),
            ("/:book_id/:bookId", "two spellings"),
            ("/x{/:a", "'{/:name}'"),
            ("/{id}", "':id'"),
            ("/users/{id}/x", "':id'"),
            ("/{id:[0-9]+}", "':id'"),
            ("/{*rest}", "'*rest'"),
            ("/<id>", "':id'"),
            ("/<int:id>", "':id'"),
            ("/:id(\\d+)", "said by its type"),
            ("/x?a=1", "leave out the '?'"),
            ("/:id?a=1", "leave out the '?'"),
            ("/x/:id+y", "write '/' there"),
            ("/a{/b{/c}}", "not understood"),
            ("/../x", "leave it out"),
            ("/{/a}{/b}{/c}{/d}{/e}", "several aliases"),
        ] {
            let error = Path::parse(path).unwrap_err();
            assert!(error.contains(fix) && error.contains(path), "{path}: {error}");
        }
        for path in ["/(a|b)", "/[ab]", "/a}b", "/a\\:b", "/a?", "/x!", "/x/./y", "/a>b", "/a\nb"] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
