//! The gateway: rights, methods, paths, bodies, CORS.

use serde_json::{Value, json};

use super::step::{Difference, Step, get, post, request};

pub(super) fn steps() -> Vec<Step> {
    let mut steps = rights();
    steps.extend(requests());
    steps.extend(cors());
    steps
}

/// The differences of a step, after those that all answers have.
pub(super) fn of_every_answer(step: Step) -> Vec<Difference> {
    let mut headers = json!({ "x-content-type-options": "nosniff" });
    if step.is_below("/api/public") {
        // Its answers depend on the origin also where none was sent.
        headers["vary"] = json!("Origin");
    }
    let mut all = vec![Difference::new(&["api"], json!({ "headers": headers }))];
    all.extend(step.differs);
    all
}

fn rights() -> Vec<Step> {
    let root = |path: &str| get(path).by("ROOT_TOKEN");
    vec![
        get("/admin/users/list"),
        get("/admin/users/list").by("ADA_TOKEN"),
        get("/admin/users/list").header("Authorization", "Bearer junk"),
        root("/admin/users/list?query[email]=ada.$ROUND@example.com"),
        root("/admin/users/list?query[email]=ada.$ROUND@example.com&fields=name,password"),
        root("/admin/users/get?id=$ADA"),
        root("/admin/users/get?id[]=$ADA&id[]=nope"),
        root("/admin/users/get?id=nope"),
        root("/admin/users/count?query[email]=ada.$ROUND@example.com"),
        post(
            "/admin/users/register",
            r#"{"name":"Bob","email":"bob.$ROUND@example.com","password":"password123"}"#,
        )
        .by("ROOT_TOKEN")
        .save("BOB", "/body/_id"),
        post("/admin/users/update", r#"{"id":"$BOB","name":"Bobby"}"#).by("ROOT_TOKEN"),
        root("/admin/users/get?id=$BOB&fields=name"),
        root("/admin/users/find"),
        root("/admin/orders/get?id=$ORDER"),
        root("/admin/users/create"),
        root("/admin/users/nothing"),
        root("/admin/nothing/get"),
        root("/admin/$node/list"),
        // Internal services have no other spelling either.
        root("/admin/~node/list").differs(
            &["api"],
            json!({ "body": { "error": "Service '~node.list' is not found.", "code": 404, "type": "SERVICE_NOT_FOUND" } }),
        ),
    ]
}

fn requests() -> Vec<Step> {
    vec![
        get("/"),
        get("/api/nothing").by("ADA_TOKEN"),
        get("/api/public/nothing"),
        get("/api/public/products/$LAMP/"),
        get("/api/public/products/%24LAMP"),
        // It is refused before a route is looked for.
        get("/api/public/products/%E0%A4%A").differs(&["api"], json!({ "headers": { "vary": null } })),
        get("/api/public/products/a%2Fb"),
        request("PATCH", "/api/public/login").json("{}").differs(
            &["api"],
            json!({
                "status": 405,
                "headers": { "allow": "POST, OPTIONS" },
                "body": error(405, "MethodNotAllowedError", "METHOD_NOT_ALLOWED", "Method not allowed"),
            }),
        ),
        request("HEAD", "/api/public/products/$LAMP").differs(&["api"], json!({ "status": 200 })),
        get("/api/public/products/$LAMP").header("X-Request-ID", "from-the-client-1"),
        // The texts are those of the parsers.
        post("/api/public/login", "{\"email\":").differs(&["api"], {
            let text = "The body is not valid JSON in 'email': EOF while parsing a value at line 1 column 9";
            let mut body = error(400, "MoleculerError", "entity.parse.failed", text);
            body["data"] = json!({ "field": "email" });
            json!({ "body": body })
        }),
        post("/api/public/login", "5").differs(&["api"], no_object("a number")),
        post("/api/public/login", "null").differs(&["api"], no_object("null")),
        // A list stays one.
        post("/api/public/login", "[1]").differs(&["api"], {
            let mut body = error(422, "ValidationError", "VALIDATION_ERROR", "Parameters validation error!");
            body["data"] =
                json!([{ "type": "object", "message": "The request must be an object.", "actual": [1] }]);
            json!({ "body": body })
        }),
        post("/api/public/login", ""),
        request("POST", "/api/public/login").body("text/plain", "hello").differs(
            &["api"],
            json!({
                "status": 415,
                "body": error(
                    415,
                    "UnsupportedMediaTypeError",
                    "UNSUPPORTED_MEDIA_TYPE",
                    "The content type is not supported here; send application/json",
                ),
            }),
        ),
        request("POST", "/api/public/login"),
        request("POST", "/api/public/login?email=ada.$ROUND@example.com&password=password123"),
        post(
            "/api/public/login?password=password123",
            r#"{"email":"ada.$ROUND@example.com","password":"x"}"#,
        ),
        post("/api/public/login", &format!(r#"{{"email":"{}"}}"#, "a".repeat(150_000))),
    ]
}

fn cors() -> Vec<Step> {
    let from = |origin: &str| get("/api/public/products/$LAMP").header("Origin", origin);
    let ask = |origin: &str| {
        request("OPTIONS", "/api/public/login")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type")
    };
    // Only a preflight is asked what it may do.
    let plain =
        || json!({ "headers": { "access-control-allow-methods": null, "access-control-max-age": null } });
    let vary = json!({ "headers": { "vary": "Origin, Access-Control-Request-Headers" } });
    vec![
        from("http://shop.example").differs(&["api"], plain()),
        from("http://eu.shop.example").differs(&["api"], plain()),
        from("http://shop.example.evil"),
        ask("http://shop.example").differs(&["api"], vary),
        ask("http://other.example"),
        post("/api/public/login", "{}").header("Origin", "http://shop.example").differs(&["api"], plain()),
    ]
}

fn error(code: u16, name: &str, kind: &str, message: &str) -> Value {
    json!({ "name": name, "message": message, "code": code, "type": kind })
}

fn no_object(what: &str) -> Value {
    let text = format!("The body must be a JSON object or array; it is {what}");
    json!({ "body": error(400, "MoleculerError", "entity.parse.failed", &text) })
}
