//! Middlewares, the first one added innermost: around every action, and for a field of your own (`auth`).
//!
//! ```text
//! admin.status: ok
//! admin.reset: FORBIDDEN
//! admin.reset: ok
//! timeout (10s) > log (yours) > handler
//! timeout (10s) > log (yours) > guard (yours) > handler
//! ```

use ligand::{future::Work, middleware, prelude::*, service};

struct Admin;

#[service(name = "admin")]
impl Admin {
    #[action]
    async fn status(&self) {}

    #[action(meta(auth = "admin"))] // means nothing to Ligand, but to the middleware below
    async fn reset(&self) {}
}

struct Guard;

impl middleware::Middleware for Guard {
    fn name(&self) -> &str {
        "guard"
    }

    fn local_action(&self, action: &service::ActionDef, next: service::DynAction) -> service::DynAction {
        let Some(role) = action.metadata("auth").cloned() else { return next }; // stays out, costs nothing
        std::sync::Arc::new(move |ctx: &Context, params: Payload| -> Work<Payload> {
            match ctx.meta::<Value>("role") {
                Ok(Some(own)) if own == role => next.call(ctx, params),
                _ => Err(Error::forbidden("not for you")).into(),
            }
        })
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let log = middleware::from_fn("log", |ctx, params, next| async move {
        let result = next.call(&ctx, params).await;
        println!("{}: {}", ctx.action(), result.as_ref().err().map_or("ok", Error::kind));
        result
    });
    let broker = ServiceBroker::builder().middleware(Guard).middleware(log).service(Admin).start().await?;
    let admin = broker.client::<Admin>();
    admin.status().await?;
    let _ = admin.reset().await;
    admin.reset().meta("role", "admin").await?;
    for name in ["admin.status", "admin.reset"] {
        let steps: Vec<_> = broker.pipeline(name).iter().map(ToString::to_string).collect();
        println!("{}", steps.join(" > "));
    }
    broker.stop().await;
    Ok(())
}
