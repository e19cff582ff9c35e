//! Tests: the services that are called are mocked by their typed names, calls and events are recorded.
//!
//! ```text
//! total: 500
//! asked stock for [Reserve { sku: "tea", count: 2 }]
//! told everybody: [OrderPlaced { total: 500 }]
//! without stock: 409 CONFLICT
//! ```

use ligand::prelude::*;
use ligand_test::TestBroker;

#[payload]
struct Reserve {
    sku: String,
    count: u64,
}

/// The stock service belongs to somebody else: only its contract is here.
#[contract(name = "stock")]
trait StockApi {
    /// Answers the price of one.
    async fn reserve(params: Reserve) -> Result<u64>;
}

#[payload(event = "orders.placed")]
struct OrderPlaced {
    total: u64,
}

struct Orders;

#[service(name = "orders", dependencies("stock"))]
impl Orders {
    #[action]
    async fn place(&self, ctx: &Context, sku: String, count: u64) -> Result<u64> {
        let price = ctx.client::<StockApi>().reserve(Reserve { sku, count }).await?;
        ctx.emit(OrderPlaced { total: price * count }).await?;
        Ok(price * count)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let reserve = |asked: Reserve| match asked.sku.as_str() {
        "tea" => Ok(250),
        _ => Err(Error::conflict("out of stock")),
    };
    let broker = TestBroker::builder().service(Orders).mock(StockApi::RESERVE, reserve).start().await?;
    let orders = broker.client::<Orders>();
    println!("total: {}", orders.place("tea".into(), 2).await?);
    println!("asked stock for {:?}", broker.calls(StockApi::RESERVE));
    println!("told everybody: {:?}", broker.emitted::<OrderPlaced>());
    if let Err(error) = orders.place("coffee".into(), 1).await {
        println!("without stock: {} {}", error.code(), error.kind());
    }
    broker.stop().await;
    Ok(())
}
