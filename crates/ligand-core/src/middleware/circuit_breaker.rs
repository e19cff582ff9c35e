//! Circuit breaker: an action that fails too often gets a rest, then one call is let through as a trial.
//!
//! Every failure counts whose code is 500 or more, time-outs included; plain errors and panics have code 500.
//! The reference does not count plain errors, time-outs or failed trials; see `docs/differences.md`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use ligand_wire::{Error, Payload, Result};
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    broker::{Parts, WeakBroker},
    config::CircuitBreakerPolicy,
    context::Context,
    future::Work,
    service::{ActionDef, DynAction, layer},
    sharded::CachePadded,
};

struct Breaker {
    policy: CircuitBreakerPolicy,
    action: Arc<ActionDef>,
    node: Arc<str>,
    broker: WeakBroker,
    available: Arc<CachePadded<AtomicBool>>,
    state: Mutex<State>,
    trials: AtomicU64,
    /// What was counted when the circuit opened; failed trials count on.
    counts: Mutex<Counts>,
}

struct Counts {
    since: Instant,
    all: u32,
    failed: u32,
}

impl Counts {
    fn new() -> Self {
        Self { since: Instant::now(), all: 0, failed: 0 }
    }
}

#[derive(Clone, Copy)]
enum State {
    Closed {
        since: Instant,
        count: u32,
        failures: u32,
    },
    Open,
    /// `trial` is the number of the call that decides, while there is one.
    HalfOpen {
        trial: Option<u64>,
    },
}

impl State {
    fn closed() -> Self {
        Self::Closed { since: Instant::now(), count: 0, failures: 0 }
    }
}

pub(super) fn wrap(
    parts: &Parts,
    action: &Arc<ActionDef>,
    node: &Arc<str>,
    available: &Arc<CachePadded<AtomicBool>>,
    next: DynAction,
) -> DynAction {
    let policy = parts.circuit_breaker(action);
    if !policy.enabled {
        return next;
    }
    let breaker = Arc::new(Breaker {
        policy,
        action: action.clone(),
        node: node.clone(),
        broker: parts.broker.clone(),
        available: available.clone(),
        state: Mutex::new(State::closed()),
        trials: AtomicU64::new(0),
        counts: Mutex::new(Counts::new()),
    });
    layer(move |ctx: &Context, params: Payload| -> Work<Payload> {
        let mut watch = match breaker.enter(ctx) {
            Ok(watch) => watch,
            Err(error) => return Work::done(Err(error)),
        };
        let work = next.call(ctx, params);
        Work::new(async move {
            let result = work.await;
            watch.done(result.as_ref().err());
            result
        })
    })
}

/// Watches one call; a call dropped at its time limit counts as timed out, one dropped earlier does not count.
struct Watch {
    breaker: Arc<Breaker>,
    ctx: Context,
    trial: Option<u64>,
    open: bool,
}

impl Watch {
    fn done(&mut self, error: Option<&Error>) {
        self.open = false;
        match error {
            None => self.breaker.success(self.trial),
            Some(error) if self.breaker.counts(error) => self.breaker.failure(self.trial),
            Some(_) if self.trial.is_some() => self.breaker.success(self.trial),
            Some(_) => {}
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        if std::thread::panicking() {
            self.done(Some(&Error::internal_error("panicked")));
        } else if self.ctx.deadline().is_some_and(|end| end <= Instant::now()) {
            let late = Error::request_timeout(self.breaker.action.full_name(), &self.breaker.node);
            self.done(Some(&late));
        } else if let Some(trial) = self.trial {
            self.breaker.trial_ended(trial);
        }
    }
}

impl Breaker {
    fn counts(&self, error: &Error) -> bool {
        // What went wrong on a third node is not this endpoint's fault.
        // Neither is a lost connection of this node.
        let own =
            error.node_id().is_none_or(|node| *node == *self.node) && !error.is("BrokerDisconnectedError");
        own && match &self.policy.check {
            Some(check) => check.counts(error),
            None => error.code() >= 500,
        }
    }

    fn enter(self: &Arc<Self>, ctx: &Context) -> Result<Watch> {
        let mut state = self.state.lock();
        let trial = match &mut *state {
            State::Closed { .. } => None,
            State::HalfOpen { trial: trial @ None } => {
                let number = self.trials.fetch_add(1, Ordering::Relaxed);
                *trial = Some(number);
                self.available.store(false, Ordering::Relaxed);
                self.bound(number);
                Some(number)
            }
            State::HalfOpen { .. } | State::Open => {
                return Err(Error::circuit_open(self.action.full_name(), &self.node));
            }
        };
        drop(state);
        Ok(Watch { breaker: self.clone(), ctx: ctx.clone(), trial, open: true })
    }

    /// In the half-open state only the trial decides: calls from before the rest may still end.
    fn success(self: &Arc<Self>, trial: Option<u64>) {
        let mut state = self.state.lock();
        match &*state {
            State::Closed { .. } => self.count(&mut state, 0),
            State::HalfOpen { trial: running } if trial.is_some() && *running == trial => {
                *state = State::closed();
                drop(state);
                self.available.store(true, Ordering::Relaxed);
                self.tell("closed", json!({}));
            }
            State::HalfOpen { .. } | State::Open => {}
        }
    }

    fn failure(self: &Arc<Self>, trial: Option<u64>) {
        let mut state = self.state.lock();
        match &*state {
            State::Closed { .. } => self.count(&mut state, 1),
            State::HalfOpen { trial: running } if trial.is_some() && *running == trial => {
                *state = State::Open;
                drop(state);
                let (count, failures) = {
                    let mut counts = self.counts.lock();
                    if counts.since.elapsed() >= self.policy.window_time {
                        *counts = Counts::new();
                    }
                    counts.all += 1;
                    counts.failed += 1;
                    (counts.all, counts.failed)
                };
                self.rest(count, failures);
            }
            State::HalfOpen { .. } | State::Open => {}
        }
    }

    /// The trial was cancelled or does not end: the next call is one.
    fn trial_ended(&self, number: u64) {
        let mut state = self.state.lock();
        if let State::HalfOpen { trial } = &mut *state
            && *trial == Some(number)
        {
            *trial = None;
            self.available.store(true, Ordering::Relaxed);
        }
    }

    /// A trial that hangs must not keep the circuit open for ever.
    fn bound(self: &Arc<Self>, number: u64) {
        let Some(broker) = self.broker.upgrade() else { return };
        let breaker = self.clone();
        broker.tasks().spawn_background(async move {
            tokio::time::sleep(breaker.policy.half_open_time).await;
            breaker.trial_ended(number);
        });
    }

    fn count(self: &Arc<Self>, state: &mut State, failed: u32) {
        let State::Closed { since, count, failures } = state else { return };
        if since.elapsed() >= self.policy.window_time {
            (*since, *count, *failures) = (Instant::now(), 0, 0);
        }
        *count += 1;
        *failures += failed;
        let (count, failures) = (*count, *failures);
        let rate = f64::from(failures) / f64::from(count);
        if failures > 0 && count >= self.policy.min_request_count && rate >= self.policy.threshold {
            *self.counts.lock() = Counts { since: *since, all: count, failed: failures };
            *state = State::Open;
            self.rest(count, failures);
        }
    }

    /// Opens the circuit and half-opens it later.
    fn rest(self: &Arc<Self>, count: u32, failures: u32) {
        self.available.store(false, Ordering::Relaxed);
        let rate = f64::from(failures) / f64::from(count.max(1));
        self.tell("opened", json!({ "failures": failures, "count": count, "rate": rate }));
        let breaker = self.clone();
        let Some(broker) = self.broker.upgrade() else { return };
        // The rest starts now, not when the task does.
        let end = Instant::now().checked_add(self.policy.half_open_time);
        broker.tasks().spawn_background(async move {
            match end {
                Some(end) => tokio::time::sleep_until(end).await,
                None => std::future::pending().await,
            }
            *breaker.state.lock() = State::HalfOpen { trial: None };
            breaker.available.store(true, Ordering::Relaxed);
            breaker.tell("half-opened", json!({}));
        });
    }

    fn tell(&self, what: &str, mut data: serde_json::Value) {
        let Some(broker) = self.broker.upgrade() else { return };
        tracing::warn!(action = self.action.full_name(), node = &*self.node, "circuit breaker {what}");
        data["nodeID"] = (*self.node).into();
        data["service"] = self.action.service_full_name().into();
        data["action"] = self.action.full_name().into();
        let event = broker.broadcast_named(format!("$circuit-breaker.{what}"), data);
        broker.tasks().spawn_background(async move {
            let _ = event.await;
        });
    }
}
