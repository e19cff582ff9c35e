//! Starts the shop: all of it in one process with `cargo run -p shop`, some services with
//! `cargo run -p shop -- --services user,product`.

use ligand::prelude::*;
use shop::selection::{Command, help};

#[ligand::main]
async fn main() -> Result<()> {
    match Command::from_args(std::env::args().skip(1))? {
        Command::Help => {
            print!("{}", help());
            Ok(())
        }
        Command::Run(services) => shop::app::run(services.as_deref()).await,
    }
}
