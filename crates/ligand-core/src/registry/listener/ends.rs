//! The ends of what one send has handed over, for a sender that waits for them.
//!
//! One count for all listeners: a channel for each would be an allocation and a wake-up of the sender for each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use futures_util::task::AtomicWaker;
use ligand_wire::{Error, Result};
use parking_lot::Mutex;

#[derive(Default)]
pub(super) struct Ends {
    handed: AtomicUsize,
    ended: AtomicUsize,
    /// The error of the listener that got the event first, of those that failed.
    first: Mutex<Option<(usize, Error)>>,
    sender: AtomicWaker,
}

/// One of them: dropped when the listener has ended, or will never begin.
pub(super) struct End {
    all: Arc<Ends>,
    place: usize,
}

impl Ends {
    /// The end of one more listener. Only the sender hands over.
    pub(super) fn one(self: &Arc<Self>) -> End {
        let place = self.handed.fetch_add(1, Ordering::Relaxed);
        End { all: self.clone(), place }
    }

    /// Waits for all, and returns the first error in the order in which they got the event.
    pub(super) async fn all(&self) -> Option<Error> {
        let handed = self.handed.load(Ordering::Relaxed);
        std::future::poll_fn(|cx| {
            if self.ended.load(Ordering::Acquire) == handed {
                return Poll::Ready(());
            }
            self.sender.register(cx.waker());
            // One may have ended in between.
            if self.ended.load(Ordering::Acquire) == handed { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.first.lock().take().map(|(_, error)| error)
    }
}

impl End {
    pub(super) fn with(self, result: Result<()>) {
        let Err(error) = result else { return };
        let mut first = self.all.first.lock();
        if first.as_ref().is_none_or(|(place, _)| self.place < *place) {
            *first = Some((self.place, error));
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let ended = self.all.ended.fetch_add(1, Ordering::AcqRel) + 1;
        // The sender may hand over more: then this wakes it once too often.
        if ended >= self.all.handed.load(Ordering::Relaxed) {
            self.all.sender.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, pin_mut};

    use super::*;

    #[test]
    fn the_error_of_the_first_listener_counts_whoever_fails_first() {
        let ends = Arc::new(Ends::default());
        let (one, other, third) = (ends.one(), ends.one(), ends.one());
        other.with(Err(Error::new("second")));
        one.with(Err(Error::new("first")));
        let all = ends.all();
        pin_mut!(all);
        assert!(all.as_mut().now_or_never().is_none(), "one has not ended");
        // It never begins.
        drop(third);
        assert_eq!(all.now_or_never().unwrap().unwrap().message(), "first");
    }

    #[tokio::test]
    async fn a_sender_is_woken_by_the_last_end() {
        let ends = Arc::new(Ends::default());
        let handed: Vec<_> = (0..3).map(|_| ends.one()).collect();
        let end = async {
            // By now the sender sleeps.
            tokio::task::yield_now().await;
            handed.into_iter().for_each(drop);
        };
        let (first, ()) = futures_util::future::join(ends.all(), end).await;
        assert!(first.is_none());
        assert!(Arc::new(Ends::default()).all().await.is_none(), "of nobody");
    }
}
