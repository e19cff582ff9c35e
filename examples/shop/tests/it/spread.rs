//! A shop with a process for each service, and two for products and orders.

use std::{
    io::Write as _,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use ligand_servers::{Kind, Server, free_port};
use tempfile::TempDir;

use crate::support::{Shop, program};

/// How often products and orders run.
pub(crate) const INSTANCES: usize = 2;

/// The nodes and their services. The gateway is started first: it waits for the others.
pub(crate) const NODES: [(&str, &str); 9] = [
    ("api", "api"),
    ("order-1", "order"),
    ("order-2", "order"),
    ("notification", "notification"),
    ("admin", "admin"),
    ("email", "email"),
    ("user", "user"),
    ("product-1", "product"),
    ("product-2", "product"),
];

/// What carries packets between the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bus {
    /// Connections between the parts; no server.
    Tcp,
    Nats,
    Redis,
}

impl Bus {
    fn server(self) -> Option<Kind> {
        match self {
            Self::Tcp => None,
            Self::Nats => Some(Kind::Nats),
            Self::Redis => Some(Kind::Redis),
        }
    }

    /// Starts its server from a test that is not asynchronous.
    fn start(self) -> Option<Server> {
        let kind = self.server()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Some(runtime.block_on(Server::start(kind)).unwrap())
    }
}

/// What sends the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mail {
    Rust,
    /// Moleculer 0.15.
    Js15,
    /// Moleculer 0.14.
    Js14,
}

/// The environment that the nodes of one shop have in common.
pub(crate) struct Street {
    namespace: String,
    transporter: String,
    protocol: &'static str,
    _server: Option<Server>,
}

impl Street {
    /// Starts the server, when the bus has one.
    pub(crate) fn new(bus: Bus, protocol: &'static str, nodes: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let namespace = format!("shop-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let server = bus.start();
        let transporter = match &server {
            Some(server) => server.url(),
            None => {
                let places = nodes.iter().map(|node| format!("127.0.0.1:{}/{node}", free_port()));
                format!("tcp://{}", places.collect::<Vec<_>>().join(","))
            }
        };
        Self { namespace, transporter, protocol, _server: server }
    }

    /// The variables of one node.
    pub(crate) fn vars<'a>(&'a self, node: &'a str) -> [(&'static str, &'a str); 4] {
        [
            ("NODEID", node),
            ("NAMESPACE", &self.namespace),
            ("TRANSPORTER", &self.transporter),
            ("LIGAND_PROTOCOL", self.protocol),
        ]
    }

    /// One process of the shop.
    pub(crate) fn part(&self, folder: &TempDir, node: &str, services: &str) -> Command {
        let mut command = program(folder, &self.vars(node));
        command.env("DATABASE_URL", "sqlite://{service}.db?mode=rwc").args(["--services", services]);
        command
    }

    /// A Moleculer node that runs a file of `tools/interop/js/shop`; `None` when Moleculer is not installed and need not be.
    pub(crate) fn moleculer(&self, release: &str, node: &str, file: &str) -> Option<Command> {
        let js = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/interop/js");
        let binary = js.join("v15/node_modules/node/bin/node");
        if !binary.exists() {
            assert!(
                std::env::var_os("LIGAND_SKIP_NODE").is_some(),
                "Moleculer is not installed: run tools/interop/install.sh, or set LIGAND_SKIP_NODE to go without"
            );
            // Not by a macro: the text of those is shown for failed tests only.
            let _ =
                writeln!(std::io::stderr(), "SKIPPED: LIGAND_SKIP_NODE is set and Moleculer not installed");
            return None;
        }
        let mut command = Command::new(binary);
        command.env_clear().arg(js.join("shop").join(file)).envs(self.vars(node)).env("MOLECULER", release);
        Some(command)
    }
}

/// Opens a shop; `None` when it needs Moleculer and that is not there.
pub(crate) fn open(bus: Bus, mail: Mail) -> Option<Shop> {
    open_with(bus, mail, &[])
}

/// As [`open`], with more nodes: their names, and the files of those that Moleculer runs.
pub(crate) fn open_with(bus: Bus, mail: Mail, more: &[(&str, Option<&str>)]) -> Option<Shop> {
    if bus.server().is_some_and(Kind::is_skipped) {
        return None;
    }
    let nodes: Vec<_> =
        NODES.iter().map(|(node, _)| *node).chain(more.iter().map(|(node, _)| *node)).collect();
    let street = Street::new(bus, if mail == Mail::Js14 { "4" } else { "5" }, &nodes);
    let release = if mail == Mail::Js14 { "0.14" } else { "0.15" };
    let folder = TempDir::new().unwrap();
    let mut commands = Vec::new();
    for (node, services) in NODES {
        commands.push(match node {
            "email" if mail != Mail::Rust => street.moleculer(release, node, "email.js")?,
            _ => street.part(&folder, node, services),
        });
    }
    for (node, file) in more {
        if let Some(file) = file {
            commands.push(street.moleculer(release, node, file)?);
        }
    }
    let shop = Shop::of_parts(folder, commands, street);
    // The gateway waits for it, the others may hear of it a moment later.
    let rust = if mail == Mail::Rust { NODES.len() } else { NODES.len() - 1 };
    shop.is_known("notification", rust - 1);
    Some(shop)
}
