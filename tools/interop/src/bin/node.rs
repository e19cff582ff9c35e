//! `NODEID=a TRANSPORTER=nats://localhost:4222 SERVICES=conf cargo run -p ligand-interop --bin node`

#[tokio::main]
async fn main() {
    let code = match ligand_interop::node::run().await {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error:#}");
            1
        }
    };
    // Returning would wait for the next line of the standard input.
    std::process::exit(code);
}
