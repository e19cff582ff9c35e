#![allow(unused)]

use ligand::prelude::*;

struct Plain;

struct Heard;

struct Users;

#[service(name = "users")]
impl Users {
    #[action]
    async fn takes(&self, params: Plain) -> Result<u64> {
        let _ = params;
        Ok(1)
    }

    #[action]
    async fn answers(&self) -> Result<Vec<Plain>> {
        Ok(Vec::new())
    }

    #[event("x")]
    async fn hears(&self, event: Heard) {
        let _ = event;
    }
}

fn main() {}
