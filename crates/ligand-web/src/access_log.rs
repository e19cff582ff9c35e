//! The line for each request, in forms that people and programs know.
//!
//! Every form leaves out the query, which may hold secrets, and everything that a line could be broken with.

use std::{net::SocketAddr, time::Duration};

use http::{HeaderMap, Method, StatusCode, Uri, Version, header};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde_json::json;

use crate::log::Shown;

/// How the line for each request looks: at level `INFO`, with the target `ligand_web::access` but for the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessLog {
    /// `GET /api/user/5 200 1.2ms`, with the id of the request as a field.
    #[default]
    Short,
    /// No line.
    Off,
    /// The Common Log Format of web servers: `127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 13`.
    Common,
    /// As [`AccessLog::Common`], with the page and program of the client: `"https://shop.example/" "curl/8.5"`.
    Combined,
    /// An object in JSON: `time`, `method`, `path`, `status`, `ms`, `bytes`, `address`, `userAgent`, `requestId`.
    Json,
    /// As moleculer-web: `<= 200 GET /a [+1.234 ms]`.
    MoleculerWeb,
}

/// What a line needs when the request is taken apart.
pub(crate) struct Line {
    form: AccessLog,
    method: Method,
    uri: Uri,
    version: Version,
    referer: String,
    agent: String,
}

/// What is known when the answer is.
pub(crate) struct Outcome<'a> {
    pub(crate) status: StatusCode,
    pub(crate) bytes: Option<u64>,
    pub(crate) took: Duration,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) request_id: &'a str,
}

impl Line {
    pub(crate) fn new(
        form: AccessLog,
        method: &Method,
        uri: &Uri,
        version: Version,
        headers: &HeaderMap,
    ) -> Option<Self> {
        if form == AccessLog::Off || !tracing::enabled!(tracing::Level::INFO) {
            return None;
        }
        let text = |wanted: bool, name| {
            let value = headers.get(name).filter(|_| wanted).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let combined = form == AccessLog::Combined;
        let referer = text(combined, header::REFERER);
        let agent = text(combined || form == AccessLog::Json, header::USER_AGENT);
        Some(Self { form, method: method.clone(), uri: uri.clone(), version, referer, agent })
    }

    pub(crate) fn write(self, outcome: &Outcome<'_>) {
        let request_id = outcome.request_id;
        match self.form {
            AccessLog::Off => {}
            AccessLog::Short => {
                let (method, path) = (Shown(self.method.as_str()), Shown(self.uri.path()));
                let millis = outcome.took.as_secs_f64() * 1000.0;
                tracing::info!(target: "ligand_web::log", request_id, "{method} {path} {} {millis:.1}ms", outcome.status.as_u16());
            }
            _ => {
                tracing::info!(target: "ligand_web::access", "{}", self.text(outcome, &Timestamp::now().to_zoned(TimeZone::UTC)));
            }
        }
    }

    fn text(&self, outcome: &Outcome<'_>, now: &Zoned) -> String {
        let status = outcome.status.as_u16();
        let (method, path) = (Shown(self.method.as_str()), Shown(self.uri.path()));
        let millis = outcome.took.as_secs_f64() * 1000.0;
        let address =
            outcome.peer.map_or_else(|| "-".to_owned(), |peer| peer.ip().to_canonical().to_string());
        match self.form {
            AccessLog::Common | AccessLog::Combined => {
                let time = now.strftime("%d/%b/%Y:%H:%M:%S %z");
                let bytes = outcome.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
                let path = quoted(self.uri.path());
                let line =
                    format!("{address} - - [{time}] \"{method} {path} {:?}\" {status} {bytes}", self.version);
                match self.form {
                    AccessLog::Combined => {
                        format!("{line} \"{}\" \"{}\"", or_none(&self.referer), or_none(&self.agent))
                    }
                    _ => line,
                }
            }
            AccessLog::Json => json!({
                "time": now.timestamp().to_string(), "method": method.to_string(), "path": path.to_string(),
                "status": status, "ms": (millis * 1000.0).round() / 1000.0, "bytes": outcome.bytes,
                "address": address, "userAgent": Shown(&self.agent).to_string(), "requestId": outcome.request_id,
            })
            .to_string(),
            AccessLog::MoleculerWeb if millis > 1000.0 => {
                format!("<= {status} {method} {path} [+{:.3} s]", millis / 1000.0)
            }
            _ => format!("<= {status} {method} {path} [+{millis:.3} ms]"),
        }
    }
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "-".into() } else { quoted(text) }
}

/// A text between quotes: one of its own does not end it.
fn quoted(text: &str) -> String {
    Shown(text).to_string().replace('"', "\\x22")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(form: AccessLog, agent: &str) -> String {
        let line = Line {
            form,
            method: Method::GET,
            uri: "/a/b?token=secret".parse().unwrap(),
            version: Version::HTTP_11,
            referer: String::new(),
            agent: agent.to_owned(),
        };
        let outcome = Outcome {
            status: StatusCode::OK,
            bytes: Some(13),
            took: Duration::from_micros(1234),
            peer: Some("127.0.0.1:5000".parse().unwrap()),
            request_id: "r-1",
        };
        let now: Timestamp = "2026-10-10T13:55:36Z".parse().unwrap();
        line.text(&outcome, &now.to_zoned(TimeZone::UTC))
    }

    #[test]
    fn every_form_is_as_programs_know_it() {
        let common = "127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] \"GET /a/b HTTP/1.1\" 200 13";
        assert_eq!(line(AccessLog::Common, ""), common);
        assert_eq!(line(AccessLog::Combined, "curl/8"), format!("{common} \"-\" \"curl/8\""));
        assert_eq!(line(AccessLog::MoleculerWeb, ""), "<= 200 GET /a/b [+1.234 ms]");
        let json: serde_json::Value = serde_json::from_str(&line(AccessLog::Json, "curl/8")).unwrap();
        let expected = json!({
            "time": "2026-10-10T13:55:36Z", "method": "GET", "path": "/a/b", "status": 200, "ms": 1.234, "bytes": 13,
            "address": "127.0.0.1", "userAgent": "curl/8", "requestId": "r-1",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn nothing_that_is_sent_breaks_a_line() {
        let line = line(AccessLog::Combined, "x\" 200 1 \"\r\n127.0.0.1");
        assert!(!line.contains(['\r', '\n']) && line.matches('"').count() == 6, "{line}");
    }
}
