//! Services that wait for each other: found at start on one node, told by a warning between nodes.

use ligand_core::{ServiceBroker, ServiceDef};
use ligand_transport::memory::MemoryBus;
use tracing::Level;

use crate::support::*;

fn waits(name: &str, for_whom: &[&str]) -> ServiceDef {
    for_whom.iter().fold(ServiceDef::new(name), |def, other| def.dependency(*other))
}

/// Starts a node that waits, until the guard is dropped.
fn node(bus: &MemoryBus, id: &str, services: Vec<ServiceDef>) -> Aborts {
    let builder = ServiceBroker::builder().node_id(id).transporter(bus.transporter());
    let builder = services.into_iter().fold(builder, ligand_core::broker::BrokerBuilder::service);
    Aborts(spawn(async move { drop(builder.start().await) }))
}

struct Aborts(tokio::task::JoinHandle<()>);

impl Drop for Aborts {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The warnings of a while.
async fn warnings(log: &Log, seconds: u64) -> Vec<String> {
    tokio::time::sleep(ms(seconds * 1000)).await;
    log.take().into_iter().filter(|line| line.contains("waits_for=")).collect()
}

#[tokio::test]
async fn a_circle_of_services_that_are_added_is_refused() {
    let broker = start([]).await;
    let adding = broker.clone();
    let first = spawn(async move { adding.add_service(waits("a", &["b"])).await });
    settle().await;
    let error = broker.add_service(waits("b", &["a"])).await.unwrap_err();
    assert!(error.message().contains("a → b → a"), "{error}");
    // The first one waits on, and starts.
    broker.add_service(ServiceDef::new("b")).await.unwrap();
    first.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_circle_over_several_nodes_is_named_after_a_while() {
    let (log, _guard) = logged_from(Level::WARN);
    let bus = MemoryBus::new();
    // x starts nothing by itself; b2 closes the circle within its node.
    let _a = node(&bus, "n1", vec![waits("a", &["b"]), waits("x", &["a", "b"])]);
    let _b = node(&bus, "n2", vec![waits("b", &["b2"]), waits("b2", &["c"])]);
    let _c = node(&bus, "n3", vec![waits("c", &["a"])]);
    let lines = warnings(&log, 6).await;
    let about = |service: &str| {
        let field = format!("service=\"{service}\"");
        lines.iter().find(|line| line.contains(&field)).cloned().unwrap_or_default()
    };
    assert_eq!(lines.len(), 5, "{lines:?}");
    for (service, circle) in [
        ("a", "a (n1) → b (n2) → b2 (n2) → c (n3) → a (n1)"),
        ("x", "x (n1) → a (n1) → b (n2) → b2 (n2) → c (n3) → a (n1)"),
        ("b", "b (n2) → b2 (n2) → c (n3) → a (n1) → b (n2)"),
        ("c", "c (n3) → a (n1) → b (n2) → b2 (n2) → c (n3)"),
    ] {
        assert!(about(service).contains(&format!("circle=\"{circle}\"")), "{}", about(service));
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_a_circle_names_what_the_others_wait_for() {
    let (log, _guard) = logged_from(Level::WARN);
    let bus = MemoryBus::new();
    let a = node(&bus, "n1", vec![waits("orders", &["stock"])]);
    let _b = node(&bus, "n2", vec![waits("stock", &["payments", "users"])]);
    let lines = warnings(&log, 6).await;
    let line = lines.iter().find(|line| line.contains("service=\"orders\"")).unwrap();
    assert!(line.contains(r#"waits_for="stock""#), "{line}");
    assert!(line.contains(r#"others_wait="stock (n2) for payments and users""#), "{line}");
    assert!(!line.contains("circle"), "{line}");
    // What has gone does not wait any more.
    drop(a);
    let lines = warnings(&log, 20).await;
    assert!(lines.iter().all(|line| line.contains("service=\"stock\"")), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_circle_that_another_instance_opens_is_none() {
    let (log, _guard) = logged_from(Level::WARN);
    let bus = MemoryBus::new();
    let _a = node(&bus, "n1", vec![waits("a", &["b"])]);
    let _b = node(&bus, "n2", vec![waits("b", &["a"])]);
    let lines = warnings(&log, 6).await;
    assert_eq!(lines.iter().filter(|line| line.contains("circle=")).count(), 2, "{lines:?}");
    let helper = ServiceBroker::builder().node_id("n3").transporter(bus.transporter());
    let helper = helper.service(ServiceDef::new("a")).start().await.unwrap();
    helper.wait_for_services(&["b"], ms(5000)).await.unwrap();
    assert_eq!(warnings(&log, 60).await, Vec::<String>::new());
}
