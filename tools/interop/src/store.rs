//! The services of `js/store` in Rust, each the twin of the one in JavaScript, written as a user would.
//!
//! | variable | meaning |
//! |---|---|
//! | `SERVICE` | `users`, `products`, `orders`, `payments`, `notifications` or `api` |
//! | `NODEID`, `TRANSPORTER`, `LOGLEVEL` | the options of these names |
//! | `DATA` | folder with the data files of the services |
//! | `JWT_SECRET` | signs and verifies tokens |
//! | `PORT` | of the gateway |

mod api;
mod data;
mod notifications;
mod orders;
mod payments;
mod products;
mod users;

use ligand::{broker::BrokerBuilder, config::Env, prelude::*, web::JwtKeys};
use tokio::io::AsyncReadExt as _;

use data::DataFile;

/// Starts the node, says `ready <nodeID>` and runs it until its standard input ends.
///
/// # Errors
/// A variable that is missing or not understood, or what stopped the start.
pub async fn run() -> Result<()> {
    let env = Env::load()?;
    let builder = ServiceBroker::builder().configured()?.memory_cache();
    let broker = with_service(builder, &env)?.start().await?;
    println!("ready {}", broker.node_id());
    // Nothing is sent: the input ends with whoever started this node, or when he wants it to end.
    let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    broker.stop().await;
    Ok(())
}

fn with_service(builder: BrokerBuilder, env: &Env) -> Result<BrokerBuilder> {
    let name = required(env, "SERVICE")?;
    let keys = || JwtKeys::hs256(required(env, "JWT_SECRET")?);
    let data = || Ok::<_, Error>(DataFile::new(required(env, "DATA")?, name));
    Ok(match name {
        "users" => builder.service(users::Users::new(data()?, keys()?)),
        "products" => builder.service(products::Products::new(data()?)),
        "orders" => builder.service(orders::Orders::new(data()?)),
        "payments" => builder.service(payments::Payments::new(data()?)),
        "notifications" => builder.service(notifications::Notifications::new(data()?)),
        "api" => builder.service(api::gateway(required(env, "PORT")?, &keys()?)),
        _ => return Err(Error::broker_options(format!("SERVICE: '{name}' is not known"))),
    })
}

fn required<'e>(env: &'e Env, name: &str) -> Result<&'e str> {
    env.get(name).ok_or_else(|| Error::broker_options(format!("the variable {name} is missing")))
}

/// What a token says of its owner, as the gateway leaves it in the meta.
#[payload]
struct Caller {
    id: String,
    email: String,
    role: users::Role,
}

fn caller(ctx: &Context) -> Result<Caller> {
    ctx.require_meta("user")
}
