//! What an alias leads to, and its path as the router reads it. The grammar is that of `ligand_alias`.

use std::sync::Arc;

use http::Method;
use ligand_alias::{Form, Path, Segment, Verb, split_rest};
use ligand_core::{edge::Upload, registry::Snapshot, service::Visibility};

use crate::{
    Target, path,
    target::{Goal, Options},
};

/// The methods aliases can have, in the order of [`ligand_alias::METHODS`].
pub(crate) const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// Position of a method in [`METHODS`].
pub(crate) fn method_index(method: &Method) -> Option<usize> {
    METHODS.iter().position(|known| known == method)
}

/// One alias as a route declares it.
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    pub(crate) verb: Verb,
    pub(crate) path: String,
    pub(crate) goal: Goal,
    pub(crate) options: Arc<Options>,
}

/// The six aliases of `REST /posts`: the action in most services, and that in services with an action `replace`. Those, as
/// services with a `Db` or with @moleculer/database are, tell `PUT` from `PATCH`.
const RESOURCE: [(usize, &str, &str, &str); 6] = [
    (0, "", "list", "list"),
    (0, "/:id", "get", "get"),
    (2, "", "create", "create"),
    (3, "/:id", "update", REPLACE),
    (4, "/:id", "patch", "update"),
    (5, "/:id", "remove", "remove"),
];

/// The action that replaces an entity.
const REPLACE: &str = "replace";

/// The actions of `REST`.
pub(crate) const RESOURCE_ACTIONS: [&str; 7] =
    ["list", "get", "create", "update", REPLACE, "patch", "remove"];

impl Goal {
    /// The action that this leads to now; the empty text where it leads to none.
    pub(crate) fn action(&self, services: &Snapshot) -> Option<Arc<str>> {
        match self {
            Self::Action(action) => Some(action.clone()),
            Self::Handler(_) | Self::Service(_) => Some("".into()),
            Self::Rest { service, plain, replacing } => {
                let replace = services.endpoint(&format!("{service}.{REPLACE}"));
                match replace.filter(|replace| replace.action().visibility() == Visibility::Published) {
                    Some(_) => replacing.clone(),
                    // Of a service that is not there nobody knows what it can.
                    None if services.service(service).is_none() => plain.clone().or(replacing.clone()),
                    None => plain.clone(),
                }
            }
        }
    }
}

/// Reads `METHOD /path`, `/path` (any method) or `REST /path`.
pub(crate) fn parse(text: &str, target: Target) -> Result<Vec<Alias>, String> {
    let wrong = |problem| format!("alias {problem}");
    let Target { goal, options } = target;
    let (verb, path) = split_rest(text).map_err(wrong)?;
    Path::parse(path).map_err(wrong)?;
    if let Some(problem) = options.problems.first() {
        return Err(format!("alias '{text}': {problem}"));
    }
    match (verb, &goal) {
        (None, _) if options.upload.is_some() => {
            Err(format!("alias '{text}': the aliases of REST take no uploads; name method, path and action"))
        }
        (Some(_), Goal::Handler(_) | Goal::Service(_)) if options.upload.is_some() => {
            Err(format!("alias '{text}': uploads are for actions; a handler reads the body itself"))
        }
        (None, Goal::Action(service)) => resource(text, path, service, options),
        (None, _) => Err(format!("alias '{text}': REST leads to a service, not to a handler")),
        (Some(_), _) if options.only.is_some() || !options.except.is_empty() => {
            Err(format!("alias '{text}': 'only' and 'except' choose among the actions of REST"))
        }
        (Some(verb), _) => Ok(vec![Alias { verb, path: path.into(), goal, options: Arc::new(options) }]),
    }
}

/// What is wrong with the bounds of an upload, or with having one here.
pub(crate) fn upload_problem(upload: &Upload) -> Option<String> {
    let Upload::Multipart(bounds) = upload else { return None };
    match cfg!(feature = "multipart") {
        true => bounds.bounds(0).err(),
        false => Some("uploads as `multipart` need the cargo feature `multipart` of `ligand`".into()),
    }
}

/// The REST aliases of a service, those of the actions that are wanted.
fn resource(text: &str, path: &str, service: &str, options: Options) -> Result<Vec<Alias>, String> {
    let named = options.only.iter().flatten().chain(&options.except);
    if let Some(unknown) = named.into_iter().find(|name| !RESOURCE_ACTIONS.contains(&name.as_str())) {
        let known = RESOURCE_ACTIONS.join(", ");
        return Err(format!("alias '{text}': '{unknown}' is no action of REST; those are {known}"));
    }
    let path = path.trim_end_matches('/');
    let target = |action: &str| options.wants(action).then(|| Arc::from(format!("{service}.{action}")));
    let mut aliases = Vec::new();
    for (method, tail, plain, replacing) in RESOURCE {
        let (plain, replacing) = (target(plain), target(replacing));
        if plain.is_some() || replacing.is_some() {
            let goal = Goal::Rest { service: service.into(), plain, replacing };
            aliases.push((Verb::One(method), format!("{path}{tail}"), goal));
        }
    }
    let options = Arc::new(options);
    let alias = |(verb, path, goal)| Alias { verb, path, goal, options: options.clone() };
    Ok(aliases.into_iter().map(alias).collect())
}

/// One form of a path for the table: `/users/{p0}` with the names of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    pub(crate) names: Vec<Arc<str>>,
}

/// All forms of a path; several when it has optional parts.
pub(crate) fn patterns(path: &str) -> Result<Vec<Pattern>, String> {
    Ok(Path::parse(path)?.forms().iter().map(pattern).collect())
}

/// Parameters are numbered, so that `/:id` and `/:name` are the same.
fn pattern(form: &Form) -> Pattern {
    let (mut text, mut names) = (String::new(), Vec::<Arc<str>>::new());
    for segment in &form.segments {
        text.push('/');
        let number = names.len();
        match segment {
            Segment::Plain(plain) => {
                path::push_escaped(plain, &mut text);
            }
            Segment::Param { before, after, .. } => {
                path::push_escaped(before, &mut text);
                text.push_str(&format!("{{p{number}}}"));
                path::push_escaped(after, &mut text);
            }
            Segment::Rest(_) => text.push_str(&format!("{{*p{number}}}")),
        }
        names.extend(segment.name().map(Into::into));
    }
    if text.is_empty() {
        text.push('/');
    }
    Pattern { text, names }
}

#[cfg(test)]
mod tests {
    use ligand_core::edge::Multipart;

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
    fn methods_are_those_of_the_grammar() {
        assert_eq!(METHODS.each_ref().map(Method::as_str), ligand_alias::METHODS);
    }

    #[test]
    fn uploads_are_told_by_what_stands_before_the_action() {
        for (text, upload) in [
            ("stream:files.save", Some(Upload::Stream)),
            ("multipart:files.save", Some(Upload::Multipart(Multipart::new()))),
            ("files.save", None),
        ] {
            let alias = parse("POST /up", text.into()).unwrap().remove(0);
            let Goal::Action(action) = &alias.goal else { panic!("one action") };
            assert_eq!((&**action, &alias.options.upload), ("files.save", &upload), "{text}");
        }
        assert!(parse("REST /up", "stream:files".into()).unwrap_err().contains("no uploads"));
    }

    #[test]
    fn aliases_have_methods() {
        let one = |text: &str| parse(text, "a.b".into()).unwrap().remove(0);
        assert_eq!((one("GET   /users").verb, one("GET   /users").path), (Verb::One(0), "/users".into()));
        assert_eq!(one("/users").verb, Verb::Any);
        let rest = parse("REST /posts", "v2.posts".into()).unwrap();
        let texts = |aliases: &[Alias]| {
            let action = |target: &Option<Arc<str>>| target.clone().unwrap_or("-".into());
            let text = |alias: &Alias| match &alias.goal {
                Goal::Rest { plain, replacing, .. } => {
                    let (plain, replacing) = (action(plain), action(replacing));
                    format!("{} {} {plain} {replacing}", alias.verb.as_str(), alias.path)
                }
                _ => panic!("REST depends on the service"),
            };
            aliases.iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(
            texts(&rest),
            [
                "GET /posts v2.posts.list v2.posts.list",
                "GET /posts/:id v2.posts.get v2.posts.get",
                "POST /posts v2.posts.create v2.posts.create",
                "PUT /posts/:id v2.posts.update v2.posts.replace",
                "PATCH /posts/:id v2.posts.patch v2.posts.update",
                "DELETE /posts/:id v2.posts.remove v2.posts.remove",
            ]
        );
        let some = parse("REST /p", Target::action("p").only(["get", "update", "list"]).except(["list"]));
        let some = some.unwrap();
        assert_eq!(
            texts(&some),
            ["GET /p/:id p.get p.get", "PUT /p/:id p.update -", "PATCH /p/:id - p.update"]
        );
        for bad in ["get /x", "GET,POST /x", "FETCH /x", "GET /a b", "GET/x", "GET x", "/x/{id}"] {
            assert!(parse(bad, "a.b".into()).unwrap_err().contains(bad), "{bad}");
        }
    }
}
