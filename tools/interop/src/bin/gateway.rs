//! `cargo run -p ligand-interop --bin gateway -- --group A`, or `-- --check`

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match ligand_interop::gateway::run(std::env::args().skip(1)).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
