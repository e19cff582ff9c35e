//! The HTTP face of the library.

use std::sync::Arc;

use ligand::{
    prelude::*,
    web::{Gateway, GatewayBuilder, JwtKeys, Route, error},
};

use crate::members::{Members, Role, caller};

/// What is open to everybody, what needs a token, and what a librarian.
pub fn gateway(jwt: &JwtKeys) -> GatewayBuilder {
    Gateway::builder()
        .route(
            Route::new("/api")
                .alias("GET /books", "books.list")
                .alias("GET /books/:id", "books.get")
                .alias("POST /members", Members::JOIN)
                .alias("POST /members/login", Members::LOG_IN),
        )
        .route(
            Route::new("/api")
                .allow(["books.create", "books.update", "members.me", "loans.*", "audit.*"])
                .auto_aliases()
                .authenticate(jwt.bearer())
                .authorize(role),
        )
        .ready_services(["books", "members", "loans"])
}

/// Actions with `meta(role = "librarian")`, and all that change books, are for librarians.
async fn role(ctx: Context, action: Arc<ligand::service::ActionDef>) -> Result<()> {
    let changes_books = ["books.create", "books.update"].contains(&action.full_name());
    let asks = action.metadata("role").is_some_and(|role| *role == json!("librarian"));
    match changes_books || asks {
        true if caller(&ctx)?.role != Role::Librarian => Err(error::forbidden("LIBRARIANS_ONLY")),
        _ => Ok(()),
    }
}
