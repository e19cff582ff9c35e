//! Contracts that are checked at start, and clients of services under other names.

use ligand_core::{
    Action, Contract, Payload, ServiceDef,
    broker::Request,
    service::{Caller, Client, Mixin, Promise, Term, Visibility},
};
use serde_json::json;

use crate::support::*;

/// A contract as `#[contract]` would write it.
struct LoansApi;

struct LoansClient(Caller);

impl Client for LoansClient {
    fn new(caller: Caller) -> Self {
        Self(caller)
    }
}

impl LoansClient {
    fn own_name(&self) -> Request<String> {
        self.0.call_as("v1.loans.ownName", Payload::NULL)
    }
}

impl Contract for LoansApi {
    const NAME: &'static str = "v1.loans";
    type Client = LoansClient;

    fn terms() -> Vec<Term> {
        let own = Term::new("ownName", "the contract has `ownName`, the service has not");
        let mut terms = vec![own.typed::<(), String>()];
        terms.extend(Names::terms());
        terms
    }
}

/// A mixin that brings an action and a listener, both of which know the service's name.
struct Names;

impl Promise for Names {
    fn terms() -> Vec<Term> {
        vec![Term::new("mixed", "the contract has `mixed`")]
    }
}

impl Mixin for Names {
    fn define(&self, service: &str) -> ServiceDef {
        let name = service.to_owned();
        ServiceDef::new("names").action(says("ownName", name)).action(says("mixed", String::new()))
    }
}

fn says(action: &str, text: String) -> Action {
    Action::of(action, move |(): ()| {
        let text = text.clone();
        async move { Ok::<_, ligand_core::Error>(text) }
    })
    .returns::<String>()
}

fn loans() -> ServiceDef {
    ServiceDef::new("loans").version(1).keeps_to::<LoansApi>()
}

async fn refused(service: ServiceDef) -> String {
    let error = builder().service(service).start().await.unwrap_err();
    assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
    error.message().to_owned()
}

#[tokio::test]
async fn actions_of_mixins_fulfil_a_contract() {
    let broker = start([loans().mixin_with(|service| Names.define(service))]).await;
    assert_eq!(broker.client::<LoansApi>().own_name().await.unwrap(), "v1.loans");
}

#[tokio::test]
async fn what_does_not_keep_to_its_contract_does_not_start() {
    let text = refused(loans()).await;
    assert_eq!(text, "service 'v1.loans': the contract has `ownName`, the service has not");
    let text = refused(loans().without_action("mixed").mixin_with(|service| Names.define(service))).await;
    assert_eq!(text, "service 'v1.loans': the contract has `mixed`");
    let other = Action::of("ownName", |(): ()| async { Ok::<_, ligand_core::Error>(1) }).returns::<u8>();
    let text = refused(loans().action(other).mixin_with(|service| Names.define(service))).await;
    let start =
        "the action 'v1.loans.ownName' does not keep to the contract of its service: it answers another type";
    assert!(text.starts_with(start), "{text}");
    let private = says("mixed", String::new()).visibility(Visibility::Private);
    let text = refused(loans().action(private).mixin_with(|service| Names.define(service))).await;
    assert!(text.contains("it is private"), "{text}");
}

#[tokio::test]
async fn a_renamed_service_has_a_typed_client_and_its_mixins_know_the_name() {
    let named = |name: &str| loans().mixin_with(|service| Names.define(service)).renamed(name);
    let front = ServiceDef::new("front").action(action("ask", |ctx, (): ()| async move {
        ctx.client_named::<LoansApi>("v2.archive").own_name().await
    }));
    let archive = named("archive").version(2);
    let plain = named("plain").setting("$noVersionPrefix", true);
    let broker = start([named("loans"), archive, plain, front]).await;
    assert_eq!(broker.client::<LoansApi>().own_name().await.unwrap(), "v1.loans");
    assert_eq!(call(&broker, "front.ask", json!(null)).await.unwrap(), json!("v2.archive"));
    assert_eq!(broker.client_named::<LoansApi>("plain").own_name().await.unwrap(), "plain");
    let error = broker.client_named::<LoansApi>("nobody").own_name().await.unwrap_err();
    assert_eq!(error.message(), "Service 'nobody.ownName' is not found.");
}

#[tokio::test]
async fn a_definition_tells_of_mixins_once_it_is_resolved() {
    let def = loans().mixin_with(|service| Names.define(service));
    assert!(def.actions().is_empty());
    let names: Vec<_> = def.resolved().actions().iter().map(|action| action.raw_name().to_owned()).collect();
    assert_eq!(names, ["ownName", "mixed"]);
}
