//! Names of the keys of nodes.

/// How many characters of the instance id stand in a key.
const HASH: usize = 8;

/// Names of the keys of one namespace: what they begin with, and what stands between the parts of a beat's name.
#[derive(Clone, Debug)]
pub struct Keys {
    beats: String,
    infos: String,
    separator: char,
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
    /// Keys of beats begin with `beats`, those of infos with `infos`.
    pub fn new(beats: impl Into<String>, infos: impl Into<String>, separator: char) -> Self {
        Self { beats: beats.into(), infos: infos.into(), separator }
    }

    /// What all keys of beats begin with.
    pub fn beats(&self) -> &str {
        &self.beats
    }

    /// What all beats of a node begin with.
    pub fn beats_of(&self, node: &str) -> String {
        format!("{}{node}{}", self.beats, self.separator)
    }

    /// Key of a node's info.
    pub fn info(&self, node: &str) -> String {
        format!("{}{node}", self.infos)
    }

    /// Key of a node's beat.
    pub fn beat(&self, node: &str, instance_id: &str, seq: u64) -> String {
        let end = instance_id.char_indices().nth(HASH).map_or(instance_id.len(), |(end, _)| end);
        let Self { beats, separator, .. } = self;
        format!("{beats}{node}{separator}{}{separator}{seq}", &instance_id[..end])
    }

    pub(super) const fn separator(&self) -> char {
        self.separator
    }

    /// Reads the name of a beat's key; `None` for what is none.
    pub(super) fn parse<'a>(&self, key: &'a [u8]) -> Option<BeatKey<'a>> {
        let mut parts = std::str::from_utf8(key).ok()?.strip_prefix(&self.beats)?.split(self.separator);
        let (node, hash, seq) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
        (parts.next().is_none() && !node.is_empty()).then_some(BeatKey { node, hash, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let keys = Keys::new("beats/", "info/", '/');
        assert_eq!(keys.info("n.1"), "info/n.1");
        assert_eq!(keys.beat("n.1", "0123456789", 3), "beats/n.1/01234567/3");
        assert_eq!(keys.beats_of("n"), "beats/n/");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let keys = Keys::new("beats|", "info|", '|');
        let key = BeatKey { node: "n", hash: "0123", seq: 7 };
        assert_eq!(keys.parse(b"beats|n|0123|7"), Some(key));
        for wrong in ["n|0123", "n|0123|x", "|0123|7", "n|m|0123|7", "n|0123|-7", "n|0123|7|"] {
            assert_eq!(keys.parse(format!("beats|{wrong}").as_bytes()), None, "{wrong}");
        }
        assert_eq!(keys.parse(b"info|n|0123|7"), None);
        assert_eq!(keys.parse(b"beats|\xff|0123|7"), None);
    }
}
