//! The gateway against the recorded answers of moleculer-web.
//!
//! `--group A` starts the gateway of one group of cases with its services and says where it listens; `--check` sends every
//! case and compares what comes back with what moleculer-web 0.11 answered, which `gateway/cases.json` holds.

mod cases;
mod check;
mod client;
mod fixture;
mod groups;
mod posts;

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use ligand::{Error, Result, ServiceBroker, config::Env, web::Gateway};

use self::groups::Group;

const HELP: &str = "\
cargo run -p ligand-interop --bin gateway -- --group <GROUP> [--port <PORT>]   serve one group of cases
cargo run -p ligand-interop --bin gateway -- --check [--group <GROUP>]         compare with the recorded answers
cargo run -p ligand-interop --bin gateway -- --list                            the names of all groups";

/// Reads the arguments and does what they say; true on success.
///
/// # Errors
/// Arguments that are not understood, and a gateway that does not start.
pub async fn run(arguments: impl Iterator<Item = String>) -> Result<bool> {
    let (mut group, mut port, mut check) = (None, 0, false);
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value =
            || arguments.next().ok_or_else(|| Error::new(format!("{argument} needs a value\n{HELP}")));
        match argument.as_str() {
            "--group" => group = Some(value()?),
            "--port" => port = value()?.parse().map_err(|_| Error::new("--port needs a number"))?,
            "--check" => check = true,
            "--list" => {
                println!("{}", groups::NAMES.join(" "));
                return Ok(true);
            }
            _ => return Err(Error::new(format!("'{argument}' is not understood\n{HELP}"))),
        }
    }
    if check {
        return check::run(group.as_deref()).await;
    }
    let group = group.ok_or_else(|| Error::new(HELP))?;
    let running = Running::start(&group, port).await?;
    println!("listening on http://{}", running.address);
    tokio::signal::ctrl_c().await?;
    running.stop().await;
    Ok(true)
}

/// A gateway that serves a group.
struct Running {
    broker: ServiceBroker,
    address: SocketAddr,
}

impl Running {
    async fn start(name: &str, port: u16) -> Result<Self> {
        let Group { gateway, services, host, steps } = groups::group(name)
            .ok_or_else(|| Error::new(format!("there is no group '{name}'; {}", groups::NAMES.join(" "))))?;
        let (own, done) = (Arc::new(OnceLock::<Gateway>::new()), AtomicUsize::new(0));
        let handle = own.clone();
        let gateway = gateway.on_response(move |_, _, _| {
            let step = steps.get(done.fetch_add(1, Ordering::Relaxed));
            if let (Some(step), Some(gateway)) = (step, handle.get()) {
                step(gateway).expect("a route that is right");
            }
        });
        let gateway = gateway.bind("127.0.0.1").port(port).build();
        own.get_or_init(|| gateway.clone());
        let mut broker = ServiceBroker::builder().node_id("node-fx").env(Env::default());
        for service in services {
            broker = broker.service(service);
        }
        let listening = match host {
            None => {
                broker = broker.service(gateway.clone());
                gateway.clone()
            }
            Some(_) => gateway.clone(),
        };
        let broker = broker.start().await?;
        let listening = match host {
            Some(host) => {
                let hosting = host(&gateway, &broker);
                broker.add_service(hosting.clone()).await?;
                hosting
            }
            None => listening,
        };
        let address = listening.local_addr().ok_or_else(|| Error::new("the gateway does not listen"))?;
        Ok(Self { broker, address })
    }

    async fn stop(self) {
        self.broker.stop().await;
    }
}
