//! The steps of an order, so that it comes out right whatever fails between them.
//!
//! ```text
//! placing     Pending --reserve--> Confirmed          Pending --refused--> gone
//!             Pending --no answer, crash--> Failed --release--> gone
//! cancelling  Confirmed, Paid, Shipped --> Cancelling --release--> Cancelled
//! ```
//!
//! Every arrow is one atomic change of the status, which one of all who try makes. To reserve and to release can be
//! repeated: the product service knows the order. What stays in `Failed`, `Cancelling`, or for long in `Pending` is
//! finished by [`mend`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ligand::{broker::State, db::Db, prelude::*};

use super::{CreateOrder, Next, Order, OrderCreated, OrderError, Status, StatusUpdated, to, turn};
use crate::product::{Products, Release, Reserve};

/// How often it is looked for what is left half done.
pub const MEND_EVERY: Duration = Duration::from_secs(5);

/// How long an order may be under way before whoever placed it counts as gone; more than all steps can take.
pub const UNDER_WAY: Duration = Duration::from_secs(120);

/// The most orders that are mended at once.
const BATCH: u64 = 100;

/// Writes the order, reserves the goods, confirms.
pub(super) async fn place(
    ctx: Context,
    db: Db<Order>,
    user_id: String,
    params: CreateOrder,
) -> Result<Order> {
    let CreateOrder { product_id, quantity } = params;
    let order = Order { user_id, product_id, quantity, status: Status::Pending, ..Order::default() };
    let Order { id, product_id, .. } = db.insert(order).await?;
    let goods = Reserve { order_id: id.clone(), id: product_id, quantity };
    let product = match ctx.client::<Products>().reserve(goods).await {
        Ok(product) => product,
        Err(error) if is_refusal(&error) => {
            // Nothing was taken. What cannot be written now is found later.
            if let Err(left) = db.remove_where(Order::ID.eq(&id)).await {
                tracing::warn!(order = id, error = %format!("{left:#}"), "a refused order is removed later");
            }
            return Err(error);
        }
        Err(error) => return Err(give_up(&db, &id, &error).await),
    };
    #[allow(clippy::cast_precision_loss, reason = "at most 10 000 pieces")]
    let total_price = product.price * quantity as f64;
    let confirmed = to(Status::Confirmed).set(Order::TOTAL_PRICE, total_price);
    let order = match turn(&db, &id, &[Status::Pending], confirmed).await {
        Ok(Some(order)) => order,
        // It took too long: somebody gave it up.
        Ok(None) => return Err(OrderError::StockUnavailable.into()),
        Err(error) => {
            give_up(&db, &id, &error).await;
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

/// Leaves an order of which nobody knows whether the goods were taken to [`mend`].
async fn give_up(db: &Db<Order>, id: &str, why: &Error) -> Error {
    tracing::warn!(order = id, error = %format!("{why:#}"), "an order did not come about, its goods are put back");
    if let Err(error) = turn(db, id, &[Status::Pending], to(Status::Failed)).await {
        tracing::warn!(order = id, error = %format!("{error:#}"), "the order counts as under way for a while");
    }
    unavailable(why)
}

/// Writes the next status; a cancellation puts the goods back.
pub(super) async fn move_on(ctx: Context, db: Db<Order>, id: String, next: Next) -> Result<Order> {
    let open = [Status::Confirmed, Status::Paid, Status::Shipped];
    let status = match next {
        Next::Confirmed => Status::Confirmed,
        Next::Paid => Status::Paid,
        Next::Shipped => Status::Shipped,
        Next::Delivered => Status::Delivered,
        Next::Cancelled => {
            // Who finds it on its way helps it to its end.
            let from = [&open[..], &[Status::Cancelling]].concat();
            turn(&db, &id, &from, to(Status::Cancelling)).await?.ok_or(OrderError::Closed)?;
            return match release(&ctx, &db, &id).await? {
                Some(order) => Ok(order),
                None => Err(OrderError::Closed.into()),
            };
        }
    };
    let order = turn(&db, &id, &open, to(status)).await?.ok_or(OrderError::Closed)?;
    tell(&ctx, &order).await?;
    Ok(order)
}

/// Puts the goods of a cancelled order back. `None` when somebody else has finished it.
async fn release(ctx: &Context, db: &Db<Order>, id: &str) -> Result<Option<Order>> {
    put_back(ctx, id).await?;
    let order = turn(db, id, &[Status::Cancelling], to(Status::Cancelled)).await?;
    if let Some(order) = &order {
        tell(ctx, order).await?;
    }
    Ok(order)
}

async fn put_back(ctx: &Context, id: &str) -> Result<()> {
    let goods = Release { order_id: id.to_owned() };
    ctx.client::<Products>().release(goods).await.map_err(|error| unavailable(&error))
}

async fn tell(ctx: &Context, order: &Order) -> Result<()> {
    let (order_id, user_id) = (order.id.clone(), order.user_id.clone());
    ctx.emit(StatusUpdated { order_id, user_id, status: order.status }).await
}

/// Finishes orders that were left half done. Several instances may do it at once.
pub(super) async fn mend(broker: &ServiceBroker, db: &Db<Order>) {
    // The database closes with the service.
    if !matches!(broker.state(), State::Starting | State::Started) {
        return;
    }
    if let Err(error) = try_to_mend(&broker.root_context(), db).await {
        tracing::warn!(error = %format!("{error:#}"), "orders that are half done are finished later");
    }
}

async fn try_to_mend(ctx: &Context, db: &Db<Order>) -> Result<()> {
    let forgotten = Order::STATUS.eq(Status::Pending).and(Order::CREATED_AT.lt(long_ago()));
    for order in db.find(forgotten.limit(BATCH)).await? {
        turn(db, &order.id, &[Status::Pending], to(Status::Failed)).await?;
    }
    let half_done = Order::STATUS.is_in([Status::Failed, Status::Cancelling]);
    for order in db.find(half_done.limit(BATCH)).await? {
        if order.status == Status::Cancelling {
            release(ctx, db, &order.id).await?;
        } else {
            put_back(ctx, &order.id).await?;
            db.remove_where(Order::ID.eq(&order.id).and(Order::STATUS.eq(Status::Failed))).await?;
        }
    }
    Ok(())
}

/// Milliseconds since 1970, before which nothing is under way any more.
fn long_ago() -> i64 {
    let then = SystemTime::now().checked_sub(UNDER_WAY).and_then(|then| then.duration_since(UNIX_EPOCH).ok());
    then.and_then(|then| i64::try_from(then.as_millis()).ok()).unwrap_or_default()
}

/// Whether the product service has looked and said no. Anything else can mean that it took the goods.
fn is_refusal(error: &Error) -> bool {
    error.kind() == "INSUFFICIENT_STOCK"
        || error.name() == "EntityNotFoundError"
        || error.kind() == "VALIDATION_ERROR"
}

/// What customers are told: that the inside has an action which is not there is for the log.
fn unavailable(error: &Error) -> Error {
    Error::from(OrderError::StockUnavailable).with_internal(format!("{error:#}"))
}
