//! Plays the steps against the application.

mod orders;
mod products;
mod step;
mod users;
mod web;

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{Recorded, application::Application, http::Request};
use crate::check::until;
pub(super) use step::Difference;
use step::{Step, get, post};

/// How long effects of events may take.
const EFFECT: Duration = Duration::from_secs(10);

/// What earlier steps have left for later ones: ids and tokens, by name.
pub(super) type Names = BTreeMap<String, String>;

/// The number of a round, as it stands in names.
pub(super) fn mark(round: usize) -> String {
    format!("r{round:02}")
}

/// Makes what is older than all rounds: a user, a product and an order that must be there in every one.
pub(super) async fn prepare(application: &Application) -> Result<Names, String> {
    let mut names = Names::from([("ROUND".into(), "old".into())]);
    let steps = [
        post("/api/public/register", r#"{"name":"Old","email":"old@example.com","password":"password123"}"#),
        post("/api/public/login", r#"{"email":"old@example.com","password":"password123"}"#)
            .token("OLD_TOKEN"),
        post(
            "/api/products",
            r#"{"name":"Old lamp","description":"old","price":0.1,"stock":1000,"category":"books"}"#,
        )
        .by("OLD_TOKEN")
        .save("OLD_LAMP", "/body/_id"),
        post("/api/orders", r#"{"productId":"$OLD_LAMP","quantity":3,"note":"kept"}"#)
            .by("OLD_TOKEN")
            .save("OLD_ORDER", "/body/id"),
        get("/api/notifications/my").by("OLD_TOKEN").rows(2),
    ];
    for step in steps {
        let answer = one(application, &step, &mut names).await?;
        if !matches!(answer["status"].as_u64(), Some(200 | 201)) {
            return Err(format!("{}: {answer}", step.name()));
        }
    }
    Ok(names)
}

/// Goes through all steps and answers what came back.
pub(super) async fn play(
    application: &Application,
    round: usize,
    old: &Names,
) -> Result<Vec<Recorded>, String> {
    let mut names = old.clone();
    names.insert("ROUND".into(), mark(round));
    let mut recorded = Vec::new();
    let steps = [users::steps(), products::steps(), orders::steps(), web::steps()];
    for step in steps.into_iter().flatten() {
        let answer = one(application, &step, &mut names).await?;
        let name = step.name();
        let differs = web::of_every_answer(step).into_iter().map(|difference| difference.filled(&names));
        recorded.push(Recorded { step: name, answer, differs: differs.collect() });
    }
    Ok(recorded)
}

async fn one(application: &Application, step: &Step, names: &mut Names) -> Result<Value, String> {
    let request = step.request(names)?;
    let request: &Request = &request;
    let ask = || application.ask(request);
    let answer = match step.rows {
        None => ask().await?,
        Some(rows) => {
            let all = |answer: &Value| {
                let body = &answer["body"];
                let found = body.as_array().or(body["rows"].as_array());
                found.is_some_and(|found| found.len() == rows)
            };
            // What is not there in time is a difference like any other.
            match until(step.name(), EFFECT, ask, all).await {
                Ok(answer) => answer,
                Err(_) => ask().await?,
            }
        }
    };
    for (name, place) in &step.saves {
        let value = answer.pointer(place).and_then(Value::as_str);
        let value = value.ok_or_else(|| format!("{}: nothing at {place} in {answer}", step.name()))?;
        names.insert((*name).to_owned(), value.trim_start_matches("Bearer ").to_owned());
    }
    Ok(answer)
}
