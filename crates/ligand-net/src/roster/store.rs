//! What a store of keys and values brings.

use std::time::Duration;

use bytes::Bytes;

use crate::Fault;

/// A store of keys and values in which nodes find each other. Each node keeps two keys: its info, and a beat that
/// ends when it is not written again. The names of beats say who lives with which info, so that values are read of
/// nodes that changed and no others.
pub trait Store: Send + 'static {
    /// Name of the store, as errors and logs call it: `Redis`.
    const NAME: &'static str;

    /// How many beats are read at once.
    const BATCH: usize;

    /// The server that is in use, or that was tried last.
    fn server(&self) -> String;

    /// When a key was written.
    type Written: Send + Sync + 'static;

    /// Makes sure of the connection. True: it is a new one, and what was in the store may be gone.
    fn connect(&mut self, node: &str) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// The names of all keys of beats, each once. When there are more than `most`, some more of them than that.
    fn beats(&mut self, most: usize) -> impl Future<Output = Result<Vec<Bytes>, Fault>> + Send;

    /// The values of keys, in their order. Values may be cut off behind the first byte above `longest`.
    fn read(
        &mut self,
        keys: &[String],
        longest: usize,
    ) -> impl Future<Output = Result<Vec<Value>, Fault>> + Send;

    /// When keys were written, in their order; `None` for those that are not there.
    fn written(
        &mut self,
        keys: &[String],
    ) -> impl Future<Output = Result<Vec<Option<Self::Written>>, Fault>> + Send;

    /// Whether a key was written again between two looks at it.
    fn is_newer(now: &Self::Written, before: &Self::Written) -> bool;

    /// Which of these nodes have a beat, in their order: the last look did not find any.
    fn alive(&mut self, nodes: &[Known]) -> impl Future<Output = Result<Vec<bool>, Fault>> + Send;

    /// Writes what a node has to say, all of it or nothing. False: the store has forgotten something that this node
    /// had written; then it is asked again with the info.
    fn write(&mut self, entry: Entry<'_>) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Takes the keys of this node out of the store and closes the connection. `beat` is the key of its last beat.
    fn leave(
        &mut self,
        node: &str,
        info: &str,
        beat: Option<&str>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The value of a key: `None` = it is not there; a text says why it cannot be read.
pub type Value = Result<Option<Bytes>, String>;

/// A node that is thought to live, and the key of its beat as it was known last.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Known {
    /// Name of the node.
    pub node: String,
    /// Key of its beat.
    pub beat: String,
}

/// What a node has to say.
#[derive(Debug)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// Key of the beat.
    pub beat_key: &'a str,
    /// The beat.
    pub beat: &'a [u8],
    /// How long it counts.
    pub life: Duration,
    /// Key of the beat before, when it is another one: it goes.
    pub last_beat_key: Option<&'a str>,
    /// Key of the info.
    pub info_key: &'a str,
    /// The info; `None` = the store has it and it lives on.
    pub info: Option<&'a [u8]>,
}
