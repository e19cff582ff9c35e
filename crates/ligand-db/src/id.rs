//! Ids of new entities.

/// A time-ordered UUID (version 7) as text: ids made by one process sort in the order of their making.
///
/// ```
/// let (first, second) = (ligand_db::new_id(), ligand_db::new_id());
/// assert!(first < second);
/// ```
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
