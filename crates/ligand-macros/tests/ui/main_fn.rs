#[ligand::main(threads = 2)]
async fn unknown() {}

#[ligand::main(worker_threads = 0)]
fn main(args: u8) {}

#[ligand::main]
struct NotAFunction;
