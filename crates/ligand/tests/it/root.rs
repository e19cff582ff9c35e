//! What stands at the root of the crate.

use std::collections::BTreeSet;

/// A list of seventy names explains nothing: what few files need is in modules.
#[test]
fn the_root_has_few_names() {
    let source = include_str!("../../src/lib.rs");
    let (root, _) = source.split_once("pub mod prelude").unwrap();
    let mut names = BTreeSet::new();
    for exports in root.split("pub use ").skip(1) {
        let (exports, _) = exports.split_once(';').unwrap();
        let (_, list) = exports.split_once("::{").unwrap_or(("", exports));
        for item in list.trim_end_matches('}').split(',') {
            let name = item.rsplit("::").next().unwrap_or(item).rsplit(" as ").next().unwrap_or(item).trim();
            let is_module = list.contains(" as ") || name.chars().all(|c| c.is_lowercase() || c == '_');
            if !name.is_empty() && !is_module {
                names.insert(name);
            }
        }
    }
    assert!(names.contains("ServiceBroker") && names.contains("Context"), "{names:?}");
    assert!(names.len() <= 20, "{} types at the root; put rarer ones into modules: {names:?}", names.len());
}
