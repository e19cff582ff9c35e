//! Registration, log-in, who asks.

use super::step::{Step, get, post};

const SHORT: (&str, &str) = ("name", "The 'name' field must have at least 2 characters.");
const EMAIL: (&str, &str) = ("email", "The 'email' field must be a valid e-mail address.");

pub(super) fn steps() -> Vec<Step> {
    let register = |body: &str| post("/api/public/register", body);
    let login = |body: &str| post("/api/public/login", body);
    vec![
        register(r#"{"name":" Ada ","email":"Ada.$ROUND@Example.com","password":"password123"}"#)
            .save("ADA", "/body/_id"),
        register(r#"{"name":"Ada","email":"ada.$ROUND@example.com","password":"password123"}"#),
        register(
            r#"{"name":"Root","email":"admin@$ROUND.example.com","password":"password123","role":"user"}"#,
        ),
        register(r#"{"name":"R","email":"bad","password":"x"}"#).texts(
            &["users"],
            &[SHORT, EMAIL, ("password", "The 'password' field must have at least 6 characters.")],
        ),
        register(r#"{"name":"   ","email":"bad@","password":"password123"}"#)
            .texts(&["users"], &[SHORT, EMAIL]),
        register("{}"),
        register(r#"{"name":5,"email":["a"],"password":null}"#),
        register(r#"{"name":{"a":1},"email":true,"password":12345678}"#),
        get("/api/users/me"),
        login(r#"{"email":"ada.$ROUND@example.com","password":"password123"}"#).token("ADA_TOKEN"),
        login(r#"{"email":"ADMIN@$ROUND.example.com","password":"password123"}"#).token("ROOT_TOKEN"),
        login(r#"{"email":"ada.$ROUND@example.com","password":"wrong"}"#),
        login(r#"{"email":"nobody.$ROUND@example.com","password":"password123"}"#),
        login(r#"{"email":"nobody","password":""}"#).texts(
            &["users"],
            &[EMAIL, ("password", "The 'password' field must have at least 1 character.")],
        ),
        login(r#"{"email":"old@example.com","password":"password123"}"#),
        get("/api/users/me").by("ADA_TOKEN"),
        get("/api/users/me").by("OLD_TOKEN"),
        get("/api/users/me").header("Authorization", "Bearer junk"),
        get("/api/users/me").header("Authorization", "Basic YTpi"),
        get("/api/users/me").header("Authorization", "Bearer e30.e30.x"),
        get("/api/notifications/my").by("ADA_TOKEN").rows(1),
    ]
}
