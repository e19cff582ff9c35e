//! The same values give the same errors as fastest-validator, which checked them with our own translation.
//!
//! `parity.json` holds its answers (version 1.19.1): `[{ "value": .., "errors": [..] }]`. Run with `PARITY=path` to
//! write the schema and the values, so that the answers can be made again, without its `convert`: these values are not
//! converted.

use super::*;

#[derive(JsonSchema)]
#[allow(dead_code)]
struct User {
    #[schemars(transform = Annotate::new().length(Some(1), Some(5)).flag("trim"))]
    name: String,
    #[schemars(transform = Annotate::new().format("email").flag("lowercase"))]
    email: Option<String>,
    #[schemars(transform = Annotate::new().items(Some(1), Some(2)).pattern("^[a-z/]+$"))]
    tags: Vec<String>,
    #[schemars(transform = Annotate::new().range(Some(1.into()), Some(10.into())).positive())]
    level: Option<i64>,
    #[schemars(transform = Annotate::new().one_of("red").one_of("green"))]
    color: Option<String>,
    #[schemars(transform = Annotate::new().format("uri").flag("url"))]
    site: String,
    #[schemars(transform = Annotate::new().non_empty())]
    notes: Vec<String>,
    #[schemars(transform = Annotate::new().non_empty())]
    title: String,
    #[schemars(transform = Annotate::new().format("uuid").flag("versioned"))]
    id: Option<String>,
    nested: Option<Inner>,
    many: Vec<Inner>,
    map: HashMap<String, Inner>,
    three: [u8; 3],
    flag: bool,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[allow(dead_code)]
struct Inner {
    zip_code: String,
    num: f64,
}

/// Errors with texts of our own.
const RENAMED: &[&str] = &[
    "stringMin",
    "stringMax",
    "stringPattern",
    "email",
    "arrayMin",
    "arrayMax",
    "enumValue",
    "equalValue",
    "object",
    "record",
    "objectStrict",
    "tupleLength",
];

fn values(schema: &Schema) -> Vec<Value> {
    let good = json!({
        "name": "a", "tags": ["a"], "site": "https://x", "notes": ["a"], "title": "t", "many": [], "map": {},
        "three": [1, 2, 3], "flag": true,
    });
    let others = [
        json!(null),
        json!(""),
        json!("   "),
        json!("abcdefghij"),
        json!(0),
        json!(-1.5),
        json!(true),
        json!([]),
        json!(["A", "a", "b"]),
        json!([1, 2, 300]),
        json!({}),
        json!({ "zip-code": 1, "num": "x", "extra": 1 }),
        json!([{ "zip-code": "x", "num": 1, "a b": 2 }, { "num": null }]),
        json!({ "a": { "num": 1 }, "b c": { "zip-code": "1" } }),
        json!("A@B.c"),
        json!("red"),
    ];
    let mut values = vec![json!({}), good.clone()];
    let mut properties: Vec<_> = schema.properties().collect();
    properties.sort_by_key(|property| property.name);
    for property in properties {
        for other in &others {
            let mut value = good.clone();
            value[property.name] = other.clone();
            values.push(value);
        }
    }
    values
}

#[test]
fn errors_are_those_of_fastest_validator() {
    let schema = Schema::of::<User>();
    let values = values(&schema);
    if let Ok(path) = std::env::var("PARITY") {
        let all = json!({ "schema": schema.fastest(), "values": values });
        std::fs::write(path, all.to_string()).unwrap();
    }
    let recorded: Vec<Value> = serde_json::from_str(include_str!("parity.json")).unwrap();
    assert_eq!(recorded.len(), values.len());
    let sorted = |errors: Vec<Value>| {
        let text = |mut error: Value| {
            let fields = error.as_object_mut().unwrap();
            // Their texts are not English sentences.
            if RENAMED.contains(&fields["type"].as_str().unwrap()) {
                fields.remove("message");
            }
            // The recording had the keys in the order of the alphabet, not in that of the declaration.
            if fields["type"] == "objectStrict" {
                let mut names: Vec<_> = fields["expected"].as_str().unwrap().split(", ").collect();
                names.sort_unstable();
                fields["expected"] = names.join(", ").into();
            }
            error.sort_all_objects();
            error.to_string()
        };
        let mut texts: Vec<String> = errors.into_iter().map(text).collect();
        texts.sort();
        texts
    };
    for (recorded, value) in recorded.iter().zip(values) {
        assert_eq!(recorded["value"], value);
        let ours = schema.check(&value).iter().map(|error| serde_json::to_value(error).unwrap()).collect();
        assert_eq!(sorted(ours), sorted(recorded["errors"].as_array().unwrap().clone()), "{value}");
    }
}
