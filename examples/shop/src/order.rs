//! Orders: reserve the goods, write the order, tell everybody.

use ligand::{
    db::{Changes, Db, Filter, Query},
    prelude::*,
};

use crate::{
    product::{Pieces, Products},
    user::{Role, caller},
};

/// Where an order is on its way.
#[payload]
#[derive(Copy, Eq, Default)]
pub enum Status {
    /// Written, not yet confirmed.
    Pending,
    /// The goods are reserved.
    #[default]
    Confirmed,
    /// Paid for.
    Paid,
    /// On the way.
    Shipped,
    /// With the customer.
    Delivered,
    /// Called off.
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
    pub status: Status,
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
        // A customer who hangs up in the middle must not leave goods reserved for nobody.
        let db = self.db.clone();
        ctx.run_to_end(|ctx| place(ctx, db, user_id, params)).await
    }

    /// The orders of the user who asks, newest first.
    #[action(name = "myOrders", rest = "GET /my")]
    async fn my_orders(&self, ctx: &Context) -> Result<Vec<Order>> {
        let mine = Filter::field("userId").eq(caller(ctx)?.id);
        self.db.find(Query::new().filter(mine).sort("-createdAt")).await
    }

    /// Moves an order on; customers their own, administrators every one. Cancelled ones put the goods back.
    ///
    /// That customers may set any status keeps the journeys of this example short: a real shop would leave all but
    /// the cancellation to administrators.
    #[action(rest = "PUT /:id/status")]
    async fn update_status(&self, ctx: &Context, params: UpdateStatus) -> Result<Order> {
        let user = caller(ctx)?;
        let order = self.db.get(&params.id).await?;
        let Some(order) = order.filter(|order| order.user_id == user.id || user.role == Role::Admin) else {
            return Err(OrderError::NotFound.into());
        };
        // A cancellation whose customer hangs up in the middle must still put the goods back.
        let db = self.db.clone();
        ctx.run_to_end(move |ctx| move_on(ctx, db, order.id, params.status)).await
    }
}

/// Reserves the goods and writes the order, both or none.
async fn place(ctx: Context, db: Db<Order>, user_id: String, params: CreateOrder) -> Result<Order> {
    let pieces = Pieces { id: params.product_id.clone(), quantity: params.quantity };
    let product = ctx.client::<Products>().reserve(pieces.clone()).await?;
    let order = Order {
        user_id,
        product_id: params.product_id,
        quantity: params.quantity,
        #[allow(clippy::cast_precision_loss, reason = "at most 10 000 pieces")]
        total_price: product.price * params.quantity as f64,
        status: Status::Confirmed,
        ..Order::default()
    };
    let order = match db.insert(order).await {
        Ok(order) => order,
        Err(error) => {
            // The caller learns why there is no order; that the goods are lost is for the log.
            if let Err(lost) = ctx.client::<Products>().release(pieces.clone()).await {
                let Pieces { id, quantity } = pieces;
                tracing::error!(product = id, quantity, error = %format!("{lost:#}"), "goods are not put back");
            }
            return Err(error);
        }
    };
    ctx.emit(OrderCreated {
        order_id: order.id.clone(),
        user_id: order.user_id.clone(),
        product_id: order.product_id.clone(),
        quantity: order.quantity,
        total_price: order.total_price,
        product_name: product.name,
    })
    .await?;
    Ok(order)
}

/// Writes the next status; a cancellation puts the goods back.
async fn move_on(ctx: Context, db: Db<Order>, id: String, status: Status) -> Result<Order> {
    // One statement looks and writes, so two cancellations at once put the goods back once.
    let open = Filter::field("status").not_in([Status::Delivered, Status::Cancelled]);
    let next = Changes::new().set("status", json!(status));
    let order = db.update_where(&id, open, next).await?.ok_or(OrderError::Closed)?;
    if order.status == Status::Cancelled {
        let pieces = Pieces { id: order.product_id.clone(), quantity: order.quantity };
        ctx.client::<Products>().release(pieces).await?;
    }
    ctx.emit(StatusUpdated {
        order_id: order.id.clone(),
        user_id: order.user_id.clone(),
        status: order.status,
    })
    .await?;
    Ok(order)
}
