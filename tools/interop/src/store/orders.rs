//! Orders: reserve, charge, write down; whatever fails is undone.

use ligand::{
    Date,
    db::{Changes, Db, DbClient as _, Filter, Query},
    prelude::*,
};

use super::{
    caller,
    data::DataFile,
    payments::{Charge, Method, Payments},
    products::{Product, Products, Reserve},
};

/// How long a payment may take.
const PATIENCE: Duration = Duration::from_millis(400);

#[payload]
#[derive(Copy, Eq)]
pub(super) enum Status {
    Confirmed,
    Shipped,
    Delivered,
    Cancelled,
}

#[entity(table = "orders", id = "id")]
pub(super) struct Order {
    id: String,
    user_id: String,
    product_id: String,
    quantity: i64,
    total_price: f64,
    status: Status,
    payment_id: String,
    note: Option<String>,
    #[field(created_at)]
    created_at: Date,
}

#[payload(unknown = "reject")]
pub(super) struct CreateOrder {
    #[check(length(min = 1))]
    product_id: String,
    #[check(range(1..=1000))]
    quantity: i64,
    #[check(default = Method::Card)]
    payment: Method,
    #[check(length(..=200))]
    note: Option<String>,
}

#[payload]
pub(super) struct SetStatus {
    id: String,
    status: Status,
}

#[payload(event = "order.failed")]
struct Failed {
    user_id: String,
    product_id: String,
    reason: String,
}

#[payload(event = "order.created")]
struct Created {
    #[serde(flatten)]
    order: Order,
    product_name: String,
}

#[payload(event = "order.statusChanged")]
struct StatusChanged {
    id: String,
    user_id: String,
    from: Status,
    to: Status,
}

#[derive(Debug, ligand::Error)]
#[error(code = 404, kind = "NOT_FOUND", message = "Order not found")]
struct NotFound {
    id: String,
}

#[derive(Debug, ligand::Error)]
#[error(
    name = "MoleculerRetryableError",
    code = 504,
    kind = "PAYMENT_SLOW",
    message = "The payment takes too long",
    retryable
)]
struct Slow {
    payment: Method,
}

pub(super) struct Orders {
    db: Db<Order>,
    data: DataFile,
}

impl Orders {
    pub(super) fn new(data: DataFile) -> Self {
        let db = Db::memory()
            .publish(["find", "count", "list", "get", "remove"])
            .populate_fields("productId", "products.get", ["name", "price"])
            .populate("userId", "users.get")
            .cache_keys(["#user.id"]);
        Self { db, data }
    }

    async fn charge(&self, ctx: &Context, amount: f64, method: Method) -> Result<String> {
        let paid = ctx.client::<Payments>().charge(Charge { amount, method }).timeout(PATIENCE).await?;
        Ok(paid.id)
    }
}

#[service(
    name = "orders",
    mixins(db: Db<Order>),
    without("insert", "update"),
    dependencies("products", "payments")
)]
impl Orders {
    #[action(rest = "POST /")]
    async fn create(&self, ctx: &Context, params: CreateOrder) -> Result<Reply<Order>> {
        let CreateOrder { product_id, quantity, payment, note } = params;
        let user_id = caller(ctx)?.id;
        let products = ctx.client::<Products>();
        let product: Product = products.get(product_id.clone()).await?;
        products.reserve(Reserve { id: product_id.clone(), quantity }).await?;
        let total_price = product.price * quantity as f64;
        let payment_id = match self.charge(ctx, total_price, payment).await {
            Ok(payment_id) => payment_id,
            Err(error) => {
                products.reserve(Reserve { id: product_id.clone(), quantity: -quantity }).await?;
                let reason = if error.kind().is_empty() { error.name() } else { error.kind() }.to_owned();
                ctx.emit(Failed { user_id, product_id, reason }).await?;
                return Err(if error.code() == 504 { Slow { payment }.into() } else { error });
            }
        };
        let order = Order {
            id: String::new(),
            user_id,
            product_id,
            quantity,
            total_price,
            status: Status::Confirmed,
            payment_id,
            note,
            created_at: Date::now(),
        };
        let order = self.db.insert(order).await?;
        ctx.emit(Created { order: order.clone(), product_name: product.name }).await?;
        Ok(Reply::created(format!("/api/orders/{}", order.id), order))
    }

    /// The orders of the user who asks.
    #[action(rest = "GET /my")]
    async fn my(&self, ctx: &Context, status: Option<String>) -> Result<Vec<Order>> {
        let mut mine = Filter::field("userId").eq(caller(ctx)?.id);
        if let Some(status) = status {
            mine = mine.and(Filter::field("status").eq(status));
        }
        self.db.find(Query::from(mine).sort("totalPrice")).await
    }

    #[action(rest = "PUT /:id/status")]
    async fn set_status(&self, ctx: &Context, params: SetStatus) -> Result<Order> {
        let SetStatus { id, status } = params;
        let Some(old) = self.db.get(&id).await? else { return Err(NotFound { id }.into()) };
        let order = self.db.update(&id, Changes::new().set("status", status)).await?;
        let user_id = order.user_id.clone();
        ctx.broadcast(StatusChanged { id, user_id, from: old.status, to: status }).await?;
        Ok(order)
    }

    #[started]
    async fn load(&self) -> Result<()> {
        self.data.load(&self.db).await
    }

    #[stopped]
    async fn save(&self) -> Result<()> {
        self.data.save(&self.db).await
    }
}
