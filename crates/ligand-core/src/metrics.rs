//! Metrics of a broker: Moleculer's, with its names, and your own.
//!
//! `metrics.enabled` in the [options](crate::config::MetricsOptions) counts calls, events and packets. Your own count
//! in any case:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> ligand_core::Result<()> {
//! use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef, metrics::Definition};
//!
//! let pay = Action::new("pay", |ctx: Context, card: String| async move {
//!     let paid = Definition::new("shop.paid.total").labels(["card"]);
//!     ctx.broker().metrics().counter(paid).with(&[&card]).increment(1);
//!     Ok::<_, Error>(())
//! });
//! let broker = ServiceBroker::builder()
//!     .options(|options| options.metrics.enabled = true)
//!     .service(ServiceDef::new("shop").action(pay))
//!     .start()
//!     .await?;
//! broker.call_named("shop.pay", "visa".to_owned()).await?;
//! let text = broker.metrics_text();
//! assert!(text.contains("shop_paid_total{nodeID=") && text.contains("moleculer_request_total{nodeID="));
//! # broker.stop().await;
//! # Ok(()) }
//! ```

#[cfg(feature = "metrics")]
pub use ligand_metrics::facade;

pub(crate) mod built_in;
mod collect;
mod reporters;

#[doc(inline)]
pub use ligand_metrics::{
    Counter, Definition, Family, Gauge, Histogram, Kind, Registry, counter, gauge, histogram, metric,
    registry::Filter, report,
};

use self::built_in::BuiltIn;
use crate::{broker::ServiceBroker, config::MetricsOptions};

/// What a broker keeps.
pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    /// `None`: they are off.
    pub(crate) built_in: Option<std::sync::Arc<BuiltIn>>,
}

impl Metrics {
    pub(crate) fn new(options: &MetricsOptions) -> Self {
        let registry = Registry::new();
        let built_in = options.enabled.then(|| std::sync::Arc::new(BuiltIn::new(&registry, options)));
        Self { registry, built_in }
    }
}

impl ServiceBroker {
    /// All metrics of this broker; your own are made with it.
    pub fn metrics(&self) -> &Registry {
        &self.parts().metrics.registry
    }

    /// All metrics in the text format of Prometheus, each with the labels `nodeID` and `namespace`.
    pub fn metrics_text(&self) -> String {
        let labels = [("nodeID", self.node_id()), ("namespace", &*self.options().namespace)];
        report::prometheus::text(self.metrics(), &labels)
    }
}
