//! Why a request is answered as it is: which alias it matches, and why others do not.

use std::fmt;

use http::Method;
use ligand_core::ServiceBroker;
use matchit::Router;
use serde::Serialize;

use crate::{
    alias,
    entry::{Access, AliasInfo, Entry},
    gateway::Inner,
    path::{self, PathError},
    table::Found,
};

/// What becomes of a request, from [`Gateway::explain`](crate::Gateway::explain). Printed, it is a few lines of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Explanation {
    /// Method that was asked about.
    pub method: String,
    /// The path in the form that is routed.
    pub path: String,
    /// What happens, in a sentence.
    pub verdict: String,
    /// The alias that answers.
    pub alias: Option<AliasInfo>,
    /// Other aliases that come near, and why they do not answer.
    pub others: Vec<NotThis>,
}

/// An alias that does not answer, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NotThis {
    /// The alias.
    pub alias: AliasInfo,
    /// Why it does not answer.
    pub reason: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.method, self.path, self.verdict)?;
        for NotThis { alias, reason } in &self.others {
            write!(f, "\n  not {alias}: {reason}")?;
        }
        Ok(())
    }
}

pub(crate) fn explain(gateway: &Inner, broker: &ServiceBroker, method: &str, target: &str) -> Explanation {
    let sent = target.split(['?', '#']).next().unwrap_or_default();
    let mut explanation = Explanation {
        method: method.to_owned(),
        path: sent.to_owned(),
        verdict: String::new(),
        alias: None,
        others: Vec::new(),
    };
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        explanation.verdict = "400: this is no method".into();
        return explanation;
    };
    let normal = match path::normal(sent) {
        Ok(normal) => normal,
        Err(PathError::Dots) => {
            explanation.verdict = "404: a path with '.' or '..' leads nowhere".into();
            return explanation;
        }
        Err(PathError::Segment(segment)) => {
            explanation.verdict = format!("400: the segment '{segment}' cannot be decoded");
            return explanation;
        }
    };
    explanation.path = normal.text.to_string();
    if gateway.health.is_its(&normal.text) {
        explanation.verdict = "the gateway itself answers about its health".into();
        return explanation;
    }
    let table = gateway.table(broker);
    let found = table.find(&method, &normal.text, normal.escaped);
    let answering = match &found {
        Found::Alias(leaf, _) => Some(&leaf.entry),
        Found::OtherMethods(..) | Found::Nothing(_) => None,
    };
    explanation.alias = answering.map(|entry| entry.info());
    explanation.verdict = match &found {
        Found::Alias(leaf, _) => verdict(&leaf.entry),
        Found::OtherMethods(_, allowed) if !gateway.compat.unknown_method_is_not_found => {
            format!("405: the path is there for {allowed}")
        }
        Found::OtherMethods(_, allowed) => format!("404: the path is there for {allowed} only"),
        Found::Nothing(None) => "404: no route begins like this path".into(),
        Found::Nothing(Some(route)) => {
            let at = if route.path.is_empty() { "/" } else { &route.path };
            match route.direct_name(&normal.text) {
                Some(name) => {
                    format!("404: no alias of route '{at}' fits, and no action '{name}' is open there")
                }
                None => format!("404: no alias of route '{at}' fits"),
            }
        }
    };
    for entry in table.entries() {
        if answering.is_some_and(|answering| std::ptr::eq(&**answering, &**entry)) {
            continue;
        }
        if let Some(reason) = reason(entry, &method, &normal.text, answering.map(|entry| &**entry)) {
            explanation.others.push(NotThis { alias: entry.info(), reason });
        }
    }
    explanation
}

/// What an alias does with a request that fits.
fn verdict(entry: &Entry) -> String {
    let route = match (&entry.route.name, entry.route.path.as_str()) {
        (Some(name), path) => format!("route '{name}' at '{path}/'"),
        (None, path) => format!("route '{path}/'"),
    };
    let label = entry.label();
    match entry.access {
        Access::Open => format!("{} of {route} answers", entry.info()),
        Access::Missing => format!("503: {} of {route} fits, and nobody offers '{label}' now", entry.info()),
        Access::Closed if !entry.route.lets_pass(label) => {
            format!("404: {} of {route} fits, and `allow` or `deny` keeps '{label}' out", entry.info())
        }
        Access::Closed => format!("404: {} of {route} fits, and '{label}' is not published", entry.info()),
    }
}

/// Why an alias that comes near does not answer; `None` for those that have nothing to do with the path.
fn reason(entry: &Entry, method: &Method, path: &str, answering: Option<&Entry>) -> Option<String> {
    let fits = |path: &str, small: bool| {
        alias::patterns(&entry.full_path()).is_ok_and(|forms| {
            forms.into_iter().any(|form| {
                let text = if small { form.text.to_ascii_lowercase() } else { form.text };
                let mut router = Router::new();
                router.insert(text, ()).is_ok() && router.at(path).is_ok()
            })
        })
    };
    let small = path.to_ascii_lowercase();
    let own_letters = entry.route.ignore_case == Some(true) && fits(&small, true);
    if !fits(path, false) && !own_letters {
        return fits(&small, true)
            .then(|| "the letters of its path are others; see `Route::ignore_case`".into());
    }
    let own = entry.verb.as_str();
    if own != "*" && own != method.as_str() {
        return Some(format!("it is for {own}"));
    }
    Some(match answering {
        Some(_) => "another alias is more exact, or comes first".into(),
        None => "it is not reached".into(),
    })
}
