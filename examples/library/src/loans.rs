//! Loans: who has which book until when.

use ligand::{
    Date,
    db::{Changes, Db},
    prelude::*,
};

use crate::{
    books::Books,
    members::{Role, caller},
};

/// A copy of a book in somebody's hands.
#[entity(table = "loans")]
pub struct Loan {
    pub id: String,
    #[field(index)]
    pub member: String,
    #[field(index)]
    pub book: String,
    pub title: String,
    pub due: Date,
    /// None: it is still out.
    pub returned: Option<Date>,
    /// The member has been reminded.
    pub reminded: bool,
}

#[payload(event = "loan.opened")]
pub struct LoanOpened {
    pub id: String,
    pub member: String,
    pub book: String,
}

#[payload(event = "loan.closed")]
pub struct LoanClosed {
    pub id: String,
    pub member: String,
    pub book: String,
}

#[payload(event = "loan.overdue")]
pub struct LoanOverdue {
    pub id: String,
    pub member: String,
    pub title: String,
}

#[derive(Debug, ligand::Error)]
pub enum LoanError {
    #[error(code = 409, kind = "ALREADY_RETURNED", message = "The book is back already")]
    AlreadyReturned,
    #[error(code = 403, kind = "NOT_YOURS", message = "This is the loan of another member")]
    NotYours,
    #[error(code = 409, kind = "TOO_MANY_LOANS", message = "A member may have {most} books at once")]
    TooMany { most: u64 },
}

/// Books that a member may have at once.
const MOST: u64 = 5;

/// The loan service.
pub struct Loans {
    db: Db<Loan>,
    time: Duration,
}

impl Loans {
    pub fn new(db: Db<Loan>, time: Duration) -> Self {
        Self { db: db.only(["count"]), time }
    }
}

#[service(name = "loans", mixins(db: Db<Loan>), dependencies(Books))]
impl Loans {
    /// Borrows a book. The copy is taken first: when the loan cannot be written, it goes back.
    #[action(rest = "POST /")]
    async fn borrow(&self, ctx: &Context, book_id: String) -> Result<Loan> {
        let member = caller(ctx)?.id;
        let open = Loan::MEMBER.eq(&member).and(Loan::RETURNED.is_null());
        if self.db.count(open).await? >= MOST {
            return Err(LoanError::TooMany { most: MOST }.into());
        }
        let book = ctx.client::<Books>().take(book_id).await?;
        let loan = Loan {
            id: String::new(),
            member,
            book: book.id.clone(),
            title: book.title,
            due: Date::now() + self.time,
            returned: None,
            reminded: false,
        };
        let loan = match self.db.insert(loan).await {
            Ok(loan) => loan,
            Err(error) => {
                ctx.client::<Books>().give_back(book.id).await?;
                return Err(error);
            }
        };
        let (id, member, book) = (loan.id.clone(), loan.member.clone(), loan.book.clone());
        ctx.emit(LoanOpened { id, member, book }).await?;
        Ok(loan)
    }

    /// Brings a book back.
    #[action(rest = "POST /:id/return")]
    async fn bring_back(&self, ctx: &Context, id: String) -> Result<Loan> {
        let who = caller(ctx)?;
        let loan = self.db.require(&id).await?;
        if loan.member != who.id && who.role != Role::Librarian {
            return Err(LoanError::NotYours.into());
        }
        // Of two who bring it back at once, one does.
        let back = Changes::new().set(Loan::RETURNED, Date::now());
        let Some(loan) = self.db.update_where(&id, Loan::RETURNED.is_null(), back).await? else {
            return Err(LoanError::AlreadyReturned.into());
        };
        ctx.client::<Books>().give_back(loan.book.clone()).await?;
        let (id, member, book) = (loan.id.clone(), loan.member.clone(), loan.book.clone());
        ctx.emit(LoanClosed { id, member, book }).await?;
        Ok(loan)
    }

    /// What the member who asks has at home, what is due first first.
    #[action(rest = "GET /mine")]
    async fn mine(&self, ctx: &Context) -> Result<Vec<Loan>> {
        let open = Loan::MEMBER.eq(&caller(ctx)?.id).and(Loan::RETURNED.is_null());
        self.db.find(open.sort(Loan::DUE.asc())).await
    }

    /// What should be back.
    #[action(rest = "GET /overdue", meta(role = "librarian"))]
    async fn overdue(&self) -> Result<Vec<Loan>> {
        let late = Loan::RETURNED.is_null().and(Loan::DUE.lte(Date::now()));
        self.db.find(late.sort(Loan::DUE.asc()).limit(1000)).await
    }

    /// Tells of each late book once.
    #[every("1m", start = "now")]
    async fn remind(&self, ctx: &Context) -> Result<()> {
        for loan in self.overdue().await?.into_iter().filter(|loan| !loan.reminded) {
            let reminded = Changes::new().set(Loan::REMINDED, true);
            // Another instance may be faster.
            if self.db.update_where(&loan.id, Loan::REMINDED.eq(false), reminded).await?.is_some() {
                ctx.emit(LoanOverdue { id: loan.id, member: loan.member, title: loan.title }).await?;
            }
        }
        Ok(())
    }
}
