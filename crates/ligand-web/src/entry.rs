//! One alias of the table, compiled: what it leads to and what it says beside its route.

use std::{fmt, sync::Arc, time::Duration};

use http::StatusCode;
use ligand_alias::{Path, Verb};
use ligand_core::{
    broker::CallOptions,
    edge::{HttpBodyDef, Multipart, Upload, no_body},
    registry::Snapshot,
    service::{ActionDef, PathNames, Visibility},
};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    Route,
    alias::{self, Alias},
    body::Bodies,
    chain::Link,
    target::{Goal, Options},
};

/// One alias of the table, as [`crate::Gateway::routes`] lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AliasInfo {
    /// Full name of the action; `None` for handlers and services of one's own.
    pub action_name: Option<String>,
    /// Path below the route, without the first slash.
    pub path: String,
    /// Whole path.
    pub full_path: String,
    /// Method, `*` for all.
    pub methods: String,
    /// Path of the route.
    pub route_path: String,
}

impl fmt::Display for AliasInfo {
    /// `GET /api/users/:id => users.get`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = self.action_name.as_deref().unwrap_or("<handler>");
        write!(f, "{} {} => {action}", self.methods, self.full_path)
    }
}

/// Where an alias leads.
pub(crate) struct Entry {
    pub(crate) route: Arc<Route>,
    pub(crate) goal: Goal,
    /// Full name of the action; empty where it leads to none.
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
    /// What the alias says for itself.
    pub(crate) options: Arc<Options>,
    /// Middlewares and layers before the stages: of the gateway, then of the route.
    pub(crate) outer: Option<Arc<[Link]>>,
    /// Those of the alias, after the stages.
    pub(crate) inner: Option<Arc<[Link]>>,
    pub(crate) verb: Verb,
    /// Path below the route.
    pub(crate) below: String,
    pub(crate) kind: Kind,
    /// Another node offers the action.
    pub(crate) far: bool,
    /// Since when nobody offers it any more.
    pub(crate) gone: Option<Instant>,
}

/// Where an alias comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Written in the route.
    Written,
    /// Declared by the action, below the route.
    Declared,
    /// A whole path, written or declared.
    Full,
    /// A direct call.
    Direct,
}

/// How long, and for how many aliases, it is remembered that they led to actions of other nodes which are gone.
pub(crate) const GONE: (Duration, usize) = (Duration::from_secs(3600), 10_000);

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
    pub(crate) names: Vec<Arc<str>>,
}

impl Entry {
    /// An alias that nobody wrote: of an action.
    pub(crate) fn new(
        route: &Arc<Route>,
        verb: Verb,
        below: String,
        action: Arc<str>,
        services: &Snapshot,
        kind: Kind,
    ) -> Self {
        let goal = Goal::Action(action.clone());
        Self::of(route, (verb, below, kind), action, goal, Arc::default(), services)
    }

    /// An alias that a route has; `None` while it leads nowhere.
    pub(crate) fn written(route: &Arc<Route>, alias: &Alias, services: &Snapshot) -> Option<Self> {
        let action = alias.goal.action(services)?;
        let goal = match &alias.goal {
            Goal::Rest { .. } => Goal::Action(action.clone()),
            goal => goal.clone(),
        };
        let kind = if alias.options.full { Kind::Full } else { Kind::Written };
        let place = (alias.verb, alias.path.clone(), kind);
        let entry = Self::of(route, place, action, goal, alias.options.clone(), services);
        Some(entry.taking(alias.options.upload.clone()))
    }

    fn of(
        route: &Arc<Route>,
        (verb, below, kind): (Verb, String, Kind),
        action: Arc<str>,
        goal: Goal,
        options: Arc<Options>,
        services: &Snapshot,
    ) -> Self {
        let far = services.endpoints_of(&action).any(|endpoint| endpoint.node().is_some());
        let def = services.endpoint(&action).map(|endpoint| endpoint.action().clone());
        let access = match (&goal, &def) {
            (Goal::Handler(_) | Goal::Service(_), _) => Access::Open,
            _ if !route.lets_pass(&action) => Access::Closed,
            (_, None) => Access::Missing,
            (_, Some(def)) if is_public(def, route) => Access::Open,
            _ => Access::Closed,
        };
        let form = alias::patterns(&below).map(|mut forms| forms.swap_remove(0).text);
        let status = route.statuses.iter().find(|(wanted, path, _)| {
            (*wanted == Verb::Any || *wanted == verb) && form.as_ref().is_ok_and(|form| form == path)
        });
        let status = status.map(|(.., status)| *status);
        let body = def.as_ref().and_then(|def| def.body());
        let mut bodies = route.bodies;
        if (bodies.texts || bodies.raw)
            && !def.as_ref().is_some_and(|def| def.path_names(route.separate).takes("body"))
        {
            (bodies.texts, bodies.raw) = (false, false);
        }
        Self {
            route: route.clone(),
            goal,
            action,
            def,
            access,
            status: options.status.or(status).unwrap_or(StatusCode::OK),
            upload: body.as_ref().and_then(HttpBodyDef::upload),
            body,
            bodies,
            outer: None,
            inner: (!options.chain.is_empty()).then(|| options.chain.clone().into()),
            options,
            verb,
            below,
            kind,
            far,
            gone: None,
        }
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
    pub(crate) fn missing_since(&self, gone: Instant) -> Self {
        Self {
            route: self.route.clone(),
            goal: self.goal.clone(),
            action: self.action.clone(),
            def: None,
            access: Access::Missing,
            status: self.status,
            body: None,
            upload: None,
            bodies: self.bodies,
            options: self.options.clone(),
            outer: None,
            inner: self.inner.clone(),
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

    /// Options of its calls.
    pub(crate) fn call_options(&self) -> Option<&CallOptions> {
        self.options.call.as_ref().or(self.route.call_options.as_ref())
    }

    /// An action that nothing stands around: the straight way.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.outer.is_none() && self.inner.is_none() && matches!(self.goal, Goal::Action(_))
    }

    /// Whether it stands in the route itself.
    pub(crate) fn is_written(&self) -> bool {
        self.kind == Kind::Written || self.options.full
    }

    /// What a written alias asks of its action that it does not take. Who declares an alias has checked it.
    pub(crate) fn problem(&self, known: &PathNames) -> Option<String> {
        if !self.is_written() {
            return None;
        }
        misfit(self.def.as_ref()?, known, self.verb, &self.below)
            .map(|problem| format!("alias to {}: {problem}", self.action))
    }

    pub(crate) fn full_path(&self) -> String {
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

    /// What the log and errors call it.
    pub(crate) fn label(&self) -> &str {
        match &self.goal {
            Goal::Handler(_) => "<handler>",
            Goal::Service(_) => "<service>",
            Goal::Action(_) | Goal::Rest { .. } => &self.action,
        }
    }

    pub(crate) fn info(&self) -> AliasInfo {
        AliasInfo {
            action_name: (!self.action.is_empty()).then(|| self.action.to_string()),
            path: self.below.trim_matches('/').to_owned(),
            full_path: self.full_path(),
            methods: self.verb.as_str().to_owned(),
            route_path: if self.route.path.is_empty() { "/".into() } else { self.route.path.clone() },
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

/// Services of the node itself tell too much: only a route that says so opens them.
fn is_public(action: &ActionDef, route: &Route) -> bool {
    match action.full_name().starts_with("$node.") {
        true => route.internal.is_some(),
        false => action.visibility() == Visibility::Published,
    }
}
