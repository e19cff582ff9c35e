#![allow(unused)]

use ligand::prelude::*;

struct Users;

#[service(name = "users")]
impl Users {
    #[action]
    async fn exclusive(&mut self) {}

    #[action]
    async fn by_value(self) {}

    #[action]
    async fn boxed(self: Box<Self>) {}

    #[action]
    async fn none() {}

    #[action]
    async fn no_self(params: u8) {}

    #[action]
    async fn ctx_last(&self, params: u8, ctx: &Context) {}

    #[action]
    async fn ctx_owned(&self, ctx: Context) {}

    #[action]
    async fn ctx_exclusive(&self, ctx: &mut Context) {}

    #[action]
    async fn ctx_other(&self, ctx: u8) {}

    #[action]
    async fn generic<T>(&self, params: T) {}

    #[action]
    async fn impl_trait(&self, params: impl Sized) {}

    #[action]
    fn impl_future(&self) -> impl Future<Output = u8> {
        std::future::ready(1)
    }

    #[action]
    async fn borrowed(&self, name: &str) {}

    #[action]
    async fn answers_borrowed(&self) -> Result<&str> {
        Ok("")
    }

    #[action]
    async fn both(&self, params: u8, other: u8) {}

    #[action]
    async fn pattern(&self, (a, b): (u8, u8)) {}

    #[action]
    async fn underscore(&self, _name: u8) {}

    #[event]
    async fn which(&self, payload: Payload) {}

    #[event("x")]
    async fn two(&self, a: u8, b: u8) {}

    #[event("x")]
    async fn answers(&self) -> Result<u8> {
        Ok(1)
    }

    #[created]
    async fn late(&self) {}

    #[created]
    fn with_ctx(&self, ctx: &Context) {}

    #[created]
    fn with_other(&self, other: u8) {}

    #[started]
    async fn with_params(&self, params: u8) {}

    #[action]
    #[event("x")]
    async fn twice(&self) {}
}

fn main() {}
