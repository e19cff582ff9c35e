//! Notifications: what users are told when something happens.

use ligand::{
    db::{Db, Filter, Query},
    prelude::*,
};

use super::{caller, data::DataFile, products::Low, users::Registered};

#[entity(table = "notifications", id = "id")]
pub(super) struct Notification {
    id: String,
    user_id: String,
    event: String,
    text: String,
}

pub(super) struct Notifications {
    db: Db<Notification>,
    data: DataFile,
}

impl Notifications {
    pub(super) fn new(data: DataFile) -> Self {
        let all = ["find", "count", "list", "get", "remove"];
        Self { db: Db::memory().publish(all).only(all), data }
    }

    async fn note(&self, ctx: &Context, user_id: &str, text: String) -> Result<()> {
        let (id, event) = (String::new(), ctx.event_name().to_owned());
        self.db.insert(Notification { id, user_id: user_id.to_owned(), event, text }).await.map(drop)
    }
}

#[service(name = "notifications", mixins(db: Db<Notification>))]
impl Notifications {
    #[action(rest = "GET /my")]
    async fn my(&self, ctx: &Context) -> Result<Vec<Notification>> {
        let mine = Filter::field("userId").eq(caller(ctx)?.id);
        self.db.find(Query::from(mine).sort("text")).await
    }

    #[event]
    async fn welcome(&self, ctx: &Context, event: Registered) -> Result<()> {
        self.note(ctx, &event.id, format!("Welcome, {}!", event.name)).await
    }

    #[event("order.*")]
    async fn order(&self, ctx: &Context, event: Value) -> Result<()> {
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let told = match ctx.event_name() {
            "order.created" => format!("{} x {}", event["quantity"], text("productName")),
            "order.failed" => format!("Not ordered: {}", text("reason")),
            _ => format!("From {} to {}", text("from"), text("to")),
        };
        self.note(ctx, &text("userId"), told).await
    }

    #[event(group = "stockroom")]
    async fn low(&self, ctx: &Context, event: Low) -> Result<()> {
        self.note(ctx, "stockroom", format!("{}: {} left", event.name, event.stock)).await
    }

    #[started]
    async fn load(&self) -> Result<()> {
        self.data.load(&self.db).await
    }

    #[stopped]
    async fn save(&self) -> Result<()> {
        self.data.save(&self.db).await
    }
}
