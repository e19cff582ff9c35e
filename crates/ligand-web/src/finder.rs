//! From a method and a path to a position in the list of leaves.

use http::Method;
use ligand_alias::Verb;
use matchit::Router;

use crate::alias::METHODS;

/// Finds paths. What is more exact goes before what is less so, unless the order of declaration counts.
#[derive(Default)]
pub(crate) struct Finder {
    exact: Routers,
    /// Of routes that ignore case, in small letters; looked at first.
    folded: Option<Box<Routers>>,
    /// Where the order counts: everything, and nothing in the others.
    ordered: Option<Vec<Ordered>>,
}

type Routers = [Router<usize>; METHODS.len()];

struct Ordered {
    verb: Verb,
    fold: bool,
    router: Router<()>,
    leaf: usize,
}

impl Finder {
    /// One that keeps the order of declaration.
    pub(crate) fn ordered() -> Self {
        Self { ordered: Some(Vec::new()), ..Self::default() }
    }

    /// Notes a path; false when every method of it is taken.
    pub(crate) fn insert(&mut self, verb: Verb, path: &str, fold: bool, leaf: usize) -> bool {
        let folded = fold.then(|| path.to_ascii_lowercase());
        let path = folded.as_deref().unwrap_or(path);
        if let Some(ordered) = &mut self.ordered {
            let mut router = Router::new();
            let inserted = router.insert(path, ()).is_ok();
            ordered.push(Ordered { verb, fold, router, leaf });
            return inserted;
        }
        let routers = match fold {
            true => &mut **self.folded.get_or_insert_default(),
            false => &mut self.exact,
        };
        let mut inserted = false;
        for (index, router) in routers.iter_mut().enumerate().filter(|(index, _)| is_of(verb, *index)) {
            match router.insert(path, leaf) {
                Ok(()) => inserted = true,
                Err(error) => tracing::debug!("another alias has '{} {path}': {error}", METHODS[index]),
            }
        }
        inserted
    }

    /// The leaf of a method and path, and the values of its parameters.
    #[inline]
    pub(crate) fn find<R>(
        &self,
        method: usize,
        path: &str,
        take: impl FnOnce(usize, &mut dyn Iterator<Item = &str>) -> R,
    ) -> Option<R> {
        if self.folded.is_some() || self.ordered.is_some() {
            return self.find_rare(method, path, take);
        }
        let found = self.exact[method].at(path).ok()?;
        Some(take(*found.value, &mut found.params.iter().map(|(_, value)| value)))
    }

    #[cold]
    fn find_rare<R>(
        &self,
        method: usize,
        path: &str,
        take: impl FnOnce(usize, &mut dyn Iterator<Item = &str>) -> R,
    ) -> Option<R> {
        let small = path.to_ascii_lowercase();
        // Small letters have the length of large ones: a value stands at the same place in both.
        let as_sent = |value: &str| {
            let start = value.as_ptr().addr() - small.as_ptr().addr();
            &path[start..start + value.len()]
        };
        for one in self.ordered.iter().flatten().filter(|one| is_of(one.verb, method)) {
            let Ok(found) = one.router.at(if one.fold { &small } else { path }) else { continue };
            let values = found.params.iter().map(|(_, value)| if one.fold { as_sent(value) } else { value });
            return Some(take(one.leaf, &mut values.collect::<Vec<_>>().into_iter()));
        }
        if let Some(found) = self.folded.as_ref().and_then(|folded| folded[method].at(&small).ok()) {
            return Some(take(*found.value, &mut found.params.iter().map(|(_, value)| as_sent(value))));
        }
        let found = self.exact[method].at(path).ok()?;
        Some(take(*found.value, &mut found.params.iter().map(|(_, value)| value)))
    }
}

/// `*` is every method but `OPTIONS`.
fn is_of(verb: Verb, method: usize) -> bool {
    match verb {
        Verb::Any => METHODS[method] != Method::OPTIONS,
        Verb::One(own) => own == method,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(finder: &Finder, path: &str) -> Option<(usize, Vec<String>)> {
        finder.find(0, path, |leaf, values| (leaf, values.map(str::to_owned).collect()))
    }

    #[test]
    fn values_are_those_that_were_sent() {
        let mut finder = Finder::default();
        assert!(finder.insert(Verb::Any, "/Users/{p0}/x", true, 1));
        assert!(finder.insert(Verb::Any, "/T/{p0}", false, 2));
        assert_eq!(found(&finder, "/uSERS/Ada/X"), Some((1, vec!["Ada".into()])));
        assert_eq!(found(&finder, "/T/Ada"), Some((2, vec!["Ada".into()])));
        assert_eq!(found(&finder, "/t/Ada"), None);
        assert!(!finder.insert(Verb::One(0), "/USERS/{p0}/X", true, 3));
    }

    #[test]
    fn the_order_counts_where_it_was_asked_for() {
        let mut finder = Finder::ordered();
        assert!(finder.insert(Verb::One(0), "/{p0}", false, 1));
        assert!(finder.insert(Verb::One(0), "/b", false, 2));
        assert_eq!(found(&finder, "/b"), Some((1, vec!["b".into()])));
        assert_eq!(finder.find(1, "/b", |leaf, _| leaf), None);
    }
}
