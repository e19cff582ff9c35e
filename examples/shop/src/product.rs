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

/// A number of pieces of one product.
#[payload]
pub struct Pieces {
    #[check(length(1..=64))]
    pub id: String,
    #[check(range(1..=10_000))]
    pub quantity: i64,
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

/// The product service.
#[derive(Debug)]
pub struct Products {
    db: Db<Product>,
}

impl Products {
    /// A service over `db`.
    pub fn new(db: Db<Product>) -> Self {
        Self { db }
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
    async fn list(&self, params: ListParams) -> Result<Page<Product>> {
        tracing::info!("Fetching product list from database");
        self.db.list(params).await
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

    /// Takes pieces out of the stock, all or none: one statement decides, so nothing is sold twice, however many
    /// instances share the database.
    #[action(public)]
    async fn reserve(&self, params: Pieces) -> Result<Product> {
        let enough = Filter::field("stock").gte(params.quantity);
        let less = Changes::new().increment("stock", -params.quantity);
        match self.db.update_where(&params.id, enough, less).await? {
            Some(product) => Ok(product),
            None => {
                let available = self.db.require(&params.id).await?.stock;
                Err(InsufficientStock { available, requested: params.quantity }.into())
            }
        }
    }

    /// Puts pieces back.
    #[action(public)]
    async fn release(&self, params: Pieces) -> Result<Product> {
        self.db.increment(&params.id, "stock", params.quantity).await
    }

    #[event("cache.clean.product")]
    async fn cleaned(&self) {
        tracing::info!("Product cache cleared");
    }
}
