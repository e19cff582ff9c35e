//! A secret key of 32 bytes.

use std::{fmt, str::FromStr};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ligand_wire::{Error, Result};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const SIZE: usize = 32;

const ENGINE: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ENGINE);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ENGINE);

/// A secret key of 32 random bytes, for example from `openssl rand -hex 32`. Neither shown nor left in memory.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; SIZE]>);

impl Key {
    /// These bytes.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut key = Zeroizing::new([0; SIZE]);
        if bytes.len() != SIZE {
            return Err(Error::broker_options(format!(
                "a key must have {SIZE} bytes; this one has {}",
                bytes.len()
            )));
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// A short name that tells keys apart and nothing about them.
    pub(crate) fn id(&self) -> [u8; 4] {
        let digest = Sha256::new().chain_update(b"ligand key id").chain_update(&self.0[..]).finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    pub(crate) fn secret(&self) -> &[u8; SIZE] {
        &self.0
    }
}

impl FromStr for Key {
    type Err = Error;

    /// 64 hexadecimal digits, or base64 (also in the form for URLs, with or without `=`).
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let bytes = if text.len() == 2 * SIZE {
            unhex(text)
        } else {
            STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok().map(Zeroizing::new)
        };
        bytes.filter(|bytes| bytes.len() == SIZE).and_then(|bytes| Self::from_bytes(&bytes).ok()).ok_or_else(
            || Error::broker_options("a key must be 32 bytes, written as 64 hexadecimal digits or in base64"),
        )
    }
}

fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(SIZE));
    for pair in text.as_bytes().chunks(2) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        bytes.push((digit(pair[0])? * 16 + digit(*pair.get(1)?)?) as u8);
    }
    Some(bytes)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_form_is_the_same_key() {
        let bytes: Vec<u8> = (0..32).map(|n| 255 - n * 5).collect();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = Key::from_bytes(&bytes).unwrap();
        let padded = STANDARD.encode(&bytes);
        let url = URL_SAFE.encode(&bytes);
        assert_ne!(padded, url);
        for text in [&hex, &hex.to_uppercase(), &padded, &url, &padded.trim_end_matches('=').to_owned()] {
            assert_eq!(text.parse::<Key>().unwrap().secret(), key.secret(), "{text}");
        }
        assert_eq!(format!("{key:?}"), "Key(..)");
    }

    #[test]
    fn anything_else_is_refused_without_being_quoted() {
        let hex = "z".repeat(64);
        for text in ["", "secret", &hex, &"ä".repeat(32), &"A".repeat(42), &"A".repeat(45)] {
            let error = text.parse::<Key>().unwrap_err();
            assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
            assert!(text.is_empty() || !format!("{error:?}").contains(text));
        }
        assert!(Key::from_bytes(&[0; 31]).unwrap_err().message().contains("32 bytes; this one has 31"));
    }
}
