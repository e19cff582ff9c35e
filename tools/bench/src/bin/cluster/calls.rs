//! Calls between two processes: Ligand, the raw client library and Moleculer in turn.
//!
//! Moleculer's AMQP transporter by default takes one request at a time and lets the system hold small packets back
//! (Nagle's algorithm): a call takes more than 40 ms. Compared with that nothing would be learned, so it gets the
//! options that Ligand has by default, and its own defaults are rows without a target.

use std::time::Duration;

use ligand::config::Serializer;
use ligand_bench::{
    Failure,
    report::{Row, Target},
};

use crate::{
    load::Load,
    nodes,
    plan::Plan,
    raw,
    role::Role,
    servers::{self, Bus},
};

/// Beyond the measured time, until Moleculer has printed its result: calls in flight are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The serializer that all use here; it is the default of both frameworks.
const SERIALIZER: Serializer = Serializer::Json;

/// What calls over a transport should reach: `(64 in flight, 1 in flight)`.
fn targets(transport: &str) -> (Target, Target) {
    let limits = |of_raw, times| Target { of_raw, times, ..Target::default() };
    match transport {
        "nats" => (limits(Some(0.8), Some(3.0)), limits(Some(0.8), None)),
        "tcp" => (limits(Some(0.7), Some(2.5)), limits(Some(0.8), None)),
        _ => (limits(None, Some(3.0)), Target::default()),
    }
}

/// Measures calls over one transport.
pub(crate) async fn measure(
    plan: &Plan,
    transport: &'static str,
    rows: &mut Vec<Row>,
) -> Result<(), Failure> {
    let bus = servers::start(transport).await?;
    let (mut own, mut floor, mut peer) = (Vec::new(), Vec::new(), Vec::new());
    let (mut grpc, mut untuned) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        floor.push(of_raw(plan, transport, &bus).await?);
        if transport == "tcp" {
            grpc.push(of_raw(plan, "tonic", &bus).await?);
        }
        own.push(of_ligand(plan, &bus).await?);
        if plan.node.is_some() {
            peer.push(of_moleculer(plan, &bus, "tuned").await?);
            if transport == "amqp" {
                untuned.push(of_moleculer(plan, &bus, "defaults").await?);
            }
        }
    }
    let (own, floor) = (Load::median(&own), Load::median(&floor));
    let peer = (!peer.is_empty()).then(|| Load::median(&peer));
    let (many, one) = targets(transport);
    let rate = peer.map(|peer| peer.rate);
    let name = format!("{transport}, 64 in flight");
    rows.push(Row::more(name, "calls/s", own.rate, rate, many).with_raw(floor.rate));
    let p50 = peer.map(|peer| peer.p50_us);
    let name = format!("{transport}, 1 in flight, median");
    rows.push(Row::less(name, "us", own.p50_us, p50, one).with_raw(floor.p50_us));
    if !untuned.is_empty() {
        let untuned = Load::median(&untuned);
        let none = Target::default();
        let name = "amqp, 64 in flight; Moleculer with its defaults";
        rows.push(Row::more(name, "calls/s", own.rate, Some(untuned.rate), none));
        let name = "amqp, 1 in flight, median; Moleculer with its defaults";
        rows.push(Row::less(name, "us", own.p50_us, Some(untuned.p50_us), none));
    }
    if !grpc.is_empty() {
        let grpc = Load::median(&grpc);
        let target = Target { of_raw: Some(3.0), ..Target::default() };
        let name = "tcp, 64 in flight; raw: tonic unary";
        rows.push(Row::more(name, "calls/s", own.rate, None, target).with_raw(grpc.rate));
        let name = "tcp, 1 in flight, median; raw: tonic unary";
        rows.push(Row::less(name, "us", own.p50_us, None, Target::default()).with_raw(grpc.p50_us));
    }
    Ok(())
}

async fn of_raw(plan: &Plan, transport: &str, bus: &Bus) -> Result<Load, Failure> {
    let callee = Role::start("raw-callee", &bus.url, &[transport]).await?;
    let load = raw::load(transport, &bus.url, plan.time).await;
    callee.end().await;
    load.map_err(|error| format!("raw {transport}: {error}").into())
}

async fn of_ligand(plan: &Plan, bus: &Bus) -> Result<Load, Failure> {
    let callee = Role::start("callee", &bus.url, &["json"]).await?;
    let load = nodes::load(&bus.url, SERIALIZER, plan.time).await;
    callee.end().await;
    load.map_err(|error| format!("Ligand over {}: {error}", bus.url).into())
}

/// The same calls between two processes of Moleculer; `options` is `tuned` or `defaults`.
async fn of_moleculer(plan: &Plan, bus: &Bus, options: &str) -> Result<Load, Failure> {
    let node = plan.node.as_ref().ok_or("Moleculer is not installed")?;
    let command = |role: &str| {
        let mut command = node.script("cluster.js");
        command.args([role, &bus.url, &plan.time.as_secs_f64().to_string(), options]);
        command
    };
    let callee = Role::spawn("Moleculer, callee", command("callee")).await?;
    let mut caller = Role::spawn("Moleculer, caller", command("caller")).await?;
    let load = caller.go(plan.time * 2 + PATIENCE).await?;
    caller.end().await;
    callee.end().await;
    Ok(serde_json::from_value(load)?)
}
