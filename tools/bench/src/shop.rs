//! The shop of `examples/shop` as a process: its throughput and its size.

use std::{path::PathBuf, process::Stdio, time::Duration};

use ligand_bench::{Failure, node::Node};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::{
    builds::cargo,
    http::{self, Load, Wanted},
};

/// The running shop.
pub(crate) struct Shop {
    port: u16,
    child: Child,
    _data: tempfile::TempDir,
}

impl Shop {
    /// Starts the release build in a folder of its own and waits until it is ready.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let data = tempfile::tempdir()?;
        let port = ligand_servers::free_port();
        let child = Command::new(binary("shop").await?)
            .current_dir(data.path())
            .env("PORT", port.to_string())
            .env("JWT_SECRET", "a secret of the benchmark, 32 bytes or more")
            .env("LIGAND_LOG__LEVEL", "warn")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        for _ in 0..200 {
            if let Ok((200, ..)) = http::send(port, "GET", "/ready", "", &Value::Null).await {
                return Ok(Self { port, child, _data: data });
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Err("the shop was not ready within 5 s".into())
    }

    /// Registers, logs in and puts a product into the catalogue.
    pub(crate) async fn prepare(&self) -> Result<Product, Failure> {
        let send = |method, path, token, body| async move {
            match http::send(self.port, method, path, token, &body).await? {
                (200, head, body) => Ok::<_, Failure>((head, body)),
                (status, _, body) => Err(format!("{method} {path}: {status} {body}").into()),
            }
        };
        let user = json!({ "name": "Ada Lovelace", "email": "ada@example.com", "password": "password123" });
        send("POST", "/api/public/register", "", user.clone()).await?;
        let (head, _) = send("POST", "/api/public/login", "", user).await?;
        let token = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with("authorization:"))
            .and_then(|line| line.rsplit(' ').next())
            .ok_or("the log-in sent no token")?;
        let product = json!({
            "name": "Mechanical Keyboard",
            "description": "RGB mechanical keyboard with Cherry MX switches",
            "price": 2999, "stock": 50, "category": "electronics",
        });
        let (_, product) = send("POST", "/api/product", token, product).await?;
        let id = product["_id"].as_str().ok_or("the product has no _id")?;
        Ok(Product { port: self.port, path: format!("/api/product/{id}"), token: token.to_owned() })
    }

    /// Resident memory in bytes.
    pub(crate) fn rss(&self) -> Result<u64, Failure> {
        rss(self.child.id().ok_or("the shop has ended")?)
    }
}

/// A product in the catalogue.
pub(crate) struct Product {
    port: u16,
    path: String,
    token: String,
}

impl Product {
    /// Asks for it with 64 connections.
    pub(crate) async fn load(&self, time: Duration) -> Result<Load, Failure> {
        http::load(self.port, &Wanted::get_with_token(&self.path, &self.token), 64, time).await
    }
}

/// The same route on moleculer-web.
pub(crate) async fn product_load_on_node(node: &Node, time: Duration) -> Result<Load, Failure> {
    let (server, line) = node.serve("http-product", &["--public"]).await?;
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let port = u16::try_from(line["port"].as_u64().unwrap_or(0))?;
    let load = http::load(port, &Wanted::get_with_token(&text("path"), &text("token")), 64, time).await;
    drop(server);
    load
}

/// A release binary of this workspace, built when needed.
pub(crate) async fn binary(name: &str) -> Result<PathBuf, Failure> {
    let status =
        Command::new(cargo()).args(["build", "--release", "--quiet", "--bin", name]).status().await?;
    if !status.success() {
        return Err(format!("{name} cannot be built").into());
    }
    let own = std::env::current_exe()?;
    Ok(own.with_file_name(name))
}

/// Resident memory of a process in bytes.
pub(crate) fn rss(pid: u32) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kb: u64 = line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse()?;
    Ok(kb * 1024)
}
