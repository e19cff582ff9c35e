//! Clients that leave before their answer: what is cut, and what runs to its end.

use http::Request;
use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
use ligand_web::{Gateway, Route};
use tokio::sync::watch;

/// How far the last call of an action has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Before,
    Between,
    Cut,
    After,
}

/// An action that waits between its two halves.
#[derive(Clone)]
struct Halves {
    step: watch::Sender<Step>,
    goes_on: watch::Sender<bool>,
}

struct Half(Halves);

impl Drop for Half {
    fn drop(&mut self) {
        self.0.step.send_if_modified(|step| {
            let cut = *step == Step::Between;
            if cut {
                *step = Step::Cut;
            }
            cut
        });
    }
}

impl Halves {
    fn new() -> Self {
        Self { step: watch::Sender::new(Step::Before), goes_on: watch::Sender::new(false) }
    }

    fn action(&self, name: &'static str) -> Action {
        let halves = self.clone();
        Action::new(name, move |_: Context, (): ()| {
            let halves = halves.clone();
            async move {
                let half = Half(halves);
                half.0.step.send_replace(Step::Between);
                half.0.goes_on.subscribe().wait_for(|on| *on).await.unwrap();
                half.0.step.send_replace(Step::After);
                Ok::<_, Error>(1)
            }
        })
    }

    /// Leaves between the halves, and tells how the call ends.
    async fn leave(&self, gateway: &Gateway, broker: &ServiceBroker, method: &str, path: &str) -> Step {
        self.step.send_replace(Step::Before);
        self.goes_on.send_replace(false);
        let mut step = self.step.subscribe();
        {
            let request = Request::builder().method(method).uri(path).body(()).unwrap();
            let answer = std::pin::pin!(gateway.handle(broker, request));
            let between = std::pin::pin!(step.wait_for(|step| *step == Step::Between));
            let first = futures_util::future::select(answer, between).await;
            assert!(matches!(first, futures_util::future::Either::Right(_)), "{method} {path} was answered");
        }
        self.goes_on.send_replace(true);
        *step.wait_for(|step| matches!(step, Step::Cut | Step::After)).await.unwrap()
    }
}

#[tokio::test]
async fn a_client_that_leaves_cuts_what_reads_and_not_what_writes() {
    let halves = Halves::new();
    let work = ServiceDef::new("work")
        .action(halves.action("plain"))
        .action(halves.action("always").run_to_end(true))
        .action(halves.action("never").run_to_end(false));
    let broker = ServiceBroker::builder().service(work).start().await.unwrap();
    let all = |route: Route| {
        route.alias("/plain", "work.plain").alias("/always", "work.always").alias("/never", "work.never")
    };
    let gateway = Gateway::builder()
        .route(all(Route::new("/api")))
        .route(all(Route::new("/cut").run_to_end(false)))
        .route(all(Route::new("/whole").run_to_end(true)))
        .build();
    for (method, path, end) in [
        ("GET", "/api/plain", Step::Cut),
        ("HEAD", "/api/plain", Step::Cut),
        ("POST", "/api/plain", Step::After),
        ("PUT", "/api/plain", Step::After),
        ("PATCH", "/api/plain", Step::After),
        ("DELETE", "/api/plain", Step::After),
        ("POST", "/api/never", Step::Cut),
        ("GET", "/api/always", Step::After),
        ("POST", "/cut/plain", Step::Cut),
        ("POST", "/cut/always", Step::After),
        ("GET", "/whole/plain", Step::After),
        ("GET", "/whole/never", Step::Cut),
    ] {
        assert_eq!(halves.leave(&gateway, &broker, method, path).await, end, "{method} {path}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn hooks_belong_to_what_runs_to_its_end() {
    let halves = Halves::new();
    let work = ServiceDef::new("work").action(halves.action("plain"));
    let broker = ServiceBroker::builder().service(work).start().await.unwrap();
    let after = watch::Sender::new(false);
    let told = after.clone();
    let route = Route::new("/").alias("POST /plain", "work.plain").after(move |_, _, answer| {
        told.send_replace(true);
        async { Ok::<_, Error>(answer) }
    });
    let gateway = Gateway::builder().route(route).build();
    assert_eq!(halves.leave(&gateway, &broker, "POST", "/plain").await, Step::After);
    after.subscribe().wait_for(|told| *told).await.unwrap();
    broker.stop().await;
}
