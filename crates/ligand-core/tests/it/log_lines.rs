//! What reaches the log without anything being switched on.

use std::{
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use ligand_core::{Action, Context, Error, Event, Payload, ServiceDef, future::Work, service::Job};
use parking_lot::Mutex;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }

    /// The line with this text.
    fn line(&self, part: &str) -> String {
        let text = self.text();
        text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {text}")).to_owned()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn written() -> (Written, tracing::subscriber::DefaultGuard) {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(written.clone()).finish();
    (written, tracing::subscriber::set_default(subscriber))
}

fn talks() -> ServiceDef {
    ServiceDef::new("talk")
        .action(action("later", |ctx, (): ()| async move {
            tokio::task::yield_now().await;
            tracing::info!("in an action");
            ctx.spawn(|_| async {
                tokio::task::yield_now().await;
                tracing::info!("in spawned work");
                Ok(())
            })
            .await?;
            ctx.emit_named("talked", json!(null)).wait_for_listeners().await
        }))
        .action(Action::blocking("blocks", |_: &Context, (): ()| {
            tracing::info!("in a blocking action");
            Ok::<_, Error>(())
        }))
        .event(event("talked", |_, (): ()| async {
            tracing::info!("in a listener");
            Ok(())
        }))
        .job(
            Job::every("sweep", ms(1000), |_| async {
                tracing::info!("in a job");
                Ok::<_, Error>(())
            })
            .start_now(),
        )
        .started(|_| async {
            tracing::info!("in a handler of the life cycle");
            Ok(())
        })
}

#[tokio::test]
async fn lines_of_handlers_carry_the_request_what_runs_and_the_node() {
    let (log, _guard) = written();
    let broker = start([talks()]).await;
    broker.call_named("talk.later", json!(null)).request_id("r1").await.unwrap();
    while !log.text().contains("in a job") {
        tokio::task::yield_now().await;
    }
    for (text, parts) in [
        ("in an action", vec!["action=\"talk.later\"", "request_id=r1", "node=\"n1\""]),
        ("in spawned work", vec!["action=\"talk.later\"", "request_id=r1", "node=\"n1\""]),
        ("in a listener", vec!["event=\"talked\"", "service=\"talk\"", "request_id=r1", "node=\"n1\""]),
        ("in a job", vec!["work=\"sweep\"", "service=\"talk\"", "request_id=", "node=\"n1\""]),
        ("in a handler of the life cycle", vec!["work=\"started\"", "service=\"talk\"", "request_id="]),
    ] {
        let line = log.line(text);
        for part in parts {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn settings_that_nobody_reads_are_named_with_what_was_meant() {
    let (log, _guard) = written();
    let service =
        ServiceDef::new("userMail").setting("rowsPerPage", 10).setting("smtp", json!({ "host": "a" }));
    let settings = json!({
        "user_mail": { "rowsPerPge": "hunter2", "smtp": { "hots": "hunter2", "password": "hunter2" } },
        "userMial": {}, "billing": {},
    });
    let settings = serde_json::from_value(settings).unwrap();
    let broker =
        builder().service(service).options(|options| options.settings = settings).start().await.unwrap();
    for (part, level) in [
        (
            "'settings.user_mail.rowsPerPge', which the service does not have; did you mean 'rowsPerPage'?",
            "WARN",
        ),
        ("'settings.user_mail.smtp.hots', which the service does not have; did you mean 'host'?", "WARN"),
        ("'userMial', which is no service of this node; did you mean 'userMail'?", "WARN"),
        ("'billing', which is no service of this node", "INFO"),
    ] {
        assert!(log.line(part).contains(level), "{part}");
    }
    assert!(!log.text().contains("password") && !log.text().contains("hunter2"));
    broker.stop().await;
}

#[tokio::test]
async fn lines_carry_nothing_when_that_is_switched_off() {
    let (log, _guard) = written();
    let broker =
        builder().service(talks()).options(|options| options.log.context = false).start().await.unwrap();
    call(&broker, "talk.later", json!(null)).await.unwrap();
    assert!(!log.line("in an action").contains("request_id"));
    broker.stop().await;
}

/// Holds its thread as a long computation does.
fn compute(millis: u64) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(millis) {
        std::hint::spin_loop();
    }
}

#[tokio::test]
async fn a_handler_that_holds_its_thread_is_named_and_nobody_around_it() {
    let (log, _guard) = written();
    let service = ServiceDef::new("s")
        .action(action("inner", |_, (): ()| async {
            tokio::task::yield_now().await;
            compute(250);
            Ok(())
        }))
        .action(action("outer", |ctx, (): ()| async move {
            ctx.call_named("s.inner", json!(null)).await?;
            ctx.emit_named("e", json!(null)).wait_for_listeners().await
        }))
        .action(Action::blocking("marked", |_: &Context, (): ()| {
            compute(250);
            Ok::<_, Error>(())
        }))
        .event(Event::raw("e", |_: &Context, _: Payload| -> Work<()> {
            compute(250);
            Work::done(Ok(()))
        }));
    let builder = builder().service(service).options(|options| options.blocking.warn_after = ms(150));
    let broker = builder.start().await.unwrap();
    call(&broker, "s.outer", json!(null)).await.unwrap();
    call(&broker, "s.marked", json!(null)).await.unwrap();
    broker.stop().await;
    let line = log.line("action 's.inner' held its thread");
    assert!(
        line.contains("make it `#[action(blocking)]` without `async`") && line.contains("request_id="),
        "{line}"
    );
    let line = log.line("the listener of 'e' in service 's' held its thread");
    assert!(line.contains("`#[event(.., blocking)]`"), "{line}");
    let text = log.text();
    assert!(!text.contains("'s.outer' held") && !text.contains("'s.marked' held"), "{text}");
}

#[tokio::test]
async fn many_handlers_that_hold_their_thread_do_not_fill_the_log() {
    let (log, _guard) = written();
    let service = ServiceDef::new("s").action(action("long", |_, (): ()| async {
        compute(12);
        Ok(())
    }));
    let builder = builder().service(service).options(|options| options.blocking.warn_after = ms(4));
    let broker = builder.start().await.unwrap();
    for _ in 0..30 {
        call(&broker, "s.long", json!(null)).await.unwrap();
    }
    broker.stop().await;
    let lines = log.text().matches("held its thread").count();
    assert!((1..=10).contains(&lines), "{lines}");
}

/// The program of the next test: it sets up no log.
#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn a_program_without_a_log() {
    let fails = Job::every("sweep", ms(1), |_| async { Err::<(), _>(Error::new("a broken job")) });
    let service = ServiceDef::new("s")
        .event(event("e", |_, _: Payload| async { Err(Error::new("a broken listener")) }))
        .action(action("spawns", |ctx, (): ()| async move {
            ctx.spawn(|_| async { Err::<(), _>(Error::new("broken in the background")) });
            Ok(())
        }))
        .action(action("long", |_, (): ()| async {
            compute(60);
            Ok(())
        }))
        .stopped(|_| async { Err(Error::new("a broken end")) })
        .job(fails);
    let builder = builder().service(service).options(|options| options.blocking.warn_after = ms(20));
    let broker = builder.start().await.unwrap();
    let root = broker.root_context_for("r1");
    for _ in 0..1000 {
        root.emit_named("e", json!(null)).await.unwrap();
    }
    root.call_named("s.spawns", json!(null)).await.unwrap();
    root.call_named("s.long", json!(null)).await.unwrap();
    while broker.background_errors() < 2 {
        tokio::task::yield_now().await;
    }
    broker.stop().await;
    assert_eq!(broker.listener_errors(), 1000);
}

#[test]
fn without_a_log_what_nobody_else_hears_of_is_on_standard_error() {
    let mut program = std::process::Command::new(std::env::current_exe().unwrap());
    program.args(["log_lines::a_program_without_a_log", "--exact", "--ignored", "--nocapture"]);
    let output = program.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    for part in [
        "ligand: ERROR a listener failed event=e service=s sender=n1 request_id=r1",
        "a broken listener",
        "ligand: ERROR background work failed service=s job=sweep",
        "job= action=s.spawns request_id=r1 hidden=0 error=Error 500: broken in the background",
        "ligand: WARN action 's.long' held its thread",
        "what=s error=Error 500: a broken end",
    ] {
        assert!(text.contains(part), "{part}: {}", text.lines().rev().take(9).collect::<Vec<_>>().join("\n"));
    }
    // A flood is counted, and does not fill the screen.
    assert!(text.matches("a broken listener").count() <= 100);
}

/// Run by the next test in a process of its own: its log is that of the process.
#[tokio::test]
#[ignore = "installs the log of the process"]
async fn a_program_with_a_log_of_ligand() {
    let options = ligand_core::config::LogOptions::default();
    ligand_core::log::init(&options).unwrap();
    let quick = Action::of("quick", |(): ()| async {
        tracing::info!("before it waits");
        tokio::task::yield_now().await;
        tracing::info!("after it has waited");
        Ok::<_, Error>(())
    });
    let broker = start([talks(), ServiceDef::new("typed").action(quick)]).await;
    for action in ["talk.later", "talk.blocks"] {
        broker.call_named(action, json!(null)).request_id("r1").await.unwrap();
    }
    broker.call_named("typed.quick", ()).await.unwrap();
    tracing::info!("of nobody");
    broker.stop().await;
}

#[test]
fn a_log_of_ligand_knows_who_runs_without_spans() {
    let mut program = std::process::Command::new(std::env::current_exe().unwrap());
    program.args(["log_lines::a_program_with_a_log_of_ligand", "--exact", "--ignored", "--nocapture"]);
    let output = program.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let line = |part: &str| {
        text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {text}"))
    };
    for (part, whole) in [
        ("in an action", "n1/TALK: in an action action=talk.later requestID=r1"),
        ("in spawned work", "n1/TALK: in spawned work action=talk.later requestID=r1"),
        ("in a listener", "n1/TALK: in a listener event=talked requestID=r1"),
        ("in a blocking action", "n1/TALK: in a blocking action action=talk.blocks requestID=r1"),
        ("in a job", "n1/TALK: in a job work=sweep requestID="),
        ("in a handler of the life cycle", "n1/TALK: in a handler of the life cycle work=started requestID="),
        ("before it waits", "n1/TYPED: before it waits action=typed.quick requestID="),
    ] {
        assert!(line(part).contains(whole), "{whole}: {text}");
    }
    let id = |part: &str| line(part).rsplit_once("requestID=").unwrap().1.to_owned();
    assert_eq!(id("before it waits"), id("after it has waited"));
    assert!(line("of nobody").ends_with(": of nobody"), "{text}");
}
