//! Single flight: one caller at a time for each key.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

type Keys = Arc<Mutex<HashMap<Arc<str>, Arc<AsyncMutex<()>>>>>;

/// The keys that somebody works on. A cancelled worker hands its turn to the next in line.
#[derive(Default)]
pub(super) struct Turns(Keys);

/// The right to work on one key; ends on drop.
pub(crate) struct Turn {
    keys: Keys,
    key: Arc<str>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    pub(super) async fn take(&self, key: &str) -> Turn {
        let (key, lock) = {
            let mut keys = self.0.lock();
            match keys.get_key_value(key) {
                Some((key, lock)) => (key.clone(), lock.clone()),
                None => {
                    let (key, lock) = (Arc::<str>::from(key), Arc::<AsyncMutex<()>>::default());
                    keys.insert(key.clone(), lock.clone());
                    (key, lock)
                }
            }
        };
        // Made before the wait: a waiter that is cancelled tidies up too.
        let mut turn = Turn { keys: self.0.clone(), key, guard: None };
        turn.guard = Some(lock.lock_owned().await);
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut keys = self.keys.lock();
        drop(self.guard.take());
        // The map's own handle is the last one when nobody waits.
        if keys.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            keys.remove(&self.key);
        }
    }
}
