//! `cargo run -p ligand-interop --bin moving`: moves the store from Moleculer to Ligand and back.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    ligand_interop::moving::run().await
}
