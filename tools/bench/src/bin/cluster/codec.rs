//! A request packet to bytes and back, in every serializer: time and allocations.
//!
//! What counts them is the allocator of the whole program: it looks at a thread's counter for each allocation, in
//! everything that is measured here in Rust.

use std::{borrow::Cow, hint::black_box};

use bytes::Bytes;
use ligand::Payload;
use ligand_bench::{
    Failure,
    measure::sequential,
    report::{Row, Target},
};
use ligand_wire::{
    codec::{self, Envelope},
    packet::{Packet, PacketKind, Request},
    payload::Format,
};

use crate::{load::USER, nodes::User, plan::Plan};

const ENVELOPE: Envelope<'_> = Envelope { ver: "5", sender: "node-1" };

/// A call as a node sends it.
fn request() -> Result<Packet<'static>, Failure> {
    let user: User = serde_json::from_str(USER)?;
    Ok(Packet::Request(Request {
        id: "0b0e1d22-4c3b-4f1e-9a5d-6f1f0c7a8b90".into(),
        action: "users.create".into(),
        params: Payload::typed(user),
        headers: Some(Cow::default()),
        timeout: Some(10_000.0),
        level: 1,
        request_id: Some("0b0e1d22-4c3b-4f1e-9a5d-6f1f0c7a8b90".into()),
        ..Request::default()
    }))
}

/// From bytes to the typed parameters.
fn decode(format: Format, bytes: &Bytes) -> ligand::Result<User> {
    match codec::decode(PacketKind::Request, format, bytes)?.packet {
        Packet::Request(request) => request.params.take(),
        other => Err(ligand::Error::new(format!("a request came back as {}", other.kind().as_str()))),
    }
}

/// Measures each serializer.
pub(crate) async fn measure(plan: &Plan, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let packet = request()?;
    for format in Format::ALL {
        let limit = |most| match format {
            Format::Json => Target { at_most: Some(most), ..Target::default() },
            _ => Target::default(),
        };
        let name = |what: &str| format!("{}, {what} a request", format.as_str());
        let mut out = Vec::new();
        codec::encode(&packet, ENVELOPE, format, &mut out).map_err(ligand_wire::Error::into_std)?;
        let bytes = Bytes::copy_from_slice(&out);
        decode(format, &bytes).map_err(ligand_wire::Error::into_std)?;

        let encoding = allocation_counter::measure(|| {
            out.clear();
            black_box(codec::encode(&packet, ENVELOPE, format, &mut out).is_ok());
        });
        let decoding = allocation_counter::measure(|| {
            black_box(decode(format, &bytes).is_ok());
        });
        let timing = sequential(plan.time, || {
            out.clear();
            black_box(codec::encode(black_box(&packet), ENVELOPE, format, &mut out).is_ok());
            std::future::ready(())
        })
        .await;
        rows.push(Row::less(name("encode"), "ns", timing.median_ns, None, limit(600.0)));
        rows.push(allocations(name("encode"), encoding.count_total));
        let timing = sequential(plan.time, || {
            black_box(decode(format, black_box(&bytes)).is_ok());
            std::future::ready(())
        })
        .await;
        rows.push(Row::less(name("decode"), "ns", timing.median_ns, None, limit(1200.0)));
        rows.push(allocations(name("decode"), decoding.count_total));
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a handful")]
fn allocations(name: String, count: u64) -> Row {
    Row::less(name, "allocations", count as f64, None, Target::default())
}
