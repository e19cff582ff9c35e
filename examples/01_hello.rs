//! A service on one screen, called through its typed client.
//!
//! ```text
//! Hello, Ada!
//! 422 Parameters validation error!
//! ```

use ligand::prelude::*;

#[payload]
struct Greet {
    #[check(trim, length(1..=64))]
    name: String,
}

struct Greeter;

#[service(name = "greeter")]
impl Greeter {
    /// Says hello.
    #[action(rest = "GET /hello/:name")]
    async fn hello(&self, params: Greet) -> Result<String> {
        Ok(format!("Hello, {}!", params.name))
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().service(Greeter).start().await?;
    let greeter = broker.client::<Greeter>();

    println!("{}", greeter.hello(Greet { name: "Ada".into() }).await?);
    if let Err(error) = greeter.hello(Greet { name: " ".into() }).await {
        println!("{} {error}", error.code());
    }

    broker.stop().await;
    Ok(())
}
