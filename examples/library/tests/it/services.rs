//! All services in one process, without a socket.

use std::time::Duration;

use futures_util::future::join_all;
use library::{
    audit::Audit,
    books::{Book, Books},
    config::Librarian,
    gateway::gateway,
    loans::{Loan, LoanClosed, LoanOpened, LoanOverdue, Loans},
    members::Members,
};
use ligand::{Error, db::Db, web::JwtKeys};
use ligand_test::{Http, HttpResponse, TestBroker};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const PASSWORD: &str = "a long password";

struct Library {
    broker: TestBroker,
    http: Http,
}

/// Somebody with a token.
struct Member<'a> {
    http: &'a Http,
    token: String,
}

impl Library {
    async fn open() -> Self {
        Self::with(Loans::new(Db::memory(), DAY)).await
    }

    async fn with(loans: Loans) -> Self {
        let jwt = JwtKeys::random().unwrap();
        let librarian = Librarian { email: "desk@example.com".into(), password: PASSWORD.into() };
        let broker = TestBroker::builder()
            .service(Books::new(Db::memory()))
            .service(Members::new(Db::memory(), jwt.clone(), Some(librarian)))
            .service(loans)
            .service(Audit::new(Db::memory()))
            .start()
            .await
            .unwrap();
        let http = broker.http(&gateway(&jwt).build());
        Self { broker, http }
    }

    async fn log_in(&self, email: &str) -> Member<'_> {
        let login = json!({ "email": email, "password": PASSWORD });
        let session: Value = ok(self.http.post("/api/members/login").json(&login).await);
        Member { http: &self.http, token: session["token"].as_str().unwrap().to_owned() }
    }

    async fn librarian(&self) -> Member<'_> {
        self.log_in("desk@example.com").await
    }

    async fn reader(&self, name: &str) -> Member<'_> {
        let email = format!("{name}@example.com");
        let join = json!({ "name": name, "email": email, "password": PASSWORD });
        ok::<Value>(self.http.post("/api/members").json(&join).await);
        self.log_in(&email).await
    }

    async fn book(&self, copies: u32) -> Book {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let isbn = format!("978-{:09}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let book = json!({ "title": "Emma", "author": "Jane Austen", "isbn": isbn, "copies": copies });
        ok(self.librarian().await.post("/api/books", &book).await)
    }

    async fn copies(&self, book: &Book) -> u32 {
        ok::<Book>(self.http.get(&format!("/api/books/{}", book.id)).await).copies
    }
}

impl Member<'_> {
    async fn get(&self, path: &str) -> HttpResponse {
        self.http.get(path).bearer(&self.token).await
    }

    async fn post(&self, path: &str, body: &Value) -> HttpResponse {
        self.http.post(path).bearer(&self.token).json(body).await
    }

    async fn borrow(&self, book: &Book) -> HttpResponse {
        self.post("/api/loans", &json!({ "bookId": book.id })).await
    }

    async fn bring_back(&self, loan: &Loan) -> HttpResponse {
        self.post(&format!("/api/loans/{}/return", loan.id), &json!({})).await
    }
}

fn ok<T: serde::de::DeserializeOwned>(response: HttpResponse) -> T {
    assert_eq!(response.status(), 200, "{}", response.text());
    response.json()
}

fn refused(response: &HttpResponse) -> (u16, String) {
    let body: Value = response.json();
    (response.status(), body["type"].as_str().unwrap_or_default().to_owned())
}

fn no(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

#[tokio::test]
async fn readers_borrow_books_and_bring_them_back() {
    let library = Library::open().await;
    let book = library.book(2).await;
    let ada = library.reader("ada").await;
    let loan: Loan = ok(ada.borrow(&book).await);
    assert_eq!((loan.title.as_str(), loan.returned.is_none()), ("Emma", true));
    assert_eq!(library.copies(&book).await, 1);
    assert_eq!(ok::<Vec<Loan>>(ada.get("/api/loans/mine").await).len(), 1);
    let back: Loan = ok(ada.bring_back(&loan).await);
    assert!(back.returned.is_some());
    assert_eq!(library.copies(&book).await, 2);
    assert_eq!(refused(&ada.bring_back(&loan).await), no(409, "ALREADY_RETURNED"));
    assert_eq!(library.copies(&book).await, 2, "it comes back once");
    assert_eq!(ok::<Vec<Loan>>(ada.get("/api/loans/mine").await), []);
    let id = loan.id.clone();
    let (member, book) = (loan.member.clone(), loan.book.clone());
    let opened = LoanOpened { id: id.clone(), member: member.clone(), book: book.clone() };
    assert_eq!(library.broker.emitted::<LoanOpened>(), [opened]);
    assert_eq!(library.broker.emitted::<LoanClosed>(), [LoanClosed { id, member, book }]);
}

#[tokio::test]
async fn a_copy_is_lent_once() {
    let library = Library::open().await;
    let book = library.book(3).await;
    let mut readers = Vec::new();
    for number in 0..6 {
        readers.push(library.reader(&format!("reader{number}")).await);
    }
    let answers = join_all(readers.iter().map(|reader| reader.borrow(&book))).await;
    let lent = answers.iter().filter(|answer| answer.status() == 200).count();
    let none = answers.iter().filter(|answer| refused(answer) == no(409, "NO_COPY_LEFT")).count();
    assert_eq!((lent, none, library.copies(&book).await), (3, 3, 0));
}

#[tokio::test]
async fn a_copy_goes_back_when_its_loan_is_not_written() {
    let broken = Db::memory().before_create(|_, _| async { Err(Error::new("the disk is full")) });
    let library = Library::with(Loans::new(broken, DAY)).await;
    let book = library.book(1).await;
    assert_eq!(library.reader("ada").await.borrow(&book).await.status(), 500);
    assert_eq!(library.copies(&book).await, 1);
}

#[tokio::test]
async fn everybody_does_what_the_role_allows() {
    let library = Library::open().await;
    let book = library.book(5).await;
    let (ada, eve) = (library.reader("ada").await, library.reader("eve").await);
    let new = json!({ "title": "x", "author": "y", "isbn": "0000000000", "copies": 1 });
    assert_eq!(refused(&ada.post("/api/books", &new).await), no(403, "LIBRARIANS_ONLY"));
    assert_eq!(refused(&ada.get("/api/audit").await), no(403, "LIBRARIANS_ONLY"));
    assert_eq!(refused(&ada.get("/api/loans/overdue").await), no(403, "LIBRARIANS_ONLY"));
    assert_eq!(refused(&library.http.get("/api/loans/mine").await), no(401, "NO_TOKEN"));
    let loan: Loan = ok(ada.borrow(&book).await);
    assert_eq!(refused(&eve.bring_back(&loan).await), no(403, "NOT_YOURS"));
    ok::<Loan>(library.librarian().await.bring_back(&loan).await);
    // Actions for other services only.
    let copies = json!({ "id": book.id });
    assert_eq!(ada.post("/api/books/take", &copies).await.status(), 405);
}

#[tokio::test]
async fn a_log_in_tells_nothing_about_who_is_there() {
    let library = Library::open().await;
    library.reader("ada").await;
    for (email, password) in [("ada@example.com", "another password"), ("nobody@example.com", PASSWORD)] {
        let login = json!({ "email": email, "password": password });
        let answer = library.http.post("/api/members/login").json(&login).await;
        assert_eq!(refused(&answer), no(401, "WRONG_LOGIN"));
    }
    let again = json!({ "name": "Ada", "email": "ADA@example.com ", "password": PASSWORD });
    assert_eq!(refused(&library.http.post("/api/members").json(&again).await), no(409, "EMAIL_TAKEN"));
    let account: Value = ok(library.log_in("ada@example.com").await.get("/api/members/me").await);
    assert_eq!(
        (&account["name"], &account["role"], account.get("password")),
        (&json!("ada"), &json!("reader"), None)
    );
}

#[tokio::test]
async fn a_member_has_a_few_books_at_once() {
    let library = Library::open().await;
    let book = library.book(10).await;
    let ada = library.reader("ada").await;
    for _ in 0..5 {
        ok::<Loan>(ada.borrow(&book).await);
    }
    assert_eq!(refused(&ada.borrow(&book).await), no(409, "TOO_MANY_LOANS"));
    assert_eq!(library.copies(&book).await, 5);
}

#[tokio::test(start_paused = true)]
async fn a_late_book_is_told_of_once() {
    // Due as soon as it is lent.
    let library = Library::with(Loans::new(Db::memory(), Duration::ZERO)).await;
    let book = library.book(1).await;
    let ada = library.reader("ada").await;
    let loan: Loan = ok(ada.borrow(&book).await);
    ligand_test::time::advance(Duration::from_secs(60)).await;
    let late = library.broker.events().wait_for::<LoanOverdue>().await.unwrap();
    assert_eq!((&late.id, late.title.as_str()), (&loan.id, "Emma"));
    ligand_test::time::advance(Duration::from_secs(300)).await;
    assert_eq!(library.broker.emitted::<LoanOverdue>().len(), 1);
    let overdue: Vec<Loan> = ok(library.librarian().await.get("/api/loans/overdue").await);
    assert_eq!(overdue.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_audit_log_hears_of_everything() {
    let library = Library::open().await;
    let book = library.book(1).await;
    let ada = library.reader("ada").await;
    let loan: Loan = ok(ada.borrow(&book).await);
    ok::<Loan>(ada.bring_back(&loan).await);
    ligand_test::time::settle().await;
    let page: Value = ok(library.librarian().await.get("/api/audit?sort=at").await);
    let events: Vec<_> =
        page["rows"].as_array().unwrap().iter().map(|row| row["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["member.joined", "loan.opened", "loan.closed"]);
    assert_eq!(page["rows"][1]["data"]["id"], loan.id.as_str());
}
