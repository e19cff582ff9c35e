#![allow(unused)]

use ligand::{
    Date,
    db::{Changes, Db, Filter, Query},
    prelude::*,
};

#[entity(table = "loans")]
struct Loan {
    id: String,
    member: String,
    due: Date,
    renewals: u8,
    lost: bool,
    returned: Option<Date>,
    tags: Vec<String>,
}

#[entity(table = "books")]
struct Book {
    id: String,
    title: String,
}

async fn names(loans: &Db<Loan>) {
    let _ = loans.find(Loan::DEU.lt(Date::now())).await;
}

async fn types(loans: &Db<Loan>) {
    let _ = Loan::DUE.lt("tomorrow");
    let _ = Loan::MEMBER.eq(5);
    let _ = Loan::RENEWALS.is_in(["a"]);
    let _ = Loan::LOST.lt(true);
    let _ = Loan::DUE.contains("2026");
    let _ = Loan::MEMBER.has("x");
    let _ = Loan::DUE.is_null();
    let _ = Changes::new().set(Loan::DUE, "tomorrow");
    let _ = Changes::new().increment(Loan::MEMBER, 1);
}

async fn entities(loans: &Db<Loan>) {
    let _ = loans.find(Book::TITLE.eq("x")).await;
    let _ = loans.count(Loan::MEMBER.eq("x").and(Book::TITLE.eq("x"))).await;
    let _ = loans.find(Query::new().sort(Book::TITLE.asc())).await;
    let _ = loans.update("1", Changes::new().set(Book::TITLE, "x")).await;
    let _ = loans.increment("1", Book::TITLE, 1).await;
}

fn main() {}
