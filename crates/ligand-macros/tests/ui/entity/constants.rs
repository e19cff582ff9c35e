#![allow(unused)]

use ligand::prelude::*;

#[entity(table = "loans")]
struct Clash {
    id: String,
    due: u32,
}

impl Clash {
    const DUE: u32 = 5;
}

#[entity(table = "loans")]
struct Twice {
    id: String,
    due_at: u32,
    #[serde(rename = "other")]
    dueAt: u32,
}

#[entity(table = "loans", constants = true)]
struct Wrong {
    id: String,
    #[field(constant)]
    due: u32,
}

#[entity(table = "loans")]
struct OtherId {
    #[serde(rename = "_id")]
    id: String,
}

fn main() {}
