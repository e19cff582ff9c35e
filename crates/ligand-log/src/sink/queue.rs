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
    time::{Duration, Instant},
};

/// Lines in the queue.
const PLACES: usize = 16_384;

/// Lines that are written reach the disk at the latest then.
const PAUSE: Duration = Duration::from_secs(1);

enum Message {
    Line(Box<str>),
    Flush(SyncSender<()>),
}

/// The line that says how many were dropped, with its end.
pub(super) type Notice = Box<dyn Fn(u64) -> String + Send>;

/// The queue in front of a writer.
pub(super) struct Queue {
    messages: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Queue {
    pub(super) fn start(writer: Box<dyn Write + Send>, notice: Notice) -> std::io::Result<Arc<Self>> {
        let (messages, queue) = sync_channel(PLACES);
        let dropped = Arc::new(AtomicU64::new(0));
        let count = dropped.clone();
        std::thread::Builder::new()
            .name("ligand-log".into())
            .spawn(move || serve(writer, &queue, &count, &notice))?;
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

    /// Waits until everything that was put in is written, until `end` at most.
    pub(super) fn flush(&self, end: Instant) {
        let (done, wait) = sync_channel(1);
        let mut message = Message::Flush(done);
        // The queue may be full, and the disk stand still.
        while let Err(TrySendError::Full(back)) = self.messages.try_send(message) {
            if Instant::now() >= end {
                return;
            }
            message = back;
            std::thread::park_timeout(Duration::from_millis(2));
        }
        let _ = wait.recv_timeout(end.saturating_duration_since(Instant::now()));
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn serve(mut writer: Box<dyn Write + Send>, queue: &Receiver<Message>, dropped: &AtomicU64, notice: &Notice) {
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
                if lost > told && writer.write_all(notice(lost - told).as_bytes()).is_ok() {
                    told = lost;
                }
                // What cannot be written is lost: there is no log for the log. The next line that can says so.
                if writer.write_all(line.as_bytes()).is_err() {
                    dropped.fetch_add(1, Ordering::Relaxed);
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

    fn notice() -> Notice {
        Box::new(|lost| format!("{lost} lines of the log were dropped\n"))
    }

    #[test]
    fn a_flush_gives_up_on_a_disk_that_stands_still() {
        let (_go, wait) = std::sync::mpsc::channel();
        let queue = Queue::start(Box::new(Slow(wait, Arc::default())), notice()).unwrap();
        (0..PLACES + 2).for_each(|_| queue.put("line\n"));
        // It ends: that is all.
        queue.flush(Instant::now() + Duration::from_millis(20));
    }

    /// Fails for the first lines.
    struct Broken(u32, Arc<parking_lot::Mutex<Vec<u8>>>);

    impl Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0 > 0 {
                self.0 -= 1;
                return Err(std::io::Error::other("full"));
            }
            self.1.lock().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_cannot_be_written_is_told_when_it_can() {
        let written = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let queue = Queue::start(Box::new(Broken(2, written.clone())), notice()).unwrap();
        // The first line fails, and so does the first notice.
        ["a\n", "b\n", "c\n"].into_iter().for_each(|line| queue.put(line));
        queue.flush(Instant::now() + Duration::from_secs(60));
        assert_eq!(*written.lock(), b"b\n1 lines of the log were dropped\nc\n");
    }

    #[test]
    fn what_does_not_fit_is_dropped_counted_and_told() {
        let (go, wait) = std::sync::mpsc::channel();
        let written = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let queue = Queue::start(Box::new(Slow(wait, written.clone())), notice()).unwrap();
        // One more may be in the hands of the thread.
        let lines = PLACES + 101;
        for _ in 0..lines {
            queue.put("line\n");
        }
        let dropped = queue.dropped();
        assert!((100..=101).contains(&dropped), "{dropped}");
        drop(go);
        queue.flush(Instant::now() + Duration::from_secs(60));
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
