//! The only place that starts tasks: they are counted, waited for at stop and ended after it. None starts later.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::Notify,
    task::{AbortHandle, JoinSet},
};

/// The tasks of one broker.
#[derive(Clone)]
pub struct Tasks(Arc<Inner>);

struct Inner {
    running: AtomicUsize,
    idle: Notify,
    set: Mutex<Set>,
    /// Where tasks run: work may be started by a value that is dropped outside of the runtime.
    runtime: Option<Handle>,
}

#[derive(Default)]
struct Set {
    tasks: JoinSet<()>,
    /// The broker has stopped: nobody would wait for a task or end it.
    closed: bool,
}

impl Default for Tasks {
    /// Tasks run on the runtime that is current here, when there is one.
    fn default() -> Self {
        Self(Arc::new(Inner {
            running: AtomicUsize::new(0),
            idle: Notify::new(),
            set: Mutex::default(),
            runtime: Handle::try_current().ok(),
        }))
    }
}

/// Counts a task down, also when it is aborted.
struct Running(Arc<Inner>);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

impl Tasks {
    /// Whether this is the runtime on which tasks run.
    pub fn is_here(&self) -> bool {
        let here = Handle::try_current().ok();
        here.is_some_and(|here| self.0.runtime.as_ref().is_some_and(|own| own.id() == here.id()))
    }

    /// Starts work that a stop waits for. Work that comes after the end of the stop is dropped: then there is no
    /// handle.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        let running = Running(self.0.clone());
        self.spawn_background(async move {
            work.await;
            drop(running);
        })
    }

    /// Starts work that a stop does not wait for, such as timers; it is aborted when the broker has stopped, and
    /// dropped when it comes later.
    pub fn spawn_background(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let mut set = self.0.set.lock();
        if set.closed {
            // What the work holds may start work of its own when it is dropped.
            drop(set);
            drop(work);
            return None;
        }
        while set.tasks.try_join_next().is_some() {}
        Some(match &self.0.runtime {
            Some(runtime) => set.tasks.spawn_on(work, runtime),
            None => set.tasks.spawn(work),
        })
    }

    /// Starts work that blocks its thread, on a thread for such work. A stop waits for it; it cannot be ended. Answers
    /// false when the stop is over: then it is dropped.
    pub fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> bool {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        let running = Running(self.0.clone());
        let work = move || {
            work();
            drop(running);
        };
        let mut set = self.0.set.lock();
        if set.closed {
            drop(set);
            drop(work);
            return false;
        }
        while set.tasks.try_join_next().is_some() {}
        match &self.0.runtime {
            Some(runtime) => set.tasks.spawn_blocking_on(work, runtime),
            None => set.tasks.spawn_blocking(work),
        };
        true
    }

    /// How many tasks a stop would wait for.
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::Acquire)
    }

    /// Waits until none of them runs.
    pub async fn idle(&self) {
        loop {
            let idle = self.0.idle.notified();
            if self.running() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Ends all tasks; none starts any more.
    pub fn abort(&self) {
        let mut set = self.0.set.lock();
        set.closed = true;
        set.tasks.abort_all();
    }
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks").field("running", &self.running()).finish()
    }
}
