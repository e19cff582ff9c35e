//! A database: an entity, the actions it brings, and one of our own that never sells more than there is.
//!
//! ```text
//! Lamp: 5 in stock
//! sold, 2 left
//! Err("INSUFFICIENT_STOCK")
//! cheap: Some("Cup")
//! Err("DUPLICATE_KEY")
//! ```

use ligand::db::{Changes, Db, DbClient};
use ligand::prelude::*;

#[entity(table = "products")]
struct Product {
    id: String,
    #[check(trim, length(1..=100))]
    #[field(unique)]
    name: String,
    price: f64,
    stock: i64,
}

struct Products {
    db: Db<Product>,
}

/// `create`, `get`, `list`, `find`, `count`, `update`, `replace`, `remove` and `insert` come with the mixin.
#[service(name = "products", mixins(db: Db<Product>))]
impl Products {
    /// One statement decides, so that nothing is sold twice.
    #[action]
    async fn sell(&self, id: String, count: i64) -> Result<i64> {
        let less = Changes::new().increment(Product::STOCK, -count);
        match self.db.update_where(&id, Product::STOCK.gte(count), less).await? {
            Some(product) => Ok(product.stock),
            None => Err(Error::unprocessable("Not enough").with_kind("INSUFFICIENT_STOCK")),
        }
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let db = Db::memory(); // `Db::sqlite(&Sqlite::open("sqlite://shop.db?mode=rwc")?)` for a file
    let broker = ServiceBroker::builder().service(Products { db: db.clone() }).start().await?;
    let products = broker.client::<Products>();
    let lamp = products.create(json!({ "name": " Lamp ", "price": 40, "stock": 5 })).await?;
    println!("{}: {} in stock", lamp.name, lamp.stock);
    println!("sold, {} left", products.sell(lamp.id.clone(), 3).await?);
    println!("{:?}", products.sell(lamp.id, 3).await.as_ref().map_err(Error::kind));
    let cup = products.create(json!({ "name": "Cup", "price": 4.5, "stock": 9 })).await?;
    let cheap = db.find_one(Product::PRICE.lt(10)).await?;
    println!("cheap: {:?}", cheap.map(|product| product.name));
    let taken = products.update(cup.id, json!({ "name": "Lamp" })).await;
    println!("{:?}", taken.as_ref().map_err(Error::kind));
    broker.stop().await;
    Ok(())
}
