#![allow(unused)]

use ligand::prelude::*;

struct Users;

#[service(name = "users")]
impl Users {}

mod more {
    use ligand::prelude::*;

    #[service(name = "users")]
    impl super::Users {}
}

fn main() {}
