//! Validation: rules stand at the fields; a wrong call hears of every broken rule at once.
//!
//! ```text
//! saved ada@example.com, aged 36
//! 422 VALIDATION_ERROR
//!   name: stringMin
//!   email: email
//!   age: numberMin
//! missing: required
//! ```

use ligand::prelude::*;

#[payload]
struct CreateUser {
    #[check(trim, length(1..=64))]
    name: String,
    #[check(trim, lowercase, email)]
    email: String,
    #[check(range(18..=130))]
    age: u8,
}

struct Users;

#[service(name = "users")]
impl Users {
    /// Runs only with parameters that keep to the rules, and after `trim` and `lowercase`.
    #[action]
    async fn create(&self, params: CreateUser) -> Result<String> {
        Ok(format!("saved {}, aged {}", params.email, params.age))
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().service(Users).start().await?;
    let users = broker.client::<Users>();

    let ada = CreateUser { name: "Ada".into(), email: " Ada@Example.com ".into(), age: 36 };
    println!("{}", users.create(ada).await?);

    let nobody = CreateUser { name: "".into(), email: "nobody".into(), age: 3 };
    if let Err(error) = users.create(nobody).await {
        println!("{} {}", error.code(), error.kind());
        for entry in error.data().and_then(Value::as_array).into_iter().flatten() {
            println!("  {}: {}", entry["field"].as_str().unwrap_or(""), entry["type"].as_str().unwrap_or(""));
        }
    }
    let untyped = json!({ "name": "Ada", "email": "ada@example.com" });
    if let Err(error) = broker.call_named("users.create", untyped).await {
        println!("missing: {}", error.data().map_or("", |data| data[0]["type"].as_str().unwrap_or("")));
    }

    broker.stop().await;
    Ok(())
}
