//! What clients may not do.

use serde_json::json;

use crate::support::{PASSWORD, Shop};

#[test]
fn nobody_gives_himself_a_role_a_price_or_an_id() {
    let shop = Shop::start();
    let anybody = shop.anybody();
    let answer = anybody.post(
        "/api/public/register?role=admin",
        &json!({
            "name": "Eve", "email": "eve@example.com", "password": PASSWORD, "role": "admin",
            "_id": "mine", "id": "mine", "createdAt": 1, "$set": { "role": "admin" }, "meta": { "user": { "role": "admin" } }
        }),
    );
    answer.expect(200, None);
    assert_eq!((&answer.body["role"], &answer.body["user"]["role"]), (&json!("user"), &json!("user")));
    assert_ne!(answer.id(), "mine");

    let eve = shop.log_in("eve@example.com", PASSWORD);
    eve.get("/api/admin/stats").expect(403, Some("ADMIN_ONLY"));
    eve.get("/api/admin/stats?user[role]=admin&meta[user][role]=admin").expect(403, Some("ADMIN_ONLY"));
    for header in ["X-HTTP-Method-Override", "X-User", "X-Role", "meta"] {
        eve.send("GET", "/api/admin/stats", &[(header, "admin")], None).expect(403, Some("ADMIN_ONLY"));
    }
    assert_eq!(eve.get("/api/user/me").body["role"], "user");

    let answer = eve.post(
        "/api/product",
        &json!({ "name": "Gold", "price": 1000, "stock": 10, "_id": "mine", "id": "mine", "createdAt": 1, "updatedAt": 1 }),
    );
    answer.expect(200, None);
    let product = answer.id();
    assert_ne!(product, "mine");
    assert!(answer.body["createdAt"].as_i64().unwrap() > 1);

    let answer = eve.post(
        "/api/order?quantity=3&totalPrice=1",
        &json!({
            "productId": product, "quantity": 2, "totalPrice": 1, "price": 1, "userId": "somebody",
            "status": "delivered", "_id": "mine", "createdAt": 1
        }),
    );
    answer.expect(200, None);
    // The query is laid over the body; both are the caller's own.
    assert_eq!(
        (answer.body["quantity"].as_i64(), answer.body["totalPrice"].as_f64()),
        (Some(3), Some(3000.0))
    );
    assert_eq!(answer.body["status"], "confirmed");
    assert_ne!(answer.id(), "mine");
    assert_eq!(answer.body["userId"], eve.get("/api/user/me").body["_id"]);
    assert!(answer.body["createdAt"].as_i64().unwrap() > 1);
    assert_eq!(eve.stock(&product), 7);
    for quantity in [-5, 0, i64::MAX] {
        eve.order(&product, quantity).expect(422, Some("VALIDATION_ERROR"));
    }
    assert_eq!(eve.stock(&product), 7);
}

#[test]
fn orders_of_others_do_not_exist() {
    let shop = Shop::start();
    let (ada, eve) = (shop.user("ada"), shop.user("eve"));
    let product = ada.product("Mouse", 10.0, 5);
    let order = ada.order(&product, 1).id();
    assert_eq!(eve.get("/api/order/my").body, json!([]));
    let user = ada.get("/api/user/me").body["_id"].as_str().unwrap().to_owned();
    assert_eq!(eve.get(&format!("/api/order/my?userId={user}&user[id]={user}")).body, json!([]));
    let status = format!("/api/order/{order}/status");
    let (theirs, missing) = (
        eve.put(&status, &json!({ "status": "cancelled" })),
        eve.put("/api/order/nope/status", &json!({ "status": "cancelled" })),
    );
    theirs.expect(404, Some("NOT_FOUND"));
    assert_eq!(theirs.body, missing.body);
    // The id of the path is the one that counts.
    let own = eve.order(&product, 1).id();
    let answer =
        eve.put(&format!("/api/order/{own}/status?id={order}"), &json!({ "status": "paid", "id": order }));
    answer.expect(200, None);
    assert_eq!(answer.id(), own);
    assert_eq!(ada.get("/api/order/my").body[0]["status"], "confirmed");
    for (method, path) in [("GET", format!("/api/order/{order}")), ("DELETE", format!("/api/order/{order}"))]
    {
        assert_eq!(eve.send(method, &path, &[], None).status, 404);
    }
    // Administrators see to every order.
    shop.admin().put(&status, &json!({ "status": "shipped" })).expect(200, None);
    assert_eq!(ada.get("/api/order/my").body[0]["status"], "shipped");
}

#[test]
fn what_is_not_published_is_not_there() {
    let shop = Shop::start();
    let eve = shop.user("eve");
    let product = eve.product("Mouse", 10.0, 5);
    let id = eve.get("/api/user/me").body["_id"].as_str().unwrap().to_owned();
    let paths = [
        "user",
        "users",
        "user/list",
        "user/find",
        "user/count",
        "user/get",
        "user/create",
        "user/insert",
        "user/update",
        "user/remove",
        "user/address",
        "user/register",
        "user/login",
        "user.list",
        "user/me/../list",
        "user/%2e%2e/list",
        "product/reserve",
        "product/release",
        "product.reserve",
        "product/find",
        "product/insert",
        "order/list",
        "order/find",
        "order/count",
        "order/create",
        "order.create",
        "$node/options",
        "$node/list",
        "$node.list",
        "~node/list",
        "~node/options",
        "%24node/options",
        "email/send",
        "email.send",
        "notification/confirm",
        "api/listAliases",
        "api",
        "public/user/list",
        "public/product",
        "public/login/../../user/list",
    ];
    for path in paths {
        for prefix in ["/api/", "/api/v1/", "/", "/api//"] {
            let path = format!("{prefix}{path}");
            for (method, body) in [("GET", None), ("POST", Some("{}")), ("PUT", Some("{}")), ("DELETE", None)]
            {
                let answer = eve.send(method, &path, &[], body.map(str::as_bytes));
                assert!(
                    matches!(answer.status, 404 | 405),
                    "{method} {path}: {} {}",
                    answer.status,
                    answer.text
                );
            }
        }
    }
    // What has a route for one method has none for the others.
    for path in [format!("/api/user/{id}"), format!("/api/product/{product}")] {
        for (method, body) in [("PUT", Some("{}")), ("PATCH", Some("{}")), ("DELETE", None)] {
            let answer = eve.send(method, &path, &[], body.map(str::as_bytes));
            assert!(matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.text);
        }
    }
    eve.get(&format!("/api/user/{id}")).expect(404, Some("NOT_FOUND"));
    assert_eq!(eve.stock(&product), 5);
    assert_eq!(shop.count("e-mail sent"), 1, "only the welcome");
    shop.is_well();
}

#[test]
fn the_catalogue_shows_no_more_than_asked_for_and_allowed() {
    let shop = Shop::start();
    let user = shop.user("ada");
    for number in 0..3 {
        user.product(&format!("Mouse {number}"), f64::from(number), 1);
    }
    let answer = user.get("/api/product?pageSize=1000000");
    answer.expect(200, None);
    assert!(answer.body["pageSize"].as_i64().unwrap() <= 100);
    for (query, status) in [
        ("sort=price;drop%20table%20products", 422),
        ("sort=nothing", 422),
        ("fields=nothing", 200),
        ("query[$where]=1", 422),
        ("query=%7B%22price%22%3A%7B%22%24gt%22%3A%22%22%7D%7D", 422),
        ("page=-1", 422),
        ("page=x", 422),
        ("page=18446744073709551616", 422),
        ("pageSize=1e99", 422),
        ("populate=userId", 422),
        ("search='%20OR%201=1--", 200),
    ] {
        let answer = user.get(&format!("/api/product?{query}"));
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
    }
    // What is asked for is what is shown.
    let shown =
        |query: &str| user.get(&format!("/api/product?sort=price&pageSize=1&{query}")).body["rows"].clone();
    assert_eq!(shown("fields=name"), json!([{ "name": "Mouse 0" }]));
    assert_eq!(shown("fields=name,nothing,price"), json!([{ "name": "Mouse 0", "price": 0 }]));
    assert_eq!(shown("fields=nothing"), json!([{}]));
    let without = shown("excludeFields=description,createdAt,updatedAt");
    assert!(without[0]["name"] == "Mouse 0" && without[0].get("createdAt").is_none(), "{without}");
    assert_eq!(user.get("/api/product").body["total"], 3);
    shop.is_well();
}
