#![allow(unused)]

use ligand::prelude::*;

struct Prices;

#[service(name = "prices")]
impl Prices {
    #[action(fallback = text)]
    async fn number(&self) -> Result<u32> {
        Ok(1)
    }

    #[action(fallback = reply, on_error(reply_too))]
    async fn replied(&self) -> Result<Reply<u32>> {
        Ok(Reply::new(1))
    }

    #[action(fallback = number_for_some)]
    async fn maybe(&self) -> Result<Option<u32>> {
        Ok(None)
    }

    // These are fine: the value of the reply, any payload, a method without `Result`.
    #[action(fallback = value, on_error(any))]
    async fn fine(&self) -> Result<Reply<u32>> {
        Ok(Reply::new(1))
    }

    async fn text(&self, error: Error) -> Result<String> {
        Err(error)
    }

    async fn reply(&self, error: Error) -> Result<Reply<u32>> {
        Err(error)
    }

    async fn reply_too(&self, error: Error) -> Result<Reply<u32>> {
        Err(error)
    }

    async fn number_for_some(&self, error: Error) -> Result<u32> {
        Err(error)
    }

    async fn value(&self, error: Error) -> u32 {
        0
    }

    async fn any(&self, error: Error) -> Result<Payload> {
        Err(error)
    }
}

fn main() {}
