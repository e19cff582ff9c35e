//! Callers without the crate of the service: contracts that name `Crud`, and `Crud` by itself.

use ligand::{
    db::{Crud, CrudClient as _, Db, DbClient as _, ListParams},
    prelude::*,
    service::IntoServiceDef as _,
};

/// The service's own.
#[entity(table = "loans")]
struct Loan {
    id: String,
    #[check(trim, length(1..=20))]
    book: String,
    days: u32,
    #[field(hidden, default)]
    note: String,
}

/// What others know of it.
#[payload]
struct LoanSeen {
    book: String,
    days: u32,
}

#[contract(name = "loans", version = 2, mixins(Crud<LoanSeen>), without("remove"))]
trait LoansApi {
    /// Own actions stand beside those of the mixin.
    async fn extend(id: String, days: u32) -> Result<LoanSeen>;
    /// What the mixin brings can be said again, with fewer parameters.
    async fn get(id: String) -> Result<LoanSeen>;
}

#[derive(Default)]
struct Loans {
    db: Db<Loan>,
}

#[service(name = "loans", version = 2, contract = LoansApi, mixins(db: Db<Loan>), without("remove"))]
impl Loans {
    #[action]
    async fn extend(&self, id: String, days: u32) -> Result<LoanSeen> {
        let loan = self.db.require(&id).await?;
        let changes = ligand::db::Changes::new().set("days", loan.days + days);
        let Loan { book, days, .. } = self.db.update(&id, changes).await?;
        Ok(LoanSeen { book, days })
    }
}

fn seen(book: &str, days: u32) -> LoanSeen {
    LoanSeen { book: book.into(), days }
}

#[tokio::test]
async fn callers_without_the_entity_have_typed_crud() {
    let broker = ServiceBroker::builder().service(Loans::default()).start().await.unwrap();
    let id = broker.client::<Loans>().create(json!({ "book": "Dune", "days": 14 })).await.unwrap().id;
    let loans = broker.client::<LoansApi>();
    assert_eq!(loans.get(id.clone()).await.unwrap(), seen("Dune", 14));
    assert_eq!(loans.extend(id.clone(), 7).await.unwrap(), seen("Dune", 21));
    assert_eq!(loans.create(seen(" Emma ", 1)).await.unwrap(), seen("Emma", 1));
    assert_eq!(loans.count(ligand::db::CountParams::default()).await.unwrap(), 2);

    let crud = Crud::<LoanSeen>::named(&broker, "v2.loans");
    let page = crud.list(ListParams { sort: Some("days".into()), ..ListParams::default() }).await.unwrap();
    assert_eq!((page.total, page.rows), (2, vec![seen("Emma", 1), seen("Dune", 21)]));
    assert_eq!(crud.update(&id, json!({ "days": 3 })).await.unwrap(), seen("Dune", 3));
    assert_eq!(crud.get_many(vec![id.clone(), "nobody".into()]).await.unwrap(), [seen("Dune", 3)]);
    assert_eq!(crud.get("nobody").await.unwrap_err().name(), "EntityNotFoundError");
    assert_eq!(crud.remove(&id).await.unwrap_err().kind(), "SERVICE_NOT_FOUND");
    assert_eq!(format!("{crud:?}"), "Crud(v2.loans)");
}

#[tokio::test]
async fn a_renamed_service_cleans_the_cache_of_its_own_name() {
    let archive = Loans::default().into_service_def().renamed("archive").version(3);
    let broker = ServiceBroker::builder().memory_cache().service(archive).start().await.unwrap();
    let id = broker
        .client_named::<Loans>("v3.archive")
        .create(json!({ "book": "Dune", "days": 1 }))
        .await
        .unwrap()
        .id;
    let archive = broker.client_named::<LoansApi>("v3.archive");
    assert_eq!(archive.get(id.clone()).await.unwrap(), seen("Dune", 1));
    assert_eq!(broker.cache().unwrap().keys().await.unwrap().len(), 1);
    assert_eq!(archive.update(&id, json!({ "days": 2 })).await.unwrap(), seen("Dune", 2));
    assert_eq!(archive.get(id).await.unwrap(), seen("Dune", 2));
}

/// A field that no loan has.
#[payload]
struct Painted {
    book: String,
    colour: String,
}

#[contract(name = "shelf", mixins(Crud<Painted>))]
trait ShelfApi {}

#[contract(name = "desk", mixins(Db<Loan>))]
trait DeskApi {}

#[derive(Default)]
struct Shelf {
    db: Db<Loan>,
}

#[service(name = "shelf", contract = ShelfApi, mixins(db: Db<Loan>))]
impl Shelf {}

#[derive(Default)]
struct Desk {
    db: Db<Loan>,
}

#[service(name = "desk", contract = DeskApi, mixins(db: Db<Loan>), without("update"))]
impl Desk {}

#[tokio::test]
async fn a_database_that_is_not_what_the_contract_says_does_not_start() {
    let error = ServiceBroker::builder().service(Shelf::default()).start().await.unwrap_err();
    assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
    let text = "the action 'shelf.get' does not keep to the contract of its service: its answers have no field 'colour'";
    assert!(error.message().starts_with(text), "{error}");
    let error = ServiceBroker::builder().service(Desk::default()).start().await.unwrap_err();
    let text =
        "service 'desk': its contract has the action `update` of `Crud`, the service has not; give it a `Db`";
    assert!(error.message().starts_with(text), "{error}");
}
