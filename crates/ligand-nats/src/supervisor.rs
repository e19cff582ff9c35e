//! Sees to changes of the connection and of balanced subscriptions, one after the other.

use std::{
    collections::{HashMap, HashSet},
    sync::Weak,
};

use futures_util::future::{Either, select};
use ligand_wire::{Error, Result, topic::Topic};
use tokio::sync::{mpsc, oneshot};

use crate::{connection::Connection, state::Change};

/// Balanced topics to subscribe to instead of all others.
pub(crate) struct Balance {
    pub(crate) topics: Vec<Topic>,
    pub(crate) done: oneshot::Sender<Result<()>>,
}

/// What the supervisor of a connection remembers.
pub(crate) struct Supervisor {
    /// Weak: a connection that nobody uses ends, and this with it.
    connection: Weak<Connection>,
    /// Balanced subscriptions; they end when their value is dropped.
    balanced: HashMap<Topic, oneshot::Sender<()>>,
    /// The link was told that packets flow.
    told: bool,
    /// Used when that happens for the first time.
    ready: Option<oneshot::Sender<()>>,
}

impl Supervisor {
    pub(crate) fn new(connection: Weak<Connection>, ready: oneshot::Sender<()>) -> Self {
        Self { connection, balanced: HashMap::new(), told: false, ready: Some(ready) }
    }

    /// Runs until all senders are gone.
    pub(crate) async fn run(
        mut self,
        mut changes: mpsc::UnboundedReceiver<Change>,
        mut orders: mpsc::Receiver<Balance>,
    ) {
        loop {
            let next = {
                let (change, order) = (std::pin::pin!(changes.recv()), std::pin::pin!(orders.recv()));
                match select(change, order).await {
                    Either::Left((change, _)) => Either::Left(change),
                    Either::Right((order, _)) => Either::Right(order),
                }
            };
            match next {
                Either::Left(Some(change)) => self.change(&change).await,
                Either::Right(Some(order)) => {
                    let result = self.balance(order.topics).await;
                    let _ = order.done.send(result);
                }
                Either::Left(None) | Either::Right(None) => return,
            }
        }
    }

    async fn change(&mut self, change: &Change) {
        let Some(connection) = self.connection.upgrade() else { return };
        match change {
            // The library has subscribed anew by now, or is about to; the echo comes after that.
            Change::Connected => {
                // The loss of an earlier connection may be told when this one has been made ready already.
                let stands = connection.sync().await.is_ok()
                    && (connection.state.make_ready() || connection.state.ready());
                if stands && !self.told {
                    self.told = true;
                    connection.link.connected();
                    if let Some(ready) = self.ready.take() {
                        let _ = ready.send(());
                    }
                }
            }
            Change::Lost if std::mem::take(&mut self.told) => {
                let reason =
                    Error::disconnected().with_internal("the connection to the NATS server was lost");
                connection.link.disconnected(&reason);
            }
            Change::Lost => {}
        }
    }

    async fn balance(&mut self, topics: Vec<Topic>) -> Result<()> {
        let connection = self.connection.upgrade().ok_or_else(Error::disconnected)?;
        for topic in &topics {
            if !self.balanced.contains_key(topic) {
                let stop = connection.state.while_connected(connection.subscribe_balanced(topic)).await??;
                self.balanced.insert(topic.clone(), stop);
            }
        }
        let wanted: HashSet<_> = topics.iter().collect();
        self.balanced.retain(|topic, _| wanted.contains(topic));
        connection.sync().await
    }
}
