//! Two connections that stand and fall together.

use std::sync::Arc;

use ligand_net::Server;
use ligand_transport::Link;
use tokio::sync::oneshot;

use super::{lane::Lane, publish, receive::Receiver};
use crate::{
    access::Access,
    connection::{Connection, Lost},
};

/// Two connections that stand and fall together.
pub(super) struct Connections {
    both: Option<(Connection, Receiver)>,
    receiving: Option<Receiving>,
}

/// The task that receives.
struct Receiving {
    /// Ends it when it is dropped.
    stop: oneshot::Sender<()>,
    /// Why it has ended.
    ended: oneshot::Receiver<Lost>,
}

impl Connections {
    /// Connects twice and subscribes.
    pub(super) async fn open(
        access: &Access,
        server: &Server,
        link: &Arc<dyn Link>,
        prefix: &str,
    ) -> Result<Self, Lost> {
        let receiver = async {
            let connection = access.connect(server, link.node_id()).await?;
            Receiver::subscribe(connection, link, prefix).await
        };
        let both = tokio::try_join!(access.connect(server, link.node_id()), receiver)?;
        Ok(Self { both: Some(both), receiving: None })
    }

    /// Works until one of the connections ends, and says why. Called once.
    pub(super) async fn run(&mut self, lane: &Lane, link: &Arc<dyn Link>) -> Lost {
        let Some((publisher, receiver)) = self.both.take() else {
            return Lost::new("the session is over");
        };
        let ((stop, stopped), (end, ended)) = (oneshot::channel(), oneshot::channel());
        link.tasks().spawn_background(receiver.run(link.clone(), stopped, end));
        let receiving = self.receiving.insert(Receiving { stop, ended });
        let lost = tokio::select! {
            lost = publish::run(publisher, lane, link) => return lost,
            lost = &mut receiving.ended => lost,
        };
        self.receiving = None;
        lost.unwrap_or_else(|_| Lost::new("the broker has stopped"))
    }

    /// Ends both; nothing arrives any more when this is over.
    pub(super) async fn end(self) {
        if let Some(Receiving { stop, ended }) = self.receiving {
            drop(stop);
            let _ = ended.await;
        }
    }
}
