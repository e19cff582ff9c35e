//! Background work of services that repeats.

use ligand_core::{
    Context, Error, Result, ServiceBroker, ServiceDef,
    service::{Job, JobDef, Overlap},
};
use serde_json::{Value, json};

use crate::support::*;

/// Writes when each run begins, in milliseconds since the start of the test.
fn runs(log: &Log, millis: u64) -> Job {
    let (log, start) = (log.clone(), tokio::time::Instant::now());
    Job::every("tick", ms(100), move |_| {
        let log = log.clone();
        async move {
            log.add(format!("{}", start.elapsed().as_millis()));
            tokio::time::sleep(ms(millis)).await;
            Ok::<_, Error>(())
        }
    })
}

async fn jobs(broker: &ServiceBroker) -> Value {
    let services = call(broker, "$node.services", json!({ "skipInternal": true })).await.unwrap();
    services[0]["jobs"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_job_repeats_in_its_period() {
    let log = Log::default();
    let broker = start([ServiceDef::new("s").job(runs(&log, 10))]).await;
    tokio::time::sleep(ms(350)).await;
    assert_eq!(log.take(), ["100", "200", "300"]);
    broker.stop().await;
    tokio::time::sleep(ms(500)).await;
    assert_eq!(log.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_first_run_comes_when_it_is_told_to() {
    let (now, later) = (Log::default(), Log::default());
    let one = ServiceDef::new("now").job(runs(&now, 10).start_now());
    let two = ServiceDef::new("later").job(runs(&later, 10).start_after(ms(30)));
    let broker = start([one, two]).await;
    tokio::time::sleep(ms(150)).await;
    assert_eq!((now.take(), later.take()), (vec!["0".into(), "100".into()], vec!["30".into(), "130".into()]));
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn runs_that_overlap_are_left_out_wait_or_run() {
    let (skip, queue, run) = (Log::default(), Log::default(), Log::default());
    let broker = start([
        ServiceDef::new("a").job(runs(&skip, 250)),
        ServiceDef::new("b").job(runs(&queue, 250).overlap(Overlap::Queue)),
        ServiceDef::new("c").job(runs(&run, 250).overlap(Overlap::Run)),
    ])
    .await;
    tokio::time::sleep(ms(720)).await;
    assert_eq!(skip.take(), ["100", "400", "700"]);
    assert_eq!(queue.take(), ["100", "350", "600"]);
    assert_eq!(run.take(), ["100", "200", "300", "400", "500", "600", "700"]);
    let told = call(&broker, "$node.services", json!({ "skipInternal": true })).await.unwrap();
    let job = |index: usize, field: &str| told[index]["jobs"][0][field].clone();
    assert_eq!((job(0, "runs"), job(0, "skipped"), job(0, "running")), (json!(3), json!(4), json!(1)));
    // The fifth of seven has not begun yet, and was not left out.
    assert_eq!((job(1, "runs"), job(1, "running")), (json!(3), json!(1)));
    assert_eq!((job(2, "runs"), job(2, "skipped"), job(2, "running")), (json!(7), json!(0), json!(3)));
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn at_most_64_runs_of_a_job_work_at_once() {
    let log = Log::default();
    let broker = start([ServiceDef::new("s").job(runs(&log, 3_600_000).overlap(Overlap::Run))]).await;
    tokio::time::sleep(ms(10_050)).await;
    assert_eq!(log.len(), 64);
    let told = jobs(&broker).await;
    assert_eq!((&told[0]["running"], &told[0]["skipped"]), (&json!(64), &json!(36)));
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_logged_counted_and_shown_and_the_next_one_comes() {
    let (lines, _guard) = logged();
    let count = Counter::default();
    let own = count.clone();
    let job = Job::every("sweep", ms(100), move |_| {
        let run = own.add();
        async move {
            match run {
                1 => Err(Error::conflict("the table is locked").with_internal("secret")),
                2 => panic!("oh"),
                _ => Ok(()),
            }
        }
    });
    let broker = start([ServiceDef::new("store").version(2).job(job.doc("Sweeps."))]).await;
    tokio::time::sleep(ms(110)).await;
    let told = jobs(&broker).await;
    assert_eq!(told[0]["lastError"]["message"], "the table is locked");
    assert!(told[0]["lastError"]["time"].is_u64() && told[0]["lastRun"].is_u64(), "{told}");
    assert!(!told.to_string().contains("secret"));
    tokio::time::sleep(ms(200)).await;
    assert_eq!((count.get(), broker.background_errors()), (3, 2));
    let told = jobs(&broker).await;
    for (field, value) in [
        ("name", json!("sweep")),
        ("period", json!(100)),
        ("description", json!("Sweeps.")),
        ("runs", json!(3)),
        ("failed", json!(2)),
        ("running", json!(0)),
        ("lastDuration", json!(0)),
    ] {
        assert_eq!(told[0][field], value, "{field}: {told}");
    }
    assert_eq!(told[0]["lastError"]["type"], "HANDLER_PANICKED");
    let text = lines.take().join("\n");
    for part in ["v2.store", "job=\"sweep\"", "the table is locked", "request_id="] {
        assert!(text.contains(part), "{part}: {text}");
    }
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_too_long_is_dropped() {
    let log = Log::default();
    let own = log.clone();
    let job = Job::every("slow", ms(1000), move |_| {
        let end = OnDrop(own.clone(), "dropped");
        async move {
            std::future::pending::<()>().await;
            drop(end);
            Ok::<_, Error>(())
        }
    });
    let broker = start([ServiceDef::new("s").job(job.timeout(ms(200)))]).await;
    tokio::time::sleep(ms(1201)).await;
    let told = jobs(&broker).await;
    assert_eq!(told[0]["lastError"]["message"], "job 'slow' of service 's' did not end within 200ms");
    assert_eq!(
        (told[0]["lastError"]["type"].as_str(), log.take()),
        (Some("JOB_TIMEOUT"), vec!["dropped".into()])
    );
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_has_a_request_of_its_own_and_calls_as_its_service() {
    let log = Log::default();
    let own = log.clone();
    let job = Job::every("ask", ms(100), |ctx: Context| async move {
        ctx.call_named("other.hear", json!(null)).await.map(drop)
    });
    let other = ServiceDef::new("other").action(action("hear", move |ctx, (): ()| {
        own.add(format!("{} {:?} {}", ctx.request_id(), ctx.caller(), ctx.level()));
        async { Ok(()) }
    }));
    let broker = start([ServiceDef::new("asker").job(job), other]).await;
    tokio::time::sleep(ms(210)).await;
    let lines = log.take();
    assert!(
        lines[0] != lines[1] && lines.iter().all(|line| line.ends_with(" Some(\"asker\") 2")),
        "{lines:?}"
    );
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_run_begins_before_the_broker_has_started() {
    let (log, gate) = (Log::default(), Gate::default());
    let held = gate.clone();
    let late = ServiceDef::new("late").started(move |_| {
        let gate = held.clone();
        async move {
            gate.pass().await;
            Ok(())
        }
    });
    let own = log.clone();
    let job = Job::every("now", ms(100), move |ctx: Context| {
        own.add(format!("{:?}", ctx.broker().state()));
        async { Ok::<_, Error>(()) }
    });
    let early = ServiceDef::new("early").job(job.start_now());
    let starting = spawn(async move { start([early, late]).await });
    tokio::time::sleep(ms(500)).await;
    assert_eq!(log.len(), 0);
    gate.open();
    let broker = starting.await.unwrap();
    settle().await;
    assert_eq!(log.take(), ["Started"]);
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_run_that_works_and_begins_none() {
    let (log, gate) = (Log::default(), Gate::default());
    let (own, held) = (log.clone(), gate.clone());
    let job = Job::every("work", ms(100), move |ctx: Context| {
        let (log, gate) = (own.clone(), held.clone());
        async move {
            log.add("begun");
            gate.pass().await;
            // Everything still answers.
            ctx.call_named("math.add", json!([1, 2])).await?;
            log.add("done");
            Ok::<_, Error>(())
        }
    });
    let life = log.clone();
    let service = ServiceDef::new("s").job(job.overlap(Overlap::Queue)).stopped(move |_| {
        life.add("stopped");
        async { Ok(()) }
    });
    let broker = start([service, math()]).await;
    tokio::time::sleep(ms(350)).await;
    let stops = broker.clone();
    let stop = spawn(async move { stops.stop().await });
    settle().await;
    gate.open();
    stop.await.unwrap();
    assert_eq!(log.take(), ["begun", "done", "stopped"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_end_holds_a_stop_up_for_its_time_only() {
    let job = Job::every("stuck", ms(100), |_| std::future::pending::<Result<()>>());
    let broker = start([ServiceDef::new("s").job(job)]).await;
    tokio::time::sleep(ms(150)).await;
    let (start, weak) = (tokio::time::Instant::now(), broker.downgrade());
    broker.stop().await;
    assert!((ms(5000)..ms(5200)).contains(&start.elapsed()), "{:?}", start.elapsed());
    drop(broker);
    settle().await;
    assert!(weak.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn jobs_come_and_go_with_their_service() {
    let log = Log::default();
    let broker = start([]).await;
    broker.add_service(ServiceDef::new("s").job(runs(&log, 10).start_now())).await.unwrap();
    tokio::time::sleep(ms(150)).await;
    assert_eq!(log.take().len(), 2);
    broker.destroy_service("s").await.unwrap();
    tokio::time::sleep(ms(500)).await;
    assert_eq!(log.len(), 0);
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn jitter_puts_runs_off_and_keeps_their_number() {
    let log = Log::default();
    let broker = start([ServiceDef::new("s").job(runs(&log, 0).jitter(ms(90)))]).await;
    tokio::time::sleep(ms(2099)).await;
    let times: Vec<u64> = log.take().iter().map(|line| line.parse().unwrap()).collect();
    assert_eq!(times.len(), 20);
    let late: Vec<_> = times.iter().zip(1..).map(|(time, run)| time - run * 100).collect();
    assert!(late.iter().all(|late| *late <= 91) && late.iter().any(|first| *first != late[0]), "{late:?}");
    broker.stop().await;
}

#[tokio::test]
async fn jobs_that_cannot_work_are_refused() {
    let job = |name: &str, period| Job::every(name, period, |_| async { Ok::<_, Error>(()) });
    let refused = async |service: ServiceDef| {
        let error = builder().service(service).start().await.unwrap_err();
        error.message().to_owned()
    };
    assert_eq!(
        refused(ServiceDef::new("s").job(job("a", ms(0)))).await,
        "job 'a' of service 's' repeats every 0ns; the shortest period is 1ms"
    );
    assert_eq!(
        refused(ServiceDef::new("s").job(job("a", ms(5)).jitter(ms(5)))).await,
        "the jitter of job 'a' of service 's' is 5ms; it must be shorter than its period, 5ms"
    );
    assert_eq!(
        refused(ServiceDef::new("s").job(job("a", ms(5))).job(job("a", ms(5)))).await,
        "service 's' defines the job 'a' twice; rename one of them"
    );
    // The service's own wins over that of a mixin.
    let log = Log::default();
    let mixed = ServiceDef::new("s").job(job("tick", ms(5))).mixin(ServiceDef::new("m").job(runs(&log, 1)));
    assert_eq!(mixed.jobs().iter().map(JobDef::period).collect::<Vec<_>>(), [ms(5)]);
}
