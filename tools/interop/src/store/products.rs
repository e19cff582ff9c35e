//! Products: the catalogue and the stock.

use std::collections::BTreeMap;

use ligand::{
    db::{Changes, Db, Filter, Query},
    prelude::*,
};

use super::data::DataFile;

#[payload]
#[derive(Copy, Eq, PartialOrd, Ord)]
pub(super) enum Category {
    Books,
    Electronics,
    Toys,
}

#[entity(table = "products", id = "_id")]
pub(super) struct Product {
    pub(super) id: String,
    #[check(trim, length(2..=200))]
    pub(super) name: String,
    #[field(default)]
    #[check(length(..=5000))]
    description: String,
    #[check(range(min = 0))]
    pub(super) price: f64,
    #[field(default)]
    #[check(range(min = 0))]
    stock: i64,
    category: Category,
    #[field(created_at)]
    created_at: i64,
}

#[payload]
pub(super) struct Reserve {
    pub(super) id: String,
    pub(super) quantity: i64,
}

#[payload]
pub(super) struct Cheapest {
    category: Category,
    name: String,
    price: f64,
}

#[payload(event = "product.low")]
pub(super) struct Low {
    id: String,
    pub(super) name: String,
    pub(super) stock: i64,
}

#[derive(Debug, ligand::Error)]
#[error(code = 422, kind = "INSUFFICIENT_STOCK", message = "Insufficient stock")]
struct InsufficientStock {
    available: i64,
    requested: i64,
}

pub(super) struct Products {
    db: Db<Product>,
    data: DataFile,
}

impl Products {
    pub(super) fn new(data: DataFile) -> Self {
        let most = ["find", "count", "list", "create", "insert", "get", "remove"];
        // Changes what is given, as moleculer-db does.
        let db = Db::memory().publish(most).publish_at("update", "PUT /:id").max_page_size(5);
        Self { db, data }
    }
}

#[service(name = "products", mixins(db: Db<Product>))]
impl Products {
    #[after("create")]
    fn made(&self, ctx: &Context, product: &mut Product) {
        ctx.set_meta("$statusCode", 201);
        ctx.set_meta("$location", format!("/api/products/{}", product.id));
    }

    /// Takes pieces out of the stock; a negative number puts them back.
    #[action(public)]
    async fn reserve(&self, ctx: &Context, params: Reserve) -> Result<Product> {
        let Reserve { id, quantity } = params;
        let enough = Filter::field("stock").gte(quantity);
        let less = Changes::new().increment("stock", -quantity);
        let Some(product) = self.db.update_where(&id, enough, less).await? else {
            let available = self.db.require(&id).await?.stock;
            return Err(InsufficientStock { available, requested: quantity }.into());
        };
        if product.stock < 3 {
            ctx.emit(Low { id, name: product.name.clone(), stock: product.stock }).await?;
        }
        Ok(product)
    }

    /// The cheapest of each category.
    #[action(rest = "GET /cheapest", cache(ttl = "60s"))]
    async fn cheapest(&self) -> Result<Vec<Cheapest>> {
        let mut found = BTreeMap::new();
        for Product { name, price, category, .. } in self.db.find(Query::new().sort("-price,-name")).await? {
            found.insert(category, Cheapest { category, name, price });
        }
        Ok(found.into_values().collect())
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
