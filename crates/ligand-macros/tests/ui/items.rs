use ligand::payload;

#[payload]
fn function() {}

#[payload]
#[derive(Debug)]
struct Leaks {
    #[check(secret)]
    password: String,
}

fn main() {
    function();
}
