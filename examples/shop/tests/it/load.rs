//! Many at once.

use std::thread;

use serde_json::json;

use crate::support::Shop;

#[test]
fn fifty_pieces_are_sold_fifty_times() {
    let shop = Shop::start();
    let user = shop.user("ada");
    let product = user.product("Ticket", 10.0, 50);
    let token = user.token.clone().unwrap();
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
    let token = user.token.clone().unwrap();
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
