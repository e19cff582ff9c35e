//! Two Ligand nodes.

use std::{sync::Arc, time::Duration};

use ligand::prelude::*;
use serde_json::Map;

use crate::load::{self, Load, Result, USER};

#[payload]
#[derive(Clone)]
struct User {
    id: u64,
    name: String,
    email: String,
    age: u8,
    active: bool,
    tags: Vec<String>,
}

struct Bench;

#[service(name = "bench")]
impl Bench {
    #[action]
    async fn echo(&self, params: User) -> ligand::Result<User> {
        Ok(params)
    }
}

fn transporter(bus: &str, me: &str) -> ligand::config::Plug {
    let mut plug = ligand::config::Plug::new(bus);
    if plug.kind == "tcp" {
        // tcp://<caller's port>,<callee's port>
        let ports: Vec<_> = bus.trim_start_matches("tcp://").split(',').collect();
        let urls = format!("127.0.0.1:{}/a,127.0.0.1:{}/b", ports[0], ports[1]);
        let mut options = Map::new();
        options.insert("urls".into(), urls.into());
        options.insert("udp_discovery".into(), false.into());
        plug = ligand::config::Plug { kind: "tcp".into(), url: None, options };
        let _ = me;
    }
    plug
}

async fn node(bus: &str, id: &str) -> ligand::Result<ligand::ServiceBroker> {
    let plug = transporter(bus, id);
    let builder = ServiceBroker::builder().node_id(id).options(|options| {
        options.namespace = "bench".into();
        options.transporter = Some(plug);
    });
    match id {
        "b" => builder.service(Bench).start().await,
        _ => builder.start().await,
    }
}

pub(crate) async fn serve(bus: &str) -> Result<()> {
    let broker = node(bus, "b").await.map_err(|error| format!("{error:#}"))?;
    println!("ready");
    crate::servers::until_closed().await;
    broker.stop().await;
    Ok(())
}

pub(crate) async fn load(bus: &str, time: Duration) -> Result<Load> {
    let broker = node(bus, "a").await.map_err(|error| format!("{error:#}"))?;
    broker
        .wait_for_services(&["bench"], Duration::from_secs(20))
        .await
        .map_err(|error| format!("{error:#}"))?;
    let user: Arc<User> = Arc::new(serde_json::from_str(USER)?);
    let caller = broker.clone();
    let load = load::run(time, move || {
        let (broker, user) = (caller.clone(), user.clone());
        async move {
            let back =
                broker.call(Bench::ECHO, User::clone(&user)).await.map_err(|error| format!("{error:#}"))?;
            assert!(back.id == 42);
            Ok(())
        }
    })
    .await?;
    broker.stop().await;
    Ok(load)
}
