//! `/health` and `/ready`: for the machines that start and watch the node. Outside of all routes.
//!
//! * `/health` answers 200 `{"status":"ok","timestamp"}` as long as the node can answer at all.
//! * `/ready` answers 200 `{"status":"ready","checks","timestamp"}` when the broker has started, the services named
//!   with [`crate::GatewayBuilder::ready_services`] take calls and every [`crate::GatewayBuilder::check`] passes;
//!   else 503 `{"status":"not ready",…}`. While the node stops it is not ready.

use std::{future::Future, sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode, header};
use ligand_core::{BoxFuture, Error, Payload, Result, ServiceBroker, State};
use serde_json::{Map, Value, json};

use crate::{Answer, log::one_line};

type Check = Arc<dyn Fn() -> BoxFuture<Result<()>> + Send + Sync>;

/// The longest a check may take; then it counts as failed.
const LONGEST_CHECK: Duration = Duration::from_secs(3);

#[derive(Clone, Default)]
pub(crate) struct Health {
    pub(crate) off: bool,
    pub(crate) services: Vec<String>,
    pub(crate) checks: Vec<(String, Check)>,
}

impl Health {
    pub(crate) fn check<F, Fut, E>(&mut self, name: String, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        let check: Check = Arc::new(move || {
            let work = check();
            Box::pin(async move { work.await.map_err(Into::into) })
        });
        self.checks.push((name, check));
    }

    /// The answer for a path of the normal form, `None` when it is not one of these.
    pub(crate) async fn answer(&self, path: &str, broker: &ServiceBroker) -> Option<Answer> {
        let (status, body) = match path {
            _ if self.off => return None,
            "/health" => (StatusCode::OK, json!({ "status": "ok", "timestamp": now() })),
            "/ready" => self.ready(broker).await,
            _ => return None,
        };
        let mut reply = Answer::new(status, Payload::from(body));
        reply.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(reply)
    }

    async fn ready(&self, broker: &ServiceBroker) -> (StatusCode, Value) {
        let mut checks = Map::new();
        checks.insert("broker".into(), (broker.state() == State::Started).into());
        checks.insert("transporter".into(), broker.is_connected().into());
        let services = broker.registry().snapshot();
        for name in &self.services {
            checks.insert(name.clone(), services.has_service(name).into());
        }
        drop(services);
        for (name, check) in &self.checks {
            let passed = match tokio::time::timeout(LONGEST_CHECK, check()).await {
                Ok(Ok(())) => true,
                Ok(Err(error)) => {
                    tracing::warn!(check = name, error = %one_line(&error), "not ready");
                    false
                }
                Err(_) => {
                    tracing::warn!(check = name, "not ready: no answer within {LONGEST_CHECK:?}");
                    false
                }
            };
            checks.insert(name.clone(), passed.into());
        }
        let ready = checks.values().all(|passed| *passed == true);
        let (status, text) =
            if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
        (status, json!({ "status": text, "checks": checks, "timestamp": now() }))
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}
