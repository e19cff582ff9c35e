//! The section `[app]` of `ligand.toml`, and variables such as `LIGAND_APP__JWT_SECRET`.

use ligand::{prelude::*, web::JwtKeys};

/// Options of the library.
#[payload]
pub struct Config {
    /// Signs the tokens of log-ins; the same in all processes. Default: a random one, for one process only.
    #[check(length(32..), secret)]
    pub jwt_secret: Option<String>,
    /// The folder of the databases, one file for each service. Default: in memory.
    pub data: Option<String>,
    /// How long a book may be kept, in days. Default: 21.
    #[check(range(1..=365))]
    pub loan_days: Option<u64>,
    /// A librarian who is made at start.
    pub librarian: Option<Librarian>,
}

/// The first librarian.
#[payload]
pub struct Librarian {
    #[check(trim, lowercase, email)]
    pub email: String,
    #[check(length(8..=128), secret)]
    pub password: String,
}

impl Config {
    pub fn jwt(&self) -> Result<JwtKeys> {
        self.jwt_secret.as_ref().map_or_else(JwtKeys::random, JwtKeys::hs256)
    }

    pub fn loan_time(&self) -> Duration {
        Duration::from_secs(self.loan_days.unwrap_or(21) * 24 * 60 * 60)
    }

    pub fn database(&self, service: &str) -> String {
        match &self.data {
            Some(folder) => format!("sqlite://{folder}/{service}.db?mode=rwc"),
            None => "sqlite::memory:".into(),
        }
    }
}
