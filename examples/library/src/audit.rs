//! The audit log: keeps everything that the others tell.

use ligand::{
    Date,
    db::{Db, ListParams, Page},
    prelude::*,
};

/// One thing that happened.
#[entity(table = "entries")]
pub struct Entry {
    pub id: String,
    #[field(index)]
    pub event: String,
    pub data: Value,
    pub request: String,
    pub at: Date,
}

/// The audit service.
pub struct Audit {
    db: Db<Entry>,
}

impl Audit {
    pub fn new(db: Db<Entry>) -> Self {
        Self { db: db.only(Vec::<String>::new()) }
    }
}

#[service(name = "audit", mixins(db: Db<Entry>))]
impl Audit {
    #[event("member.*")]
    async fn member(&self, ctx: &Context, data: Value) -> Result<()> {
        self.keep(ctx, data).await
    }

    #[event("loan.*")]
    async fn loan(&self, ctx: &Context, data: Value) -> Result<()> {
        self.keep(ctx, data).await
    }

    /// The newest first, in pages.
    #[action(rest = "GET /", meta(role = "librarian"))]
    async fn list(&self, ctx: &Context, params: ListParams) -> Result<Page<Value>> {
        let sort = params.sort.clone().or_else(|| Some(Entry::AT.desc().into()));
        self.db.list_for(ctx, ListParams { sort, ..params }).await
    }
}

impl Audit {
    async fn keep(&self, ctx: &Context, data: Value) -> Result<()> {
        let (event, request) = (ctx.event_name().to_owned(), ctx.request_id().to_string());
        self.db.insert(Entry { id: String::new(), event, data, request, at: Date::now() }).await?;
        Ok(())
    }
}
