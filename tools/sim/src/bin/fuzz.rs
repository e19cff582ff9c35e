//! Feeds damaged input to the decoders: `cargo run --release -p ligand-sim --bin fuzz -- --help`.
//!
//! No instrumentation guides it, so it runs with the stable compiler. Each round damages an entry of the corpus:
//! what is stored in `corpus/<target>/`, recorded packets, and what was read successfully on the way. Input that
//! panics or is slow is stored in the corpus: from then on every run begins with it.

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use ligand_sim::{damage, targets};

const HELP: &str = "\
Feeds damaged input to the decoders.

  --target NAME   one decoder, or all (default)
  --seconds N     for each, default 30
  --threads N     decoders at once, default: as many as there are processors
  --seed N        default: another one each time
  --list          names of the decoders
  --replay        only the stored corpus";

/// Input that takes longer than this is a finding: more than a packet may cost, with room for a busy machine.
const SLOW: Duration = Duration::from_secs(2);

/// Entries that are damaged again.
const MOST_ENTRIES: usize = 4000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has("--help") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if has("--list") {
        targets::ALL.iter().for_each(|target| println!("{}", target.name));
        return ExitCode::SUCCESS;
    }
    let wanted = option("--target").unwrap_or_else(|| "all".into());
    let seconds = option("--seconds").and_then(|text| text.parse().ok()).unwrap_or(30);
    let seconds = if has("--replay") { 0 } else { seconds };
    let seed = option("--seed").and_then(|text| text.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    let chosen: Vec<_> =
        targets::ALL.iter().filter(|target| wanted == "all" || wanted == target.name).collect();
    if chosen.is_empty() {
        eprintln!("there is no decoder '{wanted}'; --list names them");
        return ExitCode::FAILURE;
    }
    let threads = option("--threads").and_then(|text| text.parse().ok());
    let threads = threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1);
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(target) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !run(target, Duration::from_secs(seconds), seed) {
                        failed.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    if failed.into_inner() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn corpus(target: &targets::Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

fn run(target: &targets::Target, time: Duration, seed: u64) -> bool {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut entries = (target.seeds)();
    let mut files: Vec<_> = fs::read_dir(corpus(target))
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|file| file.path())
        .collect();
    files.sort();
    entries.extend(files.iter().filter_map(|file| fs::read(file).ok()));
    let known = entries.len();
    let (mut rounds, mut read, mut findings) = (0u64, 0u64, 0u64);
    for entry in &entries {
        findings += u64::from(!attempt(target, entry, &mut read, false));
    }
    let start = Instant::now();
    while start.elapsed() < time && findings < 10 {
        let input = match (target.make, rng.u8(..4)) {
            (Some(make), 0) => make(&mut rng),
            _ => {
                let entry = &entries[rng.usize(..entries.len())];
                damage::bytes(entry.clone(), &mut rng)
            }
        };
        let before = read;
        findings += u64::from(!attempt(target, &input, &mut read, true));
        rounds += 1;
        if read > before && input.len() < 2000 {
            if entries.len() < MOST_ENTRIES {
                entries.push(input);
            } else {
                let at = rng.usize(known.min(MOST_ENTRIES - 1)..MOST_ENTRIES);
                entries[at] = input;
            }
        }
    }
    println!(
        "{:<10} {known} stored, {rounds} damaged, {read} read, {findings} findings, seed {seed}",
        target.name
    );
    findings == 0
}

/// Answers whether the decoder stood it; what it did not stand is stored.
fn attempt(target: &targets::Target, input: &[u8], read: &mut u64, store: bool) -> bool {
    let run = || {
        let start = Instant::now();
        let result = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
        (result, start.elapsed())
    };
    let (result, mut took) = run();
    if took >= SLOW {
        // Something else may have had the processor.
        took = (0..3).map(|_| run().1).fold(took, Duration::min);
    }
    match result {
        Ok(good) if took < SLOW => {
            *read += u64::from(good);
            return true;
        }
        Ok(_) => eprintln!("{}: {} bytes took {took:?}", target.name, input.len()),
        Err(_) => eprintln!("{}: a panic", target.name),
    }
    if store {
        let hash = input.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let folder = corpus(target);
        let file = folder.join(format!("{hash:016x}"));
        match fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input)) {
            Ok(()) => eprintln!("stored in {}", file.display()),
            Err(error) => eprintln!("cannot be stored: {error}"),
        }
    }
    false
}
