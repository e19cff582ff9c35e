//! AES in CBC mode, in the wire form of Moleculer's `Encryption`: the bare ciphertext.

use std::fmt;

use aes::{
    Aes128, Aes192, Aes256,
    cipher::{
        BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit,
        block_padding::Pkcs7, typenum::U16,
    },
};
use bytes::Bytes;
use ligand_transport::Transmit;
use ligand_wire::{Error, Result, packet::PacketKind};
use md5::{Digest, Md5};
use zeroize::Zeroizing;

use crate::invalid;

const BLOCK: usize = 16;

/// Encrypts packets as Moleculer does: for clusters with Moleculer nodes.
///
/// All packets are encrypted with one key and one initialisation vector: equal packets look equal, equal beginnings
/// too. Nothing notices changed packets. Clusters of Ligand nodes use [`crate::Sealed`], or TLS on the bus.
#[derive(Clone)]
pub struct Encryption {
    cipher: Cipher,
    iv: [u8; BLOCK],
}

#[derive(Clone)]
enum Cipher {
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
}

impl Encryption {
    /// `aes-256-cbc`, Moleculer's default: a key of 32 bytes, a vector of 16 bytes.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the length that is wrong.
    pub fn aes_256_cbc(key: impl AsRef<[u8]>, iv: impl AsRef<[u8]>) -> Result<Self> {
        Self::new("aes-256-cbc", key, iv)
    }

    /// `aes-192-cbc`: a key of 24 bytes, a vector of 16 bytes.
    ///
    /// # Errors
    /// As [`Encryption::aes_256_cbc`].
    pub fn aes_192_cbc(key: impl AsRef<[u8]>, iv: impl AsRef<[u8]>) -> Result<Self> {
        Self::new("aes-192-cbc", key, iv)
    }

    /// `aes-128-cbc`: a key of 16 bytes, a vector of 16 bytes.
    ///
    /// # Errors
    /// As [`Encryption::aes_256_cbc`].
    pub fn aes_128_cbc(key: impl AsRef<[u8]>, iv: impl AsRef<[u8]>) -> Result<Self> {
        Self::new("aes-128-cbc", key, iv)
    }

    /// By Moleculer's name of the algorithm.
    ///
    /// # Errors
    /// As [`Encryption::aes_256_cbc`]; also for a name that is not one of the three.
    pub fn new(algorithm: &str, key: impl AsRef<[u8]>, iv: impl AsRef<[u8]>) -> Result<Self> {
        let (key, iv) = (key.as_ref(), iv.as_ref());
        let wrong_key = |needed: usize| {
            Error::broker_options(format!(
                "the key of {algorithm} must have {needed} bytes; this one has {}",
                key.len()
            ))
        };
        let cipher = match algorithm {
            "aes-128-cbc" => {
                Cipher::Aes128(Box::new(Aes128::new_from_slice(key).map_err(|_| wrong_key(16))?))
            }
            "aes-192-cbc" => {
                Cipher::Aes192(Box::new(Aes192::new_from_slice(key).map_err(|_| wrong_key(24))?))
            }
            "aes-256-cbc" => {
                Cipher::Aes256(Box::new(Aes256::new_from_slice(key).map_err(|_| wrong_key(32))?))
            }
            _ => {
                return Err(Error::broker_options(
                    "this encryption algorithm is not known; use 'aes-256-cbc', 'aes-192-cbc' or 'aes-128-cbc'",
                ));
            }
        };
        let iv = iv.try_into().map_err(|_| {
            Error::broker_options(format!(
                "the initialisation vector of {algorithm} must have {BLOCK} bytes; this one has {}",
                iv.len()
            ))
        })?;
        Ok(Self { cipher, iv })
    }

    /// `aes-256-cbc` with key and vector made of a password of any length, as Moleculer 0.14 does when it is given no
    /// vector. Weak: passwords can be tried quickly.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for an empty password.
    pub fn from_password(password: impl AsRef<[u8]>) -> Result<Self> {
        let password = password.as_ref();
        if password.is_empty() {
            return Err(Error::broker_options("the password of the encryption must not be empty"));
        }
        // OpenSSL's EVP_BytesToKey with MD5, one round, no salt.
        let mut derived = Zeroizing::new([0_u8; 48]);
        for at in [0, 16, 32] {
            let digest =
                Md5::new().chain_update(&derived[at.max(16) - 16..at]).chain_update(password).finalize();
            derived[at..at + 16].copy_from_slice(&digest);
        }
        Self::aes_256_cbc(&derived[..32], &derived[32..])
    }
}

fn encrypt<C: BlockCipherEncrypt<BlockSize = U16> + Clone>(
    cipher: &C,
    iv: &[u8; BLOCK],
    body: &[u8],
) -> Vec<u8> {
    cbc::Encryptor::inner_iv_init(cipher.clone(), &(*iv).into()).encrypt_padded_vec::<Pkcs7>(body)
}

fn decrypt<C: BlockCipherDecrypt<BlockSize = U16> + Clone>(
    cipher: &C,
    iv: &[u8; BLOCK],
    body: &[u8],
) -> Option<Vec<u8>> {
    cbc::Decryptor::inner_iv_init(cipher.clone(), &(*iv).into()).decrypt_padded_vec::<Pkcs7>(body).ok()
}

impl Transmit for Encryption {
    fn name(&self) -> &'static str {
        "encryption"
    }

    fn send(&self, _: PacketKind, body: Bytes) -> Result<Bytes> {
        Ok(match &self.cipher {
            Cipher::Aes128(cipher) => encrypt(&**cipher, &self.iv, &body),
            Cipher::Aes192(cipher) => encrypt(&**cipher, &self.iv, &body),
            Cipher::Aes256(cipher) => encrypt(&**cipher, &self.iv, &body),
        }
        .into())
    }

    fn receive(&self, kind: PacketKind, body: Bytes) -> Result<Bytes> {
        match &self.cipher {
            Cipher::Aes128(cipher) => decrypt(&**cipher, &self.iv, &body),
            Cipher::Aes192(cipher) => decrypt(&**cipher, &self.iv, &body),
            Cipher::Aes256(cipher) => decrypt(&**cipher, &self.iv, &body),
        }
        .map(Bytes::from)
        .ok_or_else(|| invalid(kind, "it cannot be decrypted; do all nodes have the same key and vector?"))
    }
}

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.cipher {
            Cipher::Aes128(_) => "Encryption(aes-128-cbc)",
            Cipher::Aes192(_) => "Encryption(aes-192-cbc)",
            Cipher::Aes256(_) => "Encryption(aes-256-cbc)",
        })
    }
}
