//! The order of kinds as collations, so that SQLite compares, sorts and indexes as the memory store does.
//!
//! A column keeps a value in one form, the one that is read back; what is equal and what is less is said by its
//! collation, which every condition, order and index of the column names. A migration may so write any notation.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;

use crate::Kind;

/// Kinds whose texts have an order of their own.
const KINDS: [Kind; 8] = [
    Kind::Decimal { number: false },
    Kind::Instant { millis: false, zoned: false },
    Kind::Local,
    Kind::Day,
    Kind::Clock,
    Kind::Uuid,
    Kind::Address,
    Kind::Json,
];

/// Makes all collations known to the connections.
pub(super) fn register(mut connect: SqliteConnectOptions) -> SqliteConnectOptions {
    for item in KINDS {
        for kind in [item.clone(), Kind::List(Arc::new(item))] {
            if let Some(name) = of_text(&kind) {
                connect = connect.collation(name, move |a, b| kind.compare_texts(a, b));
            }
        }
    }
    connect
}

/// The collation of a column of this kind; `None` for the order that SQLite has by itself.
pub(super) fn of_column(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Integer { .. } | Kind::Real { .. } => None,
        kind => of_text(kind),
    }
}

/// The collation of values of this kind that are texts, as numbers inside JSON are.
pub(super) fn of_text(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Text | Kind::Choice(_) | Kind::Opaque | Kind::Boolean => None,
        Kind::Integer { .. } | Kind::Real { .. } | Kind::Decimal { .. } => Some("ligand_decimal"),
        Kind::Instant { .. } => Some("ligand_instant"),
        Kind::Local => Some("ligand_local"),
        Kind::Day => Some("ligand_day"),
        Kind::Clock => Some("ligand_clock"),
        Kind::Uuid => Some("ligand_uuid"),
        Kind::Address => Some("ligand_address"),
        Kind::Struct(_) | Kind::Json => Some("ligand_json"),
        Kind::List(item) => Some(match **item {
            Kind::Decimal { .. } => "ligand_decimals",
            Kind::Instant { .. } => "ligand_instants",
            Kind::Local => "ligand_locals",
            Kind::Day => "ligand_days",
            Kind::Clock => "ligand_clocks",
            Kind::Uuid => "ligand_uuids",
            Kind::Address => "ligand_addresses",
            // Numbers and plain texts compare as JSON does.
            _ => "ligand_jsons",
        }),
    }
}
