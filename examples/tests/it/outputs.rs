//! Every example, run.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// The text between the fences of the header comment.
fn promised(source: &str) -> String {
    let header = source.lines().map_while(|line| line.strip_prefix("//!"));
    let header: Vec<_> = header.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let start = header.iter().position(|line| *line == "```text").expect("the header has a ```text block");
    let block = header[start + 1..].iter().take_while(|line| **line != "```");
    block.map(|line| format!("{line}\n")).collect()
}

/// Listeners run beside each other.
const ANY_ORDER: [&str; 1] = ["03_events"];

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn check(name: &str, program: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{name}.rs"));
    let source = fs::read_to_string(file).unwrap();
    let lines = source.lines().count();
    assert!(lines <= 60, "{name}.rs has {lines} lines: an example fits a screen");
    let output = Command::new(program).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed: {errors}");
    let (printed, promised) = (String::from_utf8_lossy(&output.stdout).into_owned(), promised(&source));
    match ANY_ORDER.contains(&name) {
        true => assert_eq!(sorted(&printed), sorted(&promised), "{name}; on stderr: {errors}"),
        false => assert_eq!(printed, promised, "{name}; on stderr: {errors}"),
    }
}

macro_rules! examples {
    ($($test:ident = $name:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                check($name, env!(concat!("CARGO_BIN_EXE_", $name)));
            }
        )*

        #[test]
        fn none_is_forgotten() {
            let listed: BTreeSet<_> = [$($name.to_owned()),*].into();
            let folder = fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
            let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let names = names.filter(|name| name.starts_with(|first: char| first.is_ascii_digit()));
            let found: BTreeSet<_> = names.filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned())).collect();
            assert_eq!(listed, found);
        }
    };
}

examples! {
    hello = "01_hello",
    calls = "02_calls",
    events = "03_events",
    validation = "04_validation",
    cache = "05_cache",
    circuit_breaker = "06_circuit_breaker",
    timeout_retry = "07_timeout_retry",
    bulkhead_fallback = "08_bulkhead_fallback",
    middleware = "09_middleware",
    hooks_mixins = "10_hooks_mixins",
    gateway = "11_gateway",
    health = "12_health",
    jwt_roles = "13_jwt_roles",
    database = "14_database",
    contract = "15_contract",
    dynamic = "16_dynamic",
    configuration = "17_configuration",
    mocks = "18_mocks",
    shutdown = "19_shutdown",
    cluster = "20_cluster",
    files = "21_files",
    axum = "22_axum",
    log = "23_log",
}
