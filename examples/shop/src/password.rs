//! Password hashes, made away from the async threads, in memory that is taken once.

use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use ligand::prelude::*;
use tokio::{
    sync::{Mutex, MutexGuard},
    task::spawn_blocking,
};

/// How many hashes are made at once; the others wait.
const TURNS: usize = 2;

/// Each hash works in 12 MiB.
const MEMORY_KIB: u32 = 12 * 1024;

/// What the hashes work in: 24 MiB at most, taken by the first ones and kept. Memory that every hash took for itself would
/// be given back to the allocator, which keeps a part of it for each thread that was ever busy: hundreds of MiB after
/// some dozens of log-ins at once. The work holds its turn itself: it goes on when nobody waits for it any more.
static BENCHES: [Mutex<Vec<Block>>; TURNS] = [const { Mutex::const_new(Vec::new()) }; TURNS];

/// Argon2id with 12 MiB, 3 passes: a choice of the OWASP password storage cheat sheet.
fn params() -> Params {
    Params::new(MEMORY_KIB, 3, 1, Some(Params::DEFAULT_OUTPUT_LEN))
        .expect("the parameters are in argon2's range")
}

/// Waits for a turn.
async fn bench() -> MutexGuard<'static, Vec<Block>> {
    let [first, second] = &BENCHES;
    tokio::select! {
        turn = first.lock() => turn,
        turn = second.lock() => turn,
    }
}

/// The hash to store for a password.
pub async fn hash(password: String) -> Result<String> {
    let mut bench = bench().await;
    spawn_blocking(move || make(&password, &mut bench)).await?
}

/// Whether a password fits a stored hash. Without a hash it takes as long and answers false, so that the
/// clock of a log-in does not tell which e-mail addresses exist.
pub async fn verify(password: String, stored: Option<String>) -> Result<bool> {
    let mut bench = bench().await;
    spawn_blocking(move || {
        let known = stored.is_some();
        let stored = match stored {
            Some(hash) => hash,
            None => nobody(&mut bench)?,
        };
        Ok(fits(&password, &stored, &mut bench)? && known)
    })
    .await?
}

fn make(password: &str, bench: &mut Vec<Block>) -> Result<String> {
    let (algorithm, version, params) = (Algorithm::Argon2id, Version::V0x13, params());
    let salt = Salt::generate();
    let described = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: ParamsString::try_from(&params).map_err(internal)?,
        salt: Some(salt),
        hash: None,
    };
    let argon2 = Argon2::new(algorithm, version, params);
    let hash = Some(output(&argon2, password, &salt, bench)?);
    Ok(PasswordHash { hash, ..described }.to_string())
}

/// Whether the stored hash, made with whatever parameters it says, is that of the password.
fn fits(password: &str, stored: &str, bench: &mut Vec<Block>) -> Result<bool> {
    let stored = PasswordHash::new(stored).map_err(internal)?;
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(internal)?;
    let version = stored.version.map(Version::try_from).transpose().map_err(internal)?.unwrap_or_default();
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&stored).map_err(internal)?);
    // An `Output` is compared in constant time.
    Ok(output(&argon2, password, salt, bench)? == *expected)
}

fn output(argon2: &Argon2<'_>, password: &str, salt: &[u8], bench: &mut Vec<Block>) -> Result<Output> {
    let blocks = argon2.params().block_count();
    if blocks > params().block_count() {
        return Err(Error::internal_error("a stored hash wants more memory than hashes have here"));
    }
    if bench.len() < blocks {
        bench.resize(params().block_count(), Block::default());
    }
    let mut bytes = [0; Output::MAX_LENGTH];
    let out = &mut bytes[..argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
    argon2
        .hash_password_into_with_memory(password.as_bytes(), salt, out, &mut bench[..blocks])
        .map_err(internal)?;
    Output::new(out).map_err(internal)
}

/// A hash that belongs to nobody.
fn nobody(bench: &mut Vec<Block>) -> Result<String> {
    static HASH: OnceLock<String> = OnceLock::new();
    if let Some(hash) = HASH.get() {
        return Ok(hash.clone());
    }
    let made = make("nobody", bench)?;
    Ok(HASH.get_or_init(|| made).clone())
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::internal_error(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::mpsc::channel,
        task::{Context, Waker},
    };

    use argon2::password_hash::{PasswordHasher, PasswordVerifier as _};

    use super::*;

    /// Serialises the tests: they share the benches.
    static ALONE: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

    fn free() -> usize {
        BENCHES.iter().filter(|bench| bench.try_lock().is_ok()).count()
    }

    #[test]
    fn forty_log_ins_at_once_work_in_the_memory_of_two() {
        let _alone = ALONE.lock();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
        runtime.block_on(async {
            let stored = hash("password123".into()).await.unwrap();
            let places = |bench: &MutexGuard<'static, Vec<Block>>| (bench.as_ptr().addr(), bench.capacity());
            let mut seen = std::collections::BTreeSet::new();
            let tries = (0..40).map(|number| {
                let password = if number % 2 == 0 { "password123" } else { "wrong" };
                verify(password.into(), Some(stored.clone()))
            });
            for (number, fits) in futures_util::future::join_all(tries).await.into_iter().enumerate() {
                assert_eq!(fits.unwrap(), number % 2 == 0);
                seen.insert(places(&bench().await));
            }
            // Two places, each filled once and never again larger than one hash needs.
            let blocks = params().block_count();
            assert!(seen.iter().all(|(_, size)| *size == 0 || *size == blocks), "{seen:?}");
            assert!(seen.iter().filter(|(_, size)| *size > 0).count() <= TURNS, "{seen:?}");
        });
    }

    #[test]
    fn hashes_of_others_fit_and_greedy_ones_are_refused() {
        let _alone = ALONE.lock();
        let mut bench = Vec::new();
        let small = PasswordHasher::hash_password(
            &Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1024, 2, 1, None).unwrap()),
            b"password123",
        );
        let small = small.unwrap().to_string();
        assert!(fits("password123", &small, &mut bench).unwrap());
        assert!(!fits("password124", &small, &mut bench).unwrap());
        let own = make("password123", &mut bench).unwrap();
        assert!(own.starts_with("$argon2id$v=19$m=12288,t=3,p=1$"), "{own}");
        assert!(Argon2::default().verify_password(b"password123", &*own).is_ok());
        assert!(fits("password123", &own.replace("m=12288", "m=4000000"), &mut bench).is_err());
        assert_eq!(bench.len(), params().block_count());
    }

    #[test]
    fn a_hash_nobody_waits_for_any_more_keeps_its_turn() {
        let _alone = ALONE.lock();
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            // The only thread for such work is busy until `go`.
            let (go, busy) = channel::<()>();
            let busy = spawn_blocking(move || busy.recv());
            let mut context = Context::from_waker(Waker::noop());
            assert!(pin!(hash("password123".into())).poll(&mut context).is_pending());
            assert_eq!(free(), 1);
            assert!(pin!(verify("password123".into(), None)).poll(&mut context).is_pending());
            assert_eq!(free(), 0);
            go.send(()).unwrap();
            busy.await.unwrap().unwrap();
            // The turns come back with the end of the work.
            assert!(!verify("password123".into(), None).await.unwrap());
        });
    }
}
