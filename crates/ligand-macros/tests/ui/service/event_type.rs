#![allow(unused)]

use ligand::prelude::*;

#[payload]
struct Nameless {
    id: u64,
}

struct Users;

#[service(name = "users")]
impl Users {
    #[event]
    async fn hears(&self, event: Nameless) {
        let _ = event;
    }
}

fn main() {}
