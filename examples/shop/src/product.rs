//! Products: the catalogue and the stock.

use ligand::{
    db::{Changes, Db, Filter, ListParams, Page},
    prelude::*,
};

/// A product as stored.
#[entity(table = "products", id = "_id")]
#[derive(Default)]
pub struct Product {
    #[serde(rename = "_id")]
    pub id: String,
    pub name: String,
    pub description: String,
    pub price: f64,
    pub stock: i64,
    #[field(index)]
    pub category: String,
    pub is_active: bool,
    #[field(created_at)]
    pub created_at: i64,
    #[field(updated_at)]
    pub updated_at: i64,
}

/// A new product.
#[payload]
pub struct CreateProduct {
    #[check(trim, length(2..=200))]
    pub name: String,
    #[check(default, trim, length(0..=5000))]
    pub description: String,
    #[check(range(0..=1_000_000_000))]
    pub price: f64,
    #[check(default, range(0..=1_000_000_000))]
    pub stock: i64,
    #[check(default = "general", trim, length(1..=64))]
    pub category: String,
    #[check(default = true)]
    pub is_active: bool,
}

/// One product.
#[payload]
pub struct ById {
    #[check(length(1..=64))]
    pub id: String,
}

/// Pieces of a product that belong to an order, as stored: so that the same order takes and gives back once, however
/// often it asks.
#[entity(table = "reservations", id = "_id")]
#[derive(Default)]
pub struct Reservation {
    /// The order's.
    pub id: String,
    pub product_id: String,
    pub quantity: i64,
    /// The pieces are back. What was never taken can be released too: a request that comes late takes nothing then.
    pub released: bool,
}

/// A number of pieces of one product, for one order.
#[payload]
pub struct Reserve {
    #[check(length(1..=64))]
    pub order_id: String,
    #[check(length(1..=64))]
    pub id: String,
    #[check(range(1..=10_000))]
    pub quantity: i64,
}

/// The order whose pieces come back.
#[payload]
pub struct Release {
    #[check(length(1..=64))]
    pub order_id: String,
}

/// There are fewer pieces than asked for.
#[derive(Debug, ligand::Error)]
#[error(code = 422, kind = "INSUFFICIENT_STOCK", message = "Insufficient stock")]
pub struct InsufficientStock {
    /// Pieces there are.
    pub available: i64,
    /// Pieces asked for.
    pub requested: i64,
}

/// The order was called off before its pieces were asked for.
#[derive(Debug, ligand::Error)]
#[error(code = 409, kind = "RESERVATION_RELEASED", message = "The order has released its pieces")]
pub struct Released;

/// The product service.
#[derive(Debug)]
pub struct Products {
    db: Db<Product>,
    reservations: Db<Reservation>,
}

impl Products {
    /// A service over two tables of one database.
    pub fn new(db: Db<Product>, reservations: Db<Reservation>) -> Self {
        Self { db, reservations }
    }
}

#[service(name = "product", mixins(db: Db<Product>))]
impl Products {
    /// A page of the catalogue.
    #[action(
        rest = "GET /",
        cache(
            keys(
                "page",
                "pageSize",
                "sort",
                "fields",
                "excludeFields",
                "populate",
                "search",
                "searchFields",
                "query"
            ),
            ttl = "60s"
        )
    )]
    async fn list(&self, ctx: &Context, params: ListParams) -> Result<Page<Value>> {
        tracing::info!("Fetching product list from database");
        self.db.list_for(ctx, params).await
    }

    /// One product.
    #[action(rest = "GET /:id", cache(keys("id"), ttl = "300s"))]
    async fn get(&self, params: ById) -> Result<Product> {
        self.db.require(&params.id).await
    }

    /// Puts a product into the catalogue.
    #[action(rest = "POST /")]
    async fn create(&self, params: CreateProduct) -> Result<Product> {
        let CreateProduct { name, description, price, stock, category, is_active } = params;
        let product = Product { name, description, price, stock, category, is_active, ..Product::default() };
        let product = self.db.insert(product).await?;
        tracing::info!(id = product.id, "Product created and cache cleared");
        Ok(product)
    }

    /// Takes pieces out of the stock for an order, all or none. One transaction looks and takes, so nothing is sold
    /// twice, however many instances share the database; an order that asks again has them already.
    #[action(public)]
    async fn reserve(&self, params: Reserve) -> Result<Product> {
        let Reserve { order_id, id, quantity } = params;
        let work = |products: Db<Product>| async move {
            let reservations = self.reservations.within(&products)?;
            if let Some(known) = reservations.get(&order_id).await? {
                return match known.released {
                    true => Err(Released.into()),
                    false => products.require(&known.product_id).await,
                };
            }
            let enough = Product::STOCK.gte(quantity);
            let less = Changes::new().increment(Product::STOCK, -quantity);
            let Some(product) = products.update_where(&id, enough, less).await? else {
                let available = products.require(&id).await?.stock;
                return Err(InsufficientStock { available, requested: quantity }.into());
            };
            let taken = Reservation { id: order_id, product_id: id, quantity, released: false };
            reservations.insert(taken).await?;
            Ok(product)
        };
        self.db.transaction(work).await
    }

    /// Puts the pieces of an order back, once: it can be asked for until it is answered.
    #[action(public)]
    async fn release(&self, params: Release) -> Result<()> {
        let work = |products: Db<Product>| async move {
            let reservations = self.reservations.within(&products)?;
            let Some(known) = reservations.get(&params.order_id).await? else {
                let none = Reservation { id: params.order_id, released: true, ..Reservation::default() };
                return reservations.insert(none).await.map(drop);
            };
            if !known.released {
                let more = Changes::new().increment(Product::STOCK, known.quantity);
                // A product that is not sold any more has no stock to come back to.
                products.update_where(&known.product_id, Filter::all(), more).await?;
                reservations.update(&known.id, Reservation::RELEASED.set(true)).await?;
            }
            Ok(())
        };
        self.db.transaction(work).await
    }

    #[event("cache.clean.product")]
    async fn cleaned(&self) {
        tracing::info!("Product cache cleared");
    }
}
