//! Tests for Ligand services.
//!
//! A [`TestBroker`] runs the services under test in the test's own process. What they call is mocked by its
//! typed name, what they call and send is recorded.
//!
//! ```
//! use ligand_core::{Action, ActionRef, Context, Error, EventPayload, ServiceDef};
//! use ligand_test::TestBroker;
//! use serde::{Deserialize, Serialize};
//!
//! const RESERVE: ActionRef<u32, u32> = ActionRef::new("stock.reserve");
//! const PLACE: ActionRef<u32, String> = ActionRef::new("orders.place");
//!
//! #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
//! struct OrderPlaced {
//!     price: u32,
//! }
//!
//! impl EventPayload for OrderPlaced {
//!     const NAME: &'static str = "orders.placed";
//! }
//!
//! fn orders() -> ServiceDef {
//!     let place = Action::new("place", |ctx: Context, amount: u32| async move {
//!         let price = ctx.call(RESERVE, amount).await?;
//!         ctx.emit(OrderPlaced { price }).await?;
//!         Ok::<_, Error>("ok".to_owned())
//!     });
//!     ServiceDef::new("orders").dependency("stock").action(place)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> ligand_core::Result<()> {
//! let broker = TestBroker::builder().service(orders()).mock(RESERVE, |amount| Ok(amount * 10)).start().await?;
//! assert_eq!(broker.call(PLACE, 3).await?, "ok");
//! assert_eq!(broker.calls(RESERVE), [3]);
//! assert_eq!(broker.emitted::<OrderPlaced>(), [OrderPlaced { price: 30 }]);
//! broker.stop().await;
//! # Ok(()) }
//! ```
//!
//! With the feature `web`, `TestBroker::http` is a client of a gateway that needs no port.
//!
//! With the feature `outages`, a transporter's own tests run the checks of `outages` on its real bus.
//!
//! Not here: running services over a real bus or a real port.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod broker;
mod builder;
mod events;
#[cfg(feature = "web")]
mod http;
#[cfg(feature = "outages")]
pub mod outages;
mod record;
pub mod time;

pub use broker::TestBroker;
pub use builder::TestBrokerBuilder;
pub use events::{Events, Seen};
#[cfg(feature = "web")]
pub use http::{Http, HttpRequest, HttpResponse};
