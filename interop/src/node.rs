//! placeholder

/// c
pub fn cipher() -> ctr::Ctr128BE<aes::Aes256> { use aes::cipher::KeyIvInit; ctr::Ctr128BE::new(&[7;32].into(), &[0;16].into()) }
