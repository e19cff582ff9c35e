//! `cargo run -p ligand-interop --bin matrix -- --help`

use std::process::ExitCode;

use ligand_interop::matrix::{self, Options};

#[tokio::main]
async fn main() -> ExitCode {
    match Options::read(std::env::args().skip(1)) {
        Ok(Some(options)) => matrix::run(options).await,
        Ok(None) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}
