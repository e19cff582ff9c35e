//! A service written with the macros: `#[entity]`, a mixed-in `Db`, its typed client.

use ligand::{
    db::{Changes, Db, DbClient, Entity as _, Filter, ListParams},
    prelude::*,
};

#[entity(table = "gadgets")]
struct Gadget {
    id: String,
    #[check(trim, length(1..=20))]
    #[field(unique)]
    name: String,
    #[check(range(min = 0))]
    unit_price: f64,
    #[field(default = 7)]
    stock: u32,
    #[field(created_at)]
    made_at: i64,
    #[field(hidden, default)]
    secret_note: Option<String>,
}

#[payload]
struct Take {
    id: String,
    #[check(range(min = 1))]
    quantity: u32,
}

#[derive(Default)]
struct Gadgets {
    db: Db<Gadget>,
}

#[service(name = "gadgets", version = 2, mixins(db: Db<Gadget>), without("insert"))]
impl Gadgets {
    /// Takes pieces out of the stock.
    #[action]
    async fn take(&self, params: Take) -> Result<GadgetVisible> {
        let enough = Filter::field("stock").gte(params.quantity);
        let less = Changes::new().increment("stock", -i64::from(params.quantity));
        match self.db.update_where(&params.id, enough, less).await? {
            Some(gadget) => Ok(gadget.visible()),
            None => Err(Error::unprocessable("Not enough of them.").with_kind("INSUFFICIENT_STOCK")),
        }
    }
}

#[tokio::test]
async fn client_and_handlers_share_the_database() {
    let broker = ServiceBroker::builder().memory_cache().service(Gadgets::default()).start().await.unwrap();
    let gadgets = broker.client::<Gadgets>();
    let fields = json!({ "name": " Lamp ", "unitPrice": 2, "secretNote": "psst", "madeAt": 5, "id": "mine" });
    let made = gadgets.create(fields).await.unwrap();
    assert_eq!((made.name.as_str(), made.stock), ("Lamp", 7));
    assert!(made.made_at > 5 && made.id != "mine");

    assert_eq!(gadgets.get(&made.id).await.unwrap(), made);
    gadgets.take(Take { id: made.id.clone(), quantity: 5 }).await.unwrap();
    assert_eq!(gadgets.get(&made.id).await.unwrap().stock, 2);
    let error = gadgets.take(Take { id: made.id.clone(), quantity: 5 }).await.unwrap_err();
    assert_eq!(error.kind(), "INSUFFICIENT_STOCK");
    let changed = gadgets.update(&made.id, json!({ "unitPrice": 3.5 })).await.unwrap();
    assert_eq!((changed.unit_price, changed.stock), (3.5, 2));
    let error = gadgets.update(&made.id, json!({ "unitPrice": -1 })).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (422, "Entity validation error!"));

    let page = gadgets.list(ListParams::default()).await.unwrap();
    assert_eq!((page.total, &page.rows[0].name), (1, &changed.name));
    let all = gadgets.get_many(vec![made.id.clone(), "nobody".into()]).await.unwrap();
    assert_eq!(all, [changed]);
    assert_eq!(gadgets.remove(&made.id).await.unwrap().id, made.id);
    let error = gadgets.get(&made.id).await.unwrap_err();
    assert_eq!((error.code(), error.name()), (404, "EntityNotFoundError"));

    let error = broker.call_named("v2.gadgets.insert", json!({})).await.unwrap_err();
    assert_eq!(error.kind(), "SERVICE_NOT_FOUND");
    broker.stop().await;
}
