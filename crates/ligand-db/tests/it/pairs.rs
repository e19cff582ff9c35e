//! Rows that are in the way of each other, odd ids, long conditions: for every adapter.

use ligand_db::{Changes, Db, Entity, Field, Filter};
use ligand_wire::{FieldError, schema::JsonSchema, validate::Validate};
use serde::{Deserialize, Serialize};

/// Two unique fields and a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Pair {
    #[serde(default)]
    id: String,
    count: u8,
    zeta: Option<String>,
    alpha: Option<String>,
}

impl Validate for Pair {}

impl Entity for Pair {
    type Visible = Self;
    const TABLE: &'static str = "pairs";
    const FIELDS: &'static [Field] = &[Field::new("alpha").unique(), Field::new("zeta").unique()];
}

fn pair(id: &str, zeta: &str, alpha: &str) -> Pair {
    Pair { id: id.into(), count: 1, zeta: Some(zeta.into()), alpha: Some(alpha.into()) }
}

pub(crate) async fn conflicts_are_told_in_one_order(db: Db<Pair>) {
    let db = db.rule(|pair| match pair.count {
        0..100 => Vec::new(),
        _ => vec![FieldError::new("custom", Some("count".into()), None, None)],
    });
    db.insert_many([pair("1", "z", "a"), pair("2", "y", "b")]).await.unwrap();
    let field = |error: ligand_core::Error| {
        (error.code(), error.data().unwrap()["field"].as_str().unwrap_or("-").to_owned())
    };
    // The id first, then the columns in their order.
    for (entity, taken) in [
        (pair("1", "z", "a"), "id"),
        (pair("3", "z", "b"), "zeta"),
        (pair("3", "y", "a"), "zeta"),
        (pair("3", "x", "a"), "alpha"),
    ] {
        assert_eq!(field(db.insert(entity).await.unwrap_err()), (409, taken.to_owned()));
    }
    let both = [pair("3", "x", "c"), pair("4", "x", "a")];
    assert_eq!(field(db.insert_many(both).await.unwrap_err()), (409, "zeta".into()));
    let taken = Changes::new().set("alpha", "a").set("zeta", "z");
    assert_eq!(field(db.update("2", taken.clone()).await.unwrap_err()), (409, "zeta".into()));
    assert_eq!(field(db.replace("2", pair("2", "x", "a")).await.unwrap_err()), (409, "alpha".into()));
    // A broken rule comes before what is taken.
    for count in [100, 300] {
        let error = db.update_where("2", Filter::all(), taken.clone().set("count", count)).await.unwrap_err();
        assert_eq!(error.code(), 422, "{error:?}");
    }
    assert_eq!(db.find(Filter::all()).await.unwrap(), [pair("1", "z", "a"), pair("2", "y", "b")]);
    // Nothing is nobody's.
    for id in ["5", "6"] {
        db.insert(Pair { id: id.into(), ..Pair::default() }).await.unwrap();
    }
    assert_eq!(db.update("5", Changes::new().set("count", 1)).await.unwrap().alpha, None);
}

pub(crate) async fn any_text_is_an_id(db: Db<Pair>) {
    let long = "x".repeat(100_000);
    let ids =
        ["a", "A", "a ", " a", "a\u{0}", "a\u{0}b", "\u{1F600}", "e\u{301}", "\u{e9}", "'--", "%", &long];
    for id in ids {
        let made = db.insert(Pair { id: id.into(), ..Pair::default() }).await.unwrap();
        assert_eq!(db.insert(made.clone()).await.unwrap_err().code(), 409, "{id:.20}");
        assert_eq!(db.require(id).await.unwrap(), made);
        assert_eq!(db.increment(id, "count", 2).await.unwrap().count, 2);
        assert_eq!(db.replace(id, Pair::default()).await.unwrap(), made);
    }
    let mut sorted: Vec<_> = ids.to_vec();
    sorted.sort_unstable();
    let found: Vec<String> = db.find(Filter::all()).await.unwrap().into_iter().map(|pair| pair.id).collect();
    assert_eq!(found, sorted);
    assert_eq!(db.get_many(ids).await.unwrap().len(), ids.len());
    for id in ids {
        assert_eq!(db.remove(id).await.unwrap().id, id);
    }
    assert_eq!(db.count(Filter::all()).await.unwrap(), 0);
}

/// More conditions than a statement would hold as one row.
pub(crate) async fn long_conditions_are_answered(db: Db<Pair>) {
    db.insert_many([pair("1", "z", "a"), pair("2", "y", "b")]).await.unwrap();
    let each = |id: u32| Filter::field("id").eq(id.to_string());
    let any = (0..5000).map(each).reduce(Filter::or).unwrap();
    assert_eq!(db.count(any.clone()).await.unwrap(), 2);
    let none = (2..5000).map(|id| Filter::field("id").ne(id.to_string())).reduce(Filter::and).unwrap();
    assert_eq!(db.count(none.and(any)).await.unwrap(), 1);
    assert_eq!(
        db.count(Filter::field("id").is_in((0..50_000).map(|id: u32| id.to_string()))).await.unwrap(),
        2
    );
}

/// Sums beyond the type of the field.
pub(crate) async fn sums_end_where_the_type_does(db: Db<Pair>) {
    db.insert(Pair { id: "1".into(), count: 250, ..Pair::default() }).await.unwrap();
    assert_eq!(db.increment("1", "count", 5).await.unwrap().count, 255);
    for by in [1, -256, i64::MAX, i64::MIN] {
        assert_eq!(db.increment("1", "count", by).await.unwrap_err().code(), 422, "{by}");
    }
    assert_eq!(db.increment("1", "count", -255).await.unwrap().count, 0);
}
