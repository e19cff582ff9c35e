//! Whether the history of a run is as it should be.

use std::collections::BTreeMap;

use crate::{
    fault::Marks,
    history::{Call, Heard, History},
    plan::{Fault, Kind, Run, Transporter},
};

/// What is known of a run.
pub(crate) struct Evidence {
    pub(crate) history: History,
    pub(crate) heard: Heard,
    pub(crate) marks: Marks,
    /// Events that the nodes themselves counted as lost, or as perhaps lost.
    pub(crate) counted_lost: u64,
}

/// One line of the table.
pub(crate) struct Row {
    pub(crate) transporter: Transporter,
    pub(crate) fault: Fault,
    pub(crate) peer: Kind,
    pub(crate) calls: usize,
    pub(crate) ok: usize,
    pub(crate) failures: BTreeMap<String, usize>,
    pub(crate) unsettled: usize,
    /// Answered or failed after more than half a second.
    pub(crate) slow: usize,
    /// Longest time of a call that ended, in milliseconds.
    pub(crate) longest: f64,
    /// Most calls under way at a fault.
    pub(crate) under_way: usize,
    /// Until calls took the usual time again, in milliseconds; of several faults the longest. `None`: never.
    pub(crate) normal: Option<f64>,
    pub(crate) events: usize,
    pub(crate) lost: usize,
    pub(crate) counted_lost: u64,
    pub(crate) doubled: usize,
    pub(crate) notes: Vec<String>,
    pub(crate) misses: Vec<String>,
}

/// Calls are looked at in pieces of so many milliseconds.
const PIECE: f64 = 50.0;

/// So many usual pieces after each other end a disturbance.
const CALM: usize = 4;

/// A time that is always usual, in milliseconds: less is noise of the machine.
const NOISE: f64 = 20.0;

/// What fails while the bus is away must say so.
const DISCONNECTED: &str = "BrokerDisconnectedError 502";

/// Judges a run.
pub(crate) fn judge(run: &Run, evidence: &Evidence) -> Row {
    let Evidence { history, heard, marks, counted_lost } = evidence;
    let calls = &history.calls;
    let count = |test: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| test(call)).count();
    let mut failures = BTreeMap::new();
    for name in calls.iter().filter_map(|call| history.failure(*call)) {
        *failures.entry(name.to_owned()).or_insert(0) += 1;
    }
    let lost = (0..history.events.len()).filter(|id| !heard.contains_key(&(*id as u64))).count();
    let first = marks.faults.first().map_or(f64::INFINITY, |fault| fault.0);
    let usual = usual(calls, first);
    let since: Vec<f64> = match marks.over {
        Some(over) => vec![over],
        None => marks.faults.iter().map(|fault| fault.0).collect(),
    };
    let times: Vec<_> = since.iter().map(|since| normal_again(calls, *since, usual)).collect();
    let normal = times.iter().try_fold(0.0, |most: f64, time| time.map(|time| most.max(time)));
    let mut row = Row {
        transporter: run.transporter,
        fault: run.fault,
        peer: run.peer,
        calls: calls.len(),
        ok: count(&|call| call.2 == Call::OK),
        failures,
        unsettled: count(&|call| call.2 == Call::UNSETTLED),
        slow: count(&|call| call.2 != Call::UNSETTLED && call.1 > 500.0),
        longest: calls
            .iter()
            .filter(|call| call.2 != Call::UNSETTLED)
            .fold(0.0, |most, call| most.max(call.1)),
        under_way: marks.faults.iter().map(|(from, to)| history.under_way(*from, *to)).max().unwrap_or(0),
        normal,
        events: history.events.len(),
        lost,
        counted_lost: *counted_lost,
        doubled: heard.values().map(|times| *times as usize - 1).sum(),
        notes: marks.notes.clone(),
        misses: marks.misses.clone(),
    };
    row.notes.push(format!("usual latency at most {usual:.0} ms"));
    row.check(evidence);
    row
}

impl Row {
    fn check(&mut self, evidence: &Evidence) {
        if self.unsettled > 0 {
            self.misses.push(format!("{} calls had no end", self.unsettled));
        }
        let failed: usize = self.failures.values().sum();
        match self.fault {
            Fault::Kill => {
                self.kills(evidence);
                let limit = if self.transporter == Transporter::Amqp { 2000.0 } else { 200.0 };
                self.recovered(limit);
            }
            Fault::Term | Fault::Double => {
                if failed > 0 {
                    self.misses.push(format!("{failed} calls failed, none may"));
                }
                if self.lost > 0 {
                    self.misses.push(format!("{} events were lost, none may", self.lost));
                }
            }
            Fault::Join => {
                if failed > 0 {
                    self.misses.push(format!("{failed} calls failed, none may"));
                }
            }
            Fault::Bus => {
                for (name, count) in self.failures.iter().filter(|(name, _)| *name != DISCONNECTED) {
                    self.misses.push(format!("{count} calls failed with {name} instead of {DISCONNECTED}"));
                }
                self.recovered(2000.0);
            }
            Fault::Stop | Fault::Partition => {}
        }
    }

    fn recovered(&mut self, limit: f64) {
        match self.normal {
            Some(time) if time <= limit => {}
            Some(time) => {
                self.misses.push(format!("usual latency after {time:.0} ms, {limit:.0} are allowed"));
            }
            None => self.misses.push("the latency was never usual again".into()),
        }
    }

    /// Each kill may cost the calls under way at that moment, ten at most, and two events.
    fn kills(&mut self, evidence: &Evidence) {
        let Evidence { history, heard, marks, .. } = evidence;
        let mut costs = Vec::new();
        for (number, (from, to)) in marks.faults.iter().enumerate() {
            let next = marks.faults.get(number + 1).map_or(f64::INFINITY, |next| next.0);
            let within = |time: f64| time >= *from && time < next;
            let failed = history.calls.iter().filter(|call| call.failed() && within(call.end())).count();
            let allowed = history.under_way(*from, *to).min(10);
            if failed > allowed {
                self.misses.push(format!("kill {}: {failed} calls failed, {allowed} may", number + 1));
            }
            let lost = history
                .events
                .iter()
                .enumerate()
                .filter(|(id, sent)| within(**sent + 100.0) && !heard.contains_key(&(*id as u64)));
            let lost = lost.count();
            if lost > 2 {
                self.misses.push(format!("kill {}: {lost} events were lost, 2 may", number + 1));
            }
            costs.push(format!("{failed} of {allowed} calls, {lost} events"));
        }
        self.notes.push(format!("cost of each kill: {}", costs.join("; ")));
    }
}

/// The latency that nine of ten calls do not exceed by much while nothing is wrong, in milliseconds.
fn usual(calls: &[Call], until: f64) -> f64 {
    let from = until - 2000.0;
    let before: Vec<_> = calls.iter().filter(|call| call.0 >= from && call.end() < until).collect();
    let mut latencies: Vec<f64> = before.iter().map(|call| call.1).collect();
    (3.0 * nine_of_ten(&mut latencies)).max(NOISE)
}

fn nine_of_ten(latencies: &mut [f64]) -> f64 {
    latencies.sort_by(f64::total_cmp);
    latencies.get(latencies.len() * 9 / 10).copied().unwrap_or_default()
}

/// How many milliseconds after `since` calls take the usual time again.
fn normal_again(calls: &[Call], since: f64, usual: f64) -> Option<f64> {
    let end = calls.last()?.0;
    let mut calm = 0;
    let mut piece = 0.0;
    while since + (piece + 1.0) * PIECE <= end {
        let from = since + piece * PIECE;
        let first = calls.partition_point(|call| call.0 < from);
        let last = calls.partition_point(|call| call.0 < from + PIECE);
        let made = &calls[first..last];
        let mut latencies: Vec<f64> = made.iter().map(|call| call.1).collect();
        let good = !made.is_empty()
            && made.iter().all(|call| call.2 == Call::OK)
            && nine_of_ten(&mut latencies) <= usual;
        calm = if good { calm + 1 } else { 0 };
        piece += 1.0;
        if calm == CALM {
            return Some((piece - calm as f64) * PIECE);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call each millisecond; those sent from `from` to `to` get this latency and fate.
    fn calls(from: f64, to: f64, latency: f64, fate: u32) -> Vec<Call> {
        let call = |sent: f64| match sent >= from && sent < to {
            true => Call(sent, latency, fate),
            false => Call(sent, 1.0, Call::OK),
        };
        (0..5000).map(|sent| call(f64::from(sent))).collect()
    }

    fn evidence(calls: Vec<Call>, faults: Vec<(f64, f64)>) -> Evidence {
        let fates = vec![DISCONNECTED.to_owned(), "RequestRejectedError 503".to_owned()];
        let history = History { calls, fates, events: Vec::new(), used: ligand::Value::Null };
        let marks = Marks { faults, ..Marks::default() };
        Evidence { history, heard: Heard::new(), marks, counted_lost: 0 }
    }

    const NATS: Run = Run { transporter: Transporter::Nats, fault: Fault::Kill, peer: Kind::Ligand };

    #[test]
    fn a_kill_may_cost_what_was_under_way() {
        let few = evidence(calls(2995.0, 3000.0, 9.0, 3), vec![(3000.0, 3000.5)]);
        let row = judge(&NATS, &few);
        assert!(row.misses.is_empty(), "{:?}", row.misses);
        assert_eq!(row.failures["RequestRejectedError 503"], 5);
        let many = evidence(calls(2995.0, 3050.0, 9.0, 3), vec![(3000.0, 3000.5)]);
        let row = judge(&NATS, &many);
        assert!(
            row.misses.iter().any(|miss| miss.starts_with("kill 1: 55 calls failed")),
            "{:?}",
            row.misses
        );
    }

    #[test]
    fn calls_take_the_usual_time_again() {
        let slow = calls(3000.0, 3420.0, 100.0, Call::OK);
        assert_eq!(
            normal_again(&slow, 3000.0, 20.0),
            Some(450.0),
            "two of five calls of the ninth piece are slow"
        );
        assert_eq!(normal_again(&slow, 3000.0, 200.0), Some(0.0));
        assert_eq!(normal_again(&calls(3000.0, 5000.0, 100.0, Call::OK), 3000.0, 20.0), None);
    }

    #[test]
    fn a_lost_bus_must_be_named() {
        let run = Run { fault: Fault::Bus, ..NATS };
        let named = judge(&run, &evidence(calls(3000.0, 3050.0, 9.0, 2), vec![(3000.0, 3001.0)]));
        assert!(named.misses.is_empty(), "{:?}", named.misses);
        let other = judge(&run, &evidence(calls(3000.0, 3050.0, 9.0, 3), vec![(3000.0, 3001.0)]));
        assert_eq!(other.misses.len(), 1, "{:?}", other.misses);
        let open = judge(&run, &evidence(calls(3000.0, 3001.0, 0.0, 0), vec![(3000.0, 3001.0)]));
        assert_eq!(open.misses, ["1 calls had no end"]);
    }
}
