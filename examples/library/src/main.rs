//! Starts the library: all of it in one process with `cargo run -p library`, some services with
//! `cargo run -p library -- books loans`.

use library::{audit::Audit, books::Books, config::Config, gateway::gateway, loans::Loans, members::Members};
use ligand::{
    config::ComponentOptions,
    db::{Db, Sqlite},
    prelude::*,
};

const ALL: [&str; 5] = ["books", "members", "loans", "audit", "api"];

#[ligand::main]
async fn main() -> Result<()> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if let Some(name) = names.iter().find(|name| !ALL.contains(&name.as_str())) {
        return Err(Error::broker_options(format!(
            "there is no service '{name}'; there are {}",
            ALL.join(", ")
        )));
    }
    let runs = |name: &str| names.is_empty() || names.iter().any(|own| own == name);

    let mut builder = ServiceBroker::builder().configured()?;
    let config: Config = builder.app_config()?;
    let jwt = config.jwt()?;
    if !names.is_empty() {
        // Processes meet by TCP unless the configuration says otherwise.
        builder = builder.options(|options| {
            options.transporter.get_or_insert_with(|| ComponentOptions::new("tcp"));
        });
    }
    let database = |name: &str| Sqlite::open(&config.database(name));
    if runs("books") {
        builder = builder.service(Books::new(Db::sqlite(&database("books")?)));
    }
    if runs("members") {
        let db = Db::sqlite(&database("members")?);
        builder = builder.service(Members::new(db, jwt.clone(), config.librarian.clone()));
    }
    if runs("loans") {
        builder = builder.service(Loans::new(Db::sqlite(&database("loans")?), config.loan_time()));
    }
    if runs("audit") {
        builder = builder.service(Audit::new(Db::sqlite(&database("audit")?)));
    }
    if runs("api") {
        builder = builder.service(gateway(&jwt).build());
    }
    builder.run().await
}
