//! What variables say of settings, word for word.

use std::collections::BTreeMap;

use super::{hint::plain, node::Node};

/// What variables say of settings, as it was written: a service may have a text where a number was guessed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingTexts(BTreeMap<String, String>);

impl SettingTexts {
    pub(super) fn read(&mut self, node: &Node, place: String) {
        match node {
            Node::Table(table) => {
                table.iter().for_each(|(key, node)| self.read(node, format!("{place}/{}", plain(key))));
            }
            Node::Text(text) => _ = self.0.insert(place, text.text.clone()),
            Node::Value(_) | Node::List(_) => {}
        }
    }

    /// The text at a place: the section, then its keys.
    pub(crate) fn get(&self, path: &[String]) -> Option<&str> {
        let place: String = path.iter().map(|key| format!("/{}", plain(key))).collect();
        self.0.get(&place).map(String::as_str)
    }
}
