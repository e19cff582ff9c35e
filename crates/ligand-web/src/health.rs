//! `/health` and `/ready`: for the machines that start and watch the node. Outside of all routes.
//!
//! * `/health` answers 200 `{"status":"ok","timestamp"}` as long as the node can answer at all.
//! * `/ready` answers 200 `{"status":"ready","checks","timestamp"}` when the broker has started, the services named
//!   with [`crate::GatewayBuilder::ready_services`] take calls and every [`crate::GatewayBuilder::check`] passes;
//!   else 503 `{"status":"not ready",…}`. While the node stops it is not ready. The checks run side by side, each for 3 s
//!   at most.
//!
//! Both answer before the node has joined its bus: a node that cannot reach it lives and is not ready.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::join_all};
use http::{HeaderValue, StatusCode, header};
use ligand_core::{Error, Payload, Result, ServiceBroker, broker::State, future::BoxFuture};
use serde_json::{Map, Value, json};

use crate::Answer;

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

    /// Whether a path of the normal form is one of these.
    pub(crate) fn is_its(&self, path: &str) -> bool {
        !self.off && matches!(path, "/health" | "/ready")
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
        let results = join_all(self.checks.iter().map(|(name, check)| passes(name, check))).await;
        for ((name, _), passed) in self.checks.iter().zip(results) {
            checks.insert(name.clone(), passed.into());
        }
        let ready = checks.values().all(|passed| *passed == true);
        let (status, text) =
            if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
        (status, json!({ "status": text, "checks": checks, "timestamp": now() }))
    }
}

/// One check, within its own time. A panic in it is a failure of this check alone.
async fn passes(name: &str, check: &Check) -> bool {
    let work = async { AssertUnwindSafe(async { check().await }).catch_unwind().await };
    match tokio::time::timeout(LONGEST_CHECK, work).await {
        Ok(Ok(Ok(()))) => return true,
        Ok(Ok(Err(error))) => tracing::warn!(check = name, error = %error.for_log(), "not ready"),
        Ok(Err(_)) => tracing::error!(check = name, "not ready: the check panicked"),
        Err(_) => tracing::warn!(check = name, "not ready: no answer within {LONGEST_CHECK:?}"),
    }
    false
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}
