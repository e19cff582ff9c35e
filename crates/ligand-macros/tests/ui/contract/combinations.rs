#![allow(unused)]

use std::{future::Future, pin::Pin, sync::Arc};

use ligand::prelude::*;

#[contract(name = "a")]
trait AApi {
    async fn get(id: u64) -> Result<u64>;
}

#[contract(name = "a")]
trait BApi {
    async fn list() -> Result<u64>;
}

struct Two;

#[service(name = "a", contract = AApi, contract = BApi)]
impl Two {
    #[action]
    async fn get(&self, id: u64) -> Result<u64> {
        Ok(id)
    }
}

struct Listed;

#[service(name = "a", contract(AApi, BApi))]
impl Listed {
    #[action]
    async fn get(&self, id: u64) -> Result<u64> {
        Ok(id)
    }
}

#[contract(name = "shapes")]
trait ShapesApi {
    fn boxed(&self) -> Pin<Box<dyn Future<Output = Result<u8>> + Send>>;
    fn opaque(&self) -> impl Future<Output = Result<u8>> + Send;
    async fn by_value(self) -> u8;
    async fn shared(self: Arc<Self>) -> u8;
    async fn exclusive(&mut self) -> u8;
    async fn generic<T>(&self, of: T) -> u8;
    async fn borrowed(&self, name: &str) -> u8;
    const MAX: u32;
    type Item;
    #[action(rest = "GET /")]
    async fn with_rest(&self) -> u8;
    #[action(cache, timeout = "5s")]
    async fn cached(&self) -> u8;
}

struct Other;

#[service(name = "a", version = 2, contract = AApi)]
impl Other {
    #[action]
    async fn get(&self, id: u64) -> Result<u64> {
        Ok(id)
    }
}

struct Renamed;

#[service(name = "a", contract = AApi)]
impl Renamed {
    #[action(name = "fetch")]
    async fn get(&self, id: u64) -> Result<u64> {
        Ok(id)
    }
}

struct NoContract;

#[service(name = "a", contract = NoContract)]
impl NoContract {
    #[action]
    async fn get(&self, id: u64) -> Result<u64> {
        Ok(id)
    }
}

fn main() {}
