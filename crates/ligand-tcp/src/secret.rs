//! The secret that the nodes of a cluster share, and what is proven with it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use ligand_wire::{Error, Result};
use serde::Deserialize;
use sha2::Sha256;

use crate::options::wrong;

/// A secret that all nodes of the cluster share. It is never sent and never shown: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// A shorter one can be guessed from one recorded proof.
const SHORTEST: usize = 16;

impl Secret {
    /// At least 16 bytes; best 32 random ones in base64 or hexadecimal: `openssl rand -hex 32`.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.0.len() < SHORTEST {
            return Err(wrong(format_args!(
                "'secret' must have at least {SHORTEST} bytes; make one with `openssl rand -hex 32`"
            )));
        }
        Ok(())
    }

    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("a key may have any length");
        for part in parts {
            // With its length: no two lists of parts are the same text.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }

    /// The proof for these parts, in hexadecimal.
    pub(crate) fn prove(&self, parts: &[&[u8]]) -> String {
        let proof = self.mac(parts).finalize().into_bytes();
        proof.iter().fold(String::with_capacity(64), |mut text, byte| {
            use fmt::Write as _;
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Whether a proof is right. Takes the same time for every wrong one.
    pub(crate) fn verify(&self, parts: &[&[u8]], proof: &str) -> bool {
        let Some(bytes) = from_hex(proof) else { return false };
        self.mac(parts).verify_slice(&bytes).is_ok()
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self::new(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let pair = |pair: &[u8]| {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        u8::try_from(16 * digit(0)? + digit(1)?).ok()
    };
    digits.chunks(2).map(pair).collect()
}

/// A number that was never used before and that nobody can guess.
///
/// # Errors
/// When the system has no random numbers.
pub(crate) fn nonce() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Error::internal_error)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_hold_for_the_same_parts_and_secret_only() {
        let secret = Secret::new("0123456789abcdef");
        let proof = secret.prove(&[b"a", b"bc"]);
        assert!(secret.verify(&[b"a", b"bc"], &proof));
        assert!(!secret.verify(&[b"ab", b"c"], &proof));
        assert!(!Secret::new("0123456789abcdeg").verify(&[b"a", b"bc"], &proof));
        for wrong in ["", "00", &"0".repeat(64), &"g".repeat(64), &proof[1..], &"é".repeat(32)] {
            assert!(!secret.verify(&[b"a", b"bc"], wrong), "{wrong}");
        }
    }

    #[test]
    fn it_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::new("hunter2hunter2hunter2")), "Secret(..)");
        let error = Secret::new("hunter2").check().unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn no_nonce_comes_twice() {
        assert_ne!(nonce().unwrap(), nonce().unwrap());
        assert_eq!(nonce().unwrap().len(), 32);
    }
}
