//! Metrics: numbers about a process, kept until somebody asks.
//!
//! | module | what it has |
//! |---|---|
//! | [`registry`] | all metrics of a broker, and what is asked of them |
//! | [`metric`] | one metric: its definition, its series by labels |
//! | [`counter`], [`gauge`], [`histogram`] | one series |
//! | [`report`] | the forms for others: Prometheus, OpenMetrics, StatsD, tables, CSV |
//!
//! ```
//! use ligand_metrics::{Definition, Registry};
//!
//! let metrics = Registry::new();
//! let orders = metrics.counter(Definition::new("shop.orders.total").labels(["payment"]));
//! orders.with(&["card"]).increment(1);
//! orders.with(&["card"]).increment(2);
//! assert_eq!(orders.with(&["card"]).value(), 3);
//! assert!(ligand_metrics::report::prometheus::text(&metrics, &[]).contains("shop_orders_total{payment=\"card\"} 3"));
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod counter;
#[cfg(feature = "facade")]
pub mod facade;
pub mod gauge;
pub mod histogram;
pub mod metric;
mod rate;
pub mod registry;
pub mod report;

pub use self::{
    counter::Counter,
    gauge::Gauge,
    histogram::Histogram,
    metric::{Definition, Family, Kind},
    registry::Registry,
};
