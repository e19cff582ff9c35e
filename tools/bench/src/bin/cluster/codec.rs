//! A request packet to bytes and back, in every serializer: time and allocations.
//!
//! What counts them is the allocator of the whole program: it looks at a thread's counter for each allocation, in
//! everything that is measured here in Rust.

use std::hint::black_box;

use bytes::Bytes;
use ligand_bench::{
    Failure,
    measure::sequential,
    packets::{read, request, write},
    report::{Row, Target},
};
use ligand_wire::payload::Format;

use crate::plan::Plan;

/// Measures each serializer.
pub(crate) async fn measure(plan: &Plan, rows: &mut Vec<Row>) -> Result<(), Failure> {
    let packet = request()?;
    let at_most = |most| Target { at_most: Some(most), ..Target::default() };
    let mut json = f64::INFINITY;
    for format in Format::ALL {
        let name = |what: &str| format!("{}, {what} a request", format.as_str());
        let mut out = Vec::new();
        write(&packet, format, &mut out).map_err(ligand_wire::Error::into_std)?;
        let bytes = Bytes::copy_from_slice(&out);
        read(format, &bytes).map_err(ligand_wire::Error::into_std)?;

        let encoding = allocation_counter::measure(|| {
            black_box(write(&packet, format, &mut out).is_ok());
        });
        let decoding = allocation_counter::measure(|| {
            black_box(read(format, &bytes).is_ok());
        });
        let timing = sequential(plan.time, || {
            black_box(write(black_box(&packet), format, &mut out).is_ok());
            std::future::ready(())
        })
        .await;
        let target = if format == Format::Json { at_most(600.0) } else { Target::default() };
        rows.push(Row::less(name("encode"), "ns", timing.median_ns, None, target));
        rows.push(allocations(name("encode"), encoding.count_total));
        let timing = sequential(plan.time, || {
            black_box(read(format, black_box(&bytes)).is_ok());
            std::future::ready(())
        })
        .await;
        let target = match format {
            Format::Json => {
                json = timing.median_ns;
                at_most(650.0)
            }
            // Its texts may stand for anything.
            Format::JsonExt => Target::default(),
            _ => at_most(0.9 * json),
        };
        rows.push(Row::less(name("decode"), "ns", timing.median_ns, None, target));
        rows.push(allocations(name("decode"), decoding.count_total));
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a handful")]
fn allocations(name: String, count: u64) -> Row {
    Row::less(name, "allocations", count as f64, None, Target::default())
}
