//! How often and how many at once clients may ask, and who they are.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::Request;
use ligand_core::{Context, Error, Result, ServiceBroker, future::BoxFuture};
use ligand_web::{
    Cors, Gateway, RateLimit, Req, Route, TrustedProxies,
    rate_limit::{Rule, Store, Taken},
};
use serde_json::json;

use crate::{
    client::{Answer, Direct, get},
    fixture::{self, Running, one, serving},
};

const MINUTE: Duration = Duration::from_secs(60);

fn api() -> Route {
    Route::new("/api").direct_calls()
}

/// Asks as somebody at this address.
async fn ask(
    gateway: &Gateway,
    broker: &ServiceBroker,
    from: &str,
    lines: &[(&str, &str)],
    path: &str,
) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    let mut request = request.body(()).unwrap();
    request.extensions_mut().insert(SocketAddr::new(from.parse().unwrap(), 1));
    let (parts, body) = gateway.handle(broker, request).await.into_parts();
    let body = String::from_utf8(body.bytes().await.into()).unwrap();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

#[tokio::test(start_paused = true)]
async fn one_request_too_many_is_429_until_the_window_ends() {
    let broker = fixture::broker().await;
    let gateway = one(api().rate_limit(RateLimit::new(100, MINUTE)));
    for left in (0..100).rev() {
        let answer = ask(&gateway, &broker, "1.1.1.1", &[], "/api/fx/num").await;
        assert_eq!(
            (answer.status, answer.header("x-rate-limit-remaining")),
            (200, left.to_string().as_str())
        );
        assert_eq!(answer.header("ratelimit-remaining"), left.to_string());
    }
    let refused = ask(&gateway, &broker, "1.1.1.1", &[], "/api/fx/num").await;
    assert_eq!(refused.error(), (429, "RATE_LIMIT_EXCEEDED".into()));
    for (name, value) in [
        ("retry-after", "60"),
        ("ratelimit-limit", "100"),
        ("ratelimit-remaining", "0"),
        ("ratelimit-reset", "60"),
        ("ratelimit-policy", "100;w=60"),
        ("x-rate-limit-limit", "100"),
    ] {
        assert_eq!(refused.header(name), value, "{name}");
    }
    assert!(refused.header("x-rate-limit-reset").parse::<u64>().unwrap() > 1_600_000_000_000);
    assert_eq!(refused.json()["data"], json!({"retryAfter": 60}));
    assert_eq!(ask(&gateway, &broker, "1.1.1.2", &[], "/api/fx/num").await.status, 200);
    tokio::time::advance(MINUTE).await;
    assert_eq!(ask(&gateway, &broker, "1.1.1.1", &[], "/api/fx/num").await.status, 200);
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_is_everything_but_preflights() {
    let broker = fixture::broker().await;
    let gateway = one(api().cors(Cors::any()).rate_limit(RateLimit::new(4, MINUTE)));
    let http = Direct(&gateway, &broker);
    let preflight = [("origin", "http://a"), ("access-control-request-method", "GET")];
    for _ in 0..10 {
        assert_eq!(http.send("OPTIONS", "/api/fx/num", &preflight, "").await.status, 204);
    }
    for (path, status) in [
        ("/api/no/such", 404),
        ("/api/fx/err422", 422),
        ("/api/fx/vPrivate", 404),
        ("/api/fx/num", 200),
        ("/api/fx/num", 429),
    ] {
        assert_eq!(http.get(path).await.status, status, "{path}");
    }
    // Elsewhere nothing is counted.
    assert_eq!(http.get("/health").await.status, 200);
    assert_eq!(http.get("/other").await.status, 404);
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn clients_are_told_apart_by_what_was_chosen() {
    let broker = fixture::broker().await;
    let user = |_: Context, req: Arc<Req>| async move { Ok::<_, Error>(json!({"id": req.header("x-user")})) };
    let limit = || RateLimit::new(1, MINUTE).headers(false);
    let by = |limit: RateLimit| one(api().authenticate(user).rate_limit(limit));
    let none: &[(&str, &str)] = &[];
    type Asked<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);
    let cases: [(&str, Gateway, &[Asked<'_>]); 5] = [
        (
            "address",
            by(limit()),
            &[
                ("1.1.1.1", none, 200),
                ("1.1.1.1", none, 429),
                ("2001:db8::1", none, 200),
                ("2001:db8::2", none, 429),
                ("2001:db8:0:1::", none, 200),
            ],
        ),
        (
            "header",
            by(limit().by_header("x-key")),
            &[
                ("1.1.1.1", &[("x-key", "a")], 200),
                ("1.1.1.2", &[("x-key", "a")], 429),
                ("1.1.1.1", &[("x-key", "b")], 200),
                ("1.1.1.1", none, 200),
                ("1.1.1.1", none, 429),
            ],
        ),
        (
            "user",
            by(limit().by_user()),
            &[
                ("1.1.1.1", &[("x-user", "ada")], 200),
                ("1.1.1.2", &[("x-user", "ada")], 429),
                ("1.1.1.1", &[("x-user", "bob")], 200),
            ],
        ),
        (
            "own",
            by(limit().by(|req| req.query().map(str::to_owned))),
            &[("1.1.1.1", none, 200), ("1.1.1.1", none, 200)],
        ),
        (
            "gateway",
            Gateway::builder()
                .rate_limit(limit())
                .route(api())
                .route(Route::new("/b").direct_calls())
                .build(),
            &[("1.1.1.1", none, 200), ("1.1.1.1", none, 429)],
        ),
    ];
    for (what, gateway, asked) in cases {
        for (at, (from, lines, status)) in asked.iter().enumerate() {
            let answer = ask(&gateway, &broker, from, lines, "/api/fx/num").await;
            assert_eq!(answer.status, *status, "{what} {at}: {answer:?}");
            assert!(answer.headers.get("ratelimit-limit").is_none());
        }
    }
    broker.stop().await;
}

struct Broken;

impl Store for Broken {
    fn take(&self, _: &str, _: &Rule) -> BoxFuture<Result<Taken>> {
        Box::pin(async { Err(Error::new("the store is down")) })
    }
}

#[tokio::test]
async fn a_store_that_fails_lets_pass() {
    let broker = fixture::broker().await;
    let gateway = one(api().rate_limit(RateLimit::new(1, MINUTE).store(Arc::new(Broken))));
    for _ in 0..3 {
        assert_eq!(Direct(&gateway, &broker).get("/api/fx/num").await.status, 200);
    }
    broker.stop().await;
}

#[tokio::test]
async fn the_client_of_a_trusted_proxy_is_counted_and_none_that_is_made_up() {
    let broker = fixture::broker().await;
    let gateway = Gateway::builder()
        .trusted_proxies(TrustedProxies::x_forwarded(["10.0.0.0/8"]))
        .route(api().rate_limit(RateLimit::new(1, MINUTE)))
        .build();
    for (from, forwarded, status) in [
        ("10.0.0.1", "7.7.7.7", 200),
        ("10.0.0.1", "8.8.8.8", 200),
        ("10.0.0.2", "7.7.7.7", 429),
        ("10.0.0.2", "1.2.3.4, 7.7.7.7", 429),
        ("9.9.9.9", "1.1.1.1", 200),
        ("9.9.9.9", "1.1.1.2", 429),
    ] {
        let lines = [("x-forwarded-for", forwarded)];
        let answer = ask(&gateway, &broker, from, &lines, "/api/fx/num").await;
        assert_eq!(answer.status, status, "{from} {forwarded}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_route_runs_so_many_requests_at_once() {
    let running = Running::default();
    let gateway = Gateway::builder().bind("127.0.0.1:0").route(api().concurrency(1)).build();
    let (broker, address) = serving(gateway, &running).await;
    let slow = tokio::spawn(async move { get(address, "/api/fx/slow").await });
    running.reaches(1).await;
    let refused = get(address, "/api/fx/num").await;
    assert_eq!(refused.error(), (503, "TOO_MANY_REQUESTS_AT_ONCE".into()));
    assert_eq!(refused.header("retry-after"), "5");
    running.end();
    assert_eq!(slow.await.unwrap().status, 200);
    assert_eq!(get(address, "/api/fx/num").await.status, 200);
    broker.stop().await;
}

#[tokio::test]
async fn limits_that_let_nothing_pass_stop_the_start() {
    for limit in [RateLimit::new(0, MINUTE), RateLimit::new(1, Duration::ZERO)] {
        let gateway = Gateway::builder().bind("127.0.0.1:0").rate_limit(limit.clone()).route(api()).build();
        let routed = Gateway::builder().bind("127.0.0.1:0").route(api().rate_limit(limit)).build();
        for gateway in [gateway, routed] {
            let error = ServiceBroker::builder().service(gateway).start().await.unwrap_err();
            assert!(error.message().contains("rate limit"), "{error}");
        }
    }
    let proxies = TrustedProxies::forwarded(["everybody"]);
    let gateway = Gateway::builder().bind("127.0.0.1:0").trusted_proxies(proxies).build();
    let error = ServiceBroker::builder().service(gateway).start().await.unwrap_err();
    assert!(error.message().contains("'everybody'"), "{error}");
}
