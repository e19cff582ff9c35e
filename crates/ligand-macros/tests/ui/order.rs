#![allow(unused)]

use ligand::prelude::*;

#[derive(Debug, Clone, PartialEq)]
#[payload]
struct Plain {
    id: u64,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[payload]
struct Written {
    id: u64,
}

#[derive(Debug)]
#[payload]
struct Secret {
    #[check(secret)]
    password: String,
}

#[derive(Clone)]
#[entity(table = "a")]
struct Row {
    id: String,
}

#[payload]
#[entity(table = "b")]
struct Twice {
    id: String,
}

#[entity(table = "c")]
#[payload]
struct TwiceBelow {
    id: String,
}

#[payload]
struct NoEntity {
    #[field(unique)]
    name: String,
}

fn main() {}
