#![allow(unused)]

use ligand::prelude::*;

#[entity(table = "a")]
#[derive(serde::Serialize)]
struct Below {
    id: String,
    #[field(hidden)]
    password: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[entity(table = "b")]
struct Above {
    id: String,
    #[field(hidden)]
    password: String,
}

#[derive(Debug)]
#[entity(table = "c")]
struct Shown {
    id: String,
    #[field(hidden)]
    password: String,
}

fn main() {}
