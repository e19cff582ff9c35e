//! The keys of nodes in Redis, those of Moleculer.

use ligand_wire::topic::Topic;

/// How many characters of the instance id stand in a key.
const HASH: usize = 8;

/// Names of keys of one namespace.
pub(super) struct Keys {
    /// `MOL-DSCVR-BEAT:`
    beats: String,
    /// `MOL-DSCVR-INFO:`
    infos: String,
}

/// What the name of a beat's key says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BeatKey<'a> {
    pub(super) node: &'a str,
    /// The beginning of the instance id.
    pub(super) hash: &'a str,
    pub(super) seq: u64,
}

impl Keys {
    pub(super) fn new(namespace: &str) -> Self {
        let prefix = Topic::prefix(namespace);
        Self { beats: format!("{prefix}-DSCVR-BEAT:"), infos: format!("{prefix}-DSCVR-INFO:") }
    }

    /// Key of a node's info.
    pub(super) fn info(&self, node: &str) -> String {
        format!("{}{node}", self.infos)
    }

    /// Key of a node's beat.
    pub(super) fn beat(&self, node: &str, instance_id: &str, seq: u64) -> String {
        format!("{}{node}|{}|{seq}", self.beats, hash(instance_id))
    }

    /// Pattern of all keys of beats.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.beats.len() + 1);
        for letter in self.beats.chars() {
            if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern.push('*');
        pattern
    }

    /// Reads the name of a beat's key; `None` for what is none.
    pub(super) fn parse<'a>(&self, key: &'a [u8]) -> Option<BeatKey<'a>> {
        let mut parts = std::str::from_utf8(key).ok()?.strip_prefix(&self.beats)?.split('|');
        let (node, hash, seq) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
        (parts.next().is_none() && !node.is_empty()).then_some(BeatKey { node, hash, seq })
    }
}

/// The beginning of an instance id.
pub(super) fn hash(instance_id: &str) -> &str {
    instance_id.char_indices().nth(HASH).map_or(instance_id, |(end, _)| &instance_id[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let keys = Keys::new("lab");
        assert_eq!(keys.info("n.1"), "MOL-lab-DSCVR-INFO:n.1");
        assert_eq!(keys.beat("n.1", "0123456789", 3), "MOL-lab-DSCVR-BEAT:n.1|01234567|3");
        assert_eq!(Keys::new("").pattern(), "MOL-DSCVR-BEAT:*");
        assert_eq!(Keys::new("a*[b]").pattern(), "MOL-a\\*\\[b\\]-DSCVR-BEAT:*");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let keys = Keys::new("");
        let key = BeatKey { node: "n", hash: "0123", seq: 7 };
        assert_eq!(keys.parse(b"MOL-DSCVR-BEAT:n|0123|7"), Some(key));
        for wrong in ["n|0123", "n|0123|x", "|0123|7", "n|m|0123|7", "n|0123|-7", "n|0123|7|"] {
            assert_eq!(keys.parse(format!("MOL-DSCVR-BEAT:{wrong}").as_bytes()), None, "{wrong}");
        }
        assert_eq!(keys.parse(b"MOL-DSCVR-INFO:n|0123|7"), None);
        assert_eq!(keys.parse(b"MOL-DSCVR-BEAT:\xff|0123|7"), None);
    }
}
