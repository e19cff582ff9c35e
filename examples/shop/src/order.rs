//! Orders: write the order, reserve the goods, confirm it, tell everybody.
//!
//! An order and its goods are in two services, and either can fail between any two steps. So the order is written down
//! before the goods are asked for, and each further step is one that can be repeated: `order/steps.rs` has them.

mod steps;

use ligand::{
    db::{Changes, Db, Filter},
    prelude::*,
};

use crate::user::{Role, caller};

pub use steps::{MEND_EVERY, UNDER_WAY};

/// Where an order is on its way.
#[payload]
#[derive(Copy, Eq, Default)]
pub enum Status {
    /// Being placed; nobody sees it.
    Pending,
    /// Did not come about, and its goods may have to come back; nobody sees it.
    Failed,
    /// The goods are reserved.
    #[default]
    Confirmed,
    /// Paid for.
    Paid,
    /// On the way.
    Shipped,
    /// With the customer.
    Delivered,
    /// Called off, the goods are on their way back.
    Cancelling,
    /// Called off.
    Cancelled,
}

/// What an order can be moved on to.
#[payload]
#[derive(Copy, Eq)]
pub enum Next {
    Confirmed,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

/// An order as stored.
#[entity(table = "orders", id = "_id")]
#[derive(Default)]
pub struct Order {
    #[serde(rename = "_id")]
    pub id: String,
    #[field(index)]
    pub user_id: String,
    pub product_id: String,
    pub quantity: i64,
    pub total_price: f64,
    #[field(index)]
    pub status: Status,
    #[field(created_at)]
    pub created_at: i64,
}

/// A new order: the price is the product's, the user is the one who asks.
#[payload]
pub struct CreateOrder {
    #[check(length(1..=64))]
    pub product_id: String,
    #[check(range(1..=10_000))]
    pub quantity: i64,
}

/// The next status of an order.
#[payload]
pub struct UpdateStatus {
    #[check(length(1..=64))]
    pub id: String,
    pub status: Next,
}

/// An order was placed.
#[payload(event = "order.created")]
pub struct OrderCreated {
    pub order_id: String,
    pub user_id: String,
    pub product_id: String,
    pub quantity: i64,
    pub total_price: f64,
    pub product_name: String,
}

/// An order went on.
#[payload(event = "order.statusUpdated")]
pub struct StatusUpdated {
    pub order_id: String,
    pub user_id: String,
    pub status: Status,
}

/// What can go wrong here.
#[derive(Debug, ligand::Error)]
pub enum OrderError {
    /// No such order, or somebody else's.
    #[error(code = 404, kind = "NOT_FOUND", message = "Order not found")]
    NotFound,
    /// Delivered and cancelled orders stay as they are.
    #[error(code = 422, kind = "ORDER_CLOSED", message = "The order is closed")]
    Closed,
    /// The goods cannot be reserved or put back at the moment.
    #[error(code = 503, kind = "STOCK_UNAVAILABLE", message = "The stock cannot be reached, try again later")]
    StockUnavailable,
}

/// The order service.
#[derive(Debug)]
pub struct Orders {
    db: Db<Order>,
}

impl Orders {
    /// A service over `db`.
    pub fn new(db: Db<Order>) -> Self {
        Self { db }
    }
}

#[service(name = "order", mixins(db: Db<Order>), dependencies("product"))]
impl Orders {
    /// Places an order.
    #[action(rest = "POST /")]
    async fn create(&self, ctx: &Context, params: CreateOrder) -> Result<Order> {
        let user_id = caller(ctx)?.id;
        // A customer who hangs up in the middle gets the order all the same.
        let db = self.db.clone();
        ctx.run_to_end(|ctx| steps::place(ctx, db, user_id, params)).await
    }

    /// The orders of the user who asks, newest first.
    #[action(name = "myOrders", rest = "GET /my")]
    async fn my_orders(&self, ctx: &Context) -> Result<Vec<Order>> {
        let mine = Order::USER_ID.eq(caller(ctx)?.id).and(placed());
        self.db.find(mine.sort(Order::CREATED_AT.desc())).await
    }

    /// How many orders came about.
    #[action(public)]
    async fn placed(&self) -> Result<u64> {
        self.db.count(placed()).await
    }

    /// Moves an order on; customers their own, administrators every one. Cancelled ones put the goods back.
    ///
    /// That customers may set any status keeps the journeys of this example short: a real shop would leave all but
    /// the cancellation to administrators.
    #[action(rest = "PUT /:id/status")]
    async fn update_status(&self, ctx: &Context, params: UpdateStatus) -> Result<Order> {
        let user = caller(ctx)?;
        let order = self.db.find_one(Order::ID.eq(params.id).and(placed())).await?;
        let Some(order) = order.filter(|order| order.user_id == user.id || user.role == Role::Admin) else {
            return Err(OrderError::NotFound.into());
        };
        // A cancellation whose customer hangs up in the middle must still put the goods back.
        let db = self.db.clone();
        ctx.run_to_end(move |ctx| steps::move_on(ctx, db, order.id, params.status)).await
    }

    /// Finishes what a crash or an outage left half done: now, and again and again.
    #[started]
    async fn mend_regularly(&self, ctx: &Context) {
        let (broker, db) = (ctx.broker().downgrade(), self.db.clone());
        ctx.broker().tasks().spawn_background(async move {
            while let Some(broker) = broker.upgrade() {
                steps::mend(&broker, &db).await;
                drop(broker);
                tokio::time::sleep(MEND_EVERY).await;
            }
        });
    }

    /// The product service may be back.
    #[event("$services.changed")]
    async fn mend_now(&self, ctx: &Context) {
        // Whoever tells does not wait for it.
        let (broker, db) = (ctx.broker().clone(), self.db.clone());
        ctx.broker().tasks().spawn_background(async move { steps::mend(&broker, &db).await });
    }
}

/// Orders that came about.
fn placed() -> Filter<Order> {
    Order::STATUS.not_in([Status::Pending, Status::Failed])
}

/// The change of one status into another, by nobody or by one of all who try.
async fn turn(db: &Db<Order>, id: &str, from: &[Status], changes: Changes<Order>) -> Result<Option<Order>> {
    db.update_where(id, Order::STATUS.is_in(from), changes).await
}

fn to(status: Status) -> Changes<Order> {
    Order::STATUS.set(status)
}
