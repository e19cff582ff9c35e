use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Payload, payload::Format};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Login {
    name: String,
    password: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Step {
    Move { x: i32, y: i32 },
    Turn(i32, i32),
    Login(Login),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Move { x: i32 },
    Stop,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum Adjacent {
    Move { x: i32 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pair(i32, i32);

/// The content in every form in which it can reach a node.
fn forms(value: &Value) -> Vec<Payload> {
    let mut forms = vec![Payload::from(value.clone()), Payload::json(value.to_string())];
    for format in Format::ALL.into_iter().filter(|format| format.is_available()) {
        let mut bytes = Vec::new();
        Payload::from(value.clone()).encode(format, &mut bytes).unwrap();
        forms.push(Payload::encoded(format, bytes));
    }
    forms
}

fn refuses<T: crate::Data + DeserializeOwned + std::fmt::Debug>(value: &Value) {
    for form in forms(value) {
        let how = form.type_name();
        let error = form.take::<T>().expect_err(how);
        assert!(error.message().contains("invalid type: sequence, expected "), "{how}: {error}");
    }
}

fn reads<T: crate::Data + PartialEq + std::fmt::Debug>(value: &Value, expected: &T) {
    for form in forms(value) {
        assert_eq!(&form.take::<T>().unwrap(), expected, "{value}");
    }
}

#[test]
fn no_struct_is_read_from_a_list() {
    let list = json!(["ada", "secret"]);
    refuses::<Login>(&list);
    refuses::<Login>(&json!([]));
    refuses::<Vec<Login>>(&json!([list]));
    refuses::<Option<Login>>(&list);
    refuses::<Box<Login>>(&list);
    refuses::<(u8, Login)>(&json!([1, list]));
    refuses::<std::collections::BTreeMap<String, Login>>(&json!({ "a": list }));
    refuses::<Step>(&json!({ "Move": [1, 2] }));
    refuses::<Step>(&json!({ "Login": list }));
    refuses::<Tagged>(&json!(["Move", 1]));
    refuses::<Tagged>(&json!(["Stop"]));
    refuses::<Adjacent>(&json!(["Move", { "x": 1 }]));
    assert!(Payload::typed((1, 2)).take::<Login>().is_err());
}

#[test]
fn lists_and_objects_stay_what_they_were() {
    let login = Login { name: "ada".into(), password: "secret".into() };
    let object = json!({ "name": "ada", "password": "secret" });
    reads(&object, &login);
    reads(&json!([object]), &vec![login.clone()]);
    reads(&json!([object]), &Some(vec![login.clone()]));
    reads(&json!({ "Login": object }), &Step::Login(login));
    reads(&json!({ "Move": { "x": 1, "y": 2 } }), &Step::Move { x: 1, y: 2 });
    reads(&json!({ "Turn": [1, 2] }), &Step::Turn(1, 2));
    reads(&json!([1, 2]), &Pair(1, 2));
    reads(&json!([1, 2]), &(1, 2));
    reads(&json!([1, 2]), &[1, 2]);
    reads(&json!({ "kind": "Move", "x": 1 }), &Tagged::Move { x: 1 });
    reads(&json!({ "kind": "Stop" }), &Tagged::Stop);
    reads(&json!({ "kind": "Move", "of": { "x": 1 } }), &Adjacent::Move { x: 1 });
}

#[test]
fn the_error_names_type_and_place() {
    let error =
        Payload::json(r#"[{"name":"ada","password":"x"},["ada","x"]]"#).take::<Vec<Login>>().unwrap_err();
    assert!(
        error
            .message()
            .ends_with("invalid type: sequence, expected an object for struct Login at line 1 column 32"),
        "{error}"
    );
    let error = Payload::json("5").take::<Login>().unwrap_err();
    assert!(error.message().contains("expected an object for struct Login"), "{error}");
}

#[test]
fn whole_numbers_are_integers_however_they_are_written() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Count {
        n: u8,
        signed: Option<i64>,
        list: Vec<u64>,
        float: f64,
    }
    let texts = [
        r#"{"n":1.0,"signed":-2.0,"list":[3e2,9007199254740991.0],"float":1.0}"#,
        r#"{"n":10e-1,"signed":-2e0,"list":[300,9007199254740991],"float":1}"#,
    ];
    let expected = Count { n: 1, signed: Some(-2), list: vec![300, 9_007_199_254_740_991], float: 1.0 };
    for text in texts {
        reads(&serde_json::from_str(text).unwrap(), &expected);
        assert_eq!(Payload::json(text).take::<Count>().unwrap(), expected);
    }
    for text in ["1.5", "256.0", "-1.0", "1e300", "1e16"] {
        let text = format!(r#"{{"n":{text},"list":[],"float":0}}"#);
        Payload::json(text).take::<Count>().unwrap_err();
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Scale {
    weight: f32,
    others: Option<Vec<f32>>,
}

#[test]
fn a_number_too_large_for_its_float_is_refused() {
    let beyond = f64::from(f32::MAX) * 1.000_001;
    for value in [1e300, -1e300, beyond] {
        for scale in [json!({ "weight": value }), json!({ "weight": 1, "others": [1, value] })] {
            for form in forms(&scale) {
                let how = form.type_name();
                let error = form.take::<Scale>().expect_err(how);
                let said = ["expected f32", "out of range"];
                assert!(said.iter().any(|text| error.message().contains(text)), "{how}: {error}");
            }
        }
        reads(&json!(value), &value);
    }
    // The largest one in the notation in which it is written, and what is too small.
    for (value, read) in [(3.402_823_5e38, f32::MAX), (-3.402_823_5e38, f32::MIN), (1e-300, 0.0)] {
        reads(&json!({ "weight": value }), &Scale { weight: read, others: None });
    }
    // An integer in CBOR that no float holds: 200 bytes.
    if Format::Cbor.is_available() {
        let bytes = [&[0xc2, 0x58, 200][..], &[0xff; 200]].concat();
        let error = Payload::encoded(Format::Cbor, bytes).take::<f64>().unwrap_err();
        assert!(error.message().contains("out of range"), "{error}");
    }
    // What was infinite where it came from stays so.
    for format in [Format::MsgPack, Format::Cbor].into_iter().filter(|format| format.is_available()) {
        let mut bytes = Vec::new();
        Payload::typed(f64::INFINITY).encode(format, &mut bytes).unwrap();
        assert_eq!(Payload::encoded(format, bytes).take::<f32>().unwrap(), f32::INFINITY);
    }
}
