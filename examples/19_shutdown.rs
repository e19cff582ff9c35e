//! Graceful shutdown: running calls end, new ones are refused, then services stop in reverse order.
//!
//! ```text
//! orders: no more work from outside
//! new call: REQUEST_REJECTED
//! running call: done after 2s
//! orders: stopped
//! stock: stopped
//! ```

use ligand::prelude::*;
use tokio::time::sleep;

struct Stock;

#[service(name = "stock")]
impl Stock {
    #[action]
    async fn reserve(&self) -> String {
        sleep(Duration::from_secs(2)).await;
        "done after 2s".into()
    }

    #[stopped]
    async fn down(&self) {
        println!("stock: stopped");
    }
}

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[stopping]
    async fn closing(&self) {
        println!("orders: no more work from outside");
    }

    #[stopped]
    async fn down(&self) {
        println!("orders: stopped");
    }
}

/// A program says `.run()` instead of `.start()`: it stops like this on SIGINT and SIGTERM.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().service(Stock).service(Orders).start().await?;
    let stock = broker.client::<Stock>();
    let running = async { println!("running call: {}", stock.reserve().await.unwrap_or_default()) };
    let late = async {
        sleep(Duration::from_secs(1)).await;
        println!("new call: {}", stock.reserve().await.err().as_ref().map_or("", Error::kind));
    };
    tokio::join!(running, late, broker.stop());
    Ok(())
}
