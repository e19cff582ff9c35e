//! What a job did so far, and what ends it.

use std::{sync::Arc, time::Duration};

use ligand_wire::Error;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::service::JobDef;

/// One job of a service on this node.
pub(crate) struct Schedule {
    job: JobDef,
    record: Mutex<Record>,
    ended: watch::Sender<bool>,
}

#[derive(Default)]
struct Record {
    running: usize,
    runs: u64,
    failed: u64,
    skipped: u64,
    last_run: Option<jiff::Timestamp>,
    last_duration: Option<Duration>,
    last_error: Option<Value>,
}

/// One run that works.
pub(crate) struct Run {
    schedule: Arc<Schedule>,
    begun: tokio::time::Instant,
}

impl Schedule {
    pub(super) fn new(job: JobDef) -> Self {
        Self { job, record: Mutex::default(), ended: watch::Sender::new(false) }
    }

    pub(crate) fn job(&self) -> &JobDef {
        &self.job
    }

    /// How many runs work now.
    pub(crate) fn running(&self) -> usize {
        self.record.lock().running
    }

    /// A run begins, unless `most` work already.
    pub(crate) fn begin(self: &Arc<Self>, most: usize) -> Option<Run> {
        let mut record = self.record.lock();
        if record.running >= most {
            record.skipped += 1;
            return None;
        }
        record.running += 1;
        record.runs += 1;
        record.last_run = Some(jiff::Timestamp::now());
        Some(Run { schedule: self.clone(), begun: tokio::time::Instant::now() })
    }

    /// So many runs were left out.
    pub(crate) fn skip(&self, runs: u64) {
        self.record.lock().skipped += runs;
    }

    /// No run begins any more.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Waits for [`Schedule::end`].
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended.subscribe();
        async move {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }

    /// As `$node.services` shows it. Times are milliseconds.
    pub(crate) fn to_json(&self) -> Value {
        let record = self.record.lock();
        json!({
            "name": self.job.name(),
            "period": millis(self.job.period()),
            "description": Some(self.job.doc()).filter(|docs| !docs.is_empty()),
            "running": record.running,
            "runs": record.runs,
            "failed": record.failed,
            "skipped": record.skipped,
            "lastRun": record.last_run.map(jiff::Timestamp::as_millisecond),
            "lastDuration": record.last_duration.map(millis),
            "lastError": record.last_error,
        })
    }
}

impl Run {
    /// Notes how the run ended. What is internal of an error stays in the log.
    pub(crate) fn failed(&self, error: &Error) {
        let mut record = self.schedule.record.lock();
        record.failed += 1;
        let time = jiff::Timestamp::now().as_millisecond();
        record.last_error = Some(json!({ "message": error.message(), "type": error.kind(), "time": time }));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut record = self.schedule.record.lock();
        record.running -= 1;
        record.last_duration = Some(self.begun.elapsed());
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
