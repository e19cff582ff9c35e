//! A part of an axum application: its handlers call actions, the gateway answers what axum does not.
//!
//! ```text
//! GET /twice/21 -> 200 42
//! GET /api/math/double?n=4 -> 200 8
//! GET /api/math/double?n=x -> 422
//! GET /elsewhere -> 404
//! ```

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{Request, StatusCode},
    routing,
};
use ligand::{
    prelude::*,
    web::{Gateway, Route},
};
use tower::ServiceExt as _;

struct Math;

#[service(name = "math")]
impl Math {
    #[action(rest = "GET /double")]
    fn double(&self, n: i64) -> i64 {
        n * 2
    }
}

async fn twice(
    State(broker): State<ServiceBroker>,
    Path(n): Path<i64>,
) -> std::result::Result<String, StatusCode> {
    broker.client::<Math>().double(n).await.map(|n| n.to_string()).map_err(|_| StatusCode::BAD_GATEWAY)
}

#[ligand::main]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().service(Math).start().await?;
    let gateway = Gateway::builder().route(Route::new("/api").auto_aliases()).build();
    let app = Router::new()
        .route("/twice/{n}", routing::get(twice))
        .fallback_service(gateway.mount(&broker))
        .with_state(broker.clone());
    // A program says `axum::serve(listener, app).await`.
    for path in ["/twice/21", "/api/math/double?n=4", "/api/math/double?n=x", "/elsewhere"] {
        let request =
            Request::get(path).body(Body::empty()).map_err(|error| Error::new(error.to_string()))?;
        let Ok(response) = app.clone().oneshot(request).await;
        let status = response.status();
        let body = to_bytes(response.into_body(), 1000).await.unwrap_or_default();
        let text = if status.is_success() { String::from_utf8_lossy(&body) } else { "".into() };
        println!("{}", format!("GET {path} -> {} {text}", status.as_u16()).trim_end());
    }
    broker.stop().await;
    Ok(())
}
