//! JSON Web Tokens find out who calls; a role of the action decides whether they may.
//!
//! ```text
//! nobody: 401 "NO_TOKEN"
//! a forged token: 401 "INVALID_TOKEN"
//! eve, a user: 403 "FORBIDDEN"
//! ada, an admin: 200 "reset by ada"
//! ```

use std::sync::Arc;

use ligand::prelude::*;
use ligand::web::{Gateway, JwtKeys, Route, error};
use ligand_test::TestBroker;

struct Admin;

#[service(name = "admin")]
impl Admin {
    /// What authentication found out is `user` in the meta.
    #[action(rest = "POST /reset", meta(role = "admin"))]
    async fn reset(&self, ctx: &Context) -> Result<String> {
        let user: Value = ctx.require_meta("user")?;
        Ok(format!("reset by {}", user["name"].as_str().unwrap_or("?")))
    }
}

async fn has_role(ctx: Context, action: Arc<ligand::service::ActionDef>) -> Result<()> {
    let user: Value = ctx.require_meta("user")?;
    match action.metadata("role") {
        Some(role) if user["role"] != *role => Err(error::forbidden("FORBIDDEN")),
        _ => Ok(()),
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let keys = JwtKeys::hs256("an example secret of 32 bytes ...")?;
    let route = Route::new("/api").auto_aliases().authenticate(keys.bearer()).authorize(has_role);
    let gateway = Gateway::builder().route(route).build();
    let broker = TestBroker::builder().service(Admin).start().await?;
    let hour = Duration::from_secs(3600);
    let token = |name, role| keys.sign(&json!({ "name": name, "role": role }), hour);
    for (who, token) in [
        ("nobody", String::new()),
        ("a forged token", "e30.e30.x".into()),
        ("eve, a user", token("eve", "user")?),
        ("ada, an admin", token("ada", "admin")?),
    ] {
        let response = broker.http(&gateway).post("/api/admin/reset").bearer(&token).await;
        let body: Value = response.json();
        println!("{who}: {} {}", response.status(), body.get("type").unwrap_or(&body));
    }
    broker.stop().await;
    Ok(())
}
