//! Checks with a reason when they fail.

use std::{fmt::Display, future::Future, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

/// Why a scenario did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It failed.
    Failed(String),
    /// It says nothing about this cluster.
    Skipped(&'static str),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// What a scenario ends with.
pub type Outcome = Result<(), Stop>;

/// Longest text of a value in a reason.
const SHOWN: usize = 600;

/// Fails unless both are equal; numbers are compared by value, `1` equals `1.0`.
///
/// # Errors
/// Both values and `what` they are.
pub fn same(what: impl Display, got: &Value, want: &Value) -> Result<(), String> {
    if equal(got, want) {
        return Ok(());
    }
    Err(format!("{what}: got {}, want {}", shown(got), shown(want)))
}

/// Fails unless `truth`.
///
/// # Errors
/// `what` should be, and the value that was found.
pub fn ensure(truth: bool, what: impl Display, found: &Value) -> Result<(), String> {
    if truth { Ok(()) } else { Err(format!("{what}; found {}", shown(found))) }
}

/// Asks until `ready` likes the answer.
///
/// # Errors
/// The last answer, when `limit` is over.
pub async fn until<F>(
    what: impl Display,
    limit: Duration,
    ask: impl Fn() -> F,
    ready: impl Fn(&Value) -> bool,
) -> Result<Value, String>
where
    F: Future<Output = Result<Value, String>>,
{
    let end = Instant::now() + limit;
    loop {
        let answer = ask().await?;
        if ready(&answer) {
            return Ok(answer);
        }
        if Instant::now() > end {
            return Err(format!("{what}: not within {limit:?}; last seen {}", shown(&answer)));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

fn shown(value: &Value) -> String {
    let mut text = value.to_string();
    if let Some((at, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_equal_by_value() {
        assert!(same("n", &json!({ "a": [1.0] }), &json!({ "a": [1] })).is_ok());
        assert_eq!(same("n", &json!(1), &json!(2)), Err("n: got 1, want 2".into()));
        assert!(same("n", &json!({}), &json!({ "a": null })).is_err());
    }

    #[test]
    fn long_values_are_cut() {
        let reason = same("s", &json!("é".repeat(2000)), &json!("")).unwrap_err();
        assert!(reason.contains('…') && reason.len() < 1400);
    }
}
