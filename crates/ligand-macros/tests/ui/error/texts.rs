use ligand::prelude::*;

#[derive(Debug, Error)]
enum OrderError {
    #[error("order {id} is gone")]
    Gone { id: u32 },
    #[error(code = 409, message = "order {} is closed")]
    Closed(u32),
}

#[service("users")]
impl Users {}

struct Users;

fn main() {}
