//! The compiled form of all routes: which path leads to which action. Immutable; a new one is built when services
//! or routes change.

use std::sync::Arc;

use http::{Method, StatusCode};
use ligand_core::{Action, ServiceBroker, Visibility, registry::Snapshot};
use matchit::Router;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    Route,
    alias::{self, METHODS, Pattern, Verb},
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
    pub(crate) def: Option<Arc<Action>>,
    pub(crate) access: Access,
    pub(crate) status: StatusCode,
    verb: Verb,
    /// Path below the route.
    below: String,
}

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
    pub(crate) fn build(routes: &[Arc<Route>], broker: &ServiceBroker) -> Self {
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
        let explicit: Vec<_> = routes.iter().flat_map(|route| explicit(route, &services)).collect();
        let auto: Vec<_> =
            routes.iter().filter(|r| r.auto).flat_map(|route| auto(route, &services)).collect();
        let direct = routes.iter().filter(|r| r.direct).flat_map(|route| direct(route, &services)).collect();
        for group in [explicit, auto, direct] {
            let (any, one): (Vec<_>, _) =
                group.into_iter().partition(|entry: &Entry| entry.verb == Verb::Any);
            for entry in one.into_iter().chain(any) {
                table.insert(entry);
            }
        }
        table
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
                self.leaves.push(Arc::new(Leaf { entry: entry.clone(), names }));
            }
        }
        if used {
            self.entries.push(entry);
        } else if entry.verb != Verb::Any {
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
    fn new(route: &Arc<Route>, verb: Verb, below: String, action: Arc<str>, services: &Snapshot) -> Self {
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
        Self { route: route.clone(), action, def, access, status, verb, below }
    }

    fn full_path(&self) -> String {
        let below = self.below.trim_matches('/');
        match below {
            "" if self.route.path.is_empty() => "/".into(),
            "" => self.route.path.clone(),
            below if below.starts_with("{/") => format!("{}{below}", self.route.path),
            below => format!("{}/{below}", self.route.path),
        }
    }
}

fn is_public(action: &Action) -> bool {
    action.visibility_of() == Visibility::Published && !action.full_name().starts_with("$node.")
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

fn explicit<'a>(route: &'a Arc<Route>, services: &'a Snapshot) -> impl Iterator<Item = Entry> + 'a {
    route
        .aliases
        .iter()
        .map(move |alias| Entry::new(route, alias.verb, alias.path.clone(), alias.action.0.clone(), services))
}

/// The aliases that actions declare, where the route's masks let them pass.
fn auto(route: &Arc<Route>, services: &Snapshot) -> Vec<Entry> {
    let mut entries = Vec::new();
    for service in services.offers() {
        if service.full_name == "$node" {
            continue;
        }
        let bases = bases(service.full_name, service.setting("rest"));
        for action in service.actions() {
            for (rest, base) in
                action.rest_of().iter().flat_map(|rest| bases.iter().map(move |base| (rest, base)))
            {
                let Some(verb) = Verb::parse(&rest.method) else { continue };
                let below = format!("{base}/{}", rest.path.trim_matches('/'));
                let entry = Entry::new(route, verb, below, action.full_name().into(), services);
                if entry.access == Access::Open {
                    entries.push(entry);
                }
            }
        }
    }
    entries
}

/// Where the aliases of a service stand: its setting `rest`, else its full name with slashes for dots.
fn bases(service: &str, setting: Option<&Value>) -> Vec<String> {
    let base = |text: &str| match text.trim_matches('/') {
        "" => String::new(),
        text => format!("/{text}"),
    };
    match setting {
        Some(Value::String(text)) => vec![base(text)],
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(base).collect(),
        _ => vec![format!("/{}", service.replace('.', "/"))],
    }
}

/// Every published action as `/service/action` and as `/service.action`.
fn direct(route: &Arc<Route>, services: &Snapshot) -> Vec<Entry> {
    let mut entries = Vec::new();
    for endpoint in services.endpoints() {
        let name = endpoint.action().full_name();
        for below in [format!("/{}", name.replace('.', "/")), format!("/{name}")] {
            let entry = Entry::new(route, Verb::Any, below, name.into(), services);
            if entry.access == Access::Open {
                entries.push(entry);
            }
        }
    }
    entries
}
