use ligand::payload;

#[payload]
struct Wrong {
    #[check(email)]
    number: u8,
    #[check(range(1..=2))]
    text: String,
    #[check(items(1..))]
    not_a_list: String,
    #[check(trim)]
    untrimmable: u8,
    #[check(non_empty)]
    never_empty: u8,
    #[check(unique_items)]
    not_unique: u8,
}

fn main() {}
