//! Health and readiness, as the machines that watch a node ask for them.
//!
//! ```text
//! /health 200 {"status":"ok"}
//! /ready 200 {"status":"ready","checks":{"broker":true,"transporter":true,"users":true,"orders":true}}
//! orders stops
//! /health 200 {"status":"ok"}
//! /ready 503 {"status":"not ready","checks":{"broker":true,"transporter":true,"users":true,"orders":false}}
//! ```

use ligand::{prelude::*, web::Gateway};
use ligand_test::{Http, TestBroker};

struct Users;

#[service(name = "users")]
impl Users {}

struct Orders;

#[service(name = "orders")]
impl Orders {}

async fn show(http: &Http) {
    for path in ["/health", "/ready"] {
        let response = http.get(path).await;
        let mut body: ligand::Map<String, Value> = response.json();
        body.remove("timestamp"); // differs from run to run
        println!("{path} {} {}", response.status(), Value::from(body));
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let gateway = Gateway::builder().ready_services(["users", "orders"]).build();
    let broker = TestBroker::builder().service(Users).service(Orders).start().await?;
    let http = broker.http(&gateway);
    show(&http).await;
    println!("orders stops");
    broker.destroy_service("orders").await?;
    show(&http).await;
    broker.stop().await;
    Ok(())
}
