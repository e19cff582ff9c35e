//! What happened in a run, as the driver and the workers tell it.

use std::collections::HashMap;

use ligand::Value;
use serde::{Deserialize, Serialize};

/// One call: when it was made (milliseconds since 1970), how long it took (milliseconds), what became of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Call(pub(crate) f64, pub(crate) f64, pub(crate) u32);

impl Call {
    /// It had no end when the driver stopped waiting.
    pub(crate) const UNSETTLED: u32 = 0;
    /// It was answered.
    pub(crate) const OK: u32 = 1;
    /// It failed with the first of [`History::fates`]; the next number stands for the next one.
    pub(crate) const FIRST_FAILURE: u32 = 2;

    pub(crate) const fn failed(self) -> bool {
        self.2 >= Self::FIRST_FAILURE
    }

    /// When it ended; those that did not end never.
    pub(crate) fn end(self) -> f64 {
        if self.2 == Self::UNSETTLED { f64::INFINITY } else { self.0 + self.1 }
    }
}

/// What the driver did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct History {
    /// In the order in which they were made.
    pub(crate) calls: Vec<Call>,
    /// Names and codes of the errors that came.
    pub(crate) fates: Vec<String>,
    /// When each event was sent, by its id.
    pub(crate) events: Vec<f64>,
    /// Counters and processor time of the driver.
    pub(crate) used: Value,
}

impl History {
    /// How a call failed.
    pub(crate) fn failure(&self, call: Call) -> Option<&str> {
        let number = call.2.checked_sub(Call::FIRST_FAILURE)?;
        self.fates.get(usize::try_from(number).ok()?).map(String::as_str)
    }

    /// Calls under way at some time between these two.
    pub(crate) fn under_way(&self, from: f64, to: f64) -> usize {
        self.calls.iter().filter(|call| call.0 <= to && call.end() >= from).count()
    }
}

/// How often each event was heard.
pub(crate) type Heard = HashMap<u64, u32>;
