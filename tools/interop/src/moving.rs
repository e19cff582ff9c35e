//! Moves an application over, one service after another, and back: `cargo run -p ligand-interop --bin moving`.
//!
//! The application is a store of six services on Moleculer 0.15 with moleculer-web and moleculer-db (`js/store`), each in
//! a process of its own, over NATS. [`crate::store`] has a twin of each in Rust. The runner starts all in JavaScript,
//! goes through a `script` of HTTP requests and keeps every answer. Then it replaces one service after another by its
//! twin while the others run on, the gateway last, goes through the script after each step, and compares. On the way
//! back the gateway is the last again, so that both gateways stand before every mixture.
//!
//! **Data** move with a service: it leaves them in its data file, NeDB's, and its successor reads that. So the
//! products, orders and tokens of earlier rounds are there in all later ones; what a round makes for itself carries the
//! number of the round in its names, and the script asks for that number where it counts things.
//!
//! **Ids, times and tokens** differ from round to round. They are replaced by what must be the same: an id by the place of
//! its first appearance, a time by its form, a token by what it says; see `answer.rs`. Nothing else is left out of the
//! comparison but headers of the connection. Where the two sides differ on purpose, the step says which service
//! makes the difference and what the whole answer is then; such a line stands in docs/differences.md too.

mod answer;
mod application;
mod http;
mod script;

use std::{process::ExitCode, time::Instant};

use ligand_servers::{Kind, Server};
use serde_json::Value;

use crate::process::{self, Program};
use answer::Normal;
use application::Application;

/// The services, in the order in which they are moved, in both directions.
pub(crate) const SERVICES: [&str; 6] = ["users", "products", "orders", "payments", "notifications", "api"];

/// Moves the store there and back and prints what differs. Fails when something does.
pub async fn run() -> ExitCode {
    match there_and_back().await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Answers how many answers differed.
async fn there_and_back() -> Result<usize, String> {
    let start = Instant::now();
    if Kind::Nats.is_skipped() {
        return Ok(0);
    }
    process::build("store").await?;
    process::install().await?;
    let nats = Server::start(Kind::Nats).await.map_err(|error| error.to_string())?;
    let mut application = Application::start(&nats.url()).await?;
    let old = script::prepare(&application).await?;
    let mut round = 0;
    let first = script::play(&application, round, &old).await?;
    println!("recorded {} answers of Moleculer", first.len());
    let mut differing = 0;
    for program in [Program::Rust, Program::Js15] {
        for service in SERVICES {
            application.replace(service, program).await?;
            round += 1;
            let answers = script::play(&application, round, &old).await?;
            let found = compare(&first, &answers, round, &application);
            println!("{service} in {}: {} of {} alike", program.name(), answers.len() - found, answers.len());
            differing += found;
        }
    }
    application.end().await?;
    println!("moved there and back in {:.0} s, {differing} answers differ", start.elapsed().as_secs_f64());
    Ok(differing)
}

/// The answer to one step.
#[derive(Debug)]
struct Recorded {
    step: String,
    answer: Value,
    differs: Vec<script::Difference>,
}

/// Prints the answers that are not those of the first round, and counts them.
fn compare(first: &[Recorded], now: &[Recorded], round: usize, application: &Application) -> usize {
    let mut differing = 0;
    let (mut first_normal, mut normal) = (Normal::new(0), Normal::new(round));
    for (want, got) in first.iter().zip(now) {
        let mut wanted = want.answer.clone();
        for difference in
            want.differs.iter().filter(|difference| difference.counts(|service| application.runs(service)))
        {
            difference.apply(&mut wanted);
        }
        let (wanted, found) = (first_normal.normal(wanted), normal.normal(got.answer.clone()));
        if wanted != found {
            println!("  {}\n    want {wanted}\n    got  {found}", got.step);
            differing += 1;
        }
    }
    differing
}
