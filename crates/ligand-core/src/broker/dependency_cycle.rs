//! Services that wait for each other: none of them would ever start.

use std::collections::HashMap;

use ligand_wire::{Error, Result};

use crate::service::{Dependency, ServiceDef};

/// Refuses services of one node that can only start after each other. A dependency that another node may fulfil, or
/// that names another service as well, makes no circle.
///
/// # Errors
/// `SERVICE_SCHEMA_ERROR` with the names of the circle.
pub(super) fn check<'a>(services: impl IntoIterator<Item = &'a ServiceDef>) -> Result<()> {
    let services: Vec<_> = services.into_iter().map(|def| (def.full_name(), &*def.dependencies)).collect();
    let graph = Graph::new(services.iter().map(|(name, wanted)| (name.as_str(), *wanted)));
    match graph.find_cycle() {
        Some(names) => Err(Error::service_schema(format!(
            "the services wait for each other and none can start: {}; leave out one of these dependencies and call \
             the other service when it is needed",
            names.join(" → ")
        ))),
        None => Ok(()),
    }
}

/// Services and what they wait for; of one name there may be several, on several nodes.
pub(super) struct Graph<'a> {
    services: Vec<(&'a str, &'a [Dependency])>,
    places: HashMap<&'a str, Vec<usize>>,
    /// What starts for certain.
    starts: Vec<bool>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(services: impl Iterator<Item = (&'a str, &'a [Dependency])>) -> Self {
        let services: Vec<_> = services.collect();
        let mut places: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, (name, _)) in services.iter().enumerate() {
            places.entry(*name).or_default().push(at);
        }
        let mut graph = Self { starts: vec![false; services.len()], services, places };
        // Round by round.
        loop {
            let starts = |at: &usize| {
                let (_, wanted) = graph.services[*at];
                !graph.starts[*at] && wanted.iter().all(|wanted| graph.is_open(wanted))
            };
            let more: Vec<_> = (0..graph.services.len()).filter(starts).collect();
            if more.is_empty() {
                return graph;
            }
            more.into_iter().for_each(|at| graph.starts[at] = true);
        }
    }

    fn places(&self, name: &str) -> &[usize] {
        self.places.get(name).map_or(&[], |places| places)
    }

    /// Something that fulfils it starts, or may come from elsewhere.
    fn is_open(&self, wanted: &Dependency) -> bool {
        wanted.any_of.iter().any(|name| {
            let places = self.places(name);
            places.is_empty() || places.iter().any(|at| self.starts[*at])
        })
    }

    /// Who waits for whom from this service on, until one of them comes again; `None` when nothing keeps it from starting.
    pub(super) fn way(&self, from: usize) -> Option<Vec<usize>> {
        let mut way = vec![from];
        loop {
            let (_, wanted) = self.services[*way.last()?];
            let stuck = wanted.iter().find(|wanted| !wanted.any_of.is_empty() && !self.is_open(wanted))?;
            let next = *stuck.any_of.iter().find_map(|name| self.places(name).first())?;
            let again = way.contains(&next);
            way.push(next);
            if again {
                return Some(way);
            }
        }
    }

    /// The names of one circle, the first one again at the end.
    fn find_cycle(&self) -> Option<Vec<&'a str>> {
        let way = self.way(self.starts.iter().position(|starts| !starts)?)?;
        let start = way.iter().position(|at| Some(at) == way.last())?;
        Some(way[start..].iter().map(|at| self.services[*at].0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(services: &[(&str, &[&[&str]])]) -> Option<String> {
        let services: Vec<(&str, Vec<Dependency>)> = services
            .iter()
            .map(|(name, wanted)| {
                let wanted =
                    wanted.iter().map(|any| Dependency { any_of: any.iter().map(|n| (*n).into()).collect() });
                (*name, wanted.collect())
            })
            .collect();
        let graph = Graph::new(services.iter().map(|(name, wanted)| (*name, &**wanted)));
        graph.find_cycle().map(|names| names.join(" "))
    }

    #[test]
    fn only_what_can_never_start_is_a_circle() {
        assert_eq!(names(&[("a", &[&["b"]]), ("b", &[&["a"]])]).as_deref(), Some("a b a"));
        assert_eq!(names(&[("a", &[&["a"]])]).as_deref(), Some("a a"));
        let around = names(&[("x", &[&["a"]]), ("a", &[&["b"]]), ("b", &[&["c"]]), ("c", &[&["a"]])]);
        assert_eq!(around.as_deref(), Some("a b c a"));
        assert_eq!(names(&[("a", &[&["b"]]), ("b", &[&["c"]]), ("c", &[])]), None);
        // Another node may have it, or another service will do.
        assert_eq!(names(&[("a", &[&["b"], &["elsewhere"]]), ("b", &[])]), None);
        assert_eq!(names(&[("a", &[&["b", "elsewhere"]]), ("b", &[&["a"]])]), None);
        assert_eq!(names(&[("a", &[&["b", "c"]]), ("b", &[&["a"]]), ("c", &[])]), None);
        assert_eq!(
            names(&[("a", &[&["b", "c"]]), ("b", &[&["a"]]), ("c", &[&["a"]])]).as_deref(),
            Some("a b a")
        );
        // Two nodes have it: one that starts is enough.
        assert_eq!(names(&[("a", &[&["b"]]), ("b", &[&["a"]]), ("b", &[])]), None);
        assert_eq!(names(&[("a", &[&["b"]]), ("b", &[&["a"]]), ("b", &[&["a"]])]).as_deref(), Some("a b a"));
    }
}
