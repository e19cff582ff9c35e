//! The HTTP face of the shop.

use std::sync::Arc;

use ligand::{
    prelude::*,
    web::{Answer, Gateway, JwtKeys, Route, error},
};

use crate::{
    product::Products,
    user::{Role, Users, caller},
};

/// What is open to everybody, and what needs a token.
pub fn gateway(port: u16, jwt: &JwtKeys) -> Gateway {
    Gateway::builder()
        .port(port)
        .route(
            Route::new("/api/public")
                .alias("POST /register", Users::REGISTER)
                .alias("POST /login", Users::LOGIN)
                .after(token_header),
        )
        .route(
            Route::new("/api").alias("GET /product", Products::LIST).alias("GET /product/:id", Products::GET),
        )
        .route(
            Route::new("/api")
                .allow(["user.me", "user.profile", "product.create", "order.*", "admin.*"])
                .auto_aliases()
                .authenticate(jwt.bearer())
                .authorize(role),
        )
        .ready_services(["user", "product", "order"])
        .build()
}

/// The token that a log-in leaves in the meta goes out as a header.
async fn token_header(ctx: Context, _req: Arc<ligand::web::Req>, answer: Answer) -> Result<Answer> {
    Ok(match ctx.meta::<String>("token")? {
        Some(token) => answer.header("Authorization", &format!("Bearer {token}")),
        None => answer,
    })
}

/// Actions that ask for a role with `meta(role = "..")` are for users who have it.
async fn role(ctx: Context, action: Arc<ligand::service::ActionDef>) -> Result<()> {
    match action.metadata("role") {
        Some(needed) if *needed == json!("admin") && caller(&ctx)?.role != Role::Admin => {
            Err(error::forbidden("ADMIN_ONLY"))
        }
        _ => Ok(()),
    }
}
