//! Other sites.

use std::{sync::Arc, time::Duration};

use http::Method;
use ligand_core::{Context, Result};
use ligand_web::{Cors, Gateway, Req, Route, error};

use crate::{
    client::Direct,
    fixture::{self, one},
};

async fn nobody(_: Context, _: Arc<Req>) -> Result<()> {
    Err(error::unauthorized(error::NO_TOKEN))
}

const ORIGIN: (&str, &str) = ("origin", "https://shop.example");
const EVIL: (&str, &str) = ("origin", "https://shop.example.evil.com");
const ASKS: (&str, &str) = ("access-control-request-method", "POST");

#[tokio::test]
async fn a_route_without_rules_stays_closed() {
    let broker = fixture::broker().await;
    let gateway = one(Route::new("/").direct_calls());
    let http = Direct(&gateway, &broker);
    let answer = http.send("GET", "/fx/num", &[ORIGIN], "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""));
    let preflight = http.send("OPTIONS", "/fx/num", &[ORIGIN, ASKS], "").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, ""));
}

#[tokio::test]
async fn listed_origins_may_call() {
    let broker = fixture::broker().await;
    let cors = Cors::origins(["https://shop.example"]).credentials().expose(["X-Total"]);
    let gateway = one(Route::new("/").direct_calls().cors(cors));
    let http = Direct(&gateway, &broker);
    let answer = http.send("GET", "/fx/num", &[ORIGIN], "").await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert_eq!(
        (answer.header("access-control-expose-headers"), answer.header("vary")),
        ("X-Total", "Origin")
    );
    for (method, path) in
        [("GET", "/fx/num"), ("POST", "/fx/num"), ("GET", "/no/such"), ("OPTIONS", "/fx/num")]
    {
        let refused = http.send(method, path, &[EVIL, ASKS], "").await;
        assert_eq!(refused.error(), (403, "ORIGIN_NOT_ALLOWED".into()), "{method} {path}");
        assert_eq!(refused.header("access-control-allow-origin"), "");
    }
    // Only preflights are asked for these.
    for name in ["access-control-allow-methods", "access-control-allow-headers"] {
        assert_eq!(answer.header(name), "");
    }
    // Errors are readable for those who may call.
    let failed = http.send("GET", "/fx/err", &[ORIGIN], "").await;
    assert_eq!((failed.status, failed.header("access-control-allow-origin")), (500, "https://shop.example"));
    // Caches must know that the answer depends on the origin, also when there is none.
    assert_eq!(http.get("/fx/num").await.header("vary"), "Origin");
}

#[tokio::test]
async fn preflights_come_before_authentication() {
    let broker = fixture::broker().await;
    let cors = Cors::any()
        .methods([Method::GET, Method::POST])
        .headers(["Content-Type", "Authorization"])
        .max_age(Duration::from_secs(3600));
    let gateway = Gateway::builder()
        .route(Route::new("/api").auto_aliases().cors(cors).authenticate(nobody))
        .route(Route::new("/closed").alias("POST /x", "fx.hello"))
        .build();
    let http = Direct(&gateway, &broker);
    for path in ["/api/posts", "/api/posts/5", "/api/nope"] {
        let answer = http.send("OPTIONS", path, &[ORIGIN, ASKS], "").await;
        assert_eq!((answer.status, &*answer.body), (204, ""), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-methods"), "GET, POST");
        assert_eq!(answer.header("access-control-allow-headers"), "Content-Type, Authorization");
        assert_eq!(answer.header("access-control-max-age"), "3600");
    }
    let unauthorised = http.send("GET", "/api/posts", &[ORIGIN], "").await;
    assert_eq!((unauthorised.status, unauthorised.header("access-control-allow-origin")), (401, "*"));
    let closed = http.send("OPTIONS", "/closed/x", &[ORIGIN, ASKS], "").await;
    assert_eq!((closed.status, closed.header("allow")), (204, "POST, OPTIONS"));
}

#[tokio::test]
async fn rules_of_the_gateway_hold_where_a_route_has_none() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .cors(Cors::origins(["https://all.example"]))
        .route(Route::new("/a").alias("GET /hello", "fx.hello"))
        .route(
            Route::new("/b")
                .alias("GET /hello", "fx.hello")
                .cors(Cors::origins_if(|origin| origin.ends_with(".b"))),
        )
        .build();
    let http = Direct(&gateway, &broker);
    for (path, origin, status) in [
        ("/a/hello", "https://all.example", 200),
        ("/a/hello", "https://x.b", 403),
        ("/b/hello", "https://all.example", 403),
        ("/b/hello", "https://x.b", 200),
    ] {
        let answer = http.send("GET", path, &[("origin", origin)], "").await;
        assert_eq!(answer.status, status, "{path} {origin}");
    }
}
