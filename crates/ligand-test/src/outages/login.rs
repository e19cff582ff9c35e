//! A password that is wrong for a while.

use std::{io, sync::Arc};

use parking_lot::Mutex;

use super::{
    Guarded,
    checks::{node, until},
};

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn has(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.0.lock()).contains(text)
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The password is changed while a node runs, and its connection is cut: the log says why it does not come back, and it
/// does as soon as the password is right again.
pub async fn a_login_that_is_refused_later_is_told_and_tried_again<N: Guarded>() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _log = tracing::subscriber::set_default(log);
    let network = N::start().await;
    let broker = node(&network, "node", None).await;
    for round in 1..=2 {
        network.let_in(false).await;
        network.cut("node").await;
        until("the loss is noticed", || !broker.is_connected()).await;
        lines.0.lock().clear();
        network.heal("node").await;
        until("the refusal is told", || lines.has("refuses this node: ") && lines.has("trying again")).await;
        assert!(!broker.is_connected(), "round {round}");
        network.let_in(true).await;
        until("the node is back", || broker.is_connected()).await;
    }
    broker.stop().await;
}
