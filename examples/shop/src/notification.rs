//! Notifications: what users are told when something happens.

use ligand::prelude::*;

use crate::{
    email::{Email, Message},
    order::{OrderCreated, StatusUpdated},
    user::{UserRegistered, Users},
};

/// The notification service.
#[derive(Debug)]
pub struct Notifications;

impl Notifications {
    async fn tell(&self, ctx: &Context, user_id: &str, subject: String, body: String) -> Result<()> {
        let user = ctx.client::<Users>().address(user_id.into()).await?;
        ctx.client::<Email>().send(Message { to: user, subject, body }).await
    }
}

#[service(name = "notification", dependencies("user", "email"))]
impl Notifications {
    #[event]
    async fn welcome(&self, ctx: &Context, event: UserRegistered) -> Result<()> {
        let body = format!("Welcome, {}!", event.name);
        ctx.client::<Email>().send(Message { to: event.email, subject: "Welcome".into(), body }).await
    }

    #[event]
    async fn confirm(&self, ctx: &Context, event: OrderCreated) -> Result<()> {
        let subject = format!("Order {} confirmed", event.order_id);
        let body = format!("{} x {}: {}", event.quantity, event.product_name, event.total_price);
        self.tell(ctx, &event.user_id, subject, body).await
    }

    #[event]
    async fn moved_on(&self, ctx: &Context, event: StatusUpdated) -> Result<()> {
        let subject = format!("Order {}: {:?}", event.order_id, event.status);
        self.tell(ctx, &event.user_id, subject.clone(), subject).await
    }
}
