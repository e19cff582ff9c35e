#![allow(unused)]

use ligand::prelude::*;

#[service(name = "a")]
struct Users;

#[service(name = "b")]
impl Clone for Users {
    fn clone(&self) -> Self {
        Users
    }
}

#[service(name = "c")]
impl [Users] {}

struct Borrowing<'a>(&'a u8);

#[service(name = "d")]
impl<'a> Borrowing<'a> {}

struct Generic<T>(T);

#[service(name = "e")]
impl<T: Send + Sync + 'static> Generic<T> {
    #[action]
    async fn get(&self, params: Vec<T>) -> T {
        panic!()
    }
}

fn main() {}
