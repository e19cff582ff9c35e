//! `#[derive(ligand::Error)]`.

use ligand::prelude::*;

#[derive(Debug, ligand::Error)]
enum UserError {
    #[error(code = 409, kind = "EMAIL_EXISTS", message = "{email:?} is taken {{{email}}}")]
    EmailExists {
        email: String,
        user_id: u64,
    },
    #[error(code = 410, message = "{f}")]
    Formatter {
        f: u8,
    },
    #[error(code = 422, name = "ValidationError", message = "{1} is not {0}")]
    Mismatch(u8, u16),
    #[error(retryable)]
    DBDown {
        #[error(internal)]
        cause: std::io::Error,
        #[error(skip)]
        _note: (),
    },
    NotYet,
    #[error(transparent)]
    Other(Error),
    #[error(transparent)]
    Number {
        error: std::num::ParseIntError,
    },
}

fn parse(text: &str) -> Result<u8, UserError> {
    Ok(text.parse()?)
}

#[test]
fn variants_become_errors() {
    let error: Error = UserError::EmailExists { email: "a@b".into(), user_id: 7 }.into();
    assert_eq!((error.name(), error.code(), error.kind()), ("MoleculerClientError", 409, "EMAIL_EXISTS"));
    assert_eq!(error.message(), "\"a@b\" is taken {a@b}");
    assert_eq!(error.data(), Some(&json!({ "email": "a@b", "userId": 7 })));

    let error: Error = UserError::Mismatch(1, 2).into();
    assert_eq!((error.name(), error.message(), error.data()), ("ValidationError", "2 is not 1", None));
    assert!(!error.retryable());

    let error: Error = UserError::DBDown { cause: std::io::Error::other("disk"), _note: () }.into();
    assert_eq!((error.name(), error.code(), error.kind()), ("MoleculerServerError", 500, "DB_DOWN"));
    assert_eq!((error.message(), error.internal(), error.retryable()), ("DB down", Some("disk"), true));

    assert_eq!(UserError::Formatter { f: 1 }.to_string(), "1");
    assert_eq!(UserError::NotYet.to_string(), "Not yet");
    assert_eq!(Error::from(UserError::from(Error::conflict("x"))), Error::conflict("x"));
    assert_eq!(Error::from(parse("x").unwrap_err()).code(), 500);
    assert_eq!(parse("1").unwrap(), 1);
}

#[derive(Debug, Error)]
#[error(code = 404, message = "There is no {what}")]
struct Missing<T: std::fmt::Display + serde::Serialize> {
    what: T,
}

#[test]
fn structs_do_too() {
    let error: Error = Missing { what: "bread" }.into();
    assert_eq!((error.code(), error.kind(), error.message()), (404, "MISSING", "There is no bread"));
}

#[allow(dead_code)]
#[derive(Debug, Error)]
enum Never {}

#[ligand::main(worker_threads = 1)]
async fn run() -> Result<u8> {
    tokio::task::yield_now().await;
    Ok(3)
}

#[test]
fn main_runs_on_a_runtime() {
    assert_eq!(run().unwrap(), 3);
}
