//! A part of what the commands of this crate do, for every run of the tests.

use std::sync::atomic::{AtomicU64, Ordering};

use ligand_sim::{
    siege::{Siege, Wrapping},
    targets,
};
use ligand_wire::payload::Format;

/// `LIGAND_SIM_SEED` runs that seed alone, `LIGAND_SIM_SEEDS` so many; 20 by default.
#[test]
fn clusters_survive() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, end) = match number("LIGAND_SIM_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, number("LIGAND_SIM_SEEDS").unwrap_or(20)),
    };
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            loop {
                match next.fetch_add(1, Ordering::Relaxed) {
                    seed if seed < end => failed.extend(ligand_sim::verify(seed, false).err()),
                    _ => return failed,
                }
            }
        };
        let others = scope.spawn(work);
        let mut failed = work();
        failed.extend(others.join().unwrap());
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    });
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    // Without long delays: packets that arrive at several nodes in the same millisecond may change places.
    for seed in [3, 45] {
        if let Err(why) = ligand_sim::verify(seed, true) {
            panic!("{why}");
        }
    }
}

#[test]
fn good_traffic_does_not_notice_hostile_packets() {
    for (format, wrapping) in [(Format::Json, Wrapping::Plain), (Format::Cbor, Wrapping::Sealed)] {
        let report = Siege { seed: 1, packets: 4000, format, wrapping }.run();
        assert!(report.violations.is_empty(), "{format:?} {wrapping:?}: {report:#?}");
    }
}

#[test]
fn a_farewell_in_the_name_of_a_living_node_does_not_last() {
    assert_eq!(ligand_sim::siege::forged_farewell(), Vec::<String>::new());
}

#[test]
fn decoders_stand_the_stored_corpus() {
    for target in targets::ALL {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
        for entry in (target.seeds)() {
            (target.run)(&entry);
        }
        for file in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            (target.run)(&std::fs::read(file.path()).unwrap());
        }
    }
}
