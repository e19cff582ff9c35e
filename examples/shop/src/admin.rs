//! Administration: numbers for people with the role `admin`.

use ligand::prelude::*;

/// How much there is of everything.
#[payload]
pub struct Stats {
    pub users: u64,
    pub products: u64,
    pub orders: u64,
}

/// The administration service.
#[derive(Debug)]
pub struct Admin;

#[service(name = "admin")]
impl Admin {
    /// How much there is of everything.
    #[action(rest = "GET /stats", meta(role = "admin"))]
    async fn stats(&self, ctx: &Context) -> Result<Stats> {
        let count = |service: &str| ctx.call_named(format!("{service}.count"), json!({}));
        let counts = ctx.mcall(["user", "product", "order"].map(count)).await?;
        let mut counts = counts.into_iter().map(Payload::take::<u64>);
        let mut next = || counts.next().unwrap_or(Ok(0));
        Ok(Stats { users: next()?, products: next()?, orders: next()? })
    }
}
