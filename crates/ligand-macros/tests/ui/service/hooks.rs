#![allow(unused)]

use ligand::prelude::*;

struct Users;

#[service(name = "users", without("insert"))]
impl Users {
    #[action(before(missing), after(plain, by_value), on_error(no_error, infallible), fallback = gone)]
    async fn get(&self, params: u8) -> u8 {
        params
    }

    #[before("get|gte|list.*")]
    async fn misspelt(&self) {}

    #[before]
    async fn unmasked(&self) {}

    #[after(get)]
    async fn not_a_text(&self) {}

    async fn plain(&self, result: u8) {}

    async fn by_value(&self, result: &mut u8) -> u8 {
        1
    }

    async fn no_error(&self, ctx: &Context) -> Result<u8> {
        Ok(1)
    }

    async fn infallible(&self, error: Error) -> u8 {
        1
    }
}

fn main() {}
