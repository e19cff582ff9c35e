use ligand::payload;

#[payload]
struct Named {
    name: &str,
}

#[payload]
enum Choice {
    Of(&'static str),
}

fn main() {}
