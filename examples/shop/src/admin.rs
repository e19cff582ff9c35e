//! Administration: numbers for people with the role `admin`.

use ligand::{
    db::{CountParams, DbClient as _},
    prelude::*,
};

use crate::{order::Orders, product::Products, user::Users};

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

#[service(name = "admin", dependencies("user", "product", "order"))]
impl Admin {
    /// How much there is of everything.
    #[action(rest = "GET /stats", meta(role = "admin"))]
    async fn stats(&self, ctx: &Context) -> Result<Stats> {
        let all = CountParams::default;
        let users = ctx.client::<Users>().count(all());
        let products = ctx.client::<Products>().count(all());
        let orders = ctx.client::<Orders>().placed();
        let counts = ctx.mcall([users, products, orders]).await?;
        Ok(Stats { users: counts[0], products: counts[1], orders: counts[2] })
    }
}
