//! A small shop: a public route to log in, a protected one for everything else.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use ligand_core::{Action, Context, Error, Payload, Result, ServiceBroker, ServiceDef, service::ActionDef};
use ligand_web::{Answer, Gateway, JwtKeys, Req, Route, error};
use ligand_wire::schema::Schema;
use serde_json::{Value, json};

use crate::client::Direct;

/// An action on shared rows.
fn on<T: Send + Sync + 'static>(
    rows: &Arc<T>,
    name: &'static str,
    rest: &str,
    work: impl Fn(&T, &Context, Value) -> Result<Value> + Send + Sync + 'static,
) -> Action {
    let rows = rows.clone();
    let run = move |ctx: &Context, params: Payload| {
        ligand_core::future::ready(
            params.to_value().and_then(|params| work(&rows, ctx, params).map(Payload::from)),
        )
    };
    Action::raw(name, run).rest(rest).unwrap()
}

fn schema(json: Value) -> Schema {
    Schema::from_json(json).unwrap()
}

fn users(keys: &JwtKeys) -> ServiceDef {
    let keys = keys.clone();
    let users = Arc::new(Mutex::new(Vec::<Value>::new()));
    let register = on(&users, "register", "POST /register", |users, _, user| {
        let mut users = users.lock().unwrap();
        if users.iter().any(|known| known["email"] == user["email"]) {
            return Err(Error::client(422, "EMAIL_EXISTS", "Email already registered"));
        }
        users.push(user.clone());
        Ok(
            json!({"name": user["name"], "email": user["email"], "role": "user", "_id": users.len().to_string()}),
        )
    });
    let text = json!({"type": "string"});
    let register = register.params_schema(schema(json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 2},
            "email": {"type": "string", "format": "email"},
            "password": {"type": "string", "minLength": 6},
        },
        "required": ["name", "email", "password"],
    })));
    let login = on(&users, "login", "POST /login", move |users, ctx, params| {
        let users = users.lock().unwrap();
        let known =
            |user: &&Value| user["email"] == params["email"] && user["password"] == params["password"];
        let Some(user) = users.iter().find(known) else {
            return Err(Error::client(401, "INVALID_CREDENTIALS", "Invalid email or password"));
        };
        let user = json!({"id": user["email"], "role": "user"});
        ctx.set_meta("token", keys.sign(&user, Duration::from_secs(60))?);
        Ok(json!({"message": "Login successful", "user": user}))
    });
    let login = login
        .params_schema(schema(json!({"type": "object", "properties": {"email": text, "password": text}})));
    let me = on(&users, "me", "GET /me", |_, ctx, _| Ok(ctx.meta("user")?.unwrap_or_default()));
    ServiceDef::new("user").action(register).action(login).action(me)
}

fn products() -> ServiceDef {
    let rows = Arc::new(Mutex::new(Vec::<Value>::new()));
    let create = on(&rows, "create", "POST /", |rows, _, mut product| {
        let mut rows = rows.lock().unwrap();
        product["_id"] = rows.len().to_string().into();
        rows.push(product.clone());
        Ok(product)
    });
    let get = on(&rows, "get", "GET /:id", |rows, _, params| {
        let rows = rows.lock().unwrap();
        rows.iter().find(|row| row["_id"] == params["id"]).cloned().ok_or_else(|| {
            Error::build("EntityNotFoundError", 404, "Entity not found")
                .with_null_kind()
                .with_data(json!({"id": params["id"]}))
        })
    });
    let list = on(&rows, "list", "GET /", |rows, _, params| {
        let rows = rows.lock().unwrap();
        let (page, size) = (params["page"].as_u64().unwrap_or(1), params["pageSize"].as_u64().unwrap_or(10));
        Ok(json!({"rows": *rows, "total": rows.len(), "page": page, "pageSize": size}))
    });
    let number = json!({"type": "integer", "minimum": 1});
    let list = list
        .params_schema(schema(json!({"type": "object", "properties": {"page": number, "pageSize": number}})));
    ServiceDef::new("product").action(create).action(get).action(list)
}

fn orders() -> ServiceDef {
    let rows = Arc::new(Mutex::new(Vec::<Value>::new()));
    let create = {
        let rows = rows.clone();
        Action::new("create", move |ctx: Context, params: Value| {
            let rows = rows.clone();
            async move {
                let product: Value =
                    ctx.call_named("product.get", json!({"id": params["productId"]})).await?.take()?;
                let user: Value = ctx.meta("user")?.unwrap_or_default();
                let count = params["quantity"].as_u64().unwrap_or(0);
                let order = json!({
                    "userId": user["id"], "productId": product["_id"], "quantity": count,
                    "totalPrice": product["price"].as_u64().unwrap_or(0) * count, "status": "confirmed",
                });
                rows.lock().unwrap().push(order.clone());
                Ok::<_, Error>(order)
            }
        })
    };
    let my = on(&rows, "my", "GET /my", |rows, ctx, _| {
        let user: Value = ctx.meta("user")?.unwrap_or_default();
        let rows = rows.lock().unwrap();
        Ok(rows.iter().filter(|order| order["userId"] == user["id"]).cloned().collect())
    });
    ServiceDef::new("order").action(create.rest("POST /").unwrap()).action(my)
}

async fn token_header(ctx: Context, _: Arc<Req>, reply: Answer) -> Result<Answer> {
    Ok(match ctx.meta::<String>("token")? {
        Some(token) => reply.header("Authorization", &format!("Bearer {token}")),
        None => reply,
    })
}

#[tokio::test]
async fn register_login_buy() {
    let keys = JwtKeys::hs256("an example secret of 32 bytes ...").unwrap();
    let gateway = Gateway::builder()
        .route(
            Route::new("/api/public")
                .allow(["user.login", "user.register"])
                .alias("POST /register", "user.register")
                .alias("POST /login", "user.login")
                .after(token_header),
        )
        .route(
            Route::new("/api")
                .allow(["product.*", "order.*", "user.me"])
                .auto_aliases()
                .authenticate(keys.bearer())
                .authorize(|_: Context, action: Arc<ActionDef>| async move {
                    if action.full_name() == "product.list" {
                        Err(error::forbidden("ADMINS_ONLY"))
                    } else {
                        Ok(())
                    }
                }),
        )
        .build();
    let broker = ServiceBroker::builder()
        .service(users(&keys))
        .service(products())
        .service(orders())
        .start()
        .await
        .unwrap();
    let http = Direct(&gateway, &broker);

    let keyboard = r#"{"name":"Mechanical Keyboard","price":2999,"stock":50}"#;
    assert_eq!(http.post("/api/product", keyboard).await.error(), (401, "NO_TOKEN".into()));
    let rahul = r#"{"name":"Rahul","email":"rahul@example.com","password":"password123"}"#;
    let registered = http.post("/api/public/register", rahul).await;
    assert_eq!((registered.status, registered.json().get("password")), (200, None));
    assert_eq!(http.post("/api/public/register", rahul).await.error(), (422, "EMAIL_EXISTS".into()));
    let bad = http.post("/api/public/register", r#"{"name":"R","email":"bad","password":"x"}"#).await.json();
    let types: Vec<_> =
        bad["data"].as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!((types.len(), types.contains(&"stringMin") && types.contains(&"email")), (3, true), "{bad}");
    let wrong = r#"{"email":"rahul@example.com","password":"wrong"}"#;
    assert_eq!(http.post("/api/public/login", wrong).await.error(), (401, "INVALID_CREDENTIALS".into()));
    let login = http.post("/api/public/login", rahul).await;
    let token = login.header("authorization").to_owned();
    assert!(token.starts_with("Bearer "), "{login:?}");

    let signed = [("authorization", token.as_str()), ("content-type", "application/json")];
    let product = http.send("POST", "/api/product", &signed, keyboard).await.json();
    let buy = json!({"productId": product["_id"], "quantity": 2}).to_string();
    let order = http.send("POST", "/api/order", &signed, buy).await.json();
    assert_eq!((&order["totalPrice"], &order["userId"]), (&json!(5998), &json!("rahul@example.com")));
    assert_eq!(http.send("GET", "/api/order/my", &signed, "").await.json(), json!([order]));
    let nope = http.send("POST", "/api/order", &signed, r#"{"productId":"nope","quantity":1}"#).await;
    assert_eq!(
        (nope.status, &nope.json()["type"], &nope.json()["data"]),
        (404, &Value::Null, &json!({"id": "nope"}))
    );
    assert_eq!(http.send("GET", "/api/product", &signed, "").await.error(), (403, "ADMINS_ONLY".into()));
    assert_eq!(http.send("GET", "/api/user/me", &signed, "").await.json()["role"], "user");
    assert_eq!(http.get("/api/user/me").await.error(), (401, "NO_TOKEN".into()));
    let junk = [("authorization", "Bearer junk")];
    assert_eq!(http.send("GET", "/api/user/me", &junk, "").await.error(), (401, "INVALID_TOKEN".into()));
}
