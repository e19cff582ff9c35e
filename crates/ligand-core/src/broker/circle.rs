//! Services that wait for each other: none of them would ever start.

use ligand_wire::{Error, Result};

use crate::service::{Dependency, ServiceDef};

/// Refuses services of one node that can only start after each other. A dependency that another node may fulfil, or
/// that names another service as well, makes no circle.
///
/// # Errors
/// `SERVICE_SCHEMA_ERROR` with the names of the circle.
pub(super) fn check<'a>(services: impl IntoIterator<Item = &'a ServiceDef>) -> Result<()> {
    let services: Vec<_> = services.into_iter().map(|def| (def.full_name(), &*def.dependencies)).collect();
    let services: Vec<_> = services.iter().map(|(name, wanted)| (name.as_str(), *wanted)).collect();
    match circle(&services) {
        Some(names) => Err(Error::service_schema(format!(
            "the services wait for each other and none can start: {}; leave out one of these dependencies and call \
             the other service when it is needed",
            names.join(" → ")
        ))),
        None => Ok(()),
    }
}

/// The names of one circle, the first one again at the end.
fn circle<'a>(services: &[(&'a str, &'a [Dependency])]) -> Option<Vec<&'a str>> {
    let place = |name: &str| services.iter().position(|(own, _)| *own == name);
    // What starts for certain, round by round.
    let mut starts = vec![false; services.len()];
    let open = |starts: &[bool], wanted: &Dependency| {
        wanted.any_of.iter().any(|name| place(name).is_none_or(|place| starts[place]))
    };
    loop {
        let mut more = false;
        for (at, (_, wanted)) in services.iter().enumerate() {
            if !starts[at] && wanted.iter().all(|wanted| open(&starts, wanted)) {
                starts[at] = true;
                more = true;
            }
        }
        if !more {
            break;
        }
    }
    let mut path = vec![starts.iter().position(|starts| !starts)?];
    loop {
        let (_, wanted) = &services[*path.last()?];
        let stuck = wanted.iter().find(|wanted| !wanted.any_of.is_empty() && !open(&starts, wanted))?;
        let next = stuck.any_of.iter().find_map(|name| place(name))?;
        if let Some(start) = path.iter().position(|at| *at == next) {
            let names = path[start..].iter().chain([&next]);
            return Some(names.map(|at| services[*at].0).collect());
        }
        path.push(next);
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
        let services: Vec<_> = services.iter().map(|(name, wanted)| (*name, &**wanted)).collect();
        circle(&services).map(|names| names.join(" "))
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
    }
}
