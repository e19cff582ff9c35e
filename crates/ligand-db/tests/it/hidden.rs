//! An entity with hidden fields does not leave its service: not whole, not nested, not by a decoding that fills them with
//! nothing. What cannot be written at all is in the compile tests of the macros (`ui/hidden`).

use ligand::ServiceDef;
use ligand::prelude::*;
use ligand_core::Action;
use ligand_db::{Changes, Db, DbClient, Entity as _, ExposedHiddenFields, Filter, ListParams, Page};

#[entity(table = "accounts", visible = "PublicAccount")]
#[derive(Default)]
struct Account {
    id: String,
    user_name: String,
    #[check(length(4..))]
    #[field(hidden)]
    password_hash: String,
    /// Without a value it would look like "there is none".
    #[field(hidden, default)]
    second_factor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[field(default)]
    tags: Vec<String>,
}

#[payload(event = "account.made")]
struct Made {
    account: PublicAccount,
}

#[derive(Default)]
struct Accounts {
    db: Db<Account>,
}

#[service(name = "accounts", mixins(db: Db<Account>))]
impl Accounts {
    #[action]
    async fn newest(&self, ctx: &Context) -> Result<PublicAccount> {
        let found = self.db.find_one(Filter::field("userName").eq("ada")).await?;
        let account = found.ok_or_else(|| Error::not_found("nobody"))?.visible();
        ctx.emit(Made { account: account.clone() }).await?;
        Ok(account)
    }

    #[action]
    async fn pages(&self, params: ListParams) -> Result<Page<PublicAccount>> {
        Ok(self.db.list(params).await?.visible())
    }

    #[action]
    async fn shaped(&self, ctx: &Context, params: ListParams) -> Result<Page<Value>> {
        self.db.list_for(ctx, params).await
    }

    /// Inside, everything is readable.
    #[action]
    async fn fits(&self, password: String) -> Result<bool> {
        let found = self.db.find_one(Filter::field("userName").eq("ada")).await?;
        Ok(found.is_some_and(|account| account.password_hash == password))
    }
}

fn ada() -> Account {
    Account {
        user_name: "ada".into(),
        password_hash: "hunter2".into(),
        second_factor: Some("hunter2".into()),
        ..Account::default()
    }
}

fn is_clean(text: &str) {
    for word in ["hunter2", "passwordHash", "secondFactor"] {
        assert!(!text.contains(word), "{text}");
    }
}

#[test]
fn an_entity_is_written_without_its_hidden_fields_wherever_it_stands() {
    let nested = json!({ "one": ada(), "list": [ada()], "maybe": Some(ada()), "map": { "a": (1, ada()) } });
    assert_eq!(nested["one"], json!({ "id": "", "userName": "ada" }));
    is_clean(&nested.to_string());
    is_clean(&serde_json::to_string(&vec![Some(ada())]).unwrap());
    let text = format!("{:?} {:#?} {:?}", ada(), vec![ada()], Page { rows: vec![ada()], ..Page::default() });
    assert!(!text.contains("hunter2") && text.contains("password_hash: ***"), "{text}");
    let changes = Changes::new().set("passwordHash", "hunter2");
    assert!(!format!("{changes:?}").contains("hunter2"), "{changes:?}");
}

/// Whether a type is a payload, by the compiler's choice between an inherent constant and that of a trait.
struct Travels<T>(std::marker::PhantomData<T>);

impl<T: ligand::Data> Travels<T> {
    const YES: bool = true;
}

trait Stays {
    const YES: bool = false;
}

impl<T> Stays for Travels<T> {}

#[test]
fn only_the_visible_part_is_a_payload_however_it_is_wrapped() {
    let alone = [Travels::<Account>::YES, Travels::<Vec<Account>>::YES, Travels::<Option<Account>>::YES];
    let around = [
        Travels::<Page<Account>>::YES,
        Travels::<(u8, Account)>::YES,
        Travels::<std::collections::BTreeMap<String, Account>>::YES,
        Travels::<Box<Account>>::YES,
    ];
    assert_eq!((alone, around), ([false; 3], [false; 4]));
    let visible = [Travels::<PublicAccount>::YES, Travels::<Page<PublicAccount>>::YES, Travels::<Made>::YES];
    let exposed = Travels::<Vec<ExposedHiddenFields<Account>>>::YES;
    assert_eq!((visible, exposed), ([true; 3], true));
}

#[test]
fn schemas_of_answers_do_not_name_hidden_fields() {
    use ligand::service::Mixin as _;
    let def = Db::<Account>::memory().define("accounts");
    for action in def.actions() {
        let returns = action.returns().map(|schema| schema.json().to_string());
        is_clean(&returns.unwrap_or_default());
    }
    is_clean(&ligand::schema::Schema::of::<PublicAccount>().json().to_string());
}

#[tokio::test]
async fn inside_they_are_readable_outside_they_are_not_there() {
    let service = Accounts::default();
    let db = service.db.clone();
    let broker = ServiceBroker::builder().memory_cache().service(service).start().await.unwrap();
    let id = db.insert(ada()).await.unwrap().id;
    assert_eq!(db.require(&id).await.unwrap().second_factor.as_deref(), Some("hunter2"));
    let accounts = broker.client::<Accounts>();
    assert!(accounts.fits("hunter2".into()).await.unwrap());

    // Typed answers have a type without the fields: there is nothing that could be empty.
    let got: PublicAccount = accounts.get(&id).await.unwrap();
    assert_eq!((got.id.as_str(), got.user_name.as_str()), (id.as_str(), "ada"));
    assert_eq!(accounts.newest().await.unwrap(), got);
    assert_eq!(accounts.get_many(vec![id.clone()]).await.unwrap()[0], got);
    assert_eq!(accounts.list(ListParams::default()).await.unwrap().rows, [got]);
    for (action, params) in [
        ("accounts.newest", json!({})),
        ("accounts.pages", json!({})),
        ("accounts.shaped", json!({ "fields": "userName, passwordHash, secondFactor" })),
        ("accounts.get", json!({ "id": id })),
        ("accounts.get", json!({ "id": [id], "mapping": true })),
        ("accounts.update", json!({ "id": id, "userName": "ada" })),
    ] {
        let answer = broker.call_named(action, params).await.unwrap().to_value().unwrap();
        assert!(answer.to_string().contains("ada"), "{action}: {answer}");
        is_clean(&answer.to_string());
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_list_of_ones_own_honours_the_shape_or_refuses_it() {
    let service = Accounts::default();
    let db = service.db.clone();
    let broker = ServiceBroker::builder().service(service).start().await.unwrap();
    db.insert(ada()).await.unwrap();
    let call = |action: &'static str, params: Value| {
        let call = broker.call_named(action, params);
        async move { call.await?.to_value() }
    };
    let shaped = call("accounts.shaped", json!({ "fields": ["userName"] })).await.unwrap();
    assert_eq!(shaped["rows"], json!([{ "userName": "ada" }]));
    let shaped = call("accounts.shaped", json!({ "excludeFields": "userName" })).await.unwrap();
    assert!(shaped["rows"][0].get("userName").is_none(), "{shaped}");
    assert_eq!(call("accounts.shaped", json!({ "populate": "zzz" })).await.unwrap_err().code(), 422);
    for name in ["fields", "excludeFields", "populate"] {
        let error = call("accounts.pages", json!({ name: "userName" })).await.unwrap_err();
        assert_eq!((error.code(), &error.data().unwrap()[0]["field"]), (422, &json!(name)));
    }
    broker.stop().await;
}

#[tokio::test]
async fn the_long_way_takes_hidden_fields_along() {
    let moved = ServiceDef::new("old").action(Action::new("export", |_: Context, _: Value| async {
        Ok::<_, Error>(vec![ExposedHiddenFields(ada())])
    }));
    let broker = ServiceBroker::builder().service(moved).start().await.unwrap();
    let answer = broker.call_named("old.export", json!({})).await.unwrap().to_value().unwrap();
    assert_eq!(answer[0]["passwordHash"], "hunter2");
    let read: Vec<ExposedHiddenFields<Account>> = serde_json::from_value(answer).unwrap();
    assert_eq!(read[0].0, ada());
    assert!(!format!("{read:?}").contains("hunter2"));
    broker.stop().await;
}

#[tokio::test]
async fn errors_about_rows_do_not_quote_hidden_values() {
    let db = Db::<Account>::memory();
    let row = json!({ "id": "a", "userName": "ada", "passwordHash": ["hunter2"] });
    let Value::Object(row) = row else { unreachable!() };
    db.adapter().insert(db.table().unwrap().clone(), vec![row]).await.unwrap();
    let error = db.get("a").await.unwrap_err();
    assert_eq!(error.kind(), "DATABASE_ROW");
    let text = format!("{error:#} {error:?}");
    assert!(!text.contains("hunter2"), "{text}");
    let error = db.insert(Account { password_hash: "hu2".into(), ..ada() }).await.unwrap_err();
    let text = format!("{error:#} {error:?} {:?}", error.data());
    assert!(error.code() == 422 && !text.contains("hu2") && text.contains("passwordHash"), "{text}");
}
