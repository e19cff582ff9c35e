//! Many at once.

use std::{io::Write as _, net::TcpStream, thread};

use serde_json::json;

use crate::support::Shop;

#[test]
fn fifty_pieces_are_sold_fifty_times() {
    let shop = Shop::start();
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
    assert_eq!(user.stock(&product), 0);
    assert_eq!(user.get("/api/order/my").body.as_array().unwrap().len(), 50);
    assert_eq!(shop.admin().get("/api/admin/stats").body["orders"], 50);
    assert_eq!(shop.count(" confirmed\""), 50);
    shop.is_well();
}

#[test]
fn customers_who_hang_up_leave_no_half_orders() {
    let shop = Shop::start();
    let user = shop.user("ada");
    let product = user.product("Ticket", 10.0, 1000);
    let token = user.token();
    let body = json!({ "productId": product, "quantity": 1 }).to_string();
    let request = format!(
        "POST /api/order HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for number in 0..40_u64 {
                    let mut stream = TcpStream::connect(("127.0.0.1", shop.port)).unwrap();
                    stream.write_all(request.as_bytes()).unwrap();
                    // Gone at another moment each time.
                    let moment = std::time::Instant::now();
                    while u128::from(number * 300) > moment.elapsed().as_micros() {
                        thread::yield_now();
                    }
                }
            });
        }
    });
    // What still runs ends before the shop does.
    let shop = Shop::start_in(shop.stop(), &[]);
    let user = shop.anybody().with_token(&token);
    let orders = user.get("/api/order/my").body.as_array().unwrap().len();
    assert_eq!(user.stock(&product), 1000 - i64::try_from(orders).unwrap(), "{orders} orders");
}

#[test]
fn a_cancelled_order_puts_its_pieces_back_once() {
    let shop = Shop::start();
    let user = shop.user("ada");
    let product = user.product("Ticket", 10.0, 50);
    let order = user.order(&product, 20).id();
    assert_eq!(user.stock(&product), 30);
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
    assert_eq!(user.stock(&product), 50);
    user.put(&path, &json!({ "status": "paid" })).expect(422, Some("ORDER_CLOSED"));
}

#[test]
fn one_address_is_registered_once() {
    let shop = Shop::start();
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
