//! Calls that wait for their answers, by number. On buses without an own way to answer, a message is the number of
//! the call and the body.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use ligand_bench::Failure;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use ligand_bench::packets::USER;

/// Calls that wait. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Pending(Arc<Inner>);

#[derive(Default)]
struct Inner {
    last: AtomicU64,
    calls: Mutex<HashMap<u64, oneshot::Sender<usize>>>,
}

impl Pending {
    /// A new call: its number, and what to wait for.
    pub(super) fn call(&self) -> (u64, Answer) {
        let number = self.0.last.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.0.calls.lock().insert(number, sender);
        (number, Answer(receiver))
    }

    /// The answer to a call, of so many bytes.
    pub(super) fn answered(&self, number: u64, len: usize) {
        let waiting = self.0.calls.lock().remove(&number);
        if let Some(waiting) = waiting {
            let _ = waiting.send(len);
        }
    }

    /// As [`Pending::answered`], for a message with the number in it.
    pub(super) fn message(&self, message: &[u8]) {
        if let Some((number, body)) = message.split_first_chunk() {
            self.answered(u64::from_be_bytes(*number), body.len());
        }
    }
}

/// The answer to a call, sooner or later.
pub(super) struct Answer(oneshot::Receiver<usize>);

impl Answer {
    /// Waits for it.
    pub(super) async fn wait(self) -> Result<(), Failure> {
        match self.0.await? {
            len if len == USER.len() => Ok(()),
            len => Err(format!("{len} bytes came back instead of {}", USER.len()).into()),
        }
    }
}

/// A call as a message.
pub(super) fn message(number: u64) -> Bytes {
    let mut message = Vec::with_capacity(size_of::<u64>() + USER.len());
    message.extend_from_slice(&number.to_be_bytes());
    message.extend_from_slice(USER.as_bytes());
    message.into()
}
