use ligand::payload;

#[payload(evnt = "users.created", unknown = "refuse")]
struct Misspelt {
    a: u8,
}

#[payload(event = "users.*")]
struct Wildcard {
    a: u8,
}

#[payload(event = 5)]
struct NotText {
    a: u8,
}

#[payload(event)]
struct NoValue {
    a: u8,
}

#[payload(unknown = "keep")]
struct NothingToKeepIn {
    a: u8,
}

#[payload]
struct RestWithoutKeep {
    #[check(rest)]
    rest: ligand::Map<String, ligand::Value>,
}

#[payload(unknown = "keep")]
enum KeepInEnum {
    A { a: u8 },
}

fn main() {
    // The items are there in spite of their errors.
    let _ = (Misspelt { a: 1 }, Wildcard { a: 1 }, NotText { a: 1 }, NoValue { a: 1 }, NothingToKeepIn { a: 1 });
    let _ = KeepInEnum::A { a: 1 }.clone();
}
