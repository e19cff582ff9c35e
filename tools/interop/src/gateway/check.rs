//! Compares the gateway with the recorded answers.
//!
//! Not compared: `Date`, `Connection`, `Keep-Alive`, how the length of a body is told, and values that vary. A difference
//! counts as explained when `tools/interop/gateway/differences.json` leads to a row of `docs/differences.md`.

use std::collections::BTreeMap;

use ligand::Result;
use serde_json::Value;

use super::{
    Running,
    cases::{self, Case},
    client::{self, Answer},
    groups,
};

/// Headers that are not compared.
const IGNORED: [&str; 5] = ["date", "connection", "keep-alive", "content-length", "transfer-encoding"];

/// Runs all cases, or those of one group; true when every difference is explained and few are left.
pub(super) async fn run(only: Option<&str>) -> Result<bool> {
    let cases = cases::all();
    let (mut equal, mut explained, mut unexplained) = (0, 0, 0);
    let why = Explanations::read()?;
    for name in groups::NAMES.iter().filter(|name| only.is_none_or(|only| only == **name)) {
        let group: Vec<_> = cases.iter().filter(|case| case.group() == *name).collect();
        if group.is_empty() {
            continue;
        }
        if groups::group(name).is_none() {
            println!("group {name} is not there yet: {} cases", group.len());
            continue;
        }
        let running = Running::start(name, 0).await?;
        for case in group {
            let difference = match client::send(case, running.address).await {
                Ok(answer) => difference(case, answer.as_ref()),
                Err(error) => Some(format!("no answer: {error}")),
            };
            if case.unchecked {
                continue;
            }
            match (difference, why.row(&case.id)) {
                (None, None) => equal += 1,
                (None, Some(_)) => {
                    unexplained += 1;
                    println!("{} {} is equal; take it out of differences.json", case.id, case.send);
                }
                (Some(difference), Some(row)) => {
                    explained += 1;
                    println!("{} {}: {difference}\n    on purpose: {row}", case.id, case.send);
                }
                (Some(difference), None) => {
                    unexplained += 1;
                    println!("{} {}: {difference}\n    NOT EXPLAINED", case.id, case.send);
                }
            }
        }
        running.stop().await;
    }
    let all = equal + explained + unexplained;
    println!(
        "{equal} of {all} answers are those of moleculer-web ({:.1} %), {explained} differ on purpose, {unexplained} \
         otherwise",
        f64::from(equal) * 100.0 / f64::from(all.max(1))
    );
    Ok(unexplained == 0)
}

/// Why answers differ: from the ids of cases to rows of the page about differences.
struct Explanations(BTreeMap<String, String>);

impl Explanations {
    fn read() -> Result<Self> {
        let page = include_str!("../../../../docs/differences.md");
        let subjects: BTreeMap<String, Vec<String>> =
            serde_json::from_str(include_str!("../../gateway/differences.json"))?;
        let mut rows = BTreeMap::new();
        for (subject, ids) in subjects {
            let start = format!("| {subject} |");
            let row = page.lines().find(|line| line.starts_with(&start));
            let row = row.ok_or_else(|| {
                ligand::Error::new(format!("docs/differences.md has no row that begins with '{start}'"))
            })?;
            rows.extend(ids.into_iter().map(|id| (id, row.to_owned())));
        }
        Ok(Self(rows))
    }

    fn row(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }
}

/// What is not as it was recorded.
fn difference(case: &Case, answer: Option<&Answer>) -> Option<String> {
    let Some(answer) = answer else {
        return (!case.closed).then(|| "the connection ended without an answer".into());
    };
    if case.closed {
        return Some(format!("{} instead of a closed connection", answer.status));
    }
    if answer.status != case.status {
        return Some(format!("status {} instead of {} {}", answer.status, case.status, cut(&answer.body)));
    }
    if let Some(reason) = &case.reason
        && *reason != answer.reason
    {
        return Some(format!("reason '{}' instead of '{reason}'", answer.reason));
    }
    headers(case, answer).or_else(|| body(case, answer))
}

fn headers(case: &Case, answer: &Answer) -> Option<String> {
    let sent = |name: &str| -> Vec<&str> {
        let own = answer.headers.iter().filter(|(own, _)| own == name);
        own.map(|(_, value)| value.as_str()).collect()
    };
    for (name, wanted) in &case.headers {
        let sent = sent(name);
        let equal = match wanted {
            Value::String(any) if any == "*" => !sent.is_empty(),
            Value::Array(values) => values.iter().filter_map(Value::as_str).eq(sent.iter().copied()),
            value => sent.join(", ") == value.as_str().unwrap_or_default(),
        };
        if !equal {
            return Some(format!("header {name}: {sent:?} instead of {wanted}"));
        }
    }
    let more = answer
        .headers
        .iter()
        .find(|(name, _)| !IGNORED.contains(&name.as_str()) && !case.headers.contains_key(name));
    more.map(|(name, value)| format!("header {name}: {value} more than the reference"))
}

fn body(case: &Case, answer: &Answer) -> Option<String> {
    let wrong = |wanted: &dyn std::fmt::Display| {
        Some(format!("body {} instead of {}", cut(&answer.body), cut(&wanted.to_string())))
    };
    if let Some(wanted) = case.json() {
        let sent = serde_json::from_str::<Value>(&answer.body).ok();
        return match (sent, case.status) {
            // The text about what is wrong with JSON is that of the engine.
            (Some(sent), 400) if sent["type"] == "entity.parse.failed" && wanted["type"] == sent["type"] => {
                None
            }
            (Some(sent), _) if sent == *wanted => None,
            _ => wrong(wanted),
        };
    }
    if let Some(kind) = &case.json_kind {
        return match (serde_json::from_str(&answer.body), kind.as_str()) {
            (Ok(Value::Array(items)), "array") if items.iter().all(Value::is_object) => None,
            (Ok(Value::Object(_)), "object") => None,
            _ => wrong(kind),
        };
    }
    let id = answer.headers.iter().find(|(name, _)| name == "x-request-id").map(|(_, id)| id.as_str());
    let wanted = case.text.as_deref().unwrap_or_default().replace("<x-request-id>", id.unwrap_or_default());
    (wanted != answer.body).then(|| wrong(&wanted)).flatten()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
