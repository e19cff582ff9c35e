//! `SERVICE=users NODEID=users TRANSPORTER=nats://localhost:4222 DATA=/tmp/store cargo run -p ligand-interop --bin store`

#[tokio::main]
async fn main() {
    let code = match ligand_interop::store::run().await {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error:#}");
            1
        }
    };
    // Returning would wait for the standard input after a failed start.
    std::process::exit(code);
}
