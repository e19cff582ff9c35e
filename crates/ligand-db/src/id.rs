//! Ids and times of new entities.

use serde_json::Value;

use crate::Kind;

/// A time-ordered UUID (version 7) as text: ids made by one process sort in the order of their making.
///
/// ```
/// let (first, second) = (ligand_db::new_id(), ligand_db::new_id());
/// assert!(first < second);
/// ```
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The time now as a column of this kind holds it.
pub(crate) fn now(kind: Kind) -> Value {
    let now = jiff::Timestamp::now();
    match kind {
        Kind::Integer => now.as_millisecond().into(),
        _ => format!("{now:.3}").into(),
    }
}
