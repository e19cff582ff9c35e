//! Calls: by client, by name, several at once, and the meta that travels along.
//!
//! ```text
//! typed: 3
//! by name: 3
//! at once: [3, 7]
//! Ada asked math from report, level 2
//! sum: 30
//! no such action: SERVICE_NOT_FOUND
//! ```

use ligand::prelude::*;

struct Math;

#[service(name = "math")]
impl Math {
    /// Arguments become fields: `{ "a": 1, "b": 2 }`.
    #[action]
    async fn add(&self, ctx: &Context, a: i64, b: i64) -> Result<i64> {
        if let Some(user) = ctx.meta::<String>("user")? {
            println!("{user} asked math from {}, level {}", ctx.caller().unwrap_or("outside"), ctx.level());
        }
        Ok(a + b)
    }
}

struct Report;

#[service(name = "report")]
impl Report {
    /// Calls made from `ctx` inherit request id, meta and deadline.
    #[action]
    async fn sum(&self, ctx: &Context) -> Result<i64> {
        ctx.client::<Math>().add(10, 20).timeout(Duration::from_secs(1)).await
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().service(Math).service(Report).start().await?;
    let math = broker.client::<Math>();

    println!("typed: {}", math.add(1, 2).await?);
    let sum: i64 = broker.call_named("math.add", json!({ "a": 1, "b": 2 })).await?.take()?;
    println!("by name: {sum}");
    println!("at once: {:?}", broker.mcall([math.add(1, 2), math.add(3, 4)]).await?);
    println!("sum: {}", broker.client::<Report>().sum().meta("user", "Ada").await?);
    if let Err(error) = broker.call_named("math.divide", json!({})).await {
        println!("no such action: {}", error.kind());
    }

    broker.stop().await;
    Ok(())
}
