#![allow(unused)]

use ligand::prelude::*;

struct Users;

#[service]
impl Users {
    #[action]
    async fn get(&self) {}
}

struct Orders;

#[service(version = 2)]
impl Orders {}

fn main() {
    // The methods are there all the same.
    let _ = Users.get();
}
