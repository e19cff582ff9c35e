//! Damaged packets are refused or read, never a panic, and never slowly.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use ligand_wire::{codec, packet::PacketKind, payload::Format};

use crate::golden::{packets, written};

const ROUNDS: usize = 200_000;

#[test]
fn damaged_json_does_no_harm() {
    let mut rng = Rng::with_seed(7);
    // Long infos would take most of the time and show nothing that short packets do not.
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for golden in ["json/4", "json/5"].into_iter().flat_map(packets) {
        if golden.bytes.len() < 1000 { &mut short } else { &mut long }.push((golden.kind, golden.bytes));
    }
    let mut read = 0;
    for round in 0..ROUNDS {
        let (kind, bytes) = rng.choice(if round % 200 == 0 { &long } else { &short }).unwrap();
        let kind = if rng.u8(..) == 0 { rng.choice(PacketKind::ALL).unwrap() } else { *kind };
        let damaged = Bytes::from(damage(bytes.to_vec(), &mut rng));
        let Ok(received) = codec::decode(kind, Format::Json, &damaged) else { continue };
        read += 1;
        let again = Bytes::from(written(&received, Format::Json));
        let (before, after) = (&received, codec::decode(kind, Format::Json, &again));
        let after =
            after.unwrap_or_else(|error| panic!("{error:?} after\n{damaged:?}\nwas written as\n{again:?}"));
        assert_eq!((&before.sender, before.packet.kind()), (&after.sender, after.packet.kind()));
    }
    assert!((ROUNDS / 10..ROUNDS).contains(&read), "{read} of {ROUNDS} damaged packets were read");
}

fn damage(mut bytes: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    const SPICE: &[&[u8]] = &[
        b"{", b"}", b"[", b"]", b"\"", b"\\", b",", b":", b"null", b"-", b"1e999", b"\xff", b"\\ud800",
        b"\0", b" ", b"0",
    ];
    for _ in 0..rng.usize(1..4) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = rng.usize(..bytes.len());
        match rng.u8(..6) {
            0 => bytes[at] ^= 1 << rng.u8(..8),
            1 => bytes.truncate(at),
            2 => {
                let end = rng.usize(at..bytes.len().min(at + 40));
                let part = bytes[at..end].to_vec();
                let to = rng.usize(..bytes.len());
                bytes.splice(to..to, part);
            }
            3 => {
                bytes.drain(at..rng.usize(at..bytes.len().min(at + 40)));
            }
            4 => {
                let spice = rng.choice(SPICE).unwrap();
                bytes.splice(at..at, spice.iter().copied());
            }
            _ => {
                let bracket = if rng.bool() { b'[' } else { b'{' };
                bytes.splice(at..at, std::iter::repeat_n(bracket, rng.usize(1..300)));
            }
        }
    }
    bytes
}

#[test]
fn a_bomb_of_brackets_fails_fast() {
    for open in ["[", "{\"a\":", "[{\"\":", "[[],"] {
        let nested = open.repeat(10_000_000 / open.len());
        for kind in PacketKind::ALL {
            for field in ["params", "meta", "data", "groups", "error", "services", "id", "online", "x"] {
                let bomb = Bytes::from(format!(r#"{{"{field}":{nested}"#));
                let start = Instant::now();
                codec::decode(kind, Format::Json, &bomb).unwrap_err();
                assert!(start.elapsed() < Duration::from_secs(2), "{kind:?} {field} {open}");
            }
        }
    }
}
