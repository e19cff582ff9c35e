use ligand_transmit::{Compression, Encryption};
use ligand_transport::Chain;

use super::*;

const KEY: &str = "01234567890123456789012345678901";
const IV: &str = "0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn packets_come_back() {
    let encryption = Encryption::aes_256_cbc(KEY, IV).unwrap();
    assert_eq!(hex(&round(&encryption, br#"{"a":1}"#)), "405b961c49f3cc8dd7898e31db62d8b4");
    for len in [0, 1, 15, 16, 17, 1000] {
        assert_eq!(round(&encryption, &vec![7; len]).len(), len / 16 * 16 + 16);
    }
    round(&Encryption::aes_192_cbc(&KEY[..24], IV).unwrap(), b"x");
    round(&Encryption::aes_128_cbc(&KEY[..16], IV).unwrap(), b"x");
}

/// As `openssl enc -aes-256-cbc -nosalt -md md5 -k 'a pass phrase'` does it.
#[test]
fn a_password_is_derived_as_by_openssl() {
    let encryption = Encryption::from_password("a pass phrase").unwrap();
    assert_eq!(hex(&round(&encryption, br#"{"a":1}"#)), "a3d91a13adb2ff16756fd1ee56b17ff8");
    assert!(Encryption::from_password("").is_err());
}

#[test]
fn wrong_lengths_are_named_and_keys_are_not_shown() {
    let message = |result: ligand_wire::Result<Encryption>| result.unwrap_err().message().to_owned();
    assert_eq!(
        message(Encryption::aes_256_cbc("short", IV)),
        "the key of aes-256-cbc must have 32 bytes; this one has 5"
    );
    assert!(message(Encryption::aes_192_cbc(KEY, IV)).contains("must have 24 bytes; this one has 32"));
    assert!(message(Encryption::aes_128_cbc(KEY, IV)).contains("must have 16 bytes"));
    assert!(message(Encryption::aes_256_cbc(KEY, "x")).contains("vector of aes-256-cbc must have 16 bytes"));
    assert!(message(Encryption::new("aes-256-gcm", KEY, IV)).contains("use 'aes-256-cbc'"));
    assert_eq!(format!("{:?}", Encryption::aes_256_cbc(KEY, IV).unwrap()), "Encryption(aes-256-cbc)");
}

#[test]
fn what_cannot_be_decrypted_is_refused() {
    let encryption = Encryption::aes_256_cbc(KEY, IV).unwrap();
    refused(&encryption, "");
    refused(&encryption, "{\"a\":1}");
    refused(&encryption, vec![0; 32]);
    survives_noise(&encryption, true);
}

#[test]
fn the_list_order_is_that_of_moleculer() {
    let (encryption, compression) = (Encryption::aes_256_cbc(KEY, IV).unwrap(), Compression::deflate());
    let body = Bytes::from(vec![b'x'; 5000]);
    let chain = Chain::new(vec![
        std::sync::Arc::new(encryption.clone()) as std::sync::Arc<dyn Transmit>,
        std::sync::Arc::new(compression.clone()),
    ]);
    let wire = chain.send(REQ, body.clone()).unwrap();
    let inner = encryption.receive(REQ, wire.clone()).unwrap();
    assert_eq!(compression.receive(REQ, inner).unwrap(), body);
    assert_eq!(chain.receive(REQ, wire).unwrap(), body);
}
