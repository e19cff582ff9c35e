//! Two brokers, and calls that outlive an outage of one of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ligand_core::{
    Action, Context, Error, Payload, Result, ServiceBroker, ServiceDef,
    broker::{BrokerBuilder, InFlight},
};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::Network;

/// How long a check waits for what must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How long a node is away at least.
const OUTAGE: Duration = Duration::from_millis(500);

/// A time limit that no check reaches.
const LIMIT: Duration = Duration::from_secs(300);

/// `work.hold` answers what it got when the check says so.
pub(super) struct Work {
    runs: AtomicUsize,
    begun: Semaphore,
    ends: Semaphore,
}

impl Work {
    fn new() -> Arc<Self> {
        Arc::new(Self { runs: AtomicUsize::new(0), begun: Semaphore::new(0), ends: Semaphore::new(0) })
    }

    fn service(self: &Arc<Self>) -> ServiceDef {
        let work = self.clone();
        ServiceDef::new("work").action(Action::new("hold", move |_: Context, number: u32| {
            let work = work.clone();
            async move {
                work.runs.fetch_add(1, Ordering::SeqCst);
                work.begun.add_permits(1);
                work.ends.acquire().await.map_err(Error::internal_error)?.forget();
                Ok::<_, Error>(number)
            }
        }))
    }
}

struct Pair<N> {
    network: N,
    caller: ServiceBroker,
    callee: ServiceBroker,
    work: Arc<Work>,
    calls: JoinSet<Result<Payload>>,
}

pub(super) async fn node<N: Network>(network: &N, id: &str, work: Option<&Arc<Work>>) -> ServiceBroker {
    let builder = ServiceBroker::builder().node_id(id).transporter(network.join(id).await);
    let builder = work.map(Work::service).into_iter().fold(builder, BrokerBuilder::service);
    timeout(PATIENCE, builder.start()).await.expect("a node starts in time").expect("a node starts")
}

impl<N: Network> Pair<N> {
    async fn start() -> Self {
        let (network, work) = (N::start().await, Work::new());
        let callee = node(&network, "callee", Some(&work)).await;
        let caller = node(&network, "caller", None).await;
        let pair = Self { network, caller, callee, work, calls: JoinSet::new() };
        pair.meet().await;
        pair
    }

    async fn meet(&self) {
        self.caller.wait_for_services(&["work"], PATIENCE).await.expect("the caller sees the service");
    }

    /// A call without a time limit, or with one that does not matter.
    fn call(&mut self, number: u32, limit: Option<Duration>) {
        let call = self.caller.call_named("work.hold", number).timeout(limit.unwrap_or(Duration::ZERO));
        self.calls.spawn(call.into_future());
    }

    /// Its handler runs.
    async fn begun(&self) {
        let begun = timeout(PATIENCE, self.work.begun.acquire()).await;
        begun.expect("the call comes to its callee").expect("nobody closes it").forget();
    }

    /// What the call ends with.
    async fn ended(&mut self) -> Result<u32> {
        let ended = timeout(PATIENCE, self.calls.join_next()).await.expect("the call ends");
        ended.expect("there was a call").expect("it does not panic")?.take()
    }

    fn broker(&self, node: &str) -> &ServiceBroker {
        if node == "caller" { &self.caller } else { &self.callee }
    }

    /// Takes a node off the bus until `meanwhile` is over, and for a while at least.
    async fn while_away(&mut self, node: &str, meanwhile: impl AsyncFnOnce(&mut Self)) {
        self.network.cut(node).await;
        let since = Instant::now();
        if self.network.is_told() {
            until("it knows that it is off the bus", || !self.broker(node).is_connected()).await;
        }
        meanwhile(self).await;
        sleep(OUTAGE.saturating_sub(since.elapsed())).await;
        self.network.heal(node).await;
    }

    /// The handler ends, and its answer is on its way.
    async fn answer(&self) {
        self.work.ends.add_permits(1);
        until("the handler ends", || self.callee.in_flight().is_none_or(|now| now.serving == 0)).await;
    }

    fn runs(&self) -> usize {
        self.work.runs.load(Ordering::SeqCst)
    }

    /// Nothing is left of all calls.
    async fn end(self) {
        for broker in [&self.caller, &self.callee] {
            let idle = || broker.in_flight().is_none_or(|now| now == InFlight::default());
            until("nothing is left behind", idle).await;
        }
        self.caller.stop().await;
        self.callee.stop().await;
    }
}

/// Waits until something is so.
pub(super) async fn until(what: &str, is: impl Fn() -> bool) {
    let wait = async {
        while !is() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "not in {PATIENCE:?}: {what}");
}

async fn answered_while_away<N: Network>(who: &str) {
    for limit in [None, Some(LIMIT)] {
        // Nodes that lose the bus twice in a row are in less of a hurry.
        let mut pair = Pair::<N>::start().await;
        pair.call(7, limit);
        pair.begun().await;
        pair.while_away(who, async |pair| pair.answer().await).await;
        let result = pair.ended().await;
        assert_eq!(result.map_err(|error| format!("{error:#}")), Ok(7), "{who} away, limit {limit:?}");
        assert_eq!(pair.runs(), 1, "{who} away, limit {limit:?}");
        pair.end().await;
    }
}

/// The caller is off the bus when its call is answered: nobody takes the answer, and the caller asks for it.
pub async fn an_answer_that_was_sent_while_the_caller_was_away_is_asked_for<N: Network>() {
    answered_while_away::<N>("caller").await;
}

/// The callee is off the bus when the handler ends.
pub async fn an_answer_that_was_given_while_the_callee_was_away_comes<N: Network>() {
    answered_while_away::<N>("callee").await;
}

/// The caller is off the bus when it calls. Where no server says so, its peer seems gone instead.
pub async fn a_call_that_was_made_while_its_caller_was_away_runs_once<N: Network>() {
    let mut pair = Pair::<N>::start().await;
    if !pair.network.is_told() {
        return pair.end().await;
    }
    for (number, limit) in [(1, None), (2, Some(LIMIT))] {
        pair.while_away("caller", async |pair| pair.call(number, limit)).await;
        pair.begun().await;
        pair.answer().await;
        assert_eq!(pair.ended().await.map_err(|error| format!("{error:#}")), Ok(number), "limit {limit:?}");
        assert_eq!(pair.runs(), number as usize, "limit {limit:?}: runs");
    }
    pair.end().await;
}

/// The callee dies while it is off the bus, and another life of its name comes: nobody has the call any more.
pub async fn a_call_whose_callee_was_started_anew_ends<N: Network>() {
    let mut pair = Pair::<N>::start().await;
    for limit in [None, Some(LIMIT)] {
        pair.call(7, limit);
        pair.begun().await;
        let runs = pair.runs();
        pair.while_away("callee", async |pair| {
            pair.answer().await;
            timeout(PATIENCE, pair.callee.stop()).await.expect("a node stops while the bus is lost");
        })
        .await;
        pair.callee = node(&pair.network, "callee", Some(&pair.work)).await;
        let error = pair.ended().await.expect_err("nobody has the answer");
        assert_eq!((error.code(), error.kind()), (503, "REQUEST_REJECTED"), "limit {limit:?}: {error:#}");
        assert_eq!(pair.runs(), runs, "nobody knows whether it ran: it must not run again");
        pair.meet().await;
    }
    pair.end().await;
}
