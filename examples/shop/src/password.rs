//! Password hashes, made away from the async threads.

use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use ligand::prelude::*;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Each hash takes 12 MiB: no more than this many at once, the others wait.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Argon2id with 12 MiB, 3 passes: a choice of the OWASP password storage cheat sheet.
fn argon2() -> Argon2<'static> {
    let params = Params::new(12 * 1024, 3, 1, None).expect("the parameters are in argon2's range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash to store for a password.
pub async fn hash(password: String) -> Result<String> {
    let _turn = TURNS.acquire().await?;
    spawn_blocking(move || make(&password)).await?
}

/// Whether a password fits a stored hash. Without a hash it takes as long and answers false, so that nobody
/// can tell by the clock which e-mail addresses exist.
pub async fn verify(password: String, stored: Option<String>) -> Result<bool> {
    let _turn = TURNS.acquire().await?;
    spawn_blocking(move || {
        let known = stored.is_some();
        let stored = match stored {
            Some(hash) => hash,
            None => nobody()?,
        };
        let hash = PasswordHash::new(&stored).map_err(|error| Error::internal_error(error.to_string()))?;
        Ok(argon2().verify_password(password.as_bytes(), &hash).is_ok() && known)
    })
    .await?
}

fn make(password: &str) -> Result<String> {
    let hash = argon2().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| Error::internal_error(error.to_string()))
}

/// A hash that belongs to nobody.
fn nobody() -> Result<String> {
    static HASH: OnceLock<String> = OnceLock::new();
    match HASH.get() {
        Some(hash) => Ok(hash.clone()),
        None => Ok(HASH.get_or_init(|| make("nobody").unwrap_or_default()).clone()),
    }
}
