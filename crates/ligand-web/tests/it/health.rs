//! `/health` and `/ready`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ligand_core::{Error, ServiceBroker, broker::State, middleware::Middleware};
use ligand_web::{Gateway, Route, error};
use serde_json::json;

use crate::{
    client::{Direct, Raw},
    fixture::{self, Running, serving},
};

#[tokio::test]
async fn readiness_follows_services_and_checks() {
    let broker = fixture::broker().await;
    let up = Arc::new(AtomicBool::new(true));
    let database = up.clone();
    let gateway = Gateway::builder()
        .ready_services(["fx", "posts"])
        .check("database", move || {
            let up = database.load(Ordering::SeqCst);
            async move { if up { Ok(()) } else { Err(Error::new("no connection")) } }
        })
        .build();
    let http = Direct(&gateway, &broker);
    let ready = http.get("/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &json!("ready")));
    let checks = json!({"broker": true, "transporter": true, "fx": true, "posts": true, "database": true});
    assert_eq!(ready.json()["checks"], checks);
    assert!(ready.json()["timestamp"].is_string());
    assert_eq!(ready.header("cache-control"), "no-store");

    up.store(false, Ordering::SeqCst);
    broker.destroy_service("posts").await.unwrap();
    let ready = http.get("/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (503, &json!("not ready")));
    assert_eq!(
        (&ready.json()["checks"]["posts"], &ready.json()["checks"]["database"]),
        (&json!(false), &json!(false))
    );
    let health = http.get("/health").await;
    assert_eq!((health.status, &health.json()["status"]), (200, &json!("ok")));
    broker.stop().await;
    assert_eq!(http.get("/ready").await.json()["checks"]["broker"], false);
}

#[tokio::test]
async fn without_a_transporter_a_node_is_ready_by_itself() {
    let broker = ServiceBroker::builder().start().await.unwrap();
    let gateway = Gateway::builder().build();
    let ready = Direct(&gateway, &broker).get("/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &json!("ready")));
    // Nothing that is not there is waited for.
    assert_eq!(ready.json()["checks"], json!({ "broker": true, "transporter": true }));
    broker.stop().await;
    let ready = Direct(&gateway, &broker).get("/ready").await;
    assert_eq!((ready.status, &ready.json()["checks"]["broker"]), (503, &json!(false)));
}

#[tokio::test]
async fn health_is_outside_of_routes_and_stages() {
    let broker = fixture::broker().await;
    let route = || {
        Route::new("/")
            .alias("GET /health", "fx.hello")
            .authenticate(|_, _| async { Err::<(), Error>(error::unauthorized(error::NO_TOKEN)) })
    };
    let gateway = Gateway::builder().route(route()).build();
    assert_eq!(Direct(&gateway, &broker).get("/health").await.status, 200);
    let gateway = Gateway::builder().route(route()).without_health().build();
    assert_eq!(Direct(&gateway, &broker).get("/health").await.status, 401);
    assert_eq!(Direct(&gateway, &broker).get("/ready").await.status, 404);
}

#[tokio::test]
async fn a_stopping_node_is_not_ready() {
    let running = Running::default();
    let gateway = Gateway::builder().bind("127.0.0.1:0").route(Route::new("/api").direct_calls()).build();
    let (broker, address) = serving(gateway.clone(), &running).await;
    let mut idle = Raw::connect(address).await;
    idle.write("GET /ready HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(idle.read().await.unwrap().status, 200);
    let mut busy = Raw::connect(address).await;
    busy.write("GET /api/fx/slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    running.reaches(1).await;
    let stop = tokio::spawn({
        let broker = broker.clone();
        async move { broker.stop().await }
    });
    // The stop has begun, and waits for the call.
    assert!(idle.is_closed().await);
    assert_eq!(broker.state(), State::Stopping);
    let ready = Direct(&gateway, &broker).get("/ready").await;
    assert_eq!((ready.status, &ready.json()["checks"]["broker"]), (503, &json!(false)));
    assert_eq!(broker.state(), State::Stopping);
    running.end();
    assert_eq!(busy.read().await.unwrap().json(), "slow done");
    stop.await.unwrap();
}

#[tokio::test]
async fn a_starting_node_does_not_say_that_routes_are_missing() {
    let gateway =
        Gateway::builder().route(Route::new("/api").alias("GET /posts", "fx.hello").auto_aliases()).build();
    let statuses = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (own, seen) = (gateway.clone(), statuses.clone());
    let posts = fixture::posts().started(move |ctx| {
        let (gateway, seen) = (own.clone(), seen.clone());
        async move {
            for request in ["GET /api/posts", "POST /api/posts", "GET /api/posts/5"] {
                let (method, path) = request.split_once(' ').unwrap();
                let request =
                    http::Request::builder().method(method).uri(path).header("Host", "x").body(()).unwrap();
                let status = gateway.handle(ctx.broker(), request).await.status();
                seen.lock().unwrap().push(status.as_u16());
            }
            Ok::<_, Error>(())
        }
    });
    let broker = ligand_core::ServiceBroker::builder().service(posts).start().await.unwrap();
    assert_eq!(*statuses.lock().unwrap(), [503, 503, 503]);
    assert_eq!(Direct(&gateway, &broker).get("/api/posts/5").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn checks_run_side_by_side_with_a_limit_each() {
    let broker = fixture::broker().await;
    let never = || std::future::pending::<Result<(), Error>>();
    let gateway = Gateway::builder()
        .check("first", never)
        .check("second", never)
        .check("third", || async { Ok::<_, Error>(()) })
        .check("fourth", || async { panic!("boom") as Result<(), Error> })
        .check("fifth", never)
        .build();
    let start = tokio::time::Instant::now();
    let ready = Direct(&gateway, &broker).get("/ready").await;
    assert_eq!(start.elapsed(), std::time::Duration::from_secs(3));
    let checks = &ready.json()["checks"];
    let passed = ["first", "second", "third", "fourth", "fifth"].map(|name| checks[name] == true);
    assert_eq!((ready.status, passed), (503, [false, false, true, false, false]));
}

/// Asks the gateway before the broker joins its bus.
struct Early(Gateway, Arc<std::sync::Mutex<Vec<u16>>>);

impl Middleware for Early {
    fn name(&self) -> &str {
        "early"
    }

    fn starting(&self, _: &ServiceBroker) -> ligand_core::future::BoxFuture<Result<(), Error>> {
        let (gateway, seen) = (self.0.clone(), self.1.clone());
        Box::pin(async move {
            let address = gateway.local_addr().expect("the gateway listens");
            for path in ["/health", "/ready", "/api/fx/num"] {
                let status = crate::client::get(address, path).await.status;
                seen.lock().unwrap().push(status);
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn health_answers_before_the_node_has_joined_its_bus() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let gateway = Gateway::builder().bind("127.0.0.1:0").route(Route::new("/api").direct_calls()).build();
    let bus = ligand_transport::memory::MemoryBus::new();
    let broker = ServiceBroker::builder()
        .transporter(bus.transporter())
        .service(gateway.clone())
        .service(fixture::fx(&Running::default()))
        .middleware(Early(gateway.clone(), seen.clone()))
        .start()
        .await
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), [200, 503, 503]);
    broker.stop().await;
    assert_eq!(gateway.local_addr(), None);
}

#[tokio::test]
async fn a_start_that_fails_leaves_no_door_open() {
    let gateway = Gateway::builder().bind("127.0.0.1:0").build();
    let (own, seen) = (gateway.clone(), Arc::new(std::sync::Mutex::new(None)));
    let address = seen.clone();
    let broken = ligand_core::ServiceDef::new("broken").started(move |_| {
        *address.lock().unwrap() = own.local_addr();
        async { Err(Error::new("no")) }
    });
    ServiceBroker::builder().service(gateway.clone()).service(broken).start().await.unwrap_err();
    let address = seen.lock().unwrap().expect("it was open");
    assert_eq!(gateway.local_addr(), None);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
