//! Goods are neither lost nor given back twice, whatever fails between the services of orders and products.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use ligand::{
    db::{Changes, Db, Filter, Memory},
    prelude::*,
};
use ligand_test::{TestBroker, TestBrokerBuilder, time};
use parking_lot::Mutex;
use shop::{
    order::{
        CreateOrder, MEND_EVERY, Next, Order, OrderCreated, Orders, Status, StatusUpdated, UNDER_WAY,
        UpdateStatus,
    },
    product::{Product, Products, Release, Reserve},
};
use tempfile::TempDir;

use crate::{
    spread::{Bus, Street},
    support::{Answer, Shop},
};

/// How a call of the product service ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Well,
    /// The call does not arrive: there is no such service.
    Missing,
    /// It is refused before anything has happened.
    Busy,
    /// It does its work, and the answer is lost.
    Lost,
    /// It does its work, and the answer does not come in time.
    Late,
}

const ENDS: [End; 5] = [End::Well, End::Missing, End::Busy, End::Lost, End::Late];

/// The product service with a stock of 10, whose calls end as they are told, well after that.
#[derive(Default)]
struct Store {
    taken: HashMap<String, i64>,
    released: Vec<String>,
    reserves: Vec<End>,
    releases: Vec<End>,
}

impl Store {
    fn stock(&self) -> i64 {
        let back = |id: &String| self.released.contains(id);
        10 - self.taken.iter().filter(|(id, _)| !back(id)).map(|(_, count)| count).sum::<i64>()
    }

    fn reserve(&mut self, goods: &Reserve) -> Result<Product> {
        if self.released.contains(&goods.order_id) {
            return Err(Error::conflict("released"));
        }
        if self.stock() < goods.quantity {
            return Err(Error::unprocessable("Insufficient stock").with_kind("INSUFFICIENT_STOCK"));
        }
        self.taken.insert(goods.order_id.clone(), goods.quantity);
        Ok(Product { id: goods.id.clone(), name: "Tea".into(), price: 2.5, ..Product::default() })
    }
}

/// Ends a call as it is told; `work` happens or not.
async fn end<T>(end: End, work: impl FnOnce() -> Result<T>) -> Result<T> {
    match end {
        End::Well => work(),
        End::Missing => Err(Error::new("Service 'product.release' is not found.")
            .with_code(404)
            .with_kind("SERVICE_NOT_FOUND")),
        End::Busy => Err(Error::transient(503, "DATABASE_BUSY", "The database is busy.")),
        End::Lost => {
            work()?;
            Err(Error::transient(502, "BAD_GATEWAY", "The node of 'product.reserve' is lost."))
        }
        End::Late => {
            work()?;
            std::future::pending().await
        }
    }
}

fn store(builder: TestBrokerBuilder, store: &Arc<Mutex<Store>>) -> TestBrokerBuilder {
    let (taking, giving) = (store.clone(), store.clone());
    let next = |ends: &mut Vec<End>| if ends.is_empty() { End::Well } else { ends.remove(0) };
    builder
        .mock_async(Products::RESERVE, move |_, goods: Reserve| {
            let store = taking.clone();
            async move {
                let how = next(&mut store.lock().reserves);
                end(how, || store.lock().reserve(&goods)).await
            }
        })
        .mock_async(Products::RELEASE, move |_, goods: Release| {
            let store = giving.clone();
            async move {
                let how = next(&mut store.lock().releases);
                end(how, || {
                    let mut store = store.lock();
                    if !store.released.contains(&goods.order_id) {
                        store.released.push(goods.order_id.clone());
                    }
                    Ok(())
                })
                .await
            }
        })
}

async fn start(db: &Db<Order>, goods: &Arc<Mutex<Store>>) -> TestBroker {
    store(TestBroker::builder().service(Orders::new(db.clone())), goods).start().await.unwrap()
}

async fn buy(broker: &TestBroker, quantity: i64) -> Result<Order> {
    let user = json!({ "id": "ada", "email": "ada@example.com", "role": "user" });
    let order = CreateOrder { product_id: "tea".into(), quantity };
    broker.call(Orders::CREATE, order).meta("user", user).timeout(Duration::from_secs(60)).await
}

async fn turn(broker: &TestBroker, id: &str, status: Next) -> Result<Order> {
    let user = json!({ "id": "ada", "email": "ada@example.com", "role": "user" });
    let params = UpdateStatus { id: id.into(), status };
    broker.call(Orders::UPDATE_STATUS, params).meta("user", user).timeout(Duration::from_secs(60)).await
}

/// The error is one for customers.
#[track_caller]
fn is_unavailable(error: &Error) {
    assert_eq!((error.code(), error.kind()), (503, "STOCK_UNAVAILABLE"), "{error:?}");
    assert!(!error.message().contains("product"), "{error}");
}

/// What is open holds its goods, nothing else does, and nothing is half done.
async fn is_settled(db: &Db<Order>, goods: &Arc<Mutex<Store>>, what: &str) {
    let orders = db.find(Filter::all()).await.unwrap();
    let mut sold = 0;
    for order in &orders {
        match order.status {
            Status::Confirmed => sold += order.quantity,
            Status::Cancelled => {}
            other => panic!("{what}: {other:?}"),
        }
    }
    assert_eq!(goods.lock().stock(), 10 - sold, "{what}: {orders:?}");
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_in_whichever_order_the_goods_come_out_right() {
    for reserve in ENDS {
        for first in ENDS {
            for second in ENDS {
                let what = format!("{reserve:?} {first:?} {second:?}");
                let (db, goods) = (Db::memory(), Arc::<Mutex<Store>>::default());
                goods.lock().reserves = vec![reserve];
                goods.lock().releases = vec![first, second];
                let broker = start(&db, &goods).await;
                match buy(&broker, 4).await {
                    Ok(order) => {
                        assert_eq!(
                            (reserve, order.status, order.total_price),
                            (End::Well, Status::Confirmed, 10.0)
                        );
                        let cancelled = turn(&broker, &order.id, Next::Cancelled).await;
                        if first == End::Well {
                            assert_eq!(cancelled.unwrap().status, Status::Cancelled, "{what}");
                        } else {
                            is_unavailable(&cancelled.unwrap_err());
                            // It is neither open nor closed, and the customer may ask again.
                            assert_ne!(db.require(&order.id).await.unwrap().status, Status::Confirmed);
                        }
                    }
                    Err(error) => {
                        assert_ne!(reserve, End::Well);
                        is_unavailable(&error);
                    }
                }
                time::advance(MEND_EVERY * 20).await;
                is_settled(&db, &goods, &what).await;
                let told: Vec<_> =
                    broker.emitted::<StatusUpdated>().iter().map(|event| event.status).collect();
                let placed = broker.emitted::<OrderCreated>().len();
                assert_eq!(told, vec![Status::Cancelled; placed], "{what}");
                assert_eq!(goods.lock().stock(), 10, "{what}");
                broker.stop().await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_tells_all_about_itself_when_it_was_created() {
    let (db, goods) = (Db::memory(), Arc::<Mutex<Store>>::default());
    let broker = start(&db, &goods).await;
    let order = buy(&broker, 4).await.unwrap();
    let [event] = &broker.emitted::<OrderCreated>()[..] else { panic!("one event") };
    let expected = OrderCreated {
        order_id: order.id.clone(),
        user_id: "ada".into(),
        product_id: "tea".into(),
        quantity: 4,
        total_price: 10.0,
        product_name: "Tea".into(),
    };
    assert_eq!(*event, expected);
    // The names that services in other languages hear.
    let sent = json!({
        "orderId": order.id, "userId": "ada", "productId": "tea", "quantity": 4, "totalPrice": 10.0, "productName": "Tea",
    });
    assert_eq!(Payload::typed(expected).to_value().unwrap(), sent);
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_can_be_asked_for_again_until_it_is_done() {
    let (db, goods) = (Db::memory(), Arc::<Mutex<Store>>::default());
    let broker = start(&db, &goods).await;
    let id = buy(&broker, 4).await.unwrap().id;
    goods.lock().releases = vec![End::Missing];
    is_unavailable(&turn(&broker, &id, Next::Cancelled).await.unwrap_err());
    let error = turn(&broker, &id, Next::Paid).await.unwrap_err();
    assert_eq!(error.kind(), "ORDER_CLOSED");
    assert_eq!(turn(&broker, &id, Next::Cancelled).await.unwrap().status, Status::Cancelled);
    assert_eq!(turn(&broker, &id, Next::Cancelled).await.unwrap_err().kind(), "ORDER_CLOSED");
    is_settled(&db, &goods, "again").await;
    assert_eq!(broker.emitted::<StatusUpdated>().len(), 1);
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_half_done_is_finished_at_the_start() {
    let (db, goods) = (Db::<Order>::memory(), Arc::<Mutex<Store>>::default());
    let mut left = BTreeMap::new();
    for (status, taken) in [
        // The process died after it had asked for the goods, and before.
        (Status::Pending, true),
        (Status::Pending, false),
        (Status::Failed, true),
        (Status::Cancelling, true),
        (Status::Confirmed, true),
    ] {
        let order = Order {
            user_id: "ada".into(),
            product_id: "tea".into(),
            quantity: 2,
            status,
            ..Order::default()
        };
        let order = db.insert(order).await.unwrap();
        if taken {
            goods.lock().taken.insert(order.id.clone(), 2);
        }
        left.insert(order.id, status);
    }
    let long_ago = i64::try_from(UNDER_WAY.as_millis()).unwrap() * 2;
    for id in left.keys() {
        db.update_where(id, Filter::all(), Changes::new().increment("createdAt", -long_ago)).await.unwrap();
    }
    // Somebody else is at this one.
    let fresh = Order {
        user_id: "ada".into(),
        product_id: "tea".into(),
        quantity: 1,
        status: Status::Pending,
        ..Order::default()
    };
    let fresh = db.insert(fresh).await.unwrap();

    let broker = start(&db, &goods).await;
    time::advance(MEND_EVERY).await;
    assert_eq!(db.require(&fresh.id).await.unwrap().status, Status::Pending);
    db.remove(&fresh.id).await.unwrap();
    is_settled(&db, &goods, "restart").await;
    let kept = db.find(Filter::all()).await.unwrap();
    let kept: BTreeMap<_, _> = kept.into_iter().map(|order| (order.id, order.status)).collect();
    for (id, status) in left {
        let expected = match status {
            Status::Confirmed => Some(Status::Confirmed),
            Status::Cancelling => Some(Status::Cancelled),
            _ => None,
        };
        assert_eq!(kept.get(&id).copied(), expected, "{status:?}");
    }
    // A request for goods that arrives after all that takes none.
    broker.stop().await;
}

#[tokio::test]
async fn nobody_sees_or_moves_an_order_that_did_not_come_about() {
    let (db, goods) = (Db::<Order>::memory(), Arc::<Mutex<Store>>::default());
    let broker = start(&db, &goods).await;
    let error = buy(&broker, 11).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (422, "INSUFFICIENT_STOCK"));
    assert_eq!(db.count(Filter::all()).await.unwrap(), 0);
    let hidden = Order { user_id: "ada".into(), status: Status::Pending, ..Order::default() };
    let hidden = db.insert(hidden).await.unwrap();
    assert_eq!(turn(&broker, &hidden.id, Next::Cancelled).await.unwrap_err().code(), 404);
    let user = json!({ "id": "ada", "email": "ada@example.com", "role": "user" });
    assert!(broker.call(Orders::MY_ORDERS, ()).meta("user", user).await.unwrap().is_empty());
    assert_eq!(broker.call(Orders::PLACED, ()).await.unwrap(), 0);
    broker.stop().await;
}

#[tokio::test]
async fn the_stock_takes_and_gives_back_once_for_each_order() {
    let store = Memory::new();
    let products = Db::with(store.clone());
    let service = Products::new(products.clone(), Db::with(store));
    let broker = TestBroker::builder().service(service).start().await.unwrap();
    let tea = products.insert(Product { name: "Tea".into(), stock: 10, ..Product::default() }).await.unwrap();
    let stock = || async { products.require(&tea.id).await.unwrap().stock };
    let reserve = |order: &str, quantity| {
        broker.call(Products::RESERVE, Reserve { order_id: order.into(), id: tea.id.clone(), quantity })
    };
    let release = |order: &str| broker.call(Products::RELEASE, Release { order_id: order.into() });

    assert_eq!(reserve("1", 4).await.unwrap().stock, 6);
    assert_eq!(reserve("1", 4).await.unwrap().stock, 6);
    let error = reserve("2", 7).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.data()),
        ("INSUFFICIENT_STOCK", Some(&json!({ "available": 6, "requested": 7 })))
    );
    for done in futures_util::future::join_all((0..8).map(|_| release("1"))).await {
        done.unwrap();
    }
    assert_eq!(stock().await, 10);
    assert_eq!(reserve("1", 4).await.unwrap_err().kind(), "RESERVATION_RELEASED");
    // Called off before it was asked for.
    release("3").await.unwrap();
    assert_eq!(reserve("3", 1).await.unwrap_err().kind(), "RESERVATION_RELEASED");
    assert_eq!(stock().await, 10);
    broker.stop().await;
}

/// What customers are told when the stock is away.
fn is_away(answer: &Answer) {
    answer.expect(503, Some("STOCK_UNAVAILABLE"));
    assert!(!answer.text.contains("product."), "{}", answer.text);
}

#[test]
fn orders_and_cancellations_while_the_stock_is_away_lose_nothing() {
    let folder = TempDir::new().unwrap();
    let nodes = ["front", "goods", "rest"];
    let street = Street::new(Bus::Tcp, "5", &nodes);
    let parts = [("front", "api,order"), ("goods", "product"), ("rest", "user,notification,email,admin")];
    let commands = parts.map(|(node, services)| street.part(&folder, node, services));
    let mut shop = Shop::of_parts(folder, commands.into(), street);
    let token = {
        let user = shop.user("ada");
        user.token()
    };
    let (id, status) = {
        let user = shop.anybody().with_token(&token);
        let id = user.product("Tea", 2.5, 10);
        let order = user.order(&id, 4).id();
        let status = format!("/api/order/{order}/status");
        shop.soon(6, || user.stock(&id));
        shop.kill_part(1);
        let cancelled = user.put(&status, &json!({ "status": "cancelled" }));
        is_away(&cancelled);
        is_away(&user.order(&id, 1));
        let orders = user.get("/api/order/my").body;
        assert_eq!((orders.as_array().unwrap().len(), &orders[0]["status"]), (1, &json!("cancelling")));
        (id, status)
    };
    let command = {
        let street = shop.street.as_ref().unwrap();
        street.part(shop.folder.as_ref().unwrap(), "goods", "product")
    };
    shop.add(command);
    let user = shop.anybody().with_token(&token);
    // Nobody asks again.
    shop.soon(Some(10), || user.get(&format!("/api/product/{id}")).body["stock"].as_i64());
    shop.soon("cancelled".to_owned(), || {
        user.get("/api/order/my").body[0]["status"].as_str().unwrap_or_default().to_owned()
    });
    user.put(&status, &json!({ "status": "cancelled" })).expect(422, Some("ORDER_CLOSED"));
    user.order(&id, 10).expect(200, None);
    shop.soon(0, || user.stock(&id));
}
