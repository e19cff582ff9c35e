//! The gateway.

use std::sync::Arc;

use ligand::{
    ServiceDef,
    prelude::*,
    service::{ActionDef, IntoServiceDef as _},
    web::{Answer, Cors, Gateway, JwtKeys, Req, Route, error},
};

use super::{caller, users::Role};

/// The routes of `api.js`, on a port of the loopback address.
pub(super) fn gateway(port: &str, keys: &JwtKeys) -> ServiceDef {
    let gateway = Gateway::builder()
        .bind(format!("127.0.0.1:{port}"))
        .expose_errors(true)
        .route(public())
        .route(private(keys))
        .route(admin(keys))
        .build();
    let needed = ["users", "products", "orders", "payments", "notifications"];
    needed.into_iter().fold(gateway.into_service_def(), ServiceDef::dependency)
}

fn public() -> Route {
    let sites = Cors::origins(["http://shop.example", "http://*.shop.example"]);
    Route::new("/api/public")
        .allow(["users.register", "users.login", "products.*"])
        .alias("POST /register", "users.register")
        .alias("POST /login", "users.login")
        .alias("GET /products", "products.list")
        .alias("GET /products/find", "products.find")
        .alias("GET /products/count", "products.count")
        .alias("GET /products/cheapest", "products.cheapest")
        .alias("GET /products/:id", "products.get")
        .alias("GET /products/:id/reserve", "products.reserve")
        .alias("GET /users", "users.list")
        .cors(sites.credentials().max_age(Duration::from_secs(600)))
}

fn private(keys: &JwtKeys) -> Route {
    Route::new("/api")
        .allow(["users.me", "products.*", "orders.*", "payments.*", "notifications.my"])
        .resource("/products", "products", ["get", "create", "remove"])
        .alias("PUT /products/:id", "products.update")
        .alias("GET /orders/:id", "orders.get")
        .alias("DELETE /orders/:id", "orders.remove")
        .auto_aliases()
        .authenticate(keys.bearer())
        .before(agent)
        .after(paid)
}

fn admin(keys: &JwtKeys) -> Route {
    Route::new("/admin")
        .allow(["users.*", "orders.list", "notifications.*", "products.insert"])
        .deny(["**.find"])
        .direct_calls()
        .authenticate(keys.bearer())
        .authorize(administrator)
        .error_formatter(|error| {
            let mut body = json!({ "error": error.message(), "code": error.code() });
            if let Some(kind) = error.kind_field() {
                body["type"] = json!(kind);
            }
            body
        })
}

async fn agent(ctx: Context, req: Arc<Req>) -> Result<()> {
    ctx.set_meta("agent", req.header("user-agent"));
    Ok(())
}

async fn paid(ctx: Context, _req: Arc<Req>, answer: Answer) -> Result<Answer> {
    Ok(match ctx.meta::<String>("paymentId")? {
        Some(_) => answer.header("X-Payment", "1"),
        None => answer,
    })
}

async fn administrator(ctx: Context, _action: Arc<ActionDef>) -> Result<()> {
    if caller(&ctx)?.role == Role::Admin { Ok(()) } else { Err(error::forbidden("ADMIN_ONLY")) }
}
