//! A thread that writes what others put into its queue.
//!
//! `tracing-appender` has one too; its way to the end of the queue is the drop of a guard, which a broker that only stops
//! does not have, and it brings four crates into every build.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

/// Lines in the queue.
const PLACES: usize = 16_384;

/// How long a flush waits for a disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lines that are written reach the disk at the latest then.
const PAUSE: Duration = Duration::from_secs(1);

enum Message {
    Line(Box<str>),
    Flush(SyncSender<()>),
}

/// The queue in front of a writer.
pub(super) struct Queue {
    messages: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Queue {
    pub(super) fn start(writer: Box<dyn Write + Send>) -> std::io::Result<Arc<Self>> {
        let (messages, queue) = sync_channel(PLACES);
        let dropped = Arc::new(AtomicU64::new(0));
        let count = dropped.clone();
        std::thread::Builder::new().name("ligand-log".into()).spawn(move || serve(writer, &queue, &count))?;
        Ok(Arc::new(Self { messages, dropped }))
    }

    pub(super) fn put(&self, line: &str) {
        match self.messages.try_send(Message::Line(line.into())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Waits until everything that was put in is written.
    pub(super) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        // The queue may be full: then the thread is at work, and makes room.
        if self.messages.send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(PATIENCE);
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn serve(mut writer: Box<dyn Write + Send>, queue: &Receiver<Message>, dropped: &AtomicU64) {
    let mut told = 0;
    let mut dirty = false;
    loop {
        let message = match dirty {
            true => queue.recv_timeout(PAUSE),
            false => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match message {
            Ok(Message::Line(line)) => {
                let lost = dropped.load(Ordering::Relaxed);
                if lost > told {
                    let text = format!("{} lines of the log were dropped: its queue was full\n", lost - told);
                    told = lost;
                    let _ = writer.write_all(text.as_bytes());
                }
                // What cannot be written is lost: there is no log for the log.
                if writer.write_all(line.as_bytes()).is_err() {
                    told = dropped.fetch_add(1, Ordering::Relaxed) + 1;
                }
                dirty = true;
            }
            Ok(Message::Flush(done)) => {
                let _ = writer.flush();
                dirty = false;
                let _ = done.try_send(());
            }
            Err(RecvTimeoutError::Timeout) => {
                let _ = writer.flush();
                dirty = false;
            }
            Err(RecvTimeoutError::Disconnected) => {
                let _ = writer.flush();
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks until it may write, and counts lines.
    struct Slow(Receiver<()>, Arc<parking_lot::Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            self.1.lock().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_does_not_fit_is_dropped_counted_and_told() {
        let (go, wait) = std::sync::mpsc::channel();
        let written = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let queue = Queue::start(Box::new(Slow(wait, written.clone()))).unwrap();
        // One more may be in the hands of the thread.
        let lines = PLACES + 101;
        for _ in 0..lines {
            queue.put("line\n");
        }
        let dropped = queue.dropped();
        assert!((100..=101).contains(&dropped), "{dropped}");
        drop(go);
        queue.flush();
        let text = String::from_utf8(written.lock().clone()).unwrap();
        assert_eq!(text.matches("line\n").count() as u64, lines as u64 - dropped);
        let told: u64 = text
            .lines()
            .filter_map(|line| line.split_once(" lines of the log"))
            .map(|(n, _)| n.parse::<u64>().unwrap())
            .sum();
        assert_eq!(told, dropped);
    }
}
