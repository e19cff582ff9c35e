use ligand::payload;

fn number(_: &u8) -> u8 {
    0
}

fn text(_: &str) -> bool {
    true
}

#[payload]
#[check(length(1..))]
struct Whole {
    #[check(custom)]
    no_path: u8,
    #[check(custom = 5)]
    no_function: u8,
    #[check(trim, message = "x")]
    nothing_to_break: String,
    #[check(email, message = "x", message = "y")]
    twice: String,
    #[check(email, message = 5)]
    no_text: String,
}

#[payload]
#[check(message = "x")]
enum Variants {
    #[check(custom = text)]
    A,
}

#[payload]
struct Wrong {
    #[check(custom = number)]
    verdict: u8,
    #[check(custom = text)]
    argument: u8,
}

fn main() {}
