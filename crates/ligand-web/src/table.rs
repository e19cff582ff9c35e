//! The compiled form of all routes: which path leads to which action. Immutable; a new one is built when services
//! or routes change.

use std::{collections::HashSet, sync::Arc, time::Duration};

use http::{Method, StatusCode};
use ligand_alias::{Path, Verb};
use ligand_core::{
    ServiceBroker,
    edge::{HttpBodyDef, Multipart, Upload, no_body},
    registry::Snapshot,
    service::{ActionDef, PathNames, Visibility},
};
use matchit::Router;
use serde::Serialize;
use tokio::{sync::watch, time::Instant};

use crate::{
    Route,
    alias::{self, METHODS, Pattern},
    auto_aliases,
    body::Bodies,
    path,
};

/// One alias of the table, as [`crate::Gateway::routes`] lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AliasInfo {
    /// Full name of the action.
    pub action_name: String,
    /// Path below the route, without the first slash.
    pub path: String,
    /// Whole path.
    pub full_path: String,
    /// Method, `*` for all.
    pub methods: String,
    /// Path of the route.
    pub route_path: String,
}

/// Where an alias leads.
pub(crate) struct Entry {
    pub(crate) route: Arc<Route>,
    pub(crate) action: Arc<str>,
    pub(crate) def: Option<Arc<ActionDef>>,
    pub(crate) access: Access,
    pub(crate) status: StatusCode,
    /// How the action takes bodies, when it says so.
    pub(crate) body: Option<HttpBodyDef>,
    /// How the body is read while it comes, when it is.
    pub(crate) upload: Option<Upload>,
    /// What bodies are read when it does not.
    pub(crate) bodies: Bodies,
    verb: Verb,
    /// Path below the route.
    below: String,
    kind: Kind,
    /// Another node offers the action.
    far: bool,
    /// Since when nobody offers it any more.
    gone: Option<Instant>,
}

/// Where an alias comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Written in the route.
    Written,
    /// Declared by the action, below the route.
    Declared,
    /// Declared by the action as a whole path.
    Full,
    /// A direct call.
    Direct,
}

/// How long, and for how many aliases, it is remembered that they led to actions of other nodes which are gone.
const GONE: (Duration, usize) = (Duration::from_secs(3600), 10_000);

/// Whether the action of an alias can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Open,
    /// Nobody offers the action now.
    Missing,
    /// It is not published, or a mask keeps it out.
    Closed,
}

/// One path of an alias.
pub(crate) struct Leaf {
    pub(crate) entry: Arc<Entry>,
    names: Vec<Arc<str>>,
}

pub(crate) type PathParams = Vec<(Arc<str>, String)>;

/// What the table says about a request.
pub(crate) enum Found {
    Alias(Arc<Leaf>, PathParams),
    /// The path exists for these methods only.
    OtherMethods(Arc<Route>, String),
    /// Nothing; the route is the deepest whose prefix matches.
    Nothing(Option<Arc<Route>>),
}

pub(crate) struct Table {
    routers: [Router<usize>; METHODS.len()],
    leaves: Vec<Arc<Leaf>>,
    entries: Vec<Arc<Entry>>,
    /// Prefixes, for what no alias matches.
    prefixes: Vec<(Router<()>, Arc<Route>)>,
    /// What is wrong with aliases, for the log.
    problems: Vec<String>,
    changes: watch::Receiver<u64>,
    registry: usize,
}

impl Table {
    /// Of the table `before` those aliases are kept, as missing, whose action was offered by other nodes and now is by
    /// nobody.
    pub(crate) fn build(routes: &[Arc<Route>], broker: &ServiceBroker, before: Option<&Self>) -> Self {
        // First the receiver, then the state: a change in between is seen as one.
        let changes = broker.registry().changes();
        let services = broker.registry().snapshot();
        let mut table = Self {
            routers: std::array::from_fn(|_| Router::new()),
            leaves: Vec::new(),
            entries: Vec::new(),
            prefixes: routes.iter().map(|route| (prefix(&route.path), route.clone())).collect(),
            problems: Vec::new(),
            changes,
            registry: address(broker),
        };
        table.prefixes.sort_by_key(|(_, route)| std::cmp::Reverse(route.path.matches('/').count()));
        // Earlier ones win: aliases written by hand, those of actions, direct calls; exact methods before any.
        let written: Vec<_> = routes.iter().flat_map(|route| written(route, &services)).collect();
        let mut declared = Vec::new();
        for route in routes.iter().filter(|route| route.auto) {
            declared.extend(auto_aliases::declared(route, &services, &mut table.problems));
        }
        let direct = routes
            .iter()
            .filter(|r| r.direct)
            .flat_map(|route| auto_aliases::direct(route, &services))
            .collect();
        let gone = before
            .filter(|before| before.registry == table.registry)
            .map(|before| before.gone(routes, &services))
            .unwrap_or_default();
        for group in [written, declared, direct, gone] {
            let (any, one): (Vec<_>, _) =
                group.into_iter().partition(|entry: &Entry| entry.verb == Verb::Any);
            for entry in one.into_iter().chain(any) {
                table.insert(entry);
            }
        }
        table
    }

    /// The aliases whose action other nodes offered, of the routes that are still there.
    fn gone(&self, routes: &[Arc<Route>], services: &Snapshot) -> Vec<Entry> {
        let routes: HashSet<_> = routes.iter().map(Arc::as_ptr).collect();
        let now = Instant::now();
        let mut gone: Vec<_> = self
            .entries
            .iter()
            // What somebody still offers under another path, or not to everybody, was changed on purpose; so was
            // what left this node.
            .filter(|entry| entry.far && entry.kind != Kind::Written && !entry.is_forgotten())
            .filter(|entry| routes.contains(&Arc::as_ptr(&entry.route)))
            .filter(|entry| services.endpoint(&entry.action).is_none())
            .map(|entry| entry.missing_since(entry.gone.unwrap_or(now)))
            .collect();
        gone.sort_by_key(|entry| std::cmp::Reverse(entry.gone));
        gone.truncate(GONE.1);
        gone
    }

    /// Whether services have changed since, or `broker` is another one.
    pub(crate) fn is_stale(&self, broker: &ServiceBroker) -> bool {
        self.registry != address(broker) || self.changes.has_changed().unwrap_or(true)
    }

    fn insert(&mut self, entry: Entry) {
        let full = entry.full_path();
        let forms = match alias::patterns(&full) {
            Ok(forms) => forms,
            Err(problem) => {
                self.problems.push(format!("alias of {} left out: {problem}", entry.action));
                return;
            }
        };
        // Both spellings of a name mean the same parameter.
        let known = entry.def.as_ref().map(|def| def.path_names(entry.route.separate)).unwrap_or_default();
        self.problems.extend(entry.problem(&known));
        let entry = Arc::new(entry);
        let mut used = false;
        for Pattern { text, names } in forms {
            let leaf = self.leaves.len();
            let mut inserted = false;
            for (index, router) in self.routers.iter_mut().enumerate() {
                let wanted = match entry.verb {
                    Verb::Any => METHODS[index] != Method::OPTIONS,
                    Verb::One(method) => method == index,
                };
                if !wanted {
                    continue;
                }
                match router.insert(text.clone(), leaf) {
                    Ok(()) => inserted = true,
                    Err(error) => tracing::debug!(
                        alias = %format_args!("{} {full} => {}", entry.verb.as_str(), entry.action),
                        "another alias has this path: {error}"
                    ),
                }
            }
            if inserted {
                used = true;
                let names = names.iter().map(|name| known.wire(name).into()).collect();
                self.leaves.push(Arc::new(Leaf { entry: entry.clone(), names }));
            }
        }
        if used {
            self.entries.push(entry);
        } else if entry.verb != Verb::Any && entry.gone.is_none() {
            self.problems.push(format!(
                "alias {} {full} => {} is never reached: another one has this path",
                entry.verb.as_str(),
                entry.action
            ));
        }
    }

    /// Looks up a path of the normal form.
    pub(crate) fn find(&self, method: &Method, path: &str, escaped: bool) -> Found {
        if let Some(index) = alias::method_index(method) {
            let own = self.routers[index].at(path).ok();
            let get = || (*method == Method::HEAD).then(|| self.routers[0].at(path).ok()).flatten();
            if let Some(found) = own.or_else(get) {
                let leaf = &self.leaves[*found.value];
                let values = found.params.iter().map(|(_, value)| path::plain(value, escaped));
                return Found::Alias(leaf.clone(), leaf.names.iter().cloned().zip(values).collect());
            }
        }
        let mut allowed = String::new();
        let mut route = None;
        for (index, router) in self.routers.iter().enumerate() {
            let Ok(found) = router.at(path) else { continue };
            route.get_or_insert_with(|| self.leaves[*found.value].entry.route.clone());
            for name in [METHODS[index].as_str(), if index == 0 { "HEAD" } else { "" }] {
                if !name.is_empty() && !allowed.split(", ").any(|known| known == name) {
                    allowed.push_str(if allowed.is_empty() { "" } else { ", " });
                    allowed.push_str(name);
                }
            }
        }
        match route {
            Some(route) => Found::OtherMethods(route, allowed + ", OPTIONS"),
            None => Found::Nothing(self.route_of(path)),
        }
    }

    /// The deepest route whose prefix matches.
    pub(crate) fn route_of(&self, path: &str) -> Option<Arc<Route>> {
        self.prefixes.iter().find(|(prefix, _)| prefix.at(path).is_ok()).map(|(_, route)| route.clone())
    }

    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    pub(crate) fn aliases(&self) -> Vec<AliasInfo> {
        self.entries
            .iter()
            .filter(|entry| entry.gone.is_none())
            .map(|entry| AliasInfo {
                action_name: entry.action.to_string(),
                path: entry.below.trim_matches('/').to_owned(),
                full_path: entry.full_path(),
                methods: entry.verb.as_str().to_owned(),
                route_path: if entry.route.path.is_empty() { "/".into() } else { entry.route.path.clone() },
            })
            .collect()
    }
}

impl Entry {
    pub(crate) fn new(
        route: &Arc<Route>,
        verb: Verb,
        below: String,
        action: Arc<str>,
        services: &Snapshot,
        kind: Kind,
    ) -> Self {
        let far = services.endpoints_of(&action).any(|endpoint| endpoint.node().is_some());
        let def = services.endpoint(&action).map(|endpoint| endpoint.action().clone());
        let access = match &def {
            _ if !route.lets_pass(&action) => Access::Closed,
            None => Access::Missing,
            Some(def) if is_public(def) => Access::Open,
            Some(_) => Access::Closed,
        };
        let form = alias::patterns(&below).map(|mut forms| forms.swap_remove(0).text);
        let status = route.statuses.iter().find(|(wanted, path, _)| {
            (*wanted == Verb::Any || *wanted == verb) && form.as_ref().is_ok_and(|form| form == path)
        });
        let status = status.map_or(StatusCode::OK, |(.., status)| *status);
        let body = def.as_ref().and_then(|def| def.body());
        let mut bodies = route.bodies;
        if (bodies.texts || bodies.raw)
            && !def.as_ref().is_some_and(|def| def.path_names(false).takes("body"))
        {
            (bodies.texts, bodies.raw) = (false, false);
        }
        let route = route.clone();
        let upload = body.as_ref().and_then(HttpBodyDef::upload);
        Self { route, action, def, access, status, body, upload, bodies, verb, below, kind, far, gone: None }
    }

    /// With what the alias says of its body; of bounds that it leaves open, what the action says counts.
    pub(crate) fn taking(mut self, upload: Option<Upload>) -> Self {
        self.upload = match (upload, self.upload) {
            (Some(Upload::Multipart(own)), Some(Upload::Multipart(action))) => {
                Some(Upload::Multipart(Multipart::or(&own, &action)))
            }
            (own, action) => own.or(action),
        };
        self
    }

    /// The same alias after the last node that offered its action has left.
    fn missing_since(&self, gone: Instant) -> Self {
        Self {
            route: self.route.clone(),
            action: self.action.clone(),
            def: None,
            access: Access::Missing,
            status: self.status,
            body: None,
            upload: None,
            bodies: self.bodies,
            verb: self.verb,
            below: self.below.clone(),
            kind: self.kind,
            far: true,
            gone: Some(gone),
        }
    }

    /// Its action has been gone for so long that nobody need wait for it.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.gone.is_some_and(|gone| gone.elapsed() >= GONE.0)
    }

    /// What a written alias asks of its action that it does not take. Who declares an alias has checked it.
    fn problem(&self, known: &PathNames) -> Option<String> {
        if self.kind != Kind::Written {
            return None;
        }
        misfit(self.def.as_ref()?, known, self.verb, &self.below)
            .map(|problem| format!("alias to {}: {problem}", self.action))
    }

    fn full_path(&self) -> String {
        let below = self.below.trim_matches('/');
        if self.kind == Kind::Full {
            return format!("/{below}");
        }
        match below {
            "" if self.route.path.is_empty() => "/".into(),
            "" => self.route.path.clone(),
            below if below.starts_with("{/") => format!("{}{below}", self.route.path),
            below => format!("{}/{below}", self.route.path),
        }
    }
}

/// What is wrong with an alias of an action. Parameters of its route's path are for the stages of the route.
pub(crate) fn misfit(action: &ActionDef, known: &PathNames, verb: Verb, below: &str) -> Option<String> {
    if action.body().is_some()
        && let Some(problem) = no_body(verb.as_str(), below)
    {
        return Some(format!("it takes a body, and {problem}"));
    }
    let path = Path::parse(below).ok()?;
    let text = format!("{} {below}", verb.as_str());
    path.names().into_iter().find_map(|name| known.unknown(&text, name))
}

fn is_public(action: &ActionDef) -> bool {
    action.visibility() == Visibility::Published && !action.full_name().starts_with("$node.")
}

fn address(broker: &ServiceBroker) -> usize {
    std::ptr::from_ref(broker.registry()).addr()
}

/// A router that accepts the prefix and everything below it.
fn prefix(path: &str) -> Router<()> {
    let mut router = Router::new();
    if let Ok(forms) = alias::patterns(path) {
        for form in forms {
            let below = format!("{}/{{*rest}}", form.text.trim_end_matches('/'));
            for text in [form.text, below] {
                if let Err(error) = router.insert(text, ()) {
                    tracing::debug!("route '{path}': {error}");
                }
            }
        }
    }
    router
}

fn written<'a>(route: &'a Arc<Route>, services: &'a Snapshot) -> impl Iterator<Item = Entry> + 'a {
    route.aliases.iter().filter_map(move |alias| {
        let (path, action) = (alias.path.clone(), alias.action.action(services)?.0.clone());
        Some(
            Entry::new(route, alias.verb, path, action, services, Kind::Written).taking(alias.upload.clone()),
        )
    })
}
