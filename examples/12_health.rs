//! Health and readiness, as the machines that watch a node ask for them.
//!
//! ```text
//! /health 200 {"status":"ok"}
//! /ready 200 {"status":"ready","checks":{"broker":true,"transporter":true,"users":true,"orders":true}}
//! orders stops
//! /health 200 {"status":"ok"}
//! /ready 503 {"status":"not ready","checks":{"broker":true,"transporter":true,"users":true,"orders":false}}
//! ```

use http::Request;
use ligand::{prelude::*, web::Gateway};

struct Users;

#[service(name = "users")]
impl Users {}

struct Orders;

#[service(name = "orders")]
impl Orders {}

async fn show(gateway: &Gateway, broker: &ServiceBroker) -> Result<()> {
    for path in ["/health", "/ready"] {
        let response = gateway.handle(broker, Request::get(path).body("")?).await;
        let status = response.status().as_u16();
        let mut body: Value = String::from_utf8_lossy(&response.into_body().bytes().await).parse()?;
        if let Some(body) = body.as_object_mut() {
            body.remove("timestamp"); // differs from run to run
        }
        println!("{path} {status} {body}");
    }
    Ok(())
}

#[ligand::main]
async fn main() -> Result<()> {
    let gateway = Gateway::builder().ready_services(["users", "orders"]).build();
    let broker = ServiceBroker::builder().service(Users).service(Orders).start().await?;
    show(&gateway, &broker).await?;
    println!("orders stops");
    broker.destroy_service("orders").await?;
    show(&gateway, &broker).await?;
    broker.stop().await;
    Ok(())
}
