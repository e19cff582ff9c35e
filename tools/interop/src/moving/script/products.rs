//! The catalogue: writing, reading, pages, order, conditions, caches.

use serde_json::{Value, json};

use super::step::{Step, delete, get, post, put};

const SHORT: (&str, &str) = ("name", "The 'name' field must have at least 2 characters.");
const CATEGORY: (&str, &str) =
    ("category", "The 'category' field must be one of 'books', 'electronics', 'toys'.");

pub(super) fn steps() -> Vec<Step> {
    let mut steps = writing();
    steps.extend(reading());
    steps.extend(changing());
    steps
}

fn writing() -> Vec<Step> {
    let create = |body: &str| post("/api/products", body).by("ADA_TOKEN");
    vec![
        post("/api/products", r#"{"name":"Lamp","price":1,"category":"toys"}"#),
        create(
            r#"{"name":"  Lamp $ROUND ","description":"$ROUND","price":29.99,"stock":10,"category":"electronics"}"#,
        )
        .save("LAMP", "/body/_id"),
        create(r#"{"name":"Novel","description":"$ROUND","price":10,"stock":4,"category":"books","color":"red"}"#)
            .save("NOVEL", "/body/_id"),
        create(r#"{"name":"Atlas","description":"$ROUND","price":600.5,"stock":9,"category":"books"}"#)
            .save("ATLAS", "/body/_id"),
        create(r#"{"name":"Train","description":"$ROUND","price":5.5,"category":"toys"}"#)
            .save("TRAIN", "/body/_id"),
        create(r#"{"name":"Radio","description":"$ROUND","price":0,"stock":1,"category":"electronics"}"#),
        create(r#"{"name":"Überraschung ✨","description":"$ROUND","price":1e2,"stock":2,"category":"toys"}"#),
        create(r#"{"name":"x","description":"$ROUND","price":-1,"stock":1.5,"category":"cars"}"#)
            .texts(&["products"], &[SHORT, CATEGORY]),
        create(r#"{"name":1,"description":[],"price":"5","stock":"1","category":7}"#)
            .texts(&["products"], &[CATEGORY]),
        create(r#"{"name":"  ","price":null,"category":null}"#).texts(&["products"], &[SHORT]),
        create("{}"),
    ]
}

fn reading() -> Vec<Step> {
    let list = |query: &str| get(&format!("/api/public/products{query}"));
    let ours = "query=%7B%22description%22%3A%22$ROUND%22%7D";
    let asked = |condition: &str| {
        let condition =
            condition.replace('{', "%7B").replace('}', "%7D").replace('"', "%22").replace(' ', "%20");
        list(&format!("?sort=price,name&query=%7B%22description%22%3A%22$ROUND%22%2C{condition}%7D"))
    };
    vec![
        list("/$LAMP"),
        list("/$LAMP?fields=name,price"),
        list("/$LAMP?fields=name%20price"),
        list("/$LAMP?fields[]=name&fields[]=stock"),
        list("/$LAMP?fields=name,nonsense"),
        list("/$LAMP?excludeFields=description,stock"),
        list("/$OLD_LAMP?fields=name,price"),
        list("/nope"),
        list(&format!("?sort=-price&{ours}")),
        list(&format!("?sort=-price&{ours}")),
        list(&format!("?sort=price&page=1&pageSize=2&{ours}")),
        list(&format!("?sort=price&page=2&pageSize=2&{ours}")),
        list(&format!("?sort=price&page=9&pageSize=2&{ours}")),
        list(&format!("?sort=price&pageSize=50&{ours}")),
        list(&format!("?sort=category,-name&fields=name,category&{ours}")),
        list(&format!("?sort=-category%20name&fields=name&{ours}")),
        list(&format!("?sort=name&excludeFields=_id,createdAt&{ours}")),
        list("?sort=price&query[description]=$ROUND&query[category]=books"),
        list("?search=LAMP%20$ROUND&searchFields=name"),
        list("?search=lamp%20$ROUND"),
        list("?page=0").differs(&["api"], invalid("list", &[error("numberMin", "page", json!(1), json!(0))])),
        list("?page=x"),
        list("?pageSize=-1&page=1.5").differs(
            &["api"],
            invalid(
                "list",
                &[
                    error("numberInteger", "page", Value::Null, json!(1.5)),
                    error("numberMin", "pageSize", json!(0), json!(-1)),
                ],
            ),
        ),
        list("?query=%7B%22description%22%3A%22nothing%22%7D"),
        list("?query=%7B").differs(
            &["products"],
            json!({ "status": 400, "body": {
                "name": "MoleculerClientError",
                "message": "The 'query' parameter is not valid JSON.",
                "code": 400,
                "type": "BAD_REQUEST",
            } }),
        ),
        // What no field is called is a mistake, which is told.
        list("?sort=nonsense&query[description]=$ROUND&query[name]=Novel")
            .differs(&["products"], mistaken("sort", "sort", "The 'sort' cannot be used: 'nonsense'")),
        list("?query[nonsense]=1").differs(
            &["products"],
            mistaken("query", "query.nonsense", "The 'query.nonsense' cannot be used"),
        ),
        // Both conditions hold; NeDB's adapter looks at the search alone.
        list("?search=lamp%20$ROUND&sort=price&query[category]=books").differs(
            &["products"],
            json!({ "body": { "rows": [], "total": 0, "page": 1, "pageSize": 5, "totalPages": 0 } }),
        ),
        asked(r#""price":{"$gt":10}"#),
        asked(r#""price":{"$gte":10,"$lt":100}"#),
        asked(r#""price":{"$lte":10}"#),
        asked(r#""price":{"$ne":10}"#),
        asked(r#""category":{"$in":["books","toys"]}"#),
        asked(r#""category":{"$nin":["books","toys"]}"#),
        asked(r#""stock":{"$exists":true}"#),
        asked(r#""$or":[{"category":"books"},{"price":0}]"#),
        asked(r#""$and":[{"category":"books"},{"price":10}]"#),
        asked(r#""$not":{"category":"books"}"#).differs(&["products"], not_understood()),
        list(&format!("/find?sort=name&limit=2&offset=1&{ours}")),
        list(&format!("/find?sort=name&limit=2&fields=name&{ours}")),
        list(&format!("/find?sort=-name&offset=4&fields=name&{ours}")),
        list(&format!("/find?limit=-1&{ours}"))
            .differs(&["api"], invalid("find", &[error("numberMin", "limit", json!(0), json!(-1))])),
        list(&format!("/count?{ours}")),
        list("/count?search=lamp%20$ROUND&searchFields=name"),
        list("/cheapest"),
        list("/$LAMP/reserve?quantity=1"),
        get("/api/public/users"),
    ]
}

fn changing() -> Vec<Step> {
    let change = |path: &str, body: &str| put(path, body).by("ADA_TOKEN");
    let prices = "/api/public/products?fields=name,price&sort=price&query[description]=$ROUND";
    vec![
        get(prices),
        get("/api/public/products/$TRAIN"),
        change("/api/products/$TRAIN", r#"{"price":7.25}"#),
        get(prices),
        get("/api/public/products/$TRAIN"),
        change("/api/products/$TRAIN", r#"{"price":7.25}"#),
        // Rules of an entity hold for updates too.
        change("/api/products/$TRAIN", r#"{"price":-5}"#).differs(&["products"], {
            let mut body = refused(&[error("numberMin", "price", json!(0), json!(-5))]);
            body["message"] = json!("Entity validation error!");
            json!({ "status": 422, "body": body })
        }),
        change("/api/products/$TRAIN", r#"{"price":7.25,"color":"red"}"#),
        change("/api/products/$TRAIN", r#"{"id":"$LAMP","stock":6}"#),
        change("/api/products/nope", r#"{"price":1}"#),
        change("/api/products/$OLD_LAMP", r#"{"price":0.05}"#),
        get("/api/public/products/cheapest"),
        change("/api/products/$OLD_LAMP", r#"{"price":0.1}"#),
        get("/api/public/products/cheapest"),
        get("/api/products/$TRAIN").by("ADA_TOKEN"),
        get("/api/products/$TRAIN"),
        delete("/api/products/$TRAIN"),
        delete("/api/products/$TRAIN").by("ADA_TOKEN").differs(&["products"], train()),
        delete("/api/products/$TRAIN").by("ADA_TOKEN"),
        get("/api/public/products/$TRAIN"),
        get(prices),
        post(
            "/admin/products/insert",
            r#"{"entities":[{"name":"One","price":51,"category":"toys","description":"many $ROUND"},
                {"name":"Two","price":52,"category":"toys","description":"many $ROUND"}]}"#,
        )
        .by("ROOT_TOKEN"),
        post(
            "/admin/products/insert",
            r#"{"entity":{"name":"Three","price":53,"category":"toys","description":"many $ROUND"}}"#,
        )
        .by("ROOT_TOKEN"),
        post("/admin/products/insert", "{}").by("ROOT_TOKEN"),
        post("/admin/products/insert", r#"{"entities":[{"name":"Four"}]}"#).by("ROOT_TOKEN"),
        get("/api/public/products/count?query[description]=many%20$ROUND"),
    ]
}

/// A refused parameter. The gateway in Rust converts what stands in a URL, so that a service quotes the number.
fn error(kind: &str, field: &str, expected: Value, actual: impl Into<Value>) -> Value {
    let mut error = json!({ "type": kind, "field": field });
    error["actual"] = actual.into();
    let text = match kind {
        "numberInteger" => format!("The '{field}' field must be an integer."),
        _ => format!("The '{field}' field must be greater than or equal to {expected}."),
    };
    error["message"] = json!(text);
    if !expected.is_null() {
        error["expected"] = expected;
    }
    error
}

fn invalid(action: &str, errors: &[Value]) -> Value {
    let errors = errors.iter().cloned().map(|mut error| {
        error["action"] = json!(format!("products.{action}"));
        error["nodeID"] = json!("api");
        error
    });
    json!({ "body": refused(&errors.collect::<Vec<_>>()) })
}

fn refused(errors: &[Value]) -> Value {
    json!({
        "name": "ValidationError",
        "message": "Parameters validation error!",
        "code": 422,
        "type": "VALIDATION_ERROR",
        "data": errors,
    })
}

fn mistaken(kind: &str, field: &str, text: &str) -> Value {
    let text = format!("{text}: there is no such field to query.");
    json!({ "status": 422, "body": refused(&[json!({ "type": kind, "field": field, "message": text })]) })
}

/// The store knows fewer operators than NeDB, and says so.
fn not_understood() -> Value {
    let operators = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $and, $or";
    let text = format!("The 'query.$not' cannot be used: the operators are {operators}.");
    let error = json!({ "type": "query", "field": "query.$not", "message": text });
    json!({ "status": 422, "body": refused(&[error]) })
}

/// What was removed is answered, not how many.
fn train() -> Value {
    json!({ "body": {
        "_id": "$TRAIN",
        "name": "Train",
        "description": "$ROUND",
        "price": 7.25,
        "stock": 6,
        "category": "toys",
        "createdAt": 1_700_000_000_000_u64,
    } })
}
