//! How jobs run: one timer for each, from the moment the broker has started until it or the service stops.
//!
//! The timer is a task that a stop does not wait for; each run is one that it does.

use std::{sync::Arc, time::Duration};

use ligand_wire::{Error, Result};
use tokio::{sync::oneshot, time::Instant};

use super::{Origin, ServiceBroker, State, WeakBroker};
use crate::{
    context::Context,
    future::isolate,
    middleware::span,
    registry::{Run, Schedule, ServiceItem},
    service::{Overlap, RunGuard},
    thread_watch::watch,
};

/// Runs of one job at once.
const MOST: usize = 64;

impl ServiceBroker {
    /// Starts the timers of a service that takes calls.
    pub(super) fn start_jobs(&self, item: &ServiceItem) {
        for schedule in item.schedules() {
            let (weak, schedule, service) = (self.downgrade(), schedule.clone(), item.full_name().clone());
            let ended = schedule.ended();
            let mut state = self.0.state.subscribe();
            let stopping = self.stopping();
            self.tasks().spawn_background(async move {
                let timer = async {
                    // The first run may call services that are not there before.
                    if state.wait_for(|state| *state != State::Starting).await.is_ok() {
                        drop(state);
                        keep_time(weak, &schedule, &service).await;
                    }
                };
                tokio::select! {
                    biased;
                    () = ended => {}
                    () = stopping => {}
                    () = timer => {}
                }
            });
        }
    }

    /// A run begins in a task that a stop waits for. Its end is told; `None`: it does not begin.
    fn begin_run(
        &self,
        run: Run,
        schedule: &Arc<Schedule>,
        service: &Arc<str>,
    ) -> Option<oneshot::Receiver<()>> {
        let (done, end) = oneshot::channel();
        let ctx = self.service_context(service, schedule.job().timeout);
        let around = span::background(self.parts(), &ctx, schedule.job().name());
        let schedule = schedule.clone();
        let work = async move {
            let (guard, ended) = oneshot::channel();
            let result = within(&ctx, &schedule, guard).await;
            if let Err(error) = &result {
                run.failed(error);
                ctx.broker().note_background_error(&Origin::of(&ctx, Some(&schedule.job().name)), error);
            }
            // What blocks its thread works on when its time is over.
            let _ = ended.await;
            drop((run, ctx));
            let _ = done.send(());
        };
        self.tasks().spawn(around.around(work))?;
        Some(end)
    }
}

/// Begins a run whenever one is due.
async fn keep_time(broker: WeakBroker, schedule: &Arc<Schedule>, service: &Arc<str>) {
    let job = schedule.job();
    let now = Instant::now();
    let Some(mut due) = now.checked_add(job.first.unwrap_or(job.period)) else { return };
    loop {
        let Some(begin) = due.checked_add(jitter(job.jitter)) else { return };
        tokio::time::sleep_until(begin).await;
        let Some(broker) = broker.upgrade() else { return };
        let most = if job.overlap == Overlap::Run { MOST } else { 1 };
        if let Some(run) = schedule.begin(most) {
            let Some(end) = broker.begin_run(run, schedule, service) else { return };
            drop(broker);
            if job.overlap != Overlap::Run {
                let _ = end.await;
            }
        }
        // What was due in the meantime.
        let late = Instant::now().saturating_duration_since(due);
        let missed = u64::try_from(late.as_nanos() / job.period.as_nanos()).unwrap_or(u64::MAX);
        let waits = u64::from(job.overlap == Overlap::Queue && missed > 0);
        schedule.skip(missed - waits);
        let periods = u32::try_from(missed + 1 - waits).unwrap_or(u32::MAX);
        let Some(next) = job.period.checked_mul(periods).and_then(|pause| due.checked_add(pause)) else {
            return;
        };
        due = next;
    }
}

/// One run, with its time limit.
async fn within(ctx: &Context, schedule: &Schedule, guard: RunGuard) -> Result<()> {
    let job = schedule.job();
    let work = isolate(watch(ctx.clone(), async { job.run(ctx, guard).await }));
    match ctx.deadline() {
        None => work.await,
        Some(deadline) => match tokio::time::timeout_at(deadline, work).await {
            Ok(result) => result,
            Err(_) => Err(Error::server(
                504,
                "JOB_TIMEOUT",
                format!(
                    "job '{}' of service '{}' did not end within {:?}",
                    job.name(),
                    ctx.service_full_name(),
                    job.timeout.unwrap_or_default()
                ),
            )),
        },
    }
}

fn jitter(most: Duration) -> Duration {
    match u64::try_from(most.as_nanos()) {
        Ok(nanos @ 1..) => Duration::from_nanos(fastrand::u64(0..=nanos)),
        _ => Duration::ZERO,
    }
}
