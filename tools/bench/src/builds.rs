//! How long builds take.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use ligand_bench::Failure;

/// The cargo that runs this program, else the one in the path; never a fixed toolchain, which would read the
/// toolchain files of dependencies.
pub(crate) fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A debug build of the `ligand` crate with default features and nothing built before, in seconds.
pub(crate) fn cold() -> Result<f64, Failure> {
    let target = tempfile::tempdir()?;
    build(&["-p", "ligand"], Some(target.path()))
}

/// A debug build of the shop after one of its services was edited, in seconds.
pub(crate) fn rebuild() -> Result<f64, Failure> {
    build(&["-p", "shop"], None)?;
    let file = root().join("examples/shop/src/product.rs");
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, text.replace("Fetching product list", "Fetching the product list"))?;
    let time = build(&["-p", "shop"], None);
    std::fs::write(&file, text)?;
    time
}

fn build(arguments: &[&str], target: Option<&Path>) -> Result<f64, Failure> {
    let mut command = Command::new(cargo());
    command.current_dir(root()).args(["build", "--quiet"]).args(arguments);
    if let Some(target) = target {
        command.env("CARGO_TARGET_DIR", target);
    }
    let start = Instant::now();
    if !command.status()?.success() {
        return Err("the build failed".into());
    }
    Ok(start.elapsed().as_secs_f64())
}
