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

#[test]
fn bytes_are_a_buffer_in_json() {
    let bytes = Payload::typed(Binary::from(vec![1, 255]));
    assert_eq!(bytes.as_binary().unwrap()[..], [1, 255]);
    let mut text = Vec::new();
    bytes.write_json(&mut text).unwrap();
    assert_eq!(text, br#"{"type":"Buffer","data":[1,255]}"#);
    assert_eq!(bytes.to_value().unwrap(), json!({ "type": "Buffer", "data": [1, 255] }));
    assert_eq!(*bytes.clone().take::<Binary>().unwrap(), [1, 255]);
    assert_eq!(bytes.clone().take::<Vec<u8>>().unwrap(), [1, 255]);
    assert_eq!(bytes.clone().take::<Value>().unwrap(), bytes.to_value().unwrap());
    assert_eq!(*Payload::json(text).take::<Binary>().unwrap(), [1, 255]);
}

#[test]
fn json_inside_keeps_its_text() {
    #[derive(Clone, Serialize, Deserialize)]
    struct Echo {
        params: Payload,
        other: Option<Payload>,
    }
    let text = r#"{"params":{"b": [1.50, 1e2] ,"a":null},"other":null}"#;
    let echo = Payload::json(text).take::<Echo>().unwrap();
    assert_eq!(echo.params.as_json().unwrap(), r#"{"b": [1.50, 1e2] ,"a":null}"#);
    assert!(echo.other.is_none());
    let mut out = Vec::new();
    Payload::typed(echo.clone()).write_json(&mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), text);
    // Everybody else gets a tree.
    let tree = json!({ "params": { "b": [1.5, 100.0], "a": null }, "other": null });
    assert_eq!(serde_json::to_value(&echo).unwrap(), tree);
    assert_eq!(
        serde_json::from_value::<Echo>(tree.clone()).unwrap().params.as_value(),
        Some(&tree["params"])
    );
    // Text that is none does not spoil what is around it.
    let bad = Echo { params: Payload::json("1}"), other: None };
    assert_eq!(Payload::typed(bad).write_json(&mut Vec::new()).unwrap_err().kind(), "PAYLOAD_ENCODE_ERROR");
    let typed = Echo { params: Payload::typed(ada()), other: Some(Payload::UNDEFINED) };
    assert_eq!(serde_json::to_string(&typed).unwrap(), r#"{"params":{"id":1,"name":"Ada"},"other":null}"#);
}

#[test]
fn serializers_have_names() {
    for format in Format::ALL {
        assert_eq!(format.as_str().to_uppercase().parse::<Format>().unwrap(), format);
    }
    let error = "Avro".parse::<Format>().unwrap_err();
    assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
    assert!(error.message().contains("JSONExt, MsgPack"), "{error}");
}
