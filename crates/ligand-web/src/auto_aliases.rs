//! Aliases that nobody wrote in a route: those that actions declare with `rest`, and direct calls.
//!
//! What another node says of its paths is read as it is meant or not at all: a text that is not understood opens nothing
//! and is told in the log.

use std::{collections::HashSet, sync::Arc};

use ligand_alias::Verb;
use ligand_core::{
    registry::{Offer, Snapshot},
    service::{Rest, RestBase},
};
use serde_json::Value;

use crate::{
    Route, alias,
    entry::{Access, Entry, Kind},
};

/// The aliases that actions declare, where the route's masks let them pass. Every node is asked: while a new version is
/// rolled out, some have aliases that others lack.
pub(crate) fn declared(route: &Arc<Route>, services: &Snapshot, problems: &mut Vec<String>) -> Vec<Entry> {
    let (mut entries, mut seen) = (Vec::new(), HashSet::new());
    for service in services.offers() {
        if service.full_name == "$node" {
            continue;
        }
        let bases = bases(&service, problems);
        for action in service.actions() {
            let name = action.full_name();
            for problem in action.rest_problems() {
                problems.push(format!("an alias of '{name}' is left out: {problem}"));
            }
            for rest in action.rest() {
                let Some(verb) = Verb::parse(&rest.method) else { continue };
                if let Some(problem) = rest.upload.as_ref().and_then(alias::upload_problem) {
                    problems.push(format!("an alias of '{name}' is left out: {problem}"));
                    continue;
                }
                for below in paths(rest, &bases) {
                    let full = rest.base == RestBase::Root;
                    if !seen.insert((name, verb, full, below.clone())) {
                        continue;
                    }
                    let kind = if full { Kind::Full } else { Kind::Declared };
                    let entry = Entry::new(route, verb, below, name.into(), services, kind);
                    let entry = entry.taking(rest.upload.clone());
                    if entry.access == Access::Open {
                        entries.push(entry);
                    }
                }
            }
        }
    }
    entries
}

/// The paths of one alias: one for each base of its service.
fn paths(rest: &Rest, bases: &[String]) -> Vec<String> {
    let path = rest.path.trim_matches('/');
    match &rest.base {
        RestBase::Service => bases.iter().map(|base| format!("{base}/{path}")).collect(),
        RestBase::Own(base) => vec![format!("{}/{path}", slashed(base))],
        RestBase::Root => vec![format!("/{path}")],
    }
}

fn slashed(path: &str) -> String {
    match path.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

/// Where the aliases of a service stand: its setting `rest` (one path or several; `false`: nowhere), else its full name
/// with slashes for dots.
fn bases(service: &Offer<'_>, problems: &mut Vec<String>) -> Vec<String> {
    let mut refuse = |what: &str| {
        problems.push(format!(
            "aliases of service '{}' are left out: its setting 'rest' {what}",
            service.full_name
        ));
    };
    match service.setting("rest") {
        None | Some(Value::Null | Value::Bool(true)) => {
            vec![format!("/{}", service.full_name.replace('.', "/"))]
        }
        Some(Value::Bool(false)) => Vec::new(),
        Some(Value::String(text)) => vec![slashed(text)],
        Some(Value::Array(paths)) => {
            let texts: Vec<_> = paths.iter().filter_map(Value::as_str).map(slashed).collect();
            if texts.len() < paths.len() {
                refuse("lists something that is no text");
            }
            texts
        }
        Some(_) => {
            refuse("is neither a path nor a list of paths");
            Vec::new()
        }
    }
}

/// Every published action as `/service/action` and as `/service.action`; those of the node itself where the route opens
/// them, with its mark in place of the `$` too.
pub(crate) fn direct(route: &Arc<Route>, services: &Snapshot) -> Vec<Entry> {
    let mut entries = Vec::new();
    for endpoint in services.endpoints() {
        let name = endpoint.action().full_name();
        let marked = route.internal.as_deref().filter(|mark| !mark.is_empty() && name.starts_with('$'));
        let marked = marked.map(|mark| name.replacen('$', mark, 1));
        for written in std::iter::once(name).chain(marked.as_deref()) {
            for below in [format!("/{}", written.replace('.', "/")), format!("/{written}")] {
                let entry = Entry::new(route, Verb::Any, below, name.into(), services, Kind::Direct);
                if entry.access == Access::Open {
                    entries.push(entry);
                }
            }
        }
    }
    entries
}
