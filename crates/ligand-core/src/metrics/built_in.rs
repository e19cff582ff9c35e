//! Metrics of calls and events, with the names, labels and units of Moleculer.

use std::sync::Arc;

use ligand_metrics::{Counter, Definition, Family, Gauge, Histogram, Registry};
use ligand_wire::{Error, Result, error::kind::HANDLER_PANICKED};
use tokio::time::Instant;

use crate::{config::MetricsOptions, context::Context, future::Work};

/// What is counted while work runs.
pub(crate) struct BuiltIn {
    requests: Of,
    levels: Arc<Family<Counter>>,
    timeouts: Arc<Family<Counter>>,
    received: Of,
}

/// The four metrics of a kind of work.
struct Of {
    total: Arc<Family<Counter>>,
    active: Arc<Family<Gauge>>,
    errors: Arc<Family<Counter>>,
    time: Arc<Family<Histogram>>,
}

impl Of {
    fn new(
        registry: &Registry,
        options: &MetricsOptions,
        name: [&str; 4],
        labels: [&str; 4],
        unit: &str,
    ) -> Self {
        let of = |name: &str| Definition::new(name).labels(labels).unit(unit);
        let errors = labels.into_iter().chain(["errorName", "errorCode", "errorType"]);
        Self {
            total: registry.counter(of(name[0]).rate()),
            active: registry.gauge(of(name[1])),
            errors: registry.counter(Definition::new(name[2]).labels(errors).unit(unit).rate()),
            time: registry.histogram(of(name[3]).unit("millisecond").buckets(options.buckets.clone()).rate()),
        }
    }

    fn begin(&self, ctx: &Context, labels: Labels) -> Running {
        let values = labels(ctx);
        self.total.with(&values).increment(1);
        let active = self.active.with(&values);
        active.increment();
        let time = self.time.with(&values);
        let errors = self.errors.clone();
        Running { active, time, errors, labels, ctx: ctx.clone(), start: Instant::now(), over: false }
    }
}

/// Work that was counted when it began. Its time counts when it ends, also when nobody waits for it any more.
pub(crate) struct Running {
    active: Arc<Gauge>,
    time: Arc<Histogram>,
    errors: Arc<Family<Counter>>,
    labels: Labels,
    ctx: Context,
    start: Instant,
    /// How it ended is counted.
    over: bool,
}

/// The values of the labels of what runs in a context.
type Labels = for<'a> fn(&'a Context) -> [&'a str; 4];

fn local(ctx: &Context) -> [&str; 4] {
    [ctx.service_full_name(), ctx.action(), "local", ctx.caller().unwrap_or_default()]
}

fn remote(ctx: &Context) -> [&str; 4] {
    [ctx.service_full_name(), ctx.action(), "remote", ctx.caller().unwrap_or_default()]
}

fn heard(ctx: &Context) -> [&str; 4] {
    let group = ctx.listener().map_or("", |listener| listener.event().group());
    [ctx.service_full_name(), group, ctx.event_name(), ctx.caller().unwrap_or_default()]
}

impl Running {
    fn ended<T>(&mut self, result: &Result<T>) {
        self.over = true;
        if let Err(error) = result {
            self.failed(error);
        }
    }

    fn failed(&self, error: &Error) {
        let code = error.code().to_string();
        let [one, two, three, four] = (self.labels)(&self.ctx);
        self.errors.with(&[one, two, three, four, error.name(), &code, error.kind()]).increment(1);
    }

    /// Counts how work ends.
    pub(crate) fn around<T: Unpin + Send + 'static>(mut self, work: Work<T>) -> Work<T> {
        match work.finished() {
            Ok(result) => {
                self.ended(&result);
                Work::done(result)
            }
            Err(work) => Work::new(async move {
                let result = work.await;
                self.ended(&result);
                result
            }),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever turns a panic or the end of the time into an error stands further out.
        if !self.over && std::thread::panicking() {
            self.failed(&Error::internal_error("panicked").with_kind(HANDLER_PANICKED));
        } else if !self.over && self.ctx.deadline().is_some_and(|end| end <= Instant::now()) {
            self.failed(&Error::request_timeout(self.ctx.action(), self.ctx.broker().node_id()));
        }
        self.active.decrement();
        self.time.observe_time(self.start.elapsed());
    }
}

impl BuiltIn {
    pub(super) fn new(registry: &Registry, options: &MetricsOptions) -> Self {
        let requests = [
            "moleculer.request.total",
            "moleculer.request.active",
            "moleculer.request.error.total",
            "moleculer.request.time",
        ];
        let events = [
            "moleculer.event.received.total",
            "moleculer.event.received.active",
            "moleculer.event.received.error.total",
            "moleculer.event.received.time",
        ];
        let timeouts = Definition::new("moleculer.request.timeout.total").labels(["service", "action"]);
        Self {
            requests: Of::new(
                registry,
                options,
                requests,
                ["service", "action", "type", "caller"],
                "request",
            ),
            levels: registry
                .counter(Definition::new("moleculer.request.levels").labels(["level"]).unit("request")),
            timeouts: registry.counter(timeouts.unit("request").rate()),
            received: Of::new(registry, options, events, ["service", "group", "event", "caller"], "event"),
        }
    }

    /// An action begins, on this node or another.
    pub(crate) fn call(&self, ctx: &Context, is_local: bool) -> Running {
        self.levels.with(&[&ctx.level().to_string()]).increment(1);
        self.requests.begin(ctx, if is_local { local } else { remote })
    }

    /// A listener begins.
    pub(crate) fn event(&self, ctx: &Context) -> Running {
        self.received.begin(ctx, heard)
    }

    /// A call ran out of time.
    pub(crate) fn timed_out(&self, ctx: &Context) {
        self.timeouts.with(&[ctx.service_full_name(), ctx.action()]).increment(1);
    }
}
