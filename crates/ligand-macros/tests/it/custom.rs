//! Checks and texts of the user's own.

use std::collections::HashMap;

use ligand::{Patch, prelude::*, schema::FieldError};
use serde_json::json;

fn isbn(text: &str) -> bool {
    text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn even(number: &u32) -> Result<(), String> {
    if number.is_multiple_of(2) { Ok(()) } else { Err(format!("{number} is odd.")) }
}

mod checks {
    use super::*;

    #[allow(clippy::result_large_err, reason = "a complaint is rare, and it tells all")]
    pub(super) fn period(loan: &Loan) -> Result<(), FieldError> {
        if loan.from <= loan.until {
            return Ok(());
        }
        Err(FieldError::custom("until", "A loan does not end before it begins."))
    }

    pub(super) fn first(lines: &[Line]) -> Result<(), &'static str> {
        // Safe: the rules ran before.
        if lines[0].copies < 10 { Ok(()) } else { Err("The first line is small.") }
    }
}

#[payload]
#[check(custom = checks::period)]
#[check(custom = |loan: &Loan| loan.note.as_deref() != Some("no"), message = "The librarian said no.")]
struct Loan {
    #[check(custom = isbn, message = "'{field}' is no ISBN.")]
    book_isbn: String,
    #[check(custom = isbn)]
    second: Option<String>,
    #[check(range(1..=100), custom = even)]
    from: u32,
    until: u32,
    #[check(items(1..), custom = checks::first)]
    lines: Vec<Line>,
    #[check(custom = even)]
    shelf: Patch<u32>,
    place: Option<Place>,
    by_name: HashMap<String, Line>,
    note: Option<String>,
}

#[payload]
struct Line {
    #[check(custom = even, message = "Copies come in pairs, {field} do not.")]
    copies: u32,
}

#[payload]
enum Place {
    ReadingRoom {
        #[check(custom = even)]
        desk_number: u32,
    },
    Shelf(#[check(custom = even)] u32),
    Pair(u32, #[check(custom = even)] u32),
}

#[payload]
#[serde(tag = "kind")]
#[check(custom = |way: &Way| !matches!(way, Way::Never), message = "Never is no way.")]
enum Way {
    ByPost {
        #[check(custom = even)]
        house_number: u32,
    },
    Never,
}

struct Loans;

#[service(name = "loans")]
impl Loans {
    #[action]
    async fn lend(&self, params: Loan) -> u32 {
        params.from
    }

    #[action]
    async fn send(&self, params: Way) -> String {
        format!("{params:?}")
    }

    #[action]
    async fn shelve(
        &self,
        #[check(custom = isbn, message = "No such book.")] isbn: String,
        #[check(length(2..=3), message = "A shelf is named by two or three letters.")] shelf: String,
    ) -> String {
        isbn + &shelf
    }
}

fn loan() -> Value {
    json!({ "bookIsbn": "9783161484100", "from": 2, "until": 3, "lines": [{ "copies": 2 }], "byName": {} })
}

async fn started() -> ServiceBroker {
    ServiceBroker::builder().service(Loans).start().await.unwrap()
}

fn said(error: &Error) -> Vec<String> {
    assert_eq!((error.code(), error.kind()), (422, "VALIDATION_ERROR"), "{error:#}");
    let errors = error.data().unwrap().as_array().unwrap();
    let text = |error: &Value, key: &str| error[key].as_str().unwrap_or("-").to_owned();
    errors.iter().map(|e| format!("{}: {}", text(e, "field"), text(e, "message"))).collect()
}

#[tokio::test]
async fn checks_of_ones_own_name_the_field() {
    let broker = started().await;
    assert_eq!(broker.call_named("loans.lend", loan()).await.unwrap().take::<u32>().unwrap(), 2);
    for (changes, expected) in [
        (json!({ "bookIsbn": "1" }), vec!["bookIsbn: 'bookIsbn' is no ISBN."]),
        (json!({ "second": "1" }), vec!["second: The 'second' field is not valid."]),
        (json!({ "second": null, "shelf": null }), vec![]),
        (json!({ "shelf": 3 }), vec!["shelf: 3 is odd."]),
        (json!({ "until": 1 }), vec!["until: A loan does not end before it begins."]),
        (json!({ "note": "no" }), vec!["-: The librarian said no."]),
        (
            json!({ "note": "no", "until": 0 }),
            vec!["until: A loan does not end before it begins.", "-: The librarian said no."],
        ),
        (
            json!({ "lines": [{ "copies": 2 }, { "copies": 3 }] }),
            vec!["lines[1].copies: Copies come in pairs, lines[1].copies do not."],
        ),
        (json!({ "lines": [{ "copies": 20 }] }), vec!["lines: The first line is small."]),
        // What its rules refuse does not reach a check.
        (json!({ "lines": [] }), vec!["lines: The 'lines' field must contain at least 1 item."]),
        (json!({ "from": 101 }), vec!["from: The 'from' field must be less than or equal to 100."]),
        (
            json!({ "place": { "readingRoom": { "deskNumber": 1 } } }),
            vec!["place.readingRoom.deskNumber: 1 is odd."],
        ),
        (json!({ "place": { "shelf": 1 } }), vec!["place.shelf: 1 is odd."]),
        (json!({ "place": { "pair": [1, 1] } }), vec!["place.pair[1]: 1 is odd."]),
        (
            json!({ "byName": { "x": { "copies": 1 } } }),
            vec!["byName.x.copies: Copies come in pairs, byName.x.copies do not."],
        ),
    ] {
        let mut params = loan();
        params.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        match broker.call_named("loans.lend", params).await {
            Ok(_) => assert_eq!(expected, [""; 0], "{changes}"),
            Err(error) => assert_eq!(said(&error), expected, "{changes}"),
        }
    }
    let both = json!({ "bookIsbn": "1", "from": "x", "until": 1, "lines": [], "byName": {} });
    let error = broker.call_named("loans.lend", both).await.unwrap_err();
    assert_eq!(said(&error)[0], "from: The 'from' field must be a number.");
    broker.stop().await;
}

#[tokio::test]
async fn typed_calls_and_enums_are_checked_too() {
    let broker = started().await;
    let client = broker.client::<Loans>();
    assert_eq!(said(&client.send(Way::Never).await.unwrap_err()), ["-: Never is no way."]);
    let odd = client.send(Way::ByPost { house_number: 1 }).await.unwrap_err();
    assert_eq!(said(&odd), ["houseNumber: 1 is odd."]);
    client.send(Way::ByPost { house_number: 2 }).await.unwrap();
    let error = client.shelve("1".into(), "a".into()).await.unwrap_err();
    assert_eq!(said(&error), ["shelf: A shelf is named by two or three letters.", "isbn: No such book."]);
    broker.stop().await;
}

#[payload]
struct Texts {
    #[check(message = "Tell us your name.")]
    name: String,
    #[check(email, message = "Write the address as in {expected}{actual}.")]
    mail: Option<String>,
    #[check(one_of("a", "b"), message = "One of {expected}, not {actual}.")]
    #[check(length(..=1))]
    grade: Option<String>,
    #[check(length(..=2), message = "Short tags only.")]
    #[check(items(..=2))]
    tags: Option<Vec<String>>,
    #[check(message = "The address is wrong.")]
    address: Option<Address>,
}

#[payload]
struct Address {
    city: String,
}

#[test]
fn texts_of_ones_own_are_said_instead() {
    use ligand::validate::Validate;

    let said = |json: Value| -> Vec<String> {
        Texts::schema().check(&json).into_iter().map(|error| error.message).collect()
    };
    for (json, expected) in [
        (json!({}), vec!["Tell us your name."]),
        (json!({ "name": null }), vec!["Tell us your name."]),
        (json!({ "name": 5 }), vec!["Tell us your name."]),
        (json!({ "name": "x", "mail": "y" }), vec!["Write the address as in y."]),
        (json!({ "name": "x", "mail": 5 }), vec!["The 'mail' field must be a string."]),
        (json!({ "name": "x", "grade": "c" }), vec!["One of a, b, not c."]),
        (json!({ "name": "x", "tags": ["a", "abc"] }), vec!["Short tags only."]),
        (
            json!({ "name": "x", "tags": ["a", "b", "c"] }),
            vec!["The 'tags' field must contain at most 2 items."],
        ),
        (json!({ "name": "x", "address": 5 }), vec!["The address is wrong."]),
        (json!({ "name": "x", "address": {} }), vec!["The 'address.city' field is required."]),
    ] {
        assert_eq!(said(json.clone()), expected, "{json}");
    }
    let params = Texts::schema().fastest();
    let name = json!({ "required": "Tell us your name.", "string": "Tell us your name." });
    assert_eq!(params["name"]["messages"], name);
    assert_eq!(params["mail"]["messages"]["email"], "Write the address as in {expected}{actual}.");
}
