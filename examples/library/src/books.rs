//! Books: what there is, and how many copies are on the shelf.

use ligand::{
    db::{Changes, Db},
    prelude::*,
};

/// A book and its copies.
#[entity(table = "books")]
#[derive(Default)]
pub struct Book {
    pub id: String,
    #[check(trim, length(1..=200))]
    pub title: String,
    #[check(trim, length(1..=200))]
    pub author: String,
    #[check(trim, length(10..=17))]
    #[field(unique)]
    pub isbn: String,
    /// Copies on the shelf.
    #[check(range(0..=1000))]
    pub copies: u32,
    #[field(created_at)]
    pub created_at: i64,
}

/// All copies are out.
#[derive(Debug, ligand::Error)]
#[error(code = 409, kind = "NO_COPY_LEFT", message = "All copies of this book are out")]
pub struct NoCopyLeft {
    pub book: String,
}

/// The book service. `list`, `get`, `create` and `update` come with the database and are open over HTTP; the gateway
/// lets only librarians write.
pub struct Books {
    db: Db<Book>,
}

impl Books {
    pub fn new(db: Db<Book>) -> Self {
        Self { db: db.publish(["list", "get", "create", "update"]).search_fields(["title", "author"]) }
    }
}

#[service(name = "books", mixins(db: Db<Book>))]
impl Books {
    /// Takes one copy off the shelf. One statement decides, so that no copy is lent twice.
    #[action(public)]
    async fn take(&self, id: String) -> Result<Book> {
        let less = Changes::new().increment(Book::COPIES, -1);
        match self.db.update_where(&id, Book::COPIES.gt(0), less).await? {
            Some(book) => Ok(book),
            None => {
                self.db.require(&id).await?;
                Err(NoCopyLeft { book: id }.into())
            }
        }
    }

    /// Puts one copy back.
    #[action(public)]
    async fn give_back(&self, id: String) -> Result<Book> {
        self.db.increment(&id, Book::COPIES, 1).await
    }
}
