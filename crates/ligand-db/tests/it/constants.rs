//! Fields as constants: the same conditions, orders and changes as those with names in texts.

use std::collections::BTreeSet;

use ligand::{Date, Patch, entity, payload};
use ligand_db::{Changes, Db, Filter, ListParams, Names, Ordered, Query, Textual, TypedField};
use serde_json::{Value, json};

#[payload]
#[derive(Copy, Default)]
pub(crate) enum State {
    #[default]
    Open,
    Late,
    Closed,
}

/// Written as a text.
#[payload]
#[derive(Default)]
pub(crate) struct Isbn(pub(crate) String);

impl Ordered for Isbn {}
impl Textual for Isbn {}

/// Milliseconds for us, a text on the wire.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("t{value}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.trim_start_matches('t').parse().map_err(serde::de::Error::custom)
    }
}

#[entity(table = "loans")]
#[derive(Default)]
pub(crate) struct Loan {
    id: String,
    member: String,
    book: Isbn,
    #[serde(default)]
    state: State,
    due_at: i64,
    renewals: u8,
    fee: f64,
    returned: Option<Date>,
    note: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    is_lost: bool,
    #[serde(rename = "loanType")]
    r#type: String,
    #[serde(with = "as_text")]
    #[schemars(with = "String")]
    ticket: u64,
    #[field(hidden, default)]
    secret: Option<String>,
    #[serde(skip)]
    #[field(constant = false)]
    _scratch: u8,
}

impl Loan {
    /// An associated constant of one's own, where no field has its name.
    const LIMIT: usize = 5;
}

fn loan(member: &str, state: State, due_at: i64) -> Loan {
    let book = Isbn(format!("978-{member}"));
    Loan { member: member.into(), book, state, due_at, r#type: "x".into(), ticket: 7, ..Loan::default() }
}

pub(crate) async fn constants_ask_what_texts_ask(db: Db<Loan>) {
    db.insert_many([
        Loan {
            id: "1".into(),
            note: Some("Late".into()),
            renewals: 1,
            tags: vec!["x".into()],
            ..loan("ada", State::Open, 10)
        },
        Loan {
            id: "2".into(),
            fee: 2.5,
            is_lost: true,
            secret: Some("s".into()),
            ..loan("bob", State::Late, 20)
        },
        Loan { id: "3".into(), returned: Some(Date::from_millis(5)), ..loan("ada", State::Closed, 30) },
    ])
    .await
    .unwrap();
    let text = Filter::field;
    let member = "ada".to_owned();
    let date = Date::from_millis(5);
    for (typed, named, expected) in [
        (Loan::ID.eq("2"), text("id").eq("2"), "2"),
        (Loan::MEMBER.eq(&member), text("member").eq("ada"), "13"),
        (
            Loan::MEMBER.eq(member.clone()).and(Loan::STATE.eq(State::Open)),
            text("member").eq("ada").and(text("state").eq("open")),
            "1",
        ),
        (
            Loan::MEMBER.ne("ada").or(Loan::STATE.eq(State::Closed)),
            text("member").ne("ada").or(text("state").eq("closed")),
            "23",
        ),
        (Loan::STATE.is_in([State::Open, State::Late]), text("state").is_in(["open", "late"]), "12"),
        (Loan::MEMBER.not_in(&["bob".to_owned()]), text("member").not_in(["bob"]), "13"),
        (Loan::MEMBER.contains("D"), text("member").contains("D"), "13"),
        (Loan::DUE_AT.lt(20), text("dueAt").lt(20), "1"),
        (Loan::DUE_AT.between(20, 30), text("dueAt").gte(20).and(text("dueAt").lte(30)), "23"),
        (Loan::FEE.gt(2), text("fee").gt(2), "2"),
        (Loan::FEE.gte(2.5), text("fee").gte(2.5), "2"),
        (Loan::RENEWALS.lte(0), text("renewals").lte(0), "23"),
        (Loan::RETURNED.is_null(), text("returned").exists(false), "12"),
        (Loan::RETURNED.is_some(), text("returned").exists(true), "3"),
        (Loan::RETURNED.eq(None), text("returned").eq(Value::Null), "12"),
        (Loan::RETURNED.lte(date), text("returned").lte(date), "3"),
        (Loan::NOTE.eq("Late"), text("note").eq("Late"), "1"),
        (Loan::NOTE.contains("late"), text("note").contains("late"), "1"),
        (Loan::TAGS.has("x"), text("tags").has("x"), "1"),
        (Loan::TAGS.eq(Vec::new()), text("tags").eq(json!([])), "23"),
        (Loan::IS_LOST.eq(true), text("isLost").eq(true), "2"),
        (Loan::TYPE.eq("x"), text("loanType").eq("x"), "123"),
        (Loan::TICKET.eq(7), text("ticket").eq("t7"), "123"),
        (Loan::SECRET.eq("s"), text("secret").eq("s"), "2"),
        (Loan::BOOK.gt(Isbn("978-b".into())), text("book").gt("978-b"), "2"),
        (Loan::BOOK.contains("ada"), text("book").contains("ada"), "13"),
        // Both ways of naming go together.
        (
            Loan::MEMBER.eq("ada").and(text("dueAt").gt(10)),
            text("member").eq("ada").and(text("dueAt").gt(10)),
            "3",
        ),
        (
            text("dueAt").gt(10).and(Loan::MEMBER.eq("ada")),
            text("dueAt").gt(10).and(text("member").eq("ada")),
            "3",
        ),
    ] {
        let ids = |loans: Vec<Loan>| loans.into_iter().map(|loan| loan.id).collect::<String>();
        assert_eq!(db.count(typed.clone()).await.unwrap(), expected.len() as u64);
        assert_eq!(
            ids(db.find(typed.clone()).await.unwrap_or_else(|error| panic!("{typed:?}: {error}"))),
            expected,
            "{typed:?}"
        );
        assert_eq!(ids(db.find(named.clone()).await.unwrap()), expected, "{named:?}");
    }

    let ids = async |query: Query<Loan>| {
        db.find(query).await.unwrap().into_iter().map(|loan| loan.id).collect::<String>()
    };
    assert_eq!(ids(Loan::DUE_AT.desc().into()).await, "321");
    assert_eq!(ids(Loan::MEMBER.asc().then(Loan::DUE_AT.desc()).limit(2)).await, "31");
    assert_eq!(ids(Loan::MEMBER.eq("ada").sort(Loan::DUE_AT.desc()).limit(1)).await, "3");
    assert_eq!(ids(Query::new().filter(Loan::MEMBER.eq("ada")).sort("-dueAt").offset(1)).await, "1");
    assert_eq!(ids(Query::new().sort(Loan::RETURNED.desc())).await, "312");
    assert_eq!(db.find_one(Loan::DUE_AT.asc().offset(1)).await.unwrap().unwrap().id, "2");
    let mut all = Filter::<Loan>::default();
    for member in ["ada", "bob"] {
        all = all.and(Loan::MEMBER.ne(member));
    }
    assert_eq!(db.count(all).await.unwrap(), 0);

    // Changes, also of a patch.
    let set = Changes::new().set(Loan::NOTE, "new").set(Loan::RETURNED, date).increment(Loan::RENEWALS, 2);
    let changed = db.update("1", set).await.unwrap();
    assert_eq!((changed.note.as_deref(), changed.returned, changed.renewals), (Some("new"), Some(date), 3));
    let (absent, null, seven) = (Patch::<String>::Absent, Patch::<Date>::Null, Patch::Value(7));
    let set = Changes::new().set(Loan::NOTE, absent).set(Loan::RETURNED, null).set(Loan::TICKET, seven);
    let changed = db.update("1", set.set("fee", 4)).await.unwrap();
    assert_eq!((changed.note.as_deref(), changed.returned, changed.fee), (Some("new"), None, 4.0));
    assert_eq!(db.increment("1", Loan::FEE, 0.5).await.unwrap().fee, 4.5);
    assert_eq!(db.increment("1", Loan::RENEWALS, -1).await.unwrap().renewals, 2);
    let closed =
        db.update_where("1", Loan::STATE.ne(State::Closed), Loan::STATE.set(State::Closed)).await.unwrap();
    assert_eq!(closed.unwrap().state, State::Closed);
    assert_eq!(db.remove_where(Loan::STATE.eq(State::Closed)).await.unwrap(), 2);
    assert_eq!(Loan::LIMIT, 5);
}

#[tokio::test]
async fn parameters_of_actions_take_constants_for_names() {
    let names = Names::from((Loan::MEMBER, Loan::DUE_AT));
    assert_eq!(names.iter().collect::<Vec<_>>(), ["member", "dueAt"]);
    let params = ListParams {
        fields: Some(Loan::TYPE.into()),
        sort: Some(Loan::DUE_AT.desc().then(Loan::ID.asc()).into()),
        ..ListParams::default()
    };
    assert_eq!(
        serde_json::to_value(params).unwrap(),
        json!({ "fields": ["loanType"], "sort": ["-dueAt", "id"] })
    );
    let db = Db::<Loan>::memory().search_fields((Loan::MEMBER, Loan::NOTE)).populate(Loan::BOOK, "books.get");
    db.insert(loan("ada", State::Open, 1)).await.unwrap();
    let found = db.list(ListParams { search: Some("AD".into()), ..ListParams::default() }).await.unwrap();
    assert_eq!(found.total, 1);
}

#[entity(table = "shelves", constants = "ShelfField")]
struct Shelf {
    id: String,
    table: String,
    #[field(constant = "PLACES")]
    size: u32,
    #[field(constant = false)]
    books: BTreeSet<String>,
}

impl Shelf {
    const SIZE: u32 = 9;
}

#[entity(table = "rooms", constants = false)]
struct Room {
    id: String,
}

impl Room {
    const ID: TypedField<Self, String> = TypedField::new("id");
}

/// Fields whose constants would have the names of others.
#[tokio::test]
async fn constants_can_be_elsewhere_called_otherwise_or_not_there() {
    let db = Db::<Shelf>::memory();
    let shelf = Shelf { id: String::new(), table: "oak".into(), size: Shelf::SIZE, books: BTreeSet::new() };
    db.insert(shelf).await.unwrap();
    let found = ShelfField::TABLE.eq("oak").and(ShelfField::PLACES.eq(9)).and(ShelfField::ID.ne("x"));
    assert_eq!(db.count(found).await.unwrap(), 1);
    let rooms = Db::<Room>::memory();
    rooms.insert(Room { id: "a".into() }).await.unwrap();
    assert_eq!(rooms.count(Room::ID.eq("a")).await.unwrap(), 1);
}
