//! `NODEID=a TRANSPORTER=nats://localhost:4222 SERVICES=conf cargo run -p ligand-interop --bin node`

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match ligand_interop::node::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
