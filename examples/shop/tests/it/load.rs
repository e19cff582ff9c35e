//! Many at once.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    spread::{Bus, Mail, open},
    support::Shop,
};

pub(crate) fn fifty_pieces_are_sold_fifty_times(shop: &Shop) {
    let user = shop.user("ada");
    let product = user.product("Ticket", 10.0, 50);
    let token = user.token();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let buyers: Vec<_> = (0..200)
            .map(|_| {
                let buyer = shop.anybody().with_token(&token);
                let product = &product;
                scope.spawn(move || {
                    let answer = buyer.order(product, 1);
                    answer.expect(answer.status, (answer.status == 422).then_some("INSUFFICIENT_STOCK"));
                    answer.status
                })
            })
            .collect();
        buyers.into_iter().map(|buyer| buyer.join().unwrap()).collect()
    });
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(422)), (50, 150), "{statuses:?}");
    shop.soon(0, || user.stock(&product));
    assert_eq!(user.get("/api/order/my").body.as_array().unwrap().len(), 50);
    let admin = shop.admin();
    shop.soon(json!(50), || admin.get("/api/admin/stats").body["orders"].clone());
    shop.soon(50, || shop.count(" confirmed\""));
    shop.is_well();
}

/// Sends requests on connections of their own and hangs up, at another moment each time: before the last byte of the
/// first one, with the answer to the last one, and in even steps in between.
fn hang_up(shop: &Shop, requests: &[String]) {
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", shop.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    };
    let [first, between @ .., last] = requests else { panic!("at least two requests") };
    connect().write_all(&first.as_bytes()[..first.len() - 1]).unwrap();

    let start = Instant::now();
    let mut stream = connect();
    stream.write_all(last.as_bytes()).unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let whole = start.elapsed();

    let steps = u32::try_from(between.len()).unwrap();
    for (request, step) in between.iter().zip(1..) {
        let start = Instant::now();
        let mut stream = connect();
        stream.write_all(request.as_bytes()).unwrap();
        while start.elapsed() < whole * step / steps {
            thread::yield_now();
        }
    }
}

/// Hundreds of orders may still run when the shop is stopped, on a busy machine for long.
const PATIENT: [(&str, &str); 1] = [("LIGAND_TRACKING__SHUTDOWN_TIMEOUT", "60s")];

#[test]
fn customers_who_hang_up_leave_no_half_orders() {
    const CUSTOMERS: usize = 8;
    const ORDERS: usize = 40;
    let shop = Shop::start_in(TempDir::new().unwrap(), &PATIENT);
    let user = shop.user("ada");
    let product = user.product("Ticket", 10.0, 1000);
    let body = json!({ "productId": product, "quantity": 1 });
    let requests = vec![user.raw("POST", "/api/order", &body); ORDERS];
    thread::scope(|scope| {
        for _ in 0..CUSTOMERS {
            scope.spawn(|| hang_up(&shop, &requests));
        }
    });
    let token = user.token();
    // What still runs ends before the shop does.
    let shop = Shop::start_in(shop.stop(), &[]);
    let user = shop.anybody().with_token(&token);
    let orders = user.get("/api/order/my").body.as_array().unwrap().len();
    assert!((CUSTOMERS..=CUSTOMERS * (ORDERS - 1)).contains(&orders), "{orders} orders");
    assert_eq!(user.stock(&product), 1000 - i64::try_from(orders).unwrap(), "{orders} orders");
}

#[test]
fn customers_who_hang_up_while_they_cancel_put_everything_back() {
    const CUSTOMERS: usize = 8;
    const ORDERS: usize = 20;
    let shop = Shop::start_in(TempDir::new().unwrap(), &PATIENT);
    let user = shop.user("ada");
    let product = user.product("Ticket", 10.0, 1000);
    let requests: Vec<Vec<_>> = (0..CUSTOMERS)
        .map(|_| {
            let paths = (0..ORDERS).map(|_| format!("/api/order/{}/status", user.order(&product, 1).id()));
            paths.map(|path| user.raw("PUT", &path, &json!({ "status": "cancelled" }))).collect()
        })
        .collect();
    thread::scope(|scope| {
        for requests in &requests {
            scope.spawn(|| hang_up(&shop, requests));
        }
    });
    let token = user.token();
    let shop = Shop::start_in(shop.stop(), &[]);
    let user = shop.anybody().with_token(&token);
    let orders = user.get("/api/order/my").body;
    let open = orders.as_array().unwrap().iter().filter(|order| order["status"] == "confirmed").count();
    assert!((CUSTOMERS..=CUSTOMERS * (ORDERS - 1)).contains(&open), "{open} open");
    assert_eq!(user.stock(&product), 1000 - i64::try_from(open).unwrap(), "{open} open");
}

/// Kills an instance of the products while everybody buys.
fn an_instance_dies(bus: Bus) {
    const BUYERS: usize = 8;
    const ORDERS: usize = 60;
    let shop = open(bus, Mail::Rust).unwrap();
    let user = shop.user("ada");
    let product = user.product("Ticket", 10.0, 1000);
    let token = user.token();
    let sold = AtomicUsize::new(0);
    let failed = thread::scope(|scope| {
        let buyers: Vec<_> = (0..BUYERS)
            .map(|_| {
                let (buyer, product, sold) = (shop.anybody().with_token(&token), &product, &sold);
                scope.spawn(move || {
                    let statuses = (0..ORDERS).map(|_| {
                        let status = buyer.order(product, 1).status;
                        sold.fetch_add(usize::from(status == 200), Ordering::SeqCst);
                        status
                    });
                    statuses.filter(|status| *status != 200).collect::<Vec<_>>()
                })
            })
            .collect();
        while sold.load(Ordering::SeqCst) < BUYERS * ORDERS / 4 {
            thread::yield_now();
        }
        shop.kill("product-1");
        buyers.into_iter().flat_map(|buyer| buyer.join().unwrap()).collect::<Vec<_>>()
    });
    // What was under way at that moment.
    assert!(failed.len() <= BUYERS && failed.iter().all(|status| *status >= 500), "{failed:?}");
    let sold = sold.into_inner();
    assert_eq!(sold + failed.len(), BUYERS * ORDERS);
    let orders = user.get("/api/order/my").body.as_array().unwrap().len();
    assert_eq!(orders, sold);
    // Each of them has reserved a piece or not; in either case it is back.
    shop.soon(1000 - sold, || usize::try_from(user.stock(&product)).unwrap());
    user.order(&product, 1).expect(200, None);
    shop.is_well();
}

#[test]
fn an_instance_that_dies_over_tcp_costs_a_few_orders() {
    an_instance_dies(Bus::Tcp);
}

#[test]
fn an_instance_that_dies_over_nats_costs_a_few_orders() {
    an_instance_dies(Bus::Nats);
}

#[test]
fn an_instance_that_dies_over_redis_costs_a_few_orders() {
    an_instance_dies(Bus::Redis);
}

pub(crate) fn a_cancelled_order_puts_its_pieces_back_once(shop: &Shop) {
    let user = shop.user("ada");
    let product = user.product("Ticket", 10.0, 50);
    let order = user.order(&product, 20).id();
    shop.soon(30, || user.stock(&product));
    let path = format!("/api/order/{order}/status");
    let token = user.token();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let racers: Vec<_> = (0..16)
            .map(|_| {
                let (client, path) = (shop.anybody().with_token(&token), &path);
                scope.spawn(move || client.put(path, &json!({ "status": "cancelled" })).status)
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 15, "{statuses:?}");
    shop.soon(50, || user.stock(&product));
    user.put(&path, &json!({ "status": "paid" })).expect(422, Some("ORDER_CLOSED"));
}

pub(crate) fn one_address_is_registered_once(shop: &Shop) {
    let user = json!({ "name": "Ada", "email": "ada@example.com", "password": "password123" });
    let statuses: Vec<u16> = thread::scope(|scope| {
        let racers: Vec<_> = (0..16)
            .map(|_| {
                let (client, user) = (shop.anybody(), &user);
                scope.spawn(move || client.post("/api/public/register", user).status)
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 15, "{statuses:?}");
}

#[test]
fn sixty_four_connections_do_everything_at_once() {
    const ROUNDS: usize = 40;
    let shop = Shop::start();
    let user = shop.user("ada");
    let product = user.product("Endless", 1.0, 1_000_000);
    let token = user.token();
    thread::scope(|scope| {
        for number in 0..64 {
            let (shop, product, token) = (&shop, &product, &token);
            scope.spawn(move || {
                let anybody = shop.anybody();
                let user = anybody.clone().with_token(token);
                for round in 0..ROUNDS {
                    let (answer, status) = match (number + round) % 8 {
                        0 => (user.order(product, 1), 200),
                        1 => (anybody.get("/api/product?pageSize=5"), 200),
                        2 => (anybody.get(&format!("/api/product/{product}")), 200),
                        3 => (user.get("/api/user/me"), 200),
                        4 => (anybody.get("/api/user/me"), 401),
                        5 => (user.order(product, 0), 422),
                        6 => (user.get("/api/nothing"), 404),
                        _ => (anybody.get("/health"), 200),
                    };
                    assert_eq!(answer.status, status, "{}", answer.text);
                }
            });
        }
    });
    let sold = 64 * ROUNDS / 8;
    assert_eq!(user.stock(&product), 1_000_000 - i64::try_from(sold).unwrap());
    assert_eq!(shop.admin().get("/api/admin/stats").body["orders"], sold);
    shop.is_well();
}
