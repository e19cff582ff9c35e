//! Starts the whole shop in one process: `cargo run -p shop`.

use ligand::prelude::*;

#[ligand::main]
async fn main() -> Result<()> {
    shop::app::run().await
}
