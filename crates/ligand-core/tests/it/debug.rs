//! The loggers for debugging.

use std::{fs, path::Path};

use bytes::Bytes;
use ligand_core::{
    Error, Payload, Result, ServiceDef,
    middleware::debug::{ActionLogger, TransitLogger},
};
use ligand_wire::packet::PacketKind;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _};

use crate::support::*;

/// Keeps the lines of the loggers.
struct Lines(Log);

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Message<'a>(&'a Log);
        impl Visit for Message<'_> {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0.add(format!("{value:?}"));
                }
            }
        }
        if event.metadata().target().starts_with("ligand_core::middleware::debug") {
            event.record(&mut Message(&self.0));
        }
    }
}

fn lines() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(Lines(log.clone())));
    (log, guard)
}

/// The files of a node with their content, by name without the time.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().split_once('-').unwrap().1.to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn service() -> ServiceDef {
    ServiceDef::new("posts")
        .action(action("get", |_, id: u32| async move { Ok(json!({ "id": id })) }))
        .action(action("fail", |_, (): ()| async { Err::<(), _>(Error::not_found("no such post")) }))
}

#[tokio::test]
async fn calls_are_logged_without_content() {
    let (log, _guard) = lines();
    let broker = builder().service(service()).middleware(ActionLogger::default()).start().await.unwrap();
    let _: Payload = broker.call_named("posts.get", json!(5)).await.unwrap();
    let failed: Result<Payload> = broker.call_named("posts.fail", json!(null)).await;
    assert!(failed.is_err());
    let lines = log.take();
    assert_eq!(
        lines,
        [
            "Calling 'posts.get'.",
            "Response for 'posts.get' is received.",
            "Calling 'posts.fail'.",
            "Error for 'posts.fail' is received: MoleculerClientError 404 NOT_FOUND: no such post",
        ]
    );
    broker.stop().await;
}

#[tokio::test]
async fn content_and_files_are_asked_for() {
    let (log, _guard) = lines();
    let folder = tempfile::tempdir().unwrap();
    let logger = ActionLogger::default().params(true).response(true).meta(true).only(["posts.g*"]);
    let broker = builder()
        .options(|options| options.node_id = Some("node-1".into()))
        .service(service())
        .middleware(logger.folder(folder.path()))
        .start()
        .await
        .unwrap();
    let _: Payload = broker.call_named("posts.get", json!(5)).meta("user", "ada").await.unwrap();
    let failed: Result<Payload> = broker.call_named("posts.fail", json!(null)).await;
    assert!(failed.is_err());
    assert_eq!(
        log.take(),
        [
            "Calling 'posts.get' with params: 5",
            r#"Meta: {"user":"ada"}"#,
            r#"Response for 'posts.get' is received: {"id":5}"#,
        ]
    );
    broker.stop().await;
    drop(broker);
    let names: Vec<_> = files(&folder.path().join("node-1")).into_iter().collect();
    assert_eq!(
        names,
        [
            ("call-posts.get-meta.json".into(), "{\n    \"user\": \"ada\"\n}".into()),
            ("call-posts.get-request.json".into(), "5".into()),
            ("call-posts.get-response.json".into(), "{\n    \"id\": 5\n}".to_owned()),
        ]
    );
}

#[test]
fn packets_are_logged() {
    let (log, _guard) = lines();
    let unasked = || -> Result<Bytes> { panic!("content was not asked for") };
    let logger = TransitLogger::default();
    logger.open("node-1").unwrap();
    logger.sent(PacketKind::Request, Some("node-2"), unasked);
    logger.sent(PacketKind::Discover, None, unasked);
    logger.sent(PacketKind::Heartbeat, None, unasked);
    logger.received(PacketKind::Response, "node-2\nforged", unasked);
    assert_eq!(
        log.take(),
        [
            "=> Send REQ packet to 'node-2'",
            "=> Send DISCOVER packet to '<all nodes>'",
            "<= Receive RES packet from 'node-2\\nforged'",
        ]
    );
    let folder = tempfile::tempdir().unwrap();
    let logger = TransitLogger::default().data(true).folder(folder.path()).skip([]);
    logger.open("node-1").unwrap();
    logger.sent(PacketKind::Heartbeat, None, || Ok(Bytes::from("{\"cpu\":\n5}")));
    logger.received(PacketKind::Ping, "../x", || Ok(Bytes::from("{}")));
    let lines = log.take();
    assert_eq!((lines.len(), &*lines[1], &*lines[3]), (4, "=> {\"cpu\":5}", "<= {}"));
    drop(logger);
    assert_eq!(
        files(&folder.path().join("node-1")),
        [
            ("receive-PING-from-.._x.json".into(), "{}".into()),
            ("send-HEARTBEAT-to-all.json".into(), "{\n    \"cpu\": 5\n}".to_owned()),
        ]
    );
}
