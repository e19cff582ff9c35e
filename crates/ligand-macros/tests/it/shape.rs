//! Names on the wire, derives and options.

use ligand::{Map, Value, payload, validate::Validate};
use serde_json::json;

#[payload]
struct User {
    user_id: u64,
    #[serde(rename = "e-mail")]
    email: Option<String>,
    #[check(default)]
    login_count: u32,
}

#[test]
fn fields_are_camel_case_on_the_wire() {
    let user: User = serde_json::from_value(json!({ "userId": 1, "unknown": true })).unwrap();
    assert_eq!(user, User { user_id: 1, email: None, login_count: 0 });
    assert_eq!(serde_json::to_value(&user).unwrap(), json!({ "userId": 1, "e-mail": null, "loginCount": 0 }));
    assert!(User::schema().json()["properties"]["userId"].is_object());
    assert_eq!(format!("{user:?}"), "User { user_id: 1, email: None, login_count: 0 }");
    const { assert!(!User::CHECKS && !User::SANITIZES) };
}

#[payload]
#[serde(rename_all = "snake_case")]
#[derive(Eq, Hash, Clone)]
struct Kept {
    user_id: u8,
}

#[test]
fn what_the_item_says_itself_stays() {
    assert_eq!(serde_json::to_value(Kept { user_id: 1 }).unwrap(), json!({ "user_id": 1 }));
    assert!(std::collections::HashSet::from([Kept { user_id: 1 }]).contains(&Kept { user_id: 1 }));
}

#[payload]
enum Status {
    InStock,
    OnOrder { expected_days: u8 },
    Other(String),
}

#[test]
fn enums_are_camel_case_too() {
    let all = [Status::InStock, Status::OnOrder { expected_days: 3 }, Status::Other("x".into())];
    assert_eq!(
        serde_json::to_value(&all).unwrap(),
        json!(["inStock", { "onOrder": { "expectedDays": 3 } }, { "other": "x" }])
    );
    assert_eq!(
        Status::schema().check(&json!("gone"))[0].expected.as_deref(),
        Some(&json!("inStock, onOrder, other"))
    );
}

#[payload(event = "users.created")]
struct UserCreated {
    id: u64,
}

#[payload(event = "pages.made")]
struct Page<T> {
    rows: Vec<T>,
}

#[test]
fn an_event_has_its_name() {
    use ligand::__private::EventPayload;

    assert_eq!(UserCreated::NAME, "users.created");
    assert_eq!(<Page<u8> as EventPayload>::NAME, "pages.made");
    assert_eq!(UserCreated { id: 1 }, UserCreated { id: 1 });
}

#[payload(unknown = "reject")]
struct Strict {
    a: u8,
}

#[payload(unknown = "keep")]
struct Open {
    a: u8,
    #[check(rest)]
    extra: Map<String, Value>,
}

#[test]
fn unknown_fields() {
    assert!(serde_json::from_value::<Strict>(json!({ "a": 1, "b": 2 })).is_err());
    assert_eq!(Strict::schema().check(&json!({ "a": 1, "b": 2 }))[0].kind, "objectStrict");
    assert_eq!(serde_json::from_value::<Strict>(json!({ "a": 1 })).unwrap(), Strict { a: 1 });

    let open: Open = serde_json::from_value(json!({ "a": 1, "b": 2 })).unwrap();
    assert_eq!((open.a, &open.extra["b"]), (1, &json!(2)));
    assert_eq!(serde_json::to_value(&open).unwrap(), json!({ "a": 1, "b": 2 }));
    assert_eq!(Open::schema().check(&json!({ "a": 1, "b": 2 })), []);
}

#[payload]
struct Defaults {
    #[check(default = 10, range(1..=100))]
    page_size: u32,
    #[check(default = "asc")]
    order: String,
    #[check(default = Some(vec![1, 2]))]
    ids: Option<Vec<u8>>,
}

#[payload]
struct GenericDefault<T> {
    #[check(default = 7)]
    number: u8,
    value: T,
}

#[test]
fn absent_fields_get_their_default() {
    let defaults: Defaults = serde_json::from_value(json!({})).unwrap();
    assert_eq!(defaults, Defaults { page_size: 10, order: "asc".into(), ids: Some(vec![1, 2]) });
    assert_eq!(Defaults::schema().json()["properties"]["pageSize"]["default"], 10);
    assert_eq!(Defaults::schema().check(&json!({})), []);
    let generic: GenericDefault<bool> = serde_json::from_value(json!({ "value": true })).unwrap();
    assert_eq!(generic, GenericDefault { number: 7, value: true });
}

#[payload]
struct Login {
    name: String,
    #[check(length(8..), secret)]
    password: String,
}

#[payload]
enum Credentials {
    Token(#[check(secret)] String),
    Basic {
        user: String,
        #[check(secret)]
        password: Option<String>,
    },
    None,
}

#[test]
fn secrets_are_not_printed() {
    let login = Login { name: "ada".into(), password: "hunter2".into() };
    assert_eq!(format!("{login:?}"), r#"Login { name: "ada", password: *** }"#);
    let basic = Credentials::Basic { user: "ada".into(), password: None };
    assert_eq!(format!("{basic:?}"), r#"Basic { user: "ada", password: *** }"#);
    assert_eq!(format!("{:?}", Credentials::Token("x".into())), "Token(***)");
    assert_eq!(format!("{:?}", Credentials::None), "None");
    let errors = Login::schema().check(&json!({ "name": "ada", "password": "hunter2" }));
    assert_eq!((errors[0].kind.as_ref(), &errors[0].actual), ("stringMin", &None));
}

#[test]
fn the_schema_is_built_once() {
    assert!(std::ptr::eq(Login::schema().json(), Login::schema().json()));
    assert_eq!(<Page<u8>>::schema().json()["properties"]["rows"]["type"], "array");
}

/// Derives that the attribute does not make may stand above it.
#[derive(Default, Eq, Hash, PartialOrd, Ord, Copy)]
#[payload]
struct Above {
    id: u8,
}

#[test]
fn standard_derives_of_ones_own_stand_above_or_below() {
    let above = Above { id: 3 };
    assert!(above > Above::default() && Above { ..above } == above);
}
