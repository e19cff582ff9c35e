//! The keys of nodes in etcd, those of Moleculer.

/// How many characters of the instance id stand in a key.
const HASH: usize = 8;

/// Names of keys of one namespace.
pub(super) struct Keys {
    /// `moleculer/discovery/beats/`
    pub(super) beats: String,
    /// `moleculer/discovery/info/`
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
        let dash = if namespace.is_empty() { "" } else { "-" };
        let prefix = format!("moleculer{dash}{namespace}/discovery");
        Self { beats: format!("{prefix}/beats/"), infos: format!("{prefix}/info/") }
    }

    /// Key of a node's info.
    pub(super) fn info(&self, node: &str) -> String {
        format!("{}{node}", self.infos)
    }

    /// What all beats of a node begin with.
    pub(super) fn beats_of(&self, node: &str) -> String {
        format!("{}{node}/", self.beats)
    }

    /// Key of a node's beat.
    pub(super) fn beat(&self, node: &str, instance_id: &str, seq: u64) -> String {
        let end = instance_id.char_indices().nth(HASH).map_or(instance_id.len(), |(end, _)| end);
        format!("{}{node}/{}/{seq}", self.beats, &instance_id[..end])
    }

    /// Reads the name of a beat's key; `None` for what is none.
    pub(super) fn parse<'a>(&self, key: &'a [u8]) -> Option<BeatKey<'a>> {
        let mut parts = std::str::from_utf8(key).ok()?.strip_prefix(&self.beats)?.split('/');
        let (node, hash, seq) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
        (parts.next().is_none() && !node.is_empty()).then_some(BeatKey { node, hash, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let keys = Keys::new("lab");
        assert_eq!(keys.info("n.1"), "moleculer-lab/discovery/info/n.1");
        assert_eq!(keys.beat("n.1", "0123456789", 3), "moleculer-lab/discovery/beats/n.1/01234567/3");
        assert_eq!(Keys::new("").beats_of("n"), "moleculer/discovery/beats/n/");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let keys = Keys::new("");
        let key = BeatKey { node: "n", hash: "0123", seq: 7 };
        assert_eq!(keys.parse(b"moleculer/discovery/beats/n/0123/7"), Some(key));
        for wrong in ["n/0123", "n/0123/x", "/0123/7", "n/m/0123/7", "n/0123/-7", "n/0123/7/"] {
            assert_eq!(keys.parse(format!("moleculer/discovery/beats/{wrong}").as_bytes()), None, "{wrong}");
        }
        assert_eq!(keys.parse(b"moleculer/discovery/info/n"), None);
    }
}
