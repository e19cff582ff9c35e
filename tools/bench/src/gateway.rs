//! The gateway beside bare axum and moleculer-web: the same routes, each server in a process of its own.

use std::{process::Stdio, time::Duration};

use axum::{Json, Router, extract::Path, http::StatusCode, routing, serve::ListenerExt as _};
use ligand::{
    prelude::*,
    web::{Gateway, Route},
};
use ligand_bench::{
    Failure,
    measure::median,
    node::Node,
    report::{Row, Target},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::http::{self, Load, Wanted};

/// The argument of a process that serves.
pub(crate) const SERVE: &str = "--serve";

const CONNECTIONS: usize = 64;

/// What the routes take and return.
#[payload]
struct Order {
    #[check(length(1..=64))]
    customer: String,
    #[check(range(1..=10_000))]
    pieces: u32,
    #[check(length(1..=2000))]
    note: String,
    tags: Vec<String>,
}

/// One line of an answer.
#[payload]
struct Found {
    id: u32,
    name: String,
    price: f64,
    tags: Vec<String>,
}

/// What was ordered.
#[payload]
struct Taken {
    pieces: u32,
}

/// The parameter of the path.
#[payload]
struct ById {
    id: u32,
}

fn found(id: u32) -> Found {
    Found {
        id,
        name: "Mechanical Keyboard".into(),
        price: 2999.5,
        tags: vec!["keyboard".into(), "rgb".into(), "cherry".into()],
    }
}

struct Orders;

#[service(name = "orders")]
impl Orders {
    /// Reads.
    #[action(rest = "GET /:id")]
    fn get(&self, params: ById) -> Found {
        found(params.id)
    }

    /// Writes.
    #[action(rest = "POST /")]
    fn create(&self, params: Order) -> Taken {
        Taken { pieces: params.pieces }
    }
}

/// What axum does with the same body: serde, and the checks by hand.
async fn create(Json(order): Json<Order>) -> std::result::Result<Json<Taken>, StatusCode> {
    let fits = |text: &str, most| (1..=most).contains(&text.chars().count());
    let valid = fits(&order.customer, 64) && fits(&order.note, 2000) && (1..=10_000).contains(&order.pieces);
    if valid { Ok(Json(Taken { pieces: order.pieces })) } else { Err(StatusCode::UNPROCESSABLE_ENTITY) }
}

/// Serves until stdin ends; prints the port first.
pub(crate) async fn serve(server: &str) -> std::result::Result<(), Failure> {
    match server {
        "ligand" => {
            let gateway = Gateway::builder()
                .bind("127.0.0.1:0")
                .route(Route::new("/api").allow(["orders.*"]).auto_aliases())
                .build();
            let builder = ServiceBroker::builder().service(Orders).service(gateway.clone());
            let broker = builder.start().await.map_err(ligand::Error::into_std)?;
            let address = gateway.local_addr().ok_or("the gateway has no address")?;
            println!("{}", json!({ "port": address.port() }));
            until_stdin_ends().await;
            broker.stop().await;
        }
        "axum" => {
            let router = Router::new()
                .route("/api/orders/{id}", routing::get(|Path(id): Path<u32>| async move { Json(found(id)) }))
                .route("/api/orders", routing::post(create));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            println!("{}", json!({ "port": listener.local_addr()?.port() }));
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            axum::serve(listener, router).with_graceful_shutdown(until_stdin_ends()).await?;
        }
        other => return Err(format!("there is no server '{other}'").into()),
    }
    Ok(())
}

async fn until_stdin_ends() {
    let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
}

/// A server that ends with its handle.
struct Server {
    port: u16,
    _child: Child,
}

async fn start(server: &str) -> std::result::Result<Server, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([SERVE, server]).env("LIGAND_LOG__LEVEL", "warn").kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().ok_or("the server has no output")?;
    let line = BufReader::new(stdout).lines().next_line().await?.ok_or("the server printed nothing")?;
    Ok(Server { port: port(&serde_json::from_str(&line)?)?, _child: child })
}

async fn start_node(node: &Node) -> std::result::Result<Server, Failure> {
    let (child, line) = node.serve("http-orders", &[]).await?;
    Ok(Server { port: port(&line)?, _child: child })
}

fn port(line: &Value) -> std::result::Result<u16, Failure> {
    Ok(u16::try_from(line["port"].as_u64().ok_or("the server printed no port")?)?)
}

/// The routes, as requests.
fn workloads() -> [(&'static str, Wanted); 2] {
    let order = json!({
        "customer": "Ada Lovelace", "pieces": 3, "note": "n".repeat(900), "tags": ["math", "engine", "poetry"],
    });
    [
        ("gateway, GET an action", Wanted::get("/api/orders/42")),
        ("gateway, POST 1 kB with checks", Wanted::post("/api/orders", &order)),
    ]
}

/// Measures all routes of all servers in turn.
pub(crate) async fn rows(
    node: Option<&Node>,
    rounds: usize,
    time: Duration,
) -> std::result::Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for ((name, wanted), (of_raw, times)) in workloads().into_iter().zip([(0.85, 6.0), (0.8, 5.0)]) {
        let (mut own, mut raw, mut peer) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            // One server at a time: the others would only take memory and turns.
            own.push(load(&start("ligand").await?, &wanted, time).await?);
            raw.push(load(&start("axum").await?, &wanted, time).await?);
            if let Some(node) = node {
                peer.push(load(&start_node(node).await?, &wanted, time).await?);
            }
        }
        let middle = |loads: &[Load], value: fn(&Load) -> f64| {
            (!loads.is_empty()).then(|| median(&mut loads.iter().map(value).collect::<Vec<_>>()))
        };
        let rps = |loads: &[Load]| middle(loads, |load| load.rps);
        let target = Target { times: Some(times), of_raw: Some(of_raw), ..Target::default() };
        let beside = |row: Row, raw: Option<f64>| raw.into_iter().fold(row, Row::with_raw);
        let row = Row::more(name, "req/s", rps(&own).unwrap_or(0.0), rps(&peer), target);
        rows.push(beside(row, rps(&raw)));
        let p99 = |loads: &[Load]| middle(loads, |load| load.p99_ms);
        let row =
            Row::less("... 99th percentile", "ms", p99(&own).unwrap_or(0.0), p99(&peer), Target::default());
        rows.push(beside(row, p99(&raw)));
    }
    Ok(rows)
}

async fn load(server: &Server, wanted: &Wanted, time: Duration) -> std::result::Result<Load, Failure> {
    http::load(server.port, wanted, CONNECTIONS, time).await
}
