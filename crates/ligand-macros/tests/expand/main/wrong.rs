#[ligand::main]
fn main() {}
