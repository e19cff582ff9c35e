//! What a customer goes through, step by step.

use serde_json::json;

use crate::support::{PASSWORD, Shop};

pub(crate) fn from_the_first_look_to_an_order(shop: &Shop) {
    let anybody = shop.anybody();

    let answer = anybody.post("/api/product", &json!({ "name": "Monitor", "price": 1 }));
    assert_eq!(answer.status, 401);
    let no_token =
        json!({ "name": "UnAuthorizedError", "message": "Unauthorized", "code": 401, "type": "NO_TOKEN" });
    assert_eq!(answer.body, no_token);

    let rahul = json!({ "name": "Rahul Sharma", "email": "rahul@example.com", "password": PASSWORD });
    let answer = anybody.post("/api/public/register", &rahul);
    answer.expect(200, None);
    let user_id = answer.id();
    for (field, value) in [("name", "Rahul Sharma"), ("email", "rahul@example.com"), ("role", "user")] {
        assert_eq!(answer.body[field], value);
    }

    let answer = anybody.post("/api/public/register", &rahul);
    answer.expect(422, Some("EMAIL_EXISTS"));
    assert_eq!(answer.body["message"], "Email already registered");

    let answer =
        anybody.post("/api/public/register", &json!({ "name": "R", "email": "bad", "password": "x" }));
    answer.expect(422, Some("VALIDATION_ERROR"));
    let entries = answer.body["data"].as_array().unwrap();
    let found: Vec<_> = entries
        .iter()
        .map(|entry| (entry["type"].as_str().unwrap(), entry["field"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("stringMin", "name"), ("email", "email"), ("stringMin", "password")]);
    assert!(entries[2].get("actual").is_none(), "a password is shown: {}", answer.text);

    let answer =
        anybody.post("/api/public/login", &json!({ "email": "rahul@example.com", "password": PASSWORD }));
    answer.expect(200, None);
    let user = json!({ "id": user_id, "name": "Rahul Sharma", "email": "rahul@example.com", "role": "user" });
    assert_eq!(answer.body, json!({ "message": "Login successful", "user": user }));
    let token = answer.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
    let rahul = anybody.clone().with_token(token);

    // A wrong password and an unknown address look alike.
    for (email, password) in [("rahul@example.com", "wrong-password"), ("nobody@example.com", PASSWORD)] {
        let answer = anybody.post("/api/public/login", &json!({ "email": email, "password": password }));
        answer.expect(401, Some("INVALID_CREDENTIALS"));
        assert_eq!(answer.body["name"], "MoleculerClientError");
        assert_eq!(answer.body["message"], "Invalid email or password");
        assert_eq!(answer.header("authorization"), None);
    }

    let keyboard = json!({
        "name": "Mechanical Keyboard", "description": "RGB mechanical keyboard with Cherry MX switches",
        "price": 2999, "stock": 50, "category": "electronics"
    });
    let answer = rahul.post("/api/product", &keyboard);
    answer.expect(200, None);
    let product = answer.id();
    assert_eq!((answer.body["price"].as_f64(), answer.body["stock"].as_i64()), (Some(2999.0), Some(50)));
    assert_eq!(answer.body["isActive"], true);
    let path = format!("/api/product/{product}");
    for _ in 0..2 {
        assert_eq!(rahul.get(&path).body["stock"], 50);
    }

    let answer = rahul.order(&product, 2);
    answer.expect(200, None);
    let order = answer.id();
    let bought = &answer.body;
    assert_eq!((&bought["userId"], &bought["productId"]), (&json!(user_id), &json!(product)));
    assert_eq!((bought["quantity"].as_i64(), bought["totalPrice"].as_f64()), (Some(2), Some(5998.0)));
    assert_eq!(bought["status"], "confirmed");

    let answer = rahul.get("/api/order/my");
    answer.expect(200, None);
    assert_eq!(answer.body, json!([bought]));

    // The product was in the cache with 50 pieces.
    shop.soon(48, || rahul.stock(&product));

    let answer = rahul.order(&product, 99);
    answer.expect(422, Some("INSUFFICIENT_STOCK"));
    assert_eq!(answer.body["data"], json!({ "available": 48, "requested": 99 }));

    let answer = rahul.order("nope", 1);
    answer.expect(404, None);
    assert_eq!(answer.body["name"], "EntityNotFoundError");
    assert_eq!(answer.body.get("type"), Some(&json!(null)));
    assert_eq!(answer.body["data"], json!({ "id": "nope" }));

    let answer = rahul.order(&product, 0);
    answer.expect(422, Some("VALIDATION_ERROR"));
    let entry = &answer.body["data"][0];
    assert_eq!((&entry["type"], &entry["field"]), (&json!("numberMin"), &json!("quantity")));

    let status = format!("/api/order/{order}/status");
    let answer = rahul.put(&status, &json!({ "status": "shipped" }));
    answer.expect(200, None);
    assert_eq!((answer.id(), &answer.body["status"]), (order, &json!("shipped")));
    let answer = rahul.put(&status, &json!({ "status": "weird" }));
    answer.expect(422, Some("VALIDATION_ERROR"));
    assert_eq!(answer.body["data"][0]["type"], "enumValue");
    let answer = rahul.put("/api/order/nope/status", &json!({ "status": "shipped" }));
    answer.expect(404, Some("NOT_FOUND"));
    assert_eq!(answer.body["message"], "Order not found");

    let answer = rahul.get("/api/user/me");
    answer.expect(200, None);
    assert_eq!(
        answer.body,
        json!({ "_id": user_id, "name": "Rahul Sharma", "email": "rahul@example.com", "role": "user" })
    );
    anybody.get("/api/user/me").expect(401, Some("NO_TOKEN"));
    anybody.clone().with_token("junk").get("/api/user/me").expect(401, Some("INVALID_TOKEN"));

    rahul.product("Mouse", 499.5, 5);
    let catalogue = "/api/product?page=1&pageSize=1&sort=-price";
    shop.soon(json!(2), || anybody.get(catalogue).body["total"].clone());
    let answer = anybody.get(catalogue);
    answer.expect(200, None);
    let paging =
        ["total", "page", "pageSize", "totalPages"].map(|field| answer.body[field].as_i64().unwrap());
    assert_eq!(paging, [2, 1, 1, 2]);
    assert_eq!(answer.body["rows"].as_array().unwrap().len(), 1);
    assert_eq!(answer.body["rows"][0]["_id"], product);
    let answer = anybody.get("/api/product?page=2&pageSize=1&sort=-price");
    assert_eq!(answer.body["rows"][0]["name"], "Mouse");
    shop.is_well();
}

pub(crate) fn log_in_profile_and_the_administrator(shop: &Shop) {
    let anybody = shop.anybody();
    let amit = json!({ "name": "Amit", "email": "Amit@Example.com ", "password": PASSWORD });
    let answer = anybody.post("/api/public/register", &amit);
    answer.expect(200, None);
    assert_eq!(answer.body["message"], "Registration successful");
    let id = answer.id();
    let user = json!({ "id": id, "name": "Amit", "email": "amit@example.com", "role": "user" });
    assert_eq!(answer.body["user"], user);

    let amit = shop.log_in("amit@example.com", PASSWORD);
    let answer = amit.get("/api/user/profile");
    answer.expect(200, None);
    assert_eq!(answer.body, user);
    anybody.get("/api/user/profile").expect(401, Some("NO_TOKEN"));

    anybody.get("/api/admin/stats").expect(401, Some("NO_TOKEN"));
    amit.get("/api/admin/stats").expect(403, Some("ADMIN_ONLY"));
    let product = amit.product("Monitor", 15_000.0, 20);
    amit.order(&product, 1).expect(200, None);
    let admin = shop.admin();
    shop.soon(json!({ "users": 2, "products": 1, "orders": 1 }), || admin.get("/api/admin/stats").body);
}

pub(crate) fn the_catalogue_is_cached_until_it_changes(shop: &Shop) {
    let user = shop.user("amit");
    let fetched = "Fetching product list from database";
    // Every instance has a cache of its own.
    let instances = shop.instances();
    let ask = || {
        user.get("/api/product").expect(200, None);
        shop.count(fetched)
    };
    shop.soon(instances, ask);
    for _ in 0..4 {
        assert_eq!(ask(), instances);
    }
    user.post("/api/product", &json!({ "name": "Monitor", "price": 15000, "stock": 20 })).expect(200, None);
    shop.soon(1, || shop.count("Product created and cache cleared"));
    shop.soon(instances, || shop.count("Product cache cleared"));
    shop.soon(2 * instances, ask);
    for _ in 0..4 {
        assert_eq!(user.get("/api/product").body["total"], 1);
    }
    assert_eq!(shop.count(fetched), 2 * instances);
}

pub(crate) fn customers_get_one_mail_for_each_event(shop: &Shop) {
    let user = shop.user("ada");
    shop.soon(1, || shop.count("e-mail sent subject=\"Welcome\""));
    let product = user.product("Mouse", 10.0, 5);
    let order = user.order(&product, 1).id();
    shop.soon(1, || shop.count(&format!("e-mail sent subject=\"Order {order} confirmed\"")));
    user.order(&product, 99).expect(422, Some("INSUFFICIENT_STOCK"));
    user.put(&format!("/api/order/{order}/status"), &json!({ "status": "shipped" })).expect(200, None);
    shop.soon(1, || shop.count(&format!("e-mail sent subject=\"Order {order}: Shipped\"")));
    assert_eq!(shop.count("e-mail sent"), 3);
}

#[test]
fn every_request_has_an_id_and_one_line() {
    let shop = Shop::start();
    let client = shop.anybody();
    for (method, path, status) in
        [("GET", "/api/product?secret=1", 200), ("GET", "/nowhere", 404), ("POST", "/api/order", 401)]
    {
        let own = format!("own-{status}");
        let answer = client.send(method, path, &[("X-Request-ID", &own)], None);
        assert_eq!((answer.status, answer.header("x-request-id")), (status, Some(&*own)));
        let made = client.send(method, path, &[("X-Request-ID", "has spaces")], None);
        let made = made.header("x-request-id").unwrap().to_owned();
        assert_ne!(made, "has spaces");
        let path = path.split('?').next().unwrap();
        for id in [own, made] {
            let lines = shop.lines();
            // Lines of handlers have it too.
            let own = |line: &&String| line.contains(&id) && line.contains("/API: ");
            let lines: Vec<_> = lines.iter().filter(own).collect();
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains(&format!(" {method} {path} {status} ")), "{}", lines[0]);
            assert!(!lines[0].contains("secret"));
        }
    }
}
