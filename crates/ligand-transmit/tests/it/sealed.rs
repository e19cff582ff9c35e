use ligand_transmit::{Key, Sealed};

use super::*;

fn key(byte: u8) -> Key {
    Key::from_bytes(&[byte; 32]).unwrap()
}

fn sealed(keys: &[u8]) -> Sealed {
    Sealed::new(keys.iter().map(|byte| key(*byte))).unwrap()
}

#[test]
fn packets_come_back_and_never_look_equal() {
    let sealed = sealed(&[1]);
    for len in [0, 1, 1000, 100_000] {
        let body = vec![7; len];
        let (first, second) = (round(&sealed, &body), round(&sealed, &body));
        assert_eq!((first.len(), &first[..3]), (len + 47, &b"LS\x01"[..]));
        assert_ne!(first[7..], second[7..]);
        assert!(len < 100 || !first.windows(16).any(|part| part == [7; 16]));
    }
}

/// The form must not change: nodes of different releases read each other. Made with libsodium's
/// crypto_aead_xchacha20poly1305_ietf_encrypt.
#[test]
fn the_form_is_fixed() {
    let hex = include_str!("sealed.hex").trim();
    let wire: Bytes =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    assert_eq!(sealed(&[1]).receive(REQ, wire).unwrap(), r#"{"a":1}"#);
}

#[test]
fn no_change_passes() {
    let sealed = sealed(&[1]);
    survives_noise(&sealed, false);
    let wire = sealed.send(REQ, Bytes::from("body")).unwrap();
    assert!(sealed.receive(PacketKind::Response, wire.clone()).is_err());
    let mut changed = wire.to_vec();
    changed[40] ^= 1;
    assert!(refused(&sealed, changed).message().contains("changed on its way"));
    refused(&sealed, [&wire[..], &[0]].concat());
    assert!(refused(&sealed, "{\"ver\":\"5\"}").message().contains("not sealed"));
}

#[test]
fn keys_are_changed_without_a_gap() {
    let (old, both, turned, new) = (sealed(&[1]), sealed(&[1, 2]), sealed(&[2, 1]), sealed(&[2]));
    let body = Bytes::from("body");
    for (from, to) in
        [(&old, &both), (&both, &old), (&both, &turned), (&turned, &both), (&turned, &new), (&new, &turned)]
    {
        let wire = from.send(REQ, body.clone()).unwrap();
        assert_eq!(to.receive(REQ, wire).unwrap(), body);
    }
    let wire = new.send(REQ, body).unwrap();
    assert!(refused(&old, wire).message().contains("a key that this node does not have"));
}

#[test]
fn keys_are_needed_and_not_shown() {
    assert_eq!(Sealed::new([]).unwrap_err().kind(), "BROKER_OPTIONS_ERROR");
    assert_eq!(format!("{:?}", sealed(&[1, 2])), "Sealed(2 keys)");
}
