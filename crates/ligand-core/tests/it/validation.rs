//! Validation of parameters and events.

use ligand_core::{ActionRef, Payload, ServiceDef};
use ligand_wire::{payload::Format, schema::Schema, validate::Validate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct NewUser {
    #[schemars(length(min = 3))]
    name: String,
    #[schemars(range(min = 18))]
    age: u32,
    #[serde(default = "user")]
    role: String,
}

fn user() -> String {
    "user".into()
}

impl Validate for NewUser {
    const SANITIZES: bool = true;
    const CHECKS: bool = true;
    fn sanitize(&mut self) {
        self.name = self.name.trim().to_owned();
    }
    fn is_valid(&self) -> bool {
        self.name.len() >= 3 && self.age >= 18
    }
}

const CREATE: ActionRef<NewUser, NewUser> = ActionRef::new("v1.users.create");

fn users(runs: &Counter) -> ServiceDef {
    let runs = runs.clone();
    ServiceDef::new("users")
        .version(1)
        .action(
            action("create", move |_, new: NewUser| {
                runs.add();
                async move { Ok(new) }
            })
            .params::<NewUser>(),
        )
        .event(event("user.*", |_, _: NewUser| async { Ok(()) }).params::<NewUser>())
}

#[tokio::test]
async fn every_broken_rule_is_reported_with_node_and_action() {
    let runs = Counter::default();
    let broker = start([users(&runs)]).await;
    let bad = json!({ "name": "x", "age": 3 });
    let typed = NewUser { name: "x".into(), age: 3, role: "r".into() };
    let errors = [
        broker.call_named("v1.users.create", bad.clone()).await.unwrap_err(),
        broker.call_named("v1.users.create", Payload::json(bad.to_string())).await.unwrap_err(),
        broker.call(CREATE, typed).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.name(), error.code(), error.kind()), ("ValidationError", 422, "VALIDATION_ERROR"));
        assert_eq!((error.message(), error.retryable()), ("Parameters validation error!", false));
        assert_eq!(
            error.data().unwrap(),
            &json!([
                {
                    "type": "stringMin", "field": "name", "expected": 3, "actual": 1,
                    "message": "The 'name' field must have at least 3 characters.",
                    "nodeID": "n1", "action": "v1.users.create",
                },
                {
                    "type": "numberMin", "field": "age", "expected": 18, "actual": 3,
                    "message": "The 'age' field must be greater than or equal to 18.",
                    "nodeID": "n1", "action": "v1.users.create",
                },
            ])
        );
    }
    assert_eq!(runs.get(), 0);
}

#[tokio::test]
async fn missing_and_mistyped_fields_are_all_reported() {
    let broker = start([users(&Counter::default())]).await;
    for (params, kinds) in [
        (json!({}), vec!["required", "required"]),
        (json!(null), vec!["required", "required"]),
        (json!({ "name": 5, "age": "x" }), vec!["string", "number"]),
        (json!({ "name": "ab", "age": 20.5 }), vec!["stringMin", "numberInteger"]),
    ] {
        let error = call(&broker, "v1.users.create", params.clone()).await.unwrap_err();
        let entries = error.data().unwrap().as_array().unwrap();
        assert_eq!(
            entries.iter().map(|e| e["type"].as_str().unwrap()).collect::<Vec<_>>(),
            kinds,
            "{params}"
        );
    }
    let error = broker.call_named("v1.users.create", Payload::UNDEFINED).await.unwrap_err();
    assert_eq!(error.data().unwrap().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn handlers_see_sanitized_values_with_defaults() {
    let broker = start([users(&Counter::default())]).await;
    let answer = call(&broker, "v1.users.create", json!({ "name": "  Ada ", "age": 36 })).await.unwrap();
    assert_eq!(answer, json!({ "name": "Ada", "age": 36, "role": "user" }));
    let typed = NewUser { name: " Ada ".into(), age: 36, role: "x".into() };
    // The caller's own copy stays as it was.
    let shared = Payload::typed(typed.clone());
    let answer: NewUser = broker.call_named("v1.users.create", shared.clone()).await.unwrap().take().unwrap();
    assert_eq!((answer.name.as_str(), shared.peek::<NewUser>()), ("Ada", Some(&typed)));
    // Too short only after trimming.
    let error = call(&broker, "v1.users.create", json!({ "name": "  A  ", "age": 36 })).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (422, "VALIDATION_ERROR"));
}

#[tokio::test]
async fn events_are_checked_and_named() {
    let broker = start([users(&Counter::default())]).await;
    let error = broker.emit_named("user.created", json!({ "age": 20 })).throw_error().await.unwrap_err();
    let entry = &error.data().unwrap()[0];
    assert_eq!(
        (&entry["type"], &entry["event"], &entry["nodeID"]),
        (&json!("required"), &json!("user.*"), &json!("n1"))
    );
    broker.emit_named("user.created", json!({ "name": "Ada", "age": 20 })).throw_error().await.unwrap();
}

#[tokio::test]
async fn dynamic_actions_are_checked_against_their_schema() {
    let schema = Schema::from_json(json!({
        "type": "object",
        "properties": { "id": { "type": "integer", "minimum": 1 }, "mode": { "enum": ["a", "b"] } },
        "required": ["id"],
    }))
    .unwrap();
    let svc = ServiceDef::new("s").action(
        action("get", |_, params: Payload| async move { Ok(params.get("id")) }).params_schema(schema),
    );
    let broker = start([svc.clone()]).await;
    assert_eq!(call(&broker, "s.get", json!({ "id": 5 })).await.unwrap(), json!(5));
    let error = call(&broker, "s.get", json!({ "id": 0, "mode": "c" })).await.unwrap_err();
    let entries = error.data().unwrap().as_array().unwrap();
    let kinds: Vec<_> = entries.iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["numberMin", "enumValue"]);
    assert!(entries.iter().all(|e| e["nodeID"] == "n1" && e["action"] == "s.get"));
    assert_eq!(call(&broker, "s.get", json!(null)).await.unwrap_err().data().unwrap()[0]["type"], "required");
    // Switched off for the whole broker.
    let broker = builder().service(svc).options(|o| o.validator = false).start().await.unwrap();
    assert_eq!(call(&broker, "s.get", json!({})).await.unwrap(), Value::Null);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Parcel {
    weight: f32,
    others: Option<Vec<f32>>,
}

impl Validate for Parcel {}

#[tokio::test]
async fn a_number_too_large_for_its_float_names_the_field() {
    let weigh = action("weigh", |_, parcel: Parcel| async move { Ok(parcel) }).params::<Parcel>();
    let broker = start([ServiceDef::new("parcels").action(weigh)]).await;
    for (parcel, field, kind) in [
        (json!({ "weight": 1e300 }), "weight", "numberMax"),
        (json!({ "weight": 1, "others": [1, -1e39] }), "others[1]", "numberMin"),
    ] {
        let mut forms = vec![Payload::from(parcel.clone())];
        for format in Format::ALL.into_iter().filter(|format| format.is_available()) {
            let mut bytes = Vec::new();
            Payload::from(parcel.clone()).encode(format, &mut bytes).unwrap();
            forms.push(Payload::encoded(format, bytes));
        }
        for form in forms {
            let how = form.type_name();
            let error = broker.call_named("parcels.weigh", form).await.unwrap_err();
            assert_eq!(error.kind(), "VALIDATION_ERROR", "{how}: {error:#}");
            let broken = &error.data().unwrap()[0];
            assert_eq!((&broken["field"], &broken["type"]), (&json!(field), &json!(kind)), "{how}");
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_number_beyond_all_numbers_is_an_error_of_its_field() {
    let broker = start([users(&Counter::default())]).await;
    let sent = Payload::json(r#"{"name":"Ada","age":1e400}"#.to_owned());
    let error = broker.call_named("v1.users.create", sent).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (422, "VALIDATION_ERROR"));
    let entry = &error.data().unwrap()[0];
    assert_eq!((&entry["field"], &entry["type"]), (&json!("age"), &json!("custom")));
    assert_eq!(entry["message"], "The 'age' field cannot be read: number out of range.");
    // What is no parameter is told the same way.
    let error = Payload::json(r#"{"lines":[{"price":1e400}]}"#.to_owned()).take::<Value>().unwrap_err();
    assert!(error.message().ends_with("in 'lines[0].price'"), "{error}");
}
