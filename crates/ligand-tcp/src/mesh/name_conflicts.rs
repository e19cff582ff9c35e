//! Other nodes of this node's name.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ligand_transport::Address;
use parking_lot::Mutex;

use super::Mesh;
use crate::handshake::{IdentityError, shortened};

/// Own addresses that are remembered.
const MOST: usize = 64;

/// Where somebody of this node's name was sighted.
#[derive(Debug, Default)]
pub(crate) struct NameConflicts {
    /// There it was this node itself.
    own: Mutex<HashSet<Address>>,
    busy: AtomicBool,
}

impl Mesh {
    /// Somebody says that this node is at this address. Anybody can say so: it is looked who is there.
    pub(crate) fn look_for_conflict(self: &Arc<Self>, place: Address) {
        if self.name_conflicts.own.lock().contains(&place)
            || self.name_conflicts.busy.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let mesh = self.clone();
        self.spawn(async move {
            tokio::select! {
                () = mesh.meet_twin(&place) => {}
                () = mesh.stopped() => {}
            }
            mesh.name_conflicts.busy.store(false, Ordering::Release);
        });
    }

    async fn meet_twin(&self, place: &Address) {
        let Ok(mut stream) = self.dial_address(place, self.options.connect_timeout).await else { return };
        let me = self.link.node_id().clone();
        match self.identify(&mut stream, &me, place, None).await {
            Err(IdentityError::Own) => {
                let mut own = self.name_conflicts.own.lock();
                if own.len() < MOST {
                    own.insert(place.clone());
                }
            }
            // Another life has been told of; others only look like it.
            Err(IdentityError::Other(why)) => {
                let place = format!("{}:{}", shortened(&place.host), place.port);
                self.warn(&format_args!("somebody uses this node's name at {place}: {why}"));
            }
            Ok(_) => {}
        }
    }
}
