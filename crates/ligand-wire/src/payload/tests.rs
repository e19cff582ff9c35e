use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: Option<String>,
}

fn ada() -> User {
    User { id: 1, name: Some("Ada".into()) }
}

#[test]
fn typed_values_move_and_share() {
    let payload = Payload::typed(ada());
    let shared = payload.clone();
    assert_eq!(payload.take::<User>().unwrap(), ada());
    assert_eq!(shared.peek::<User>(), Some(&ada()));
    assert_eq!(shared.get("name"), Some(json!("Ada")));
}

#[test]
fn every_form_decodes_to_the_same_value() {
    let forms = [
        Payload::json(r#"{"id":1,"name":"Ada"}"#),
        Payload::from(json!({"id": 1, "name": "Ada"})),
        Payload::typed(json!({"id": 1, "name": "Ada"})),
        Payload::typed(ada()).into_typed::<Value>().unwrap(),
    ];
    for form in forms {
        let mut text = Vec::new();
        form.write_json(&mut text).unwrap();
        assert_eq!(text, br#"{"id":1,"name":"Ada"}"#, "{form:?}");
        assert_eq!(form.take::<User>().unwrap(), ada());
    }
}

#[test]
fn nothing_is_null_unit_or_an_empty_object() {
    for nothing in [Payload::UNDEFINED, Payload::NULL, Payload::json("null"), Payload::typed(())] {
        nothing.clone().take::<()>().unwrap();
        assert_eq!(nothing.clone().take::<Option<u8>>().unwrap(), None);
        assert!(nothing.take::<User>().unwrap_err().message().contains("id"));
    }
    Payload::json("{}").take::<()>().unwrap();
}

#[test]
fn misfits_are_client_errors_without_type_names() {
    let err = Payload::json(r#"{"id":"x"}"#).take::<User>().unwrap_err();
    assert_eq!((err.code(), err.kind()), (422, "PAYLOAD_DECODE_ERROR"));
    assert!(!err.message().contains("ligand_wire"), "{err:?}");
}

#[test]
fn change_does_not_reach_other_owners() {
    let mut mine = Payload::typed(ada());
    let theirs = mine.clone();
    mine.typed_mut::<User>().unwrap().id = 2;
    assert_eq!((mine.peek::<User>().unwrap().id, theirs.peek::<User>().unwrap().id), (2, 1));
    mine.value_mut().unwrap()["id"] = json!(3);
    assert_eq!((mine.get("id"), theirs.get("id")), (Some(json!(3)), Some(json!(1))));
}

#[test]
fn debug_shows_no_content() {
    assert!(!format!("{:?}", Payload::typed(ada())).contains("Ada"));
}
