use ligand::payload;

#[payload]
struct User {
    #[check(lenght(1..=64))]
    unknown: String,
    #[check(length = 5, email(true), pattern = 5)]
    forms: String,
    #[check(length(1..64))]
    half_open: String,
    #[check(length(64..=1))]
    swapped: String,
    #[check(length(-1..))]
    negative: String,
    #[check(range())]
    empty: u8,
    #[check(range(min = "a"))]
    text_bound: u8,
    #[check(range(minimum = 1))]
    name_of_bound: u8,
    #[check(pattern = "(")]
    regex: String,
    #[check(one_of(1, 2))]
    numbers: String,
    #[check(email, email)]
    twice: String,
    #[check(lowercase, uppercase)]
    both: String,
    #[check]
    bare: String,
    #[check()]
    nothing: String,
}

#[payload]
#[check(email)]
enum Place {
    #[check(trim)]
    A,
}

fn main() {
    let _ = Place::A;
}
