#![allow(unused)]

#[derive(Debug, ligand::Error)]
#[error(code = 400)]
enum UserError {
    #[error(cod = 409)]
    Unknown,
    #[error(code = 1000, kind = 5)]
    Range,
    #[error(message = "{email} and {0}")]
    NoField { name: String },
    #[error(message = "open {")]
    Brace,
    #[error(transparent, code = 404)]
    Mixed(ligand::Error),
    #[error(transparent)]
    Two(ligand::Error, u8),
    #[error(retryable = true)]
    Value,
    Field {
        #[error(hidden)]
        text: String,
    },
}

#[derive(ligand::Error)]
union Neither {
    a: u8,
}

fn main() {}
