//! The meta of a context: small values that travel along the whole call chain and back.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

/// A map that is shared until somebody changes it.
///
/// ```
/// use ligand_core::context::Meta;
///
/// let mut meta = Meta::default();
/// meta.set("user", "ada");
/// assert_eq!(meta.get("user"), Some(&"ada".into()));
/// assert_eq!(meta.remove("user"), Some("ada".into()));
/// assert!(meta.is_empty());
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Meta(Option<Arc<Map<String, Value>>>);

impl Meta {
    /// One value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.as_ref()?.get(key)
    }

    /// Sets one value.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        let map = self.0.get_or_insert_with(Arc::default);
        Arc::make_mut(map).insert(key.into(), value.into());
    }

    /// Removes one value.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        Arc::make_mut(self.0.as_mut()?).shift_remove(key)
    }

    /// True when nothing is set.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|map| map.is_empty())
    }

    /// The whole map.
    pub(crate) fn as_map(&self) -> &Map<String, Value> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        self.0.as_ref().map_or(&EMPTY, |map| map)
    }

    /// All entries.
    ///
    /// ```
    /// # use ligand_core::context::Meta;
    /// let mut meta = Meta::default();
    /// meta.set("user", "ada");
    /// let names: Vec<_> = meta.iter().map(|(name, _)| name.as_str()).collect();
    /// assert_eq!(names, ["user"]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter().flat_map(|map| map.iter())
    }

    /// Lays over this one what `changed` has other than `base` had: the base was a copy of this one, and both may
    /// have gone on since. Names that are `sealed` stay as they are.
    pub(crate) fn merge_changes(&mut self, base: &Self, changed: &Self, sealed: impl Fn(&str) -> bool) {
        if changed.same(base) {
            return;
        }
        if self.same(base) && !changed.iter().any(|(key, _)| sealed(key)) {
            self.0.clone_from(&changed.0);
            return;
        }
        for (key, value) in changed.iter() {
            if base.get(key) != Some(value) && self.get(key) != Some(value) && !sealed(key) {
                self.set(key, value.clone());
            }
        }
    }

    /// True for copies that nobody has changed since.
    fn same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// Lays `other` over this one, key by key.
    ///
    /// ```
    /// # use ligand_core::context::Meta;
    /// let (mut own, mut more) = (Meta::default(), Meta::default());
    /// own.set("lang", "en");
    /// more.set("lang", "de");
    /// more.set("user", 5);
    /// own.merge(&more);
    /// assert_eq!((own.get("lang"), own.get("user")), (Some(&"de".into()), Some(&5.into())));
    /// ```
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, None) => {}
            (Some(own), Some(more)) if Arc::ptr_eq(own, more) => {}
            (own @ None, Some(more)) => *own = Some(more.clone()),
            (Some(own), Some(more)) => {
                let own = Arc::make_mut(own);
                for (key, value) in more.iter() {
                    if own.get(key) != Some(value) {
                        own.insert(key.clone(), value.clone());
                    }
                }
            }
        }
    }
}

impl From<Map<String, Value>> for Meta {
    fn from(map: Map<String, Value>) -> Self {
        Self((!map.is_empty()).then(|| Arc::new(map)))
    }
}

impl fmt::Debug for Meta {
    /// Keys only: values are often secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(key, _)| key)).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn copies_are_independent_and_merge_back() {
        let mut parent = Meta::default();
        parent.set("user", "ada");
        let mut child = parent.clone();
        child.set("user", "bob");
        child.set("trace", 1);
        assert_eq!(parent.get("user"), Some(&json!("ada")));
        parent.merge(&child);
        assert_eq!((parent.get("user"), parent.get("trace")), (Some(&json!("bob")), Some(&json!(1))));
    }

    #[test]
    fn only_changes_flow_back() {
        let mut parent = Meta::default();
        parent.set("user", "ada");
        let base = parent.clone();
        let mut child = base.clone();
        parent.set("user", "bob");
        parent.merge_changes(&base, &child, |_| false);
        assert_eq!(parent.get("user"), Some(&json!("bob")));
        child.set("trace", 1);
        parent.merge_changes(&base, &child, |_| false);
        assert_eq!((parent.get("user"), parent.get("trace")), (Some(&json!("bob")), Some(&json!(1))));
        child.set("user", "eve");
        parent.merge_changes(&base, &child, |_| false);
        assert_eq!(parent.get("user"), Some(&json!("eve")));
    }

    #[test]
    fn a_sealed_value_stays() {
        let mut parent = Meta::default();
        parent.set("user", "ada");
        let base = parent.clone();
        let mut child = base.clone();
        child.set("user", "eve");
        child.set("trace", 1);
        parent.merge_changes(&base, &child, |key| key == "user");
        assert_eq!((parent.get("user"), parent.get("trace")), (Some(&json!("ada")), Some(&json!(1))));
    }
}
