//! The compiled form of all routes: which path leads to which action. Immutable; a new one is built when services
//! or routes change.

use std::{
    cmp::{Ordering, Reverse},
    collections::HashSet,
    sync::Arc,
};

use http::Method;
use ligand_alias::Verb;
use ligand_core::{ServiceBroker, registry::Snapshot};
use matchit::Router;
use tokio::{sync::watch, time::Instant};

pub(crate) use crate::entry::{Access, AliasInfo, Entry, GONE, Kind, Leaf, misfit};
use crate::{
    Route,
    alias::{self, METHODS, Pattern},
    auto_aliases,
    chain::Link,
    finder::Finder,
    path,
};

pub(crate) type PathParams = Vec<(Arc<str>, String)>;

/// What the table says about a request.
pub(crate) enum Found {
    Alias(Arc<Leaf>, PathParams),
    /// The path exists for these methods only.
    OtherMethods(Arc<Route>, String),
    /// Nothing; the route is the deepest whose prefix matches.
    Nothing(Option<Arc<Route>>),
}

/// What the gateway says about all of its table.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    /// Middlewares and layers of all routes.
    pub(crate) links: &'a [Link],
    /// The most exact path goes first, whatever the order.
    pub(crate) optimised: bool,
    /// `HEAD` follows `GET`; else `OPTIONS` does.
    pub(crate) follow_get: bool,
}

pub(crate) struct Table {
    finder: Finder,
    leaves: Vec<Arc<Leaf>>,
    entries: Vec<Arc<Entry>>,
    /// Prefixes, for what no alias matches.
    prefixes: Vec<(Router<()>, Arc<Route>)>,
    /// `HEAD` follows `GET`; else `OPTIONS` does.
    follow_get: bool,
    /// What is wrong with aliases, for the log.
    problems: Vec<String>,
    changes: watch::Receiver<u64>,
    registry: usize,
}

impl Table {
    /// Of the table `before` those aliases are kept, as missing, whose action was offered by other nodes and now is by
    /// nobody.
    pub(crate) fn build(
        routes: &[Arc<Route>],
        rules: Rules<'_>,
        broker: &ServiceBroker,
        before: Option<&Self>,
    ) -> Self {
        let Rules { links, optimised, follow_get } = rules;
        // First the receiver, then the state: a change in between is seen as one.
        let changes = broker.registry().changes();
        let services = broker.registry().snapshot();
        let mut table = Self {
            finder: if optimised { Finder::default() } else { Finder::ordered() },
            leaves: Vec::new(),
            entries: Vec::new(),
            prefixes: routes.iter().map(|route| (prefix(&route.path), route.clone())).collect(),
            follow_get,
            problems: Vec::new(),
            changes,
            registry: address(broker),
        };
        if optimised {
            table.prefixes.sort_by_key(|(_, route)| Reverse(route.path.matches('/').count()));
        }
        // Earlier ones win: aliases written by hand, those of actions, direct calls; exact methods before any.
        let written: Vec<_> = routes
            .iter()
            .flat_map(|route| route.aliases.iter().map(move |alias| (route, alias)))
            .filter_map(|(route, alias)| Entry::written(route, alias, &services))
            .collect();
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
            let (any, one): (Vec<_>, Vec<_>) =
                group.into_iter().partition(|entry: &Entry| optimised && entry.verb == Verb::Any);
            for mut entry in one.into_iter().chain(any) {
                entry.outer = outer(links, &entry.route);
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
            .filter(|entry| entry.far && !entry.is_written() && !entry.is_forgotten())
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
                self.problems.push(format!("alias of {} left out: {problem}", entry.label()));
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
            // The names of actions have large and small letters, also in direct calls.
            let fold = entry.route.ignore_case == Some(true) && entry.kind != Kind::Direct;
            if self.finder.insert(entry.verb, &text, fold, leaf) {
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
                entry.label()
            ));
        }
    }

    /// Looks up a path of the normal form.
    pub(crate) fn find(&self, method: &Method, path: &str, escaped: bool) -> Found {
        if let Some(found) = self.alias(method, path, escaped) {
            return found;
        }
        if let Some(route) = self.route_of(path)
            && let Some(name) = route.camel_case(path)
            && let Some(found) = self.alias(method, &name, escaped)
        {
            return found;
        }
        let mut allowed = String::new();
        let mut route = None;
        for (index, known) in METHODS.iter().enumerate() {
            let Some(leaf) = self.finder.find(index, path, |leaf, _| leaf) else { continue };
            route.get_or_insert_with(|| self.leaves[leaf].entry.route.clone());
            for name in [known.as_str(), if index == 0 { "HEAD" } else { "" }] {
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

    fn alias(&self, method: &Method, path: &str, escaped: bool) -> Option<Found> {
        let index = alias::method_index(method)?;
        let take = |leaf: usize, values: &mut dyn Iterator<Item = &str>| {
            let leaf = &self.leaves[leaf];
            let values = values.map(|value| path::plain(value, escaped));
            Found::Alias(leaf.clone(), leaf.names.iter().cloned().zip(values).collect())
        };
        let own = self.finder.find(index, path, take);
        let follows = if self.follow_get { *method == Method::HEAD } else { *method == Method::OPTIONS };
        own.or_else(|| follows.then(|| self.finder.find(0, path, take)).flatten())
    }

    /// The deepest route whose prefix matches.
    pub(crate) fn route_of(&self, path: &str) -> Option<Arc<Route>> {
        self.prefixes.iter().find(|(prefix, _)| prefix.at(path).is_ok()).map(|(_, route)| route.clone())
    }

    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// All aliases, deep ones before shallow ones, those without parameters first.
    pub(crate) fn aliases(&self) -> Vec<AliasInfo> {
        sorted(self.entries().cloned()).into_iter().map(|(info, _)| info).collect()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter().filter(|entry| entry.gone.is_none())
    }
}

/// The order in which aliases are listed.
pub(crate) fn sorted(entries: impl IntoIterator<Item = Arc<Entry>>) -> Vec<(AliasInfo, Arc<Entry>)> {
    let mut rows: Vec<_> = entries.into_iter().map(|entry| (entry.info(), entry)).collect();
    rows.sort_by(|(a, _), (b, _)| by_depth(a, b));
    rows
}

/// Deep paths before shallow ones, few parameters before many, then by the alphabet.
fn by_depth(a: &AliasInfo, b: &AliasInfo) -> Ordering {
    let key = |alias: &AliasInfo| {
        let depth = alias.path.split('/').filter(|part| !part.is_empty()).count();
        (Reverse(depth), alias.path.matches([':', '*']).count(), alias.path.to_ascii_lowercase())
    };
    key(a).cmp(&key(b))
}

/// The middlewares and layers in front of the stages of a route.
pub(crate) fn outer(links: &[Link], route: &Route) -> Option<Arc<[Link]>> {
    (!links.is_empty() || !route.chain.is_empty())
        .then(|| links.iter().chain(&route.chain).cloned().collect())
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
