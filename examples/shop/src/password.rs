//! Password hashes, made away from the async threads.

use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use ligand::prelude::*;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Each hash takes 12 MiB: no more than this many at once, the others wait. The work holds its turn itself: it goes on
/// when nobody waits for it any more.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Argon2id with 12 MiB, 3 passes: a choice of the OWASP password storage cheat sheet.
fn argon2() -> Argon2<'static> {
    let params = Params::new(12 * 1024, 3, 1, None).expect("the parameters are in argon2's range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash to store for a password.
pub async fn hash(password: String) -> Result<String> {
    let turn = TURNS.acquire().await?;
    spawn_blocking(move || {
        let _turn = turn;
        make(&password)
    })
    .await?
}

/// Whether a password fits a stored hash. Without a hash it takes as long and answers false, so that the
/// clock of a log-in does not tell which e-mail addresses exist.
pub async fn verify(password: String, stored: Option<String>) -> Result<bool> {
    let turn = TURNS.acquire().await?;
    spawn_blocking(move || {
        let _turn = turn;
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

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::mpsc::channel,
        task::{Context, Waker},
    };

    use super::*;

    #[test]
    fn a_hash_nobody_waits_for_any_more_keeps_its_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            // The only thread for such work is busy until `go`.
            let (go, busy) = channel::<()>();
            let busy = spawn_blocking(move || busy.recv());
            let mut context = Context::from_waker(Waker::noop());
            assert!(pin!(hash("password123".into())).poll(&mut context).is_pending());
            assert_eq!(TURNS.available_permits(), 1);
            assert!(pin!(verify("password123".into(), None)).poll(&mut context).is_pending());
            assert_eq!(TURNS.available_permits(), 0);
            go.send(()).unwrap();
            busy.await.unwrap().unwrap();
            // The turns come back with the end of the work.
            assert!(!verify("password123".into(), None).await.unwrap());
        });
    }
}
