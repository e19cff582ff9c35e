#![allow(unused)]

use ligand::prelude::*;

#[contract]
trait Unnamed {}

#[contract(name = "a b", version = -1, versions = 1)]
trait Wrong<T>: Send {
    async fn body() {}
    async fn ctx(ctx: &Context);
    async fn generic<U>(params: U);
    async fn get();
    #[action(name = "get", rest = "GET /")]
    async fn other();
    const X: u8;
}

#[contract(name = "c")]
struct NotATrait;

fn main() {}
