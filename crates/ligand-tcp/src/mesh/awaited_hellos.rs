//! Who waits for a sign of which node.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Dials that wait until the node speaks over its own connection.
#[derive(Debug, Default)]
pub(crate) struct AwaitedHellos(Mutex<HashMap<Arc<str>, Vec<oneshot::Sender<()>>>>);

impl AwaitedHellos {
    /// Ends when the node has spoken.
    pub(crate) fn wait(&self, node: &Arc<str>) -> oneshot::Receiver<()> {
        let (sender, hello) = oneshot::channel();
        let mut waiting = self.0.lock();
        waiting.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
        waiting.entry(node.clone()).or_default().push(sender);
        hello
    }

    /// The node speaks.
    pub(crate) fn heard(&self, node: &str) {
        let senders = self.0.lock().remove(node);
        for sender in senders.into_iter().flatten() {
            let _ = sender.send(());
        }
    }
}
