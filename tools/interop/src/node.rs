//! The Rust node: services by name, configured by the environment.
//!
//! | variable | meaning |
//! |---|---|
//! | `NODEID`, `NAMESPACE`, `TRANSPORTER`, `SERIALIZER` | the options of these names |
//! | `DISABLEBALANCER` | `true`: the broker balances |
//! | `DISCOVERER` | `redis://…`, `etcd3://…`; default: over the bus |
//! | `PROTOCOL` | `5` (default), `4`, `mixed` |
//! | `SERVICES` | list of `conf`, `probe`, `echo`, `aes`, `test`, `scenario`, `users`, `payment`, `mail`, `helper` |
//! | `PORT`, `URLS` | TCP: the own port, and the nodes: `host:port/nodeID,…` |
//! | `MIDDLEWARES` | list of `compression` and `encryption`, in the order of the option |
//! | `COMPRESSION` | `deflate` (default), `deflateRaw`, `gzip` |
//! | `HEARTBEAT` | seconds between heartbeats; a silent node is lost after three of them |
//! | `PREFETCH` | AMQP: how many unacknowledged requests a consumer may hold |
//! | `PREFERLOCAL` | `false`: local endpoints are not preferred |
//! | `CACHER` | `Memory` (default) or a Redis URL |
//! | `CONTROL` | `stdio`: take commands on standard input, one JSON object a line |
//! | `LOG` | log level; default `warn` |

mod conf;
mod content;
mod control;
mod demo;
mod failure;
mod probe;
mod settings;
mod types;

pub(crate) use content::byte;
pub use demo::cipher;
use ligand::{Result, ServiceBroker, broker::BrokerBuilder, config::Env, prelude::Error};

/// Starts the node, says `ready <nodeID>` when the others know of its services, and runs it until a signal or the
/// end of its commands.
///
/// # Errors
/// A variable that is not understood, or what stopped the start.
pub async fn run() -> Result<()> {
    let env = Env::load()?;
    ligand::log::init(&settings::log(&env))?;
    let broker = with_services(settings::broker(&env)?, &env)?.start().await?;
    println!("ready {}", broker.node_id());
    match env.get("CONTROL") {
        Some("stdio") => control::obey(&broker).await,
        _ => signal().await?,
    }
    broker.stop().await;
    Ok(())
}

fn with_services(builder: BrokerBuilder, env: &Env) -> Result<BrokerBuilder> {
    let names = env.get("SERVICES").unwrap_or("conf,probe,echo,aes,test");
    names.split(',').map(str::trim).try_fold(builder, |builder, name| {
        Ok(match name {
            "" => builder,
            "conf" => {
                let versions = builder.service(conf::First).service(conf::Second).service(conf::Staging);
                versions.service(conf::Conf::default())
            }
            "probe" => builder.service(probe::Probe::default()),
            "echo" => builder.service(demo::Echo),
            "aes" => builder.service(demo::Aes),
            "test" => builder.service(demo::Test),
            "scenario" => builder.service(demo::Scenario::default()),
            "users" | "payment" | "mail" => builder.service(demo::hearing(name)),
            "helper" => builder.service(demo::Helper),
            _ => return Err(Error::broker_options(format!("SERVICES: '{name}' is not known"))),
        })
    })
}

/// Waits for SIGTERM or SIGINT.
async fn signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// The node of this broker, which is not the caller's.
fn own(broker: &ServiceBroker) -> String {
    broker.node_id().to_owned()
}
