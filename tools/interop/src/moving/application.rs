//! The six processes, and replacing one of them.

use std::{collections::BTreeMap, time::Duration};

use ligand::{ServiceBroker, config::ComponentOptions};
use ligand_servers::free_port;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{
    SERVICES,
    http::{self, Request},
};
use crate::{
    check::until,
    process::{NodeProcess, Program, built, javascript},
};

/// How long nodes may take to see each other, and to stop.
const LIMIT: Duration = Duration::from_secs(20);

/// Signs the tokens of all rounds.
const SECRET: &str = "a secret of this test, 32 bytes.";

/// The running store.
#[derive(Debug)]
pub(super) struct Application {
    env: Vec<(&'static str, String)>,
    nodes: BTreeMap<&'static str, NodeProcess>,
    /// Asks the nodes whom they see.
    watcher: ServiceBroker,
    port: u16,
    _data: TempDir,
}

impl Application {
    /// Starts all services in JavaScript, without data.
    pub(super) async fn start(url: &str) -> Result<Self, String> {
        let data = tempfile::tempdir().map_err(|error| format!("no folder for the data: {error}"))?;
        let port = free_port();
        let env = vec![
            ("TRANSPORTER", url.to_owned()),
            ("DATA", data.path().display().to_string()),
            ("JWT_SECRET", SECRET.to_owned()),
            ("PORT", port.to_string()),
        ];
        let bus = ComponentOptions::new(url);
        let watcher = ServiceBroker::builder().options(move |options| {
            options.node_id = Some("watcher".into());
            options.transporter = Some(bus);
        });
        let watcher = watcher.start().await.map_err(|error| format!("{error:#}"))?;
        let mut application = Self { env, nodes: BTreeMap::new(), watcher, port, _data: data };
        for service in SERVICES {
            application.launch(service, Program::Js15)?;
        }
        application.settled().await?;
        Ok(application)
    }

    /// Stops a service and starts its twin, while the others run.
    pub(super) async fn replace(&mut self, service: &'static str, program: Program) -> Result<(), String> {
        if let Some(old) = self.nodes.remove(service) {
            old.leave(LIMIT).await?;
        }
        self.launch(service, program)?;
        self.settled().await
    }

    /// Whether a service runs in Rust.
    pub(super) fn runs(&self, service: &str) -> bool {
        self.nodes.get(service).is_some_and(|node| node.program() == Program::Rust)
    }

    /// Asks the gateway.
    pub(super) async fn ask(&self, request: &Request) -> Result<Value, String> {
        http::send(self.port, request).await
    }

    /// Stops all services.
    pub(super) async fn end(self) -> Result<(), String> {
        for node in self.nodes.values() {
            node.leave(LIMIT).await?;
        }
        self.watcher.stop().await;
        Ok(())
    }

    fn launch(&mut self, service: &'static str, program: Program) -> Result<(), String> {
        let mut env = self.env.clone();
        env.push(("SERVICE", service.to_owned()));
        let command = match program {
            Program::Rust => Command::new(built("store")),
            _ => javascript("store/main.js"),
        };
        // The successor has the name of what it replaces: nobody outside sees a difference.
        self.nodes.insert(service, NodeProcess::spawn(command, program, service, &env)?);
        Ok(())
    }

    /// Waits until every node sees all six, each with the program it has now, and the gateway has its aliases.
    async fn settled(&self) -> Result<(), String> {
        for node in self.nodes.values() {
            node.ready().await?;
        }
        for node in SERVICES {
            until(format!("what '{node}' sees"), LIMIT, || self.seen_by(node), |seen| *seen == self.wanted())
                .await?;
        }
        for path in ["/api/users/me", "/api/orders/my", "/api/payments/methods", "/api/notifications/my"] {
            let request = Request { method: "GET".into(), path: path.into(), ..Request::default() };
            let request = &request;
            // Without a token: the alias is there when it asks for one.
            until(path, LIMIT, || self.ask(request), |answer| answer["status"] == 401).await?;
        }
        Ok(())
    }

    fn wanted(&self) -> Value {
        let kind = |program: Program| if program.is_js() { "nodejs" } else { "rust" };
        self.nodes.iter().map(|(service, node)| (*service, kind(node.program()))).collect()
    }

    /// The services that one node sees on the node of their name, with the kind of program of that node.
    async fn seen_by(&self, node: &str) -> Result<Value, String> {
        let ask = async |action: &'static str, params: Value| -> ligand::Result<Vec<Value>> {
            self.watcher.call_named(action, params).node(node).await?.take()
        };
        let nodes = ask("$node.list", json!({ "onlyAvailable": true })).await;
        let services = ask("$node.services", json!({ "onlyAvailable": true, "skipInternal": true })).await;
        let (Ok(nodes), Ok(services)) = (&nodes, &services) else {
            return Ok(json!(format!("{nodes:?} {services:?}")));
        };
        let serves = |id: &Value| {
            let mut own = services.iter().filter(|service| service["name"] == *id);
            own.any(|service| service["available"] == true)
        };
        let there = nodes.iter().filter(|node| serves(&node["id"]));
        let kind = |node: &Value| {
            (node["id"].as_str().unwrap_or_default().to_owned(), node["client"]["type"].clone())
        };
        Ok(there.map(kind).collect())
    }
}
